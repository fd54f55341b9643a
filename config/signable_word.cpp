#include "config/signable_word.hpp"

#include "job/text.hpp"

#include <algorithm>
#include <vector>

namespace handoff {
namespace {

using source = verify_template::source;
using piece = verify_template::piece;

constexpr byte_set digit_bytes{"0123456789"};
constexpr byte_set letter_bytes{"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz"};
constexpr byte_set word_bytes{"_-=+/0123456789"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz"};

/// Whether what stands for `from` always has a byte that no word has.
bool is_never_in_word(source from, const verify_rule& rule) {
  if (from == source::url)
    return !word_bytes.has_all(rule.public_url);
  return from == source::timestamp && rule.timestamp
      && rule.timestamp->written == timestamp_rule::unit::rfc3339;
}

bool is_never_word(const verify_rule& rule) {
  const auto& pieces = rule.content.pieces();
  return !word_bytes.has_all(rule.content.tail())
      || std::any_of(pieces.begin(), pieces.end(), [&](const piece& each) {
           return !word_bytes.has_all(each.literal)
               || is_never_in_word(each.from, rule);
         });
}

/// For each place in a word, and the end of it, whether what has been looked at
/// of a signed text may reach up to there.
using places = std::vector<bool>;

/// Marks the place behind each of the bytes at `from` that are `allowed`; gives
/// the last one.
std::size_t mark_run(std::string_view word, std::size_t from,
                     const byte_set& allowed, places& ends) {
  while (from < word.size() && allowed.has(word[from]))
    ends[++from] = true;
  return from;
}

/// Marks where a JSON number (RFC 8259, section 6) that begins at `from` may
/// end. It has no fraction: a full stop is in no word.
void mark_number(std::string_view word, std::size_t from, places& ends) {
  const auto has = [&](std::size_t at, std::string_view any_of) {
    return at < word.size() && any_of.find(word[at]) != npos;
  };
  auto at = has(from, "-") ? from + 1 : from;
  const auto whole = at;
  if (has(at, "0"))
    ends[++at] = true;
  else
    at = mark_run(word, at, digit_bytes, ends);
  if (at == whole || !has(at, "eE"))
    return;
  ++at;
  mark_run(word, has(at, "+-") ? at + 1 : at, digit_bytes, ends);
}

/// Marks where a body that begins at `from` may end: one of JSON, or none.
void mark_body(std::string_view word, std::size_t from, places& ends) {
  ends[from] = true;
  for (const std::string_view each : {"true", "false", "null"})
    if (word.substr(from).starts_with(each))
      ends[from + each.size()] = true;
  mark_number(word, from, ends);
}

void mark_value(source value, std::string_view word, std::size_t from,
                places& ends) {
  if (value == source::raw)
    mark_body(word, from, ends);
  else
    mark_run(word, from, value == source::method ? letter_bytes : digit_bytes,
             ends);
}

places behind_literal(std::string_view literal, std::string_view word,
                      const places& before) {
  places ends(word.size() + 1);
  for (std::size_t at = 0; at <= word.size(); ++at)
    if (before[at] && word.substr(at).starts_with(literal))
      ends[at + literal.size()] = true;
  return ends;
}

/// Whether a sender can have signed `word`, given what may_sign_words() lets
/// "signed" be made of.
bool can_be_signed(const verify_template& content, std::string_view word) {
  places reached(word.size() + 1);
  reached[0] = true;
  for (const auto& each : content.pieces()) {
    const auto before = behind_literal(each.literal, word, reached);
    reached.assign(word.size() + 1, false);
    for (std::size_t at = 0; at <= word.size(); ++at)
      if (before[at])
        mark_value(each.from, word, at, reached);
  }
  return behind_literal(content.tail(), word, reached)[word.size()];
}

} // namespace

bool may_sign_words(const verify_rule& rule, bool json_only) {
  // A hash over the secret itself is never an HMAC.
  if (rule.scheme != verify_scheme::hmac || is_never_word(rule))
    return true;
  const auto& pieces = rule.content.pieces();
  return std::all_of(pieces.begin(), pieces.end(), [&](const piece& each) {
    return each.from == source::timestamp || each.from == source::method
        || (each.from == source::raw && json_only);
  });
}

bool is_signable_word(const verify_rule& rule, std::string_view word) {
  if (word.size() > signable_word_bytes_max || !word_bytes.has_all(word))
    return false;
  return rule.scheme != verify_scheme::hmac || is_never_word(rule)
      || !can_be_signed(rule.content, word);
}

} // namespace handoff

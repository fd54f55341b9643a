#include "job/excerpt.hpp"

#include "job/credential.hpp"
#include "job/json_text.hpp"
#include "job/outcome.hpp"

#include <algorithm>

namespace handoff {
namespace {

constexpr std::string_view hidden = "***";
constexpr std::string_view blanks = " \t\r\n";

/// The end of the JSON string that begins at `start`, behind its quote.
std::size_t string_end(std::string_view text, std::size_t start) {
  for (auto at = start + 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

/// The value of a member that begins at `start`: a string, or what there is up
/// to the next member.
std::size_t value_end(std::string_view text, std::size_t start) {
  if (start < text.size() && text[start] == '"')
    return string_end(text, start);
  const auto end = text.find_first_of(",}]", start);
  return end == std::string_view::npos ? text.size() : end;
}

std::string masked_json(std::string_view text) {
  std::string masked;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto quote = text.find('"', at);
    if (quote == std::string_view::npos)
      break;
    const auto end = string_end(text, quote);
    masked += text.substr(at, end - at);
    at = end;
    const auto colon = text.find_first_not_of(blanks, end);
    if (colon == std::string_view::npos || text[colon] != ':'
        || !is_credential_member(text.substr(quote, end - quote)))
      continue;
    const auto value = text.find_first_not_of(blanks, colon + 1);
    if (value == std::string_view::npos)
      continue;
    masked += text.substr(end, value - end);
    masked += "\"***\"";
    at = value_end(text, value);
  }
  if (at < text.size())
    masked += text.substr(at);
  return masked;
}

std::string masked_form(std::string_view text,
                        bool (*is_secret)(std::string_view)) {
  std::string masked;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto field = text.substr(0, end);
    const auto equals = field.find('=');
    if (equals != std::string_view::npos
        && is_secret(field.substr(0, equals))) {
      masked += field.substr(0, equals + 1);
      masked += hidden;
    } else {
      masked += field;
    }
    if (end < text.size())
      masked += '&';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return masked;
}

bool is_json(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  return first != std::string_view::npos
      && (text[first] == '{' || text[first] == '[' || text[first] == '"');
}

std::string masked_text(std::string_view text,
                        bool (*is_secret)(std::string_view)) {
  return is_json(text) ? masked_json(text) : masked_form(text, is_secret);
}

bool is_token_char(char c) {
  constexpr std::string_view others = "-._~+/=\\";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
      || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
}

/// Without what follows "Bearer" and "Basic" (RFC 9110, section 11.4): an
/// upstream that repeats its request repeats a token that this side may have
/// had for a minute, and knows no more.
std::string without_tokens(std::string text) {
  constexpr std::size_t token_bytes_min = 8;
  for (const std::string_view scheme : {"bearer ", "basic "})
    for (std::size_t at = 0; at + scheme.size() < text.size(); ++at) {
      if (!std::equal(scheme.begin(), scheme.end(),
                      text.begin() + static_cast<std::ptrdiff_t>(at),
                      [](char wanted, char each) {
                        return wanted == each
                            || (each >= 'A' && each <= 'Z'
                                && wanted == each - 'A' + 'a');
                      }))
        continue;
      const auto from = at + scheme.size();
      auto to = from;
      while (to < text.size() && is_token_char(text[to]))
        ++to;
      // A word of a sentence has neither digits nor capitals within it.
      if (to - from < token_bytes_min)
        continue;
      const bool is_word = std::none_of(
        text.begin() + static_cast<std::ptrdiff_t>(from + 1),
        text.begin() + static_cast<std::ptrdiff_t>(to), [](char c) {
          return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
        });
      if (!is_word)
        text.replace(from, to - from, hidden);
    }
  return text;
}

/// Runs of white space as one space, but for those in JSON strings.
std::string on_one_line(std::string_view text) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      const auto end = string_end(text, at);
      made += text.substr(at, end - at);
      at = end;
    } else if (blanks.find(text[at]) != std::string_view::npos) {
      const auto end =
        std::min(text.find_first_not_of(blanks, at), text.size());
      // Between two members one is enough; around brackets none is needed.
      if (made.ends_with(',') || made.ends_with(':'))
        made += ' ';
      at = end;
    } else {
      made += text[at++];
    }
  }
  return made;
}

std::string_view first_line(std::string_view text) {
  const auto from = text.find_first_not_of(blanks);
  if (from == std::string_view::npos)
    return {};
  const auto to = std::min(text.find_first_of("\r\n", from), text.size());
  const auto line = text.substr(from, to - from);
  return line.substr(0, line.find_last_not_of(blanks) + 1);
}

/// Of a page of HTML: what stands in its title.
std::string_view title_of(std::string_view text) {
  for (const std::string_view tag : {"<title>", "<TITLE>"}) {
    const auto from = text.find(tag);
    if (from != std::string_view::npos) {
      const auto inside = text.substr(from + tag.size());
      return first_line(inside.substr(0, inside.find('<')));
    }
  }
  return {};
}

} // namespace

std::string masked_excerpt(std::string_view body, std::size_t bytes_max) {
  // What is masked gets shorter or longer by little, so that it is cut twice.
  auto masked = masked_text(body.substr(0, bytes_max), is_credential);
  if (masked.size() > bytes_max)
    masked.resize(bytes_max);
  return masked;
}

std::string masked_answer(std::string_view body) {
  return without_tokens(masked_text(body, is_credential_member));
}

std::string headline(const answer_excerpt& response) {
  const std::string_view body = response.body;
  if (is_json(body))
    return cut_text(on_one_line(body), headline_bytes_max);
  const auto title = title_of(body);
  return cut_text(std::string{title.empty() ? first_line(body) : title},
                  headline_bytes_max);
}

std::string as_utf8(std::string_view text) {
  if (is_utf8(text))
    return std::string{text};
  std::string made;
  while (!text.empty()) {
    // A character has up to four bytes.
    std::size_t size = 1;
    while (size <= 4 && size <= text.size() && !is_utf8(text.substr(0, size)))
      ++size;
    const bool is_good = size <= 4 && size <= text.size();
    made += is_good ? text.substr(0, size) : std::string_view{"\xef\xbf\xbd"};
    text.remove_prefix(is_good ? size : 1);
  }
  return made;
}

} // namespace handoff

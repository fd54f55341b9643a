#include "config/secrets.hpp"

#include "config/secret_forms.hpp"
#include "config/template.hpp"
#include "job/encoded_text.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;

// A reference is `open`, the name, `in_form_of` and which where it is not as it
// is (config/secret_forms), for one of which only the end is missing from what
// stands before it `skip` and the number of bytes left out, and `close`. `open`
// alone is written as a reference without a name. In JSON these characters are
// rare, as they have to be escaped there.
constexpr char open = '\x01';
constexpr char close = '\x02';
constexpr char skip = '\x03';
constexpr char in_form_of = '\x04';

/// Where a secret stands in a text.
struct place {
  std::size_t from = 0;
  std::size_t to = 0;
  const secret* what = nullptr;
  /// One of `secret_forms`; 0: as it is.
  char form = 0;
};

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
      || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

bool stands_alone(std::string_view text, std::size_t from, std::size_t to) {
  return (from == 0 || !is_word_char(text[from - 1]))
      && (to == text.size() || !is_word_char(text[to]));
}

/// Adds every occurrence to `found`.
void add_places(const secrets& hidden, std::string_view text,
                bool journaled_only, std::vector<place>& found) {
  for (const auto& each : hidden) {
    const auto& value = each.value;
    if (value.size() < hidden_bytes_min || (journaled_only && !each.journaled))
      continue;
    for (auto at = text.find(value); at != npos; at = text.find(value, at + 1))
      if (value.size() >= hidden_anywhere_bytes_min
          || stands_alone(text, at, at + value.size()))
        found.push_back({at, at + value.size(), &each});
  }
}

/// By where they begin, the longest first.
void sort_places(std::vector<place>& found) {
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.from, b.to) < std::tie(b.from, a.to);
  });
}

/// Adds the occurrences of a secret in the forms that URLs and forms have.
void add_form_places(const secret& what, std::string_view text,
                     std::vector<place>& found) {
  std::vector<std::string> searched{what.value};
  for (const char form : secret_forms) {
    auto value = in_form(form, what.value);
    if (std::find(searched.begin(), searched.end(), value) != searched.end())
      continue;
    for (auto at = text.find(value); at != npos; at = text.find(value, at + 1))
      if (what.value.size() >= hidden_anywhere_bytes_min
          || stands_alone(text, at, at + value.size()))
        found.push_back({at, at + value.size(), &what, form});
    searched.push_back(std::move(value));
  }
}

/// Every occurrence that a reference can stand for.
std::vector<place> referable_places_in(const secrets& hidden,
                                       std::string_view text) {
  std::vector<place> found;
  add_places(hidden, text, true, found);
  if (text.find_first_of("%+") != npos) {
    // Each secret has many forms: they are made of those that are in there.
    const auto decoded = without_percent(text, false).text;
    const auto of_form = without_percent(text, true).text;
    for (const auto& each : hidden)
      if (each.journaled && each.value.size() >= hidden_bytes_min
          && (decoded.find(each.value) != npos
              || of_form.find(each.value) != npos))
        add_form_places(each, text, found);
  }
  sort_places(found);
  return found;
}

/// Adds the occurrences in `decoded`, by where they stand in its source.
void add_decoded_places(const secrets& hidden, const decoded_text& decoded,
                        std::vector<place>& found) {
  const auto first_new = found.size();
  add_places(hidden, decoded.text, false, found);
  for (auto at = first_new; at < found.size(); ++at) {
    found[at].from = decoded.sources[found[at].from].first;
    found[at].to = decoded.sources[found[at].to - 1].second;
  }
}

/// Adds what is percent-encoded in `text`, also twice, or a form's value.
/// `source` is what `text` was decoded from; null: it was not.
void add_percent_places(const secrets& hidden, std::string_view text,
                        const decoded_text* source, std::vector<place>& found) {
  const auto add = [&](decoded_text decoded) {
    if (source != nullptr)
      decoded = composed(*source, std::move(decoded));
    add_decoded_places(hidden, decoded, found);
    return decoded;
  };
  if (text.find('%') != npos) {
    const auto once = add(without_percent(text, false));
    if (once.text.find('%') != npos)
      add_decoded_places(
        hidden, composed(once, without_percent(once.text, false)), found);
  }
  const bool has_spaces =
    std::any_of(hidden.begin(), hidden.end(), [](const auto& each) {
      return each.value.find(' ') != std::string::npos;
    });
  if (has_spaces && text.find('+') != npos)
    add(without_percent(text, true));
}

/// Every occurrence, also percent-encoded and as JSON escapes it, and as JSON
/// within a string of JSON. A text that has no character of these encodings is
/// searched once, without being copied.
std::vector<place> places_in(const secrets& hidden, std::string_view text) {
  std::vector<place> found;
  if (hidden.empty())
    return found;
  add_places(hidden, text, false, found);
  add_percent_places(hidden, text, nullptr, found);
  if (text.find('\\') != npos) {
    const auto once = without_escapes(text);
    add_decoded_places(hidden, once, found);
    add_percent_places(hidden, once.text, &once, found);
    if (once.text.find('\\') != npos) {
      const auto twice = composed(once, without_escapes(once.text));
      add_decoded_places(hidden, twice, found);
      add_percent_places(hidden, twice.text, &twice, found);
    }
  }
  sort_places(found);
  return found;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char each : text) {
    out += each;
    if (each == open)
      out += close;
  }
}

/// A reference, as it stands between `open` and `close`.
struct reference {
  std::string_view name;
  std::size_t skipped = 0;
  char form = 0;
};

reference read_reference(std::string_view text) {
  reference made{text};
  if (const auto at = text.rfind(skip); at != npos) {
    made.name = text.substr(0, at);
    std::from_chars(text.data() + at + 1, text.data() + text.size(),
                    made.skipped);
  }
  if (const auto at = made.name.rfind(in_form_of);
      at != npos && at + 2 == made.name.size()) {
    made.form = made.name.back();
    made.name.remove_suffix(2);
  }
  return made;
}

/// Applies `change` to each string and each name in `value`. What it gives ends
/// the walk if it is an error.
template <class Change>
std::optional<error> change_strings(json& value, const Change& change) {
  if (value.is_string())
    return change(value.get_ref<std::string&>());
  if (value.is_array()) {
    for (auto& each : value)
      if (auto failed = change_strings(each, change))
        return failed;
  } else if (value.is_object()) {
    auto made = json::object();
    for (auto& [name, member] : value.items()) {
      auto changed = name;
      if (auto failed = change(changed))
        return failed;
      if (auto failed = change_strings(member, change))
        return failed;
      made[std::move(changed)] = std::move(member);
    }
    value = std::move(made);
  }
  return std::nullopt;
}

/// The tokens of a pointer (RFC 6901, section 4).
std::vector<std::string> tokens_of(json::json_pointer pointer) {
  std::vector<std::string> tokens;
  for (; !pointer.empty(); pointer.pop_back())
    tokens.push_back(pointer.back());
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

const json* find_member(const secrets& hidden, const json& object,
                        const std::string& name) {
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (!is_sealed_text(it.key()))
      continue;
    const auto plain = unsealed_text(hidden, it.key());
    const auto* text = std::get_if<std::string>(&plain);
    if (text != nullptr && *text == name)
      return &*it;
  }
  return nullptr;
}

} // namespace

void hide_also(secrets& hidden, const secrets& more) {
  for (const auto& each : more)
    if (std::find(hidden.begin(), hidden.end(), each) == hidden.end())
      hidden.push_back(each);
}

std::string masked(const secrets& hidden, std::string text) {
  const auto found = places_in(hidden, text);
  if (found.empty())
    return text;
  std::string made;
  std::size_t done = 0;
  for (const auto& each : found) {
    // Those that overlap or touch are one, so that they leave nothing.
    if (each.from > done || done == 0) {
      made.append(text, done, each.from - done);
      made += "***";
    }
    done = std::max(done, each.to);
  }
  return made.append(text, done);
}

std::string sealed_text(const secrets& hidden, std::string_view text) {
  const auto found = referable_places_in(hidden, text);
  if (found.empty() && !is_sealed_text(text))
    return std::string{text};
  std::string made;
  std::size_t done = 0;
  for (const auto& each : found) {
    if (each.to <= done)
      continue;
    if (each.from > done)
      append_escaped(made, text.substr(done, each.from - done));
    made += open;
    made += each.what->name;
    if (each.form != 0)
      made += {in_form_of, each.form};
    if (each.from < done)
      made += skip + std::to_string(done - each.from);
    made += close;
    done = each.to;
  }
  append_escaped(made, text.substr(done));
  return made;
}

json sealed(const secrets& hidden, json answer) {
  change_strings(answer, [&](std::string& text) -> std::optional<error> {
    text = sealed_text(hidden, text);
    return std::nullopt;
  });
  return answer;
}

result<std::string> unsealed_text(const secrets& hidden,
                                  std::string_view text) {
  std::string made;
  std::size_t from = 0;
  for (;;) {
    const auto begin = text.find(open, from);
    made += text.substr(from, begin == npos ? npos : begin - from);
    if (begin == npos)
      return made;
    const auto end = text.find(close, begin);
    if (end == npos) {
      // Of a journal that was written before answers were sealed.
      made += open;
      from = begin + 1;
      continue;
    }
    const auto wanted = read_reference(text.substr(begin + 1, end - begin - 1));
    from = end + 1;
    if (wanted.name.empty()) {
      made += open;
      continue;
    }
    const auto known =
      std::find_if(hidden.begin(), hidden.end(),
                   [&](const auto& each) { return each.name == wanted.name; });
    if (known == hidden.end())
      return error{error_kind::template_failed,
                   "an answer repeats the secret " + std::string{wanted.name}
                     + ", which this flow has no longer"};
    const auto value = in_form(wanted.form, known->value);
    made.append(value, std::min(wanted.skipped, value.size()));
  }
}

result<json> unsealed(const secrets& hidden, json value) {
  if (!is_sealed(value))
    return value;
  auto failed =
    change_strings(value, [&](std::string& text) -> std::optional<error> {
      auto plain = unsealed_text(hidden, text);
      if (auto* wrong = std::get_if<error>(&plain))
        return std::move(*wrong);
      text = std::get<std::string>(std::move(plain));
      return std::nullopt;
    });
  if (failed)
    return std::move(*failed);
  return value;
}

bool is_sealed_text(std::string_view text) noexcept {
  return text.find(open) != npos;
}

bool is_sealed(const json& value) noexcept {
  if (value.is_string())
    return is_sealed_text(value.get_ref<const std::string&>());
  if (value.is_array())
    return std::any_of(value.begin(), value.end(),
                       [](const json& each) { return is_sealed(each); });
  if (value.is_object())
    for (auto it = value.begin(); it != value.end(); ++it)
      if (is_sealed_text(it.key()) || is_sealed(*it))
        return true;
  return false;
}

const json* find_sealed(const secrets& hidden, const json& document,
                        const json::json_pointer& pointer) {
  if (const auto* found = find_at(document, pointer))
    return found;
  const auto* at = &document;
  for (const auto& token : tokens_of(pointer)) {
    const auto* next = find_at(*at, json::json_pointer{} / token);
    if (next == nullptr && at->is_object())
      next = find_member(hidden, *at, token);
    if (next == nullptr)
      return nullptr;
    at = next;
  }
  return at;
}

} // namespace handoff

#include "job/excerpt.hpp"

#include "job/credential.hpp"
#include "job/json_text.hpp"
#include "job/outcome.hpp"
#include "job/percent.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace handoff {
namespace {

constexpr std::string_view hidden = "***";

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

/// The end of what begins at `start` and is neither a string nor structured: a
/// number or a literal, or what is none in a text that is no JSON.
std::size_t literal_end(std::string_view text, std::size_t start) {
  return std::min(text.find_first_of(",}]", start), text.size());
}

/// Hides the scalar values of members whose names say that they are secret, and
/// of arrays that are such a value; the members of an object have names of
/// their own. Reads what may be no JSON, or cut off: nothing is parsed.
class json_mask {
public:
  json_mask(std::string_view text, bool (*is_secret)(std::string_view))
      : text_{text}, is_secret_{is_secret} {}

  std::string masked() {
    for (std::size_t at = 0; at < text_.size();)
      at = take(at);
    return std::move(masked_);
  }

private:
  std::size_t take(std::size_t at) {
    const char c = text_[at];
    if (c == '"')
      return take_string(at);
    if (c == '{' || c == '[') {
      open_.push_back(c == '[' && hides());
      is_value_secret_ = false;
    } else if (c == '}' || c == ']') {
      if (!open_.empty())
        open_.pop_back();
    } else if (c == ',') {
      is_value_secret_ = false;
    } else if (hides() && blanks.find(c) == std::string_view::npos) {
      return hide(literal_end(text_, at));
    }
    masked_ += c;
    return at + 1;
  }

  /// A name with its colon, or a value.
  std::size_t take_string(std::size_t at) {
    const auto end = string_end(text_, at);
    const auto colon = text_.find_first_not_of(blanks, end);
    if (colon == std::string_view::npos || text_[colon] != ':') {
      if (hides())
        return hide(end);
      masked_ += text_.substr(at, end - at);
      return end;
    }
    masked_ += text_.substr(at, colon + 1 - at);
    is_value_secret_ = is_secret_(text_.substr(at + 1, end - at - 2));
    return colon + 1;
  }

  std::size_t hide(std::size_t end) {
    masked_ += "\"***\"";
    is_value_secret_ = false;
    return end;
  }

  bool hides() const {
    return is_value_secret_ || (!open_.empty() && open_.back());
  }

  std::string_view text_;
  bool (*is_secret_)(std::string_view);
  std::string masked_;
  bool is_value_secret_ = false;
  /// Of each object and array around: whether its elements are hidden.
  std::vector<bool> open_;
};

/// Whether a field of a form is secret: by its name, or by the last of its
/// names ("card[pin]").
bool is_secret_field(std::string_view encoded,
                     bool (*is_secret)(std::string_view)) {
  const auto decoded = percent_decoded(encoded, true);
  std::string_view name = decoded ? *decoded : encoded;
  if (is_secret(name))
    return true;
  while (name.ends_with("[]"))
    name.remove_suffix(2);
  const auto bracket = name.rfind('[');
  if (name.ends_with(']') && bracket != std::string_view::npos)
    name = name.substr(bracket + 1, name.size() - bracket - 2);
  return is_secret(name);
}

std::string masked_form(std::string_view text,
                        bool (*is_secret)(std::string_view)) {
  std::string masked;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto field = text.substr(0, end);
    const auto equals = field.find('=');
    if (equals != std::string_view::npos
        && is_secret_field(field.substr(0, equals), is_secret)) {
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
  return is_json(text) ? json_mask{text, is_secret}.masked()
                       : masked_form(text, is_secret);
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

std::string masked_fields(std::string_view form) {
  return masked_form(form, is_credential);
}

std::string masked_request_body(std::string_view body,
                                std::string_view content_type) {
  if (is_json(body))
    return json_mask{body, is_credential}.masked();
  const bool is_form =
    lower_case(content_type).starts_with("application/x-www-form-urlencoded");
  return is_form ? masked_fields(body) : std::string{body};
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

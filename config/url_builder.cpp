#include "config/url_builder.hpp"

#include "config/template_value.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

/// Everything but the unreserved characters (RFC 3986, section 2.3).
void append_encoded(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
        || c == '~') {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

int hex_value(char c) {
  return c >= '0' && c <= '9' ? c - '0'
       : c >= 'a' && c <= 'f' ? c - 'a' + 10
       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                              : -1;
}

/// Whether a decoder would make something else of `text`.
bool is_encoded(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return c == '%' || static_cast<unsigned char>(c) >= 0x80;
  });
}

/// `text` with every percent-encoding undone, however often one is within
/// another: "%252e" is ".".
std::string fully_decoded(std::string_view text) {
  std::string made;
  for (const char each : text) {
    made += each;
    while (made.size() >= 3 && made[made.size() - 3] == '%') {
      const auto high = hex_value(made[made.size() - 2]);
      const auto low = hex_value(made.back());
      if (high < 0 || low < 0)
        break;
      made.resize(made.size() - 3);
      made += static_cast<char>(high * 16 + low);
    }
  }
  // Overlong forms, which decoders that are not strict take for the character
  // (RFC 3629, section 10).
  constexpr std::pair<std::string_view, char> overlong[]{
    {"\xc0\xae", '.'}, {"\xc0\xaf", '/'}, {"\xc1\x9c", '\\'}};
  for (const auto& [bytes, character] : overlong)
    for (auto at = made.find(bytes); at != npos; at = made.find(bytes, at))
      made.replace(at, bytes.size(), 1, character);
  return made;
}

/// Whether a client or a server would take the segment out of the path (RFC
/// 3986, section 5.2.4): what follows a ";" is a parameter to some, and others
/// stop at what ends a path or a string.
bool is_dot_segment(std::string_view segment) {
  if (segment.find('.') == npos && !is_encoded(segment))
    return false;
  const auto plain = fully_decoded(segment);
  const auto name = std::string_view{plain}.substr(
    0, plain.find_first_of(std::string_view{";?#\0", 4}));
  return name == "." || name == "..";
}

} // namespace

std::optional<error> url_builder::literal(std::string_view text) {
  if (in_query_) {
    out_ += text;
    return std::nullopt;
  }
  const auto query = text.find('?');
  auto wrong = path_literal(text.substr(0, query));
  if (query == npos || wrong)
    return wrong;
  wrong = end_segment();
  in_query_ = true;
  out_ += text.substr(query);
  return wrong;
}

std::optional<error> url_builder::path_literal(std::string_view text) {
  const auto slash = text.find('/');
  out_ += text.substr(0, slash);
  if (slash == npos)
    return std::nullopt;
  if (auto wrong = end_segment())
    return wrong;
  out_ += text.substr(slash);
  segment_ = out_.rfind('/') + 1;
  return std::nullopt;
}

std::optional<error> url_builder::value(const template_expression& expression,
                                        std::string_view text) {
  if (in_query_) {
    append_encoded(out_, text);
    return std::nullopt;
  }
  if (!expression.makes_segments())
    return piece(expression, text);
  for (;;) {
    const auto slash = text.find('/');
    if (auto wrong = piece(expression, text.substr(0, slash)))
      return wrong;
    if (slash == npos)
      return std::nullopt;
    if (auto wrong = end_segment())
      return wrong;
    out_ += '/';
    segment_ = out_.size();
    text.remove_prefix(slash + 1);
  }
}

std::optional<error> url_builder::piece(const template_expression& expression,
                                        std::string_view text) {
  if (text.empty())
    return failed(expression, expression.makes_segments()
                                ? "has an empty segment"
                                : "is empty, which a path cannot take");
  const auto decoded = is_encoded(text) ? fully_decoded(text) : std::string{};
  const auto plain = decoded.empty() ? text : std::string_view{decoded};
  if (plain.find('\\') != npos)
    return failed(expression,
                  "has a backslash in it, which a path cannot take");
  if (plain.find('/') != npos)
    return failed(expression,
                  expression.makes_segments()
                    ? "has an encoded slash in it, which a path cannot take"
                    : "has a slash in it, which a path takes with | segments "
                      "only");
  append_encoded(out_, text);
  last_ = &expression;
  return std::nullopt;
}

std::optional<error> url_builder::end() {
  return in_query_ ? std::nullopt : end_segment();
}

std::optional<error> url_builder::end_segment() {
  const auto* by = std::exchange(last_, nullptr);
  if (by != nullptr && is_dot_segment(std::string_view{out_}.substr(segment_)))
    return failed(*by, "makes a dot segment, which a path cannot take");
  return std::nullopt;
}

} // namespace handoff

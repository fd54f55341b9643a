#include "config/secret_forms.hpp"

#include <array>

namespace handoff {
namespace {

struct url_encoding {
  std::string_view left; ///< beside letters and digits
  bool plus_is_space = false;
};

// Two forms each, the first with capital hex digits.
constexpr std::array<url_encoding, 6> url_encodings{{
  {"-._~", false},                 // RFC 3986, section 2.3
  {"*-._", true},                  // HTML forms
  {"-._~!*'()", false},            // encodeURIComponent of JavaScript
  {"-._~/", false},                // quote of Python
  {"-._", true},                   // urlencode of PHP
  {"-._~!*'()/?:@&=+$,;#", false}, // encodeURI of JavaScript
}};
static_assert(secret_forms.size() == 2 * url_encodings.size());

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
      || (c >= '0' && c <= '9');
}

} // namespace

std::string in_form(char form, std::string_view value) {
  const auto at = secret_forms.find(form);
  if (at == std::string_view::npos)
    return std::string{value};
  const auto& [left, plus_is_space] = url_encodings[at / 2];
  const std::string_view digits =
    at % 2 == 0 ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string made;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_alphanumeric(c) || left.find(c) != std::string_view::npos)
      made += c;
    else if (c == ' ' && plus_is_space)
      made += '+';
    else
      made += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return made;
}

} // namespace handoff

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace handoff {

/// Some of the 256 bytes. To look one up in it costs one read, where a search
/// in a list of them costs a call for each byte of the text.
class byte_set {
public:
  constexpr explicit byte_set(std::string_view bytes) {
    for (const char each : bytes)
      has_[static_cast<unsigned char>(each)] = true;
  }

  constexpr bool has(char byte) const {
    return has_[static_cast<unsigned char>(byte)];
  }

  constexpr bool has_all(std::string_view text) const {
    for (const char each : text)
      if (!has(each))
        return false;
    return true;
  }

  /// Where the first of them is in `text`, from `at` on; its size: nowhere.
  constexpr std::size_t find_in(std::string_view text,
                                std::size_t at = 0) const {
    while (at < text.size() && !has(text[at]))
      ++at;
    return at;
  }

private:
  std::array<bool, 256> has_{};
};

/// What a token may have in it (RFC 9110, section 5.6.2).
inline constexpr byte_set token_bytes{"!#$%&'*+-.^_`|~0123456789"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"};

/// What the searches of std::string_view return where they find nothing.
inline constexpr auto npos = std::string_view::npos;

/// Space, tab, CR and LF: what surrounds a text without being part of it.
inline constexpr std::string_view blanks = " \t\r\n";

/// Without the blanks at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace handoff

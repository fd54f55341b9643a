#include "job/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace handoff {
namespace {

constexpr std::string_view alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

std::string encode_base64(std::string_view bytes) {
  std::string made;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto some = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8
           | (i < some.size() ? static_cast<unsigned char>(some[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      made += i <= some.size() ? alphabet[(bits >> (18 - 6 * i)) & 63] : '=';
  }
  return made;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  std::string made;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    auto some = text.substr(at, 4);
    if (at + 4 == text.size())
      while (some.size() > 2 && some.back() == '=')
        some.remove_suffix(1);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto digit = i < some.size() ? alphabet.find(some[i]) : 0;
      if (digit == std::string_view::npos)
        return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
    }
    const auto bytes = some.size() - 1;
    if ((bits & (0xffffffu >> (8 * bytes))) != 0)
      return std::nullopt;
    for (std::size_t i = 0; i < bytes; ++i)
      made += static_cast<char>((bits >> (16 - 8 * i)) & 0xff);
  }
  return made;
}

} // namespace handoff

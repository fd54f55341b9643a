#include "job/encoded_text.hpp"

#include "job/hex.hpp"

#include <optional>

namespace handoff {
namespace {

/// The code unit of the escape "\uXXXX" that begins at `at`; none if there is
/// no such escape.
std::optional<std::uint32_t> code_unit(std::string_view text, std::size_t at) {
  constexpr std::size_t escape_bytes = 6;
  if (text.size() < escape_bytes || at > text.size() - escape_bytes
      || text[at] != '\\' || text[at + 1] != 'u')
    return std::nullopt;
  std::uint32_t unit = 0;
  for (std::size_t digit = at + 2; digit < at + escape_bytes; ++digit) {
    const int value = hex_value(text[digit]);
    if (value < 0)
      return std::nullopt;
    unit = unit * 16 + static_cast<std::uint32_t>(value);
  }
  return unit;
}

/// RFC 3629, section 3.
std::string utf8_of(std::uint32_t point) {
  const auto byte = [](std::uint32_t value) {
    return static_cast<char>(value);
  };
  if (point < 0x80)
    return {byte(point)};
  if (point < 0x800)
    return {byte(0xC0 | point >> 6), byte(0x80 | (point & 0x3F))};
  if (point < 0x10000)
    return {byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 0x3F)),
            byte(0x80 | (point & 0x3F))};
  return {byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 0x3F)),
          byte(0x80 | (point >> 6 & 0x3F)), byte(0x80 | (point & 0x3F))};
}

struct escape {
  std::string stands_for;
  std::size_t bytes = 0;
};

/// What begins with the backslash at `at`.
std::optional<escape> escape_at(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size())
    return std::nullopt;
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (const auto which = letters.find(text[at + 1]);
      which != std::string_view::npos)
    return escape{{meanings[which]}, 2};
  const auto unit = code_unit(text, at);
  if (!unit)
    return std::nullopt;
  if (*unit < 0xD800 || *unit > 0xDFFF)
    return escape{utf8_of(*unit), 6};
  const auto low = code_unit(text, at + 6);
  if (*unit > 0xDBFF || !low || *low < 0xDC00 || *low > 0xDFFF)
    return std::nullopt;
  return escape{utf8_of(0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00)),
                12};
}

void add(decoded_text& made, std::string_view bytes, std::size_t from,
         std::size_t to) {
  made.text += bytes;
  made.sources.insert(
    made.sources.end(), bytes.size(),
    {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)});
}

decoded_text with_room_for(std::string_view text) {
  decoded_text made;
  made.text.reserve(text.size());
  made.sources.reserve(text.size());
  return made;
}

} // namespace

decoded_text without_percent(std::string_view text, bool plus_is_space) {
  auto made = with_room_for(text);
  for (std::size_t at = 0; at < text.size();) {
    const int high =
      text[at] == '%' && at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[at + 2]) : -1;
    const char byte = low >= 0 ? static_cast<char>(high * 16 + low)
                    : plus_is_space && text[at] == '+' ? ' '
                                                       : text[at];
    const std::size_t size = low >= 0 ? 3 : 1;
    add(made, {&byte, 1}, at, at + size);
    at += size;
  }
  return made;
}

decoded_text without_escapes(std::string_view text) {
  auto made = with_room_for(text);
  for (std::size_t at = 0; at < text.size();) {
    const auto found =
      text[at] == '\\' ? escape_at(text, at) : std::optional<escape>{};
    const auto size = found ? found->bytes : 1;
    add(made, found ? std::string_view{found->stands_for} : text.substr(at, 1),
        at, at + size);
    at += size;
  }
  return made;
}

decoded_text composed(const decoded_text& first, decoded_text last) {
  for (auto& [from, to] : last.sources) {
    from = first.sources[from].first;
    to = first.sources[to - 1].second;
  }
  return last;
}

} // namespace handoff

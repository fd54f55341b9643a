#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sys/ioctl.h>
#include <unistd.h>

namespace handoff {
namespace {

struct code_point {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
};

struct range {
  std::uint32_t first;
  std::uint32_t last;
};

template <std::size_t Count>
bool is_in(std::uint32_t value, const std::array<range, Count>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const range& each) {
    return value >= each.first && value <= each.last;
  });
}

/// The first code point (RFC 3629); none if the text does not begin with one.
std::optional<code_point> first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80)
    return code_point{lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes)
    return std::nullopt;
  std::uint32_t value = lead & (0x7fu >> bytes);
  for (std::size_t at = 1; at < bytes; ++at) {
    const auto next = static_cast<unsigned char>(text[at]);
    if ((next & 0xc0u) != 0x80u)
      return std::nullopt;
    value = (value << 6) | (next & 0x3fu);
  }
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[bytes] || value > 0x10ffff
      || (value >= 0xd800 && value <= 0xdfff))
    return std::nullopt;
  return code_point{value, bytes};
}

/// Whether a terminal would do something else than show it.
bool is_obeyed(std::uint32_t value) {
  constexpr std::array<range, 7> all{{{0x00, 0x1f},
                                      {0x7f, 0x9f},
                                      {0x061c, 0x061c},
                                      {0x200e, 0x200f},
                                      {0x2028, 0x202e},
                                      {0x2066, 0x2069},
                                      {0xfeff, 0xfeff}}};
  return is_in(value, all);
}

std::size_t width_of(std::uint32_t value) {
  constexpr std::array<range, 4> none{
    {{0x0300, 0x036f}, {0x200b, 0x200f}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}}};
  constexpr std::array<range, 9> wide{{{0x1100, 0x115f},
                                       {0x2e80, 0xa4cf},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0xffe0, 0xffe6},
                                       {0x1f300, 0x1faff},
                                       {0x20000, 0x3fffd}}};
  return is_in(value, none) ? 0 : is_in(value, wide) ? 2 : 1;
}

std::string spelled(std::uint32_t value) {
  if (value == '\n')
    return "\\n";
  if (value == '\r')
    return "\\r";
  if (value == '\t')
    return "\\t";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), value < 0x100 ? "\\x%02x" : "\\u%04x",
                static_cast<unsigned>(value));
  return text.data();
}

/// How many bytes of the text fit into the columns.
std::size_t bytes_within(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto next = first_of(text.substr(at)).value_or(code_point{});
    const auto width = width_of(next.value);
    if (width > columns)
      break;
    columns -= width;
    at += next.bytes;
  }
  return at;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

} // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto next = first_of(text);
    if (!next)
      shown += spelled(static_cast<unsigned char>(text[0]));
    else if (is_obeyed(next->value))
      shown += spelled(next->value);
    else
      shown += text.substr(0, next->bytes);
    text.remove_prefix(next ? next->bytes : 1);
  }
  return shown;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto next = first_of(text).value_or(code_point{});
    columns += width_of(next.value);
    text.remove_prefix(next.bytes);
  }
  return columns;
}

std::string clipped(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns)
    return std::string{text};
  if (columns <= 2)
    return std::string{text.substr(0, bytes_within(text, columns))};
  return std::string{text.substr(0, bytes_within(text, columns - 2))} + "..";
}

std::string padded(std::string text, std::size_t columns) {
  const auto taken = columns_of(text);
  text.append(columns > taken ? columns - taken : 0, ' ');
  return text;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    // Two columns for a character that is wider than the line.
    auto end = std::max(bytes_within(text, columns),
                        first_of(text).value_or(code_point{}).bytes);
    if (end < text.size() && text[end] != ' ')
      if (const auto space = text.substr(0, end).rfind(' ');
          space != std::string_view::npos && space > 0)
        end = space;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return lines;
}

bool is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

std::size_t terminal_width() {
  std::size_t columns = 0;
  if (const char* given = std::getenv("COLUMNS")) {
    const std::string_view text{given};
    const auto* last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data(), last, columns);
    if (failure != std::errc{} || end != last)
      columns = 0;
  }
  winsize size{};
  if (columns == 0 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    columns = size.ws_col;
  if (columns == 0)
    columns = 80;
  return std::clamp<std::size_t>(columns, 40, 1'000);
}

bool wants_colour() {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view{terminal} == "dumb";
  return is_terminal() && !is_set("NO_COLOR") && !dumb;
}

} // namespace handoff

#include "config/text_function.hpp"

#include "job/rfc3339.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cwctype>
#include <locale.h>
#include <time.h>

namespace handoff {
namespace {

/// The character at `at`, and where the next one begins. What is not UTF-8 is
/// taken byte by byte.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t offset) {
    return at + offset < text.size()
           ? static_cast<unsigned char>(text[at + offset])
           : static_cast<unsigned char>(0);
  };
  const char32_t first = byte(0);
  const std::size_t more = first >= 0xf0 ? 3
                         : first >= 0xe0 ? 2
                         : first >= 0xc0 ? 1
                                         : 0;
  auto made = more == 0 ? first : first & (0x3fu >> more);
  for (std::size_t i = 1; i <= more; ++i)
    made = (made << 6) | (byte(i) & 0x3fu);
  at += 1 + more;
  return made;
}

void append_character(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c >= 0x10000 ? 3 : c >= 0x800 ? 2 : 1;
  constexpr std::array<unsigned, 4> lead{0, 0xc0, 0xe0, 0xf0};
  out +=
    static_cast<char>(lead[static_cast<std::size_t>(more)] | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i)
    out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3f));
}

/// The locale whose tables of letters are used, whatever that of the process
/// is. glibc has it built in.
locale_t letters() {
  static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return made;
}

template <class Change>
std::string with_each(std::string_view text, Change change) {
  std::string made;
  made.reserve(text.size());
  for (std::size_t at = 0; at < text.size();)
    append_character(made, change(next_character(text, at)));
  return made;
}

/// From U+00C0 to U+017F: what letters are without their accents, "?" for what
/// is no letter.
constexpr std::array<std::string_view, 192> plain_letters{
  "a", "a", "a",  "a",  "a", "a", "ae", "c",  "e", "e", "e",  "e", "i", "i",
  "i", "i", "d",  "n",  "o", "o", "o",  "o",  "o", "?", "o",  "u", "u", "u",
  "u", "y", "th", "ss", "a", "a", "a",  "a",  "a", "a", "ae", "c", "e", "e",
  "e", "e", "i",  "i",  "i", "i", "d",  "n",  "o", "o", "o",  "o", "o", "?",
  "o", "u", "u",  "u",  "u", "y", "th", "y",  "a", "a", "a",  "a", "a", "a",
  "c", "c", "c",  "c",  "c", "c", "c",  "c",  "d", "d", "d",  "d", "e", "e",
  "e", "e", "e",  "e",  "e", "e", "e",  "e",  "g", "g", "g",  "g", "g", "g",
  "g", "g", "h",  "h",  "h", "h", "i",  "i",  "i", "i", "i",  "i", "i", "i",
  "i", "i", "ij", "ij", "j", "j", "k",  "k",  "k", "l", "l",  "l", "l", "l",
  "l", "l", "l",  "l",  "l", "n", "n",  "n",  "n", "n", "n",  "n", "n", "n",
  "o", "o", "o",  "o",  "o", "o", "oe", "oe", "r", "r", "r",  "r", "r", "r",
  "s", "s", "s",  "s",  "s", "s", "s",  "s",  "t", "t", "t",  "t", "t", "t",
  "u", "u", "u",  "u",  "u", "u", "u",  "u",  "u", "u", "u",  "u", "w", "w",
  "y", "y", "y",  "z",  "z", "z", "z",  "z",  "z", "s"};

bool is_part_of_word(char32_t c) {
  return (c >= 0x300 && c < 0x370)
      || ::iswalpha_l(static_cast<std::wint_t>(c), letters()) != 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::int64_t> read_time(std::string_view text) {
  std::int64_t seconds = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, seconds);
  if (failure != std::errc{})
    return std::nullopt;
  if (stop == end)
    return seconds;
  const std::string_view rest{stop, static_cast<std::size_t>(end - stop)};
  if (rest.size() > 1 && rest.front() == '.'
      && std::all_of(rest.begin() + 1, rest.end(), is_digit))
    return text.front() == '-' ? seconds - 1 : seconds;
  const auto when = parse_rfc3339(text);
  if (!when)
    return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*when).count();
}

/// strftime takes what follows %s for local time.
std::string without_epoch(const std::string& format, std::int64_t seconds) {
  std::string made;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%' || at + 1 == format.size()) {
      made += format[at];
      continue;
    }
    ++at;
    if (format[at] == 's')
      made += std::to_string(seconds);
    else
      made += {'%', format[at]};
  }
  return made;
}

} // namespace

std::string upper_text(std::string_view text) {
  return with_each(text, [](char32_t c) {
    return static_cast<char32_t>(
      ::towupper_l(static_cast<std::wint_t>(c), letters()));
  });
}

std::string lower_text(std::string_view text) {
  return with_each(text, [](char32_t c) {
    return static_cast<char32_t>(
      ::towlower_l(static_cast<std::wint_t>(c), letters()));
  });
}

std::vector<std::string> split_text(std::string_view text,
                                    std::string_view separator) {
  std::vector<std::string> pieces;
  for (;;) {
    const auto end = text.find(separator);
    pieces.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return pieces;
    text.remove_prefix(end + separator.size());
  }
}

std::string slug_of(std::string_view text) {
  std::string made;
  bool gap = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = next_character(text, at);
    std::string plain;
    if (c < 0x80 && (is_digit(static_cast<char>(c)) || (c >= 'a' && c <= 'z')))
      plain = static_cast<char>(c);
    else if (c >= 'A' && c <= 'Z')
      plain = static_cast<char>(c - 'A' + 'a');
    else if (c >= 0xc0 && c < 0xc0 + plain_letters.size())
      plain = plain_letters[c - 0xc0];
    else if (c == 0x1e9e)
      plain = "ss";
    else if (c >= 0x80 && is_part_of_word(c))
      continue; // a letter that has no plain one, or an accent of its own
    if (plain.empty() || plain == "?") {
      gap = !made.empty();
      continue;
    }
    if (gap)
      made += '-';
    gap = false;
    made += plain;
  }
  return made;
}

std::optional<std::string> format_date(std::string_view text,
                                       const std::string& format) {
  constexpr std::int64_t first = -62'167'219'200; // 0000-01-01
  constexpr std::int64_t last = 253'402'300'799;  // 9999-12-31
  const auto seconds = read_time(text);
  if (!seconds || *seconds < first || *seconds > last)
    return std::nullopt;
  const auto when = static_cast<time_t>(*seconds);
  tm broken{};
  ::gmtime_r(&when, &broken);
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
  std::array<char, 1'001> made{};
  const auto length =
    ::strftime_l(made.data(), made.size(),
                 without_epoch(format, *seconds).c_str(), &broken, plain);
  if (length == 0)
    return std::nullopt;
  return std::string{made.data(), length};
}

} // namespace handoff

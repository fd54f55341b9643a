#include "config/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <system_error>

namespace handoff {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct unit {
  std::string_view name;
  double factor;
};

constexpr std::array time_units{
  unit{"ns", 1.0},   unit{"us", 1e3}, unit{"ms", 1e6},   unit{"s", 1e9},
  unit{"min", 60e9}, unit{"m", 60e9}, unit{"h", 3600e9}, unit{"d", 86400e9},
};

constexpr double kib = 1024.0;

constexpr std::array size_units{
  unit{"", 1.0},
  unit{"B", 1.0},
  unit{"kB", 1e3},
  unit{"KB", 1e3},
  unit{"MB", 1e6},
  unit{"GB", 1e9},
  unit{"TB", 1e12},
  unit{"KiB", kib},
  unit{"MiB", kib* kib},
  unit{"GiB", kib* kib* kib},
  unit{"TiB", kib* kib* kib* kib},
};

/// The number before the unit, times the unit.
template <class Units>
std::optional<double> parse_quantity(std::string_view text,
                                     const Units& units) {
  // from_chars also reads signs, infinities and exponents, which are none of
  // ours.
  const auto end = text.find_first_not_of("0123456789.");
  const auto digits = text.substr(0, end);
  if (digits.empty() || digits.front() == '.' || digits.back() == '.')
    return std::nullopt;
  double number = 0;
  const auto [rest, failure] =
    std::from_chars(digits.data(), digits.data() + digits.size(), number,
                    std::chars_format::fixed);
  if (failure != std::errc{} || rest != digits.data() + digits.size())
    return std::nullopt;
  auto name =
    end == std::string_view::npos ? std::string_view{} : text.substr(end);
  if (name.size() > 1 && name.front() == ' ')
    name.remove_prefix(1);
  for (const auto& known : units)
    if (known.name == name)
      return number * known.factor;
  return std::nullopt;
}

std::string with_unit(double value, std::string_view unit_name) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  std::string made = text.data();
  made.erase(made.find_last_not_of('0') + 1);
  if (made.back() == '.')
    made.pop_back();
  made += unit_name;
  return made;
}

} // namespace

std::optional<nanoseconds> parse_nanoseconds(std::string_view text) {
  constexpr double century = 100.0 * 366 * 86400e9;
  const auto value = parse_quantity(text, time_units);
  if (!value || *value > century)
    return std::nullopt;
  return nanoseconds{std::llround(*value)};
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_nanoseconds(text);
  if (!value)
    return std::nullopt;
  const auto rounded = std::chrono::round<milliseconds>(*value);
  if (rounded.count() == 0 && value->count() != 0)
    return std::nullopt;
  return rounded;
}

std::string format_duration(nanoseconds value) {
  constexpr std::array units{unit{"d", 86400e9}, unit{"h", 3600e9},
                             unit{"min", 60e9},  unit{"s", 1e9},
                             unit{"ms", 1e6},    unit{"us", 1e3}};
  const auto count = static_cast<double>(value.count());
  if (value.count() == 0)
    return "0s";
  for (const auto& known : units) {
    // "1d" for 24 hours reads worse than "24h"; "60s" worse than "1min".
    const double least = known.name == "d" ? 2 : 1;
    const double in_unit = count / known.factor;
    const double thousands = in_unit * 1000;
    const bool whole = std::fmod(in_unit, 1.0) == 0.0;
    const bool fraction_reads_well =
      known.factor <= 1e9 && std::fmod(thousands, 1.0) == 0.0;
    if (in_unit >= least && (whole || fraction_reads_well))
      return with_unit(in_unit, known.name);
  }
  return with_unit(count, "ns");
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr double most = 9007199254740992.0; // 2^53: exact as a double
  const auto value = parse_quantity(text, size_units);
  if (!value || *value > most || std::fmod(*value, 1.0) != 0.0)
    return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array names{"TiB", "GiB", "MiB", "KiB"};
  std::uint64_t factor = std::uint64_t{1} << 40;
  for (const auto* unit_name : names) {
    if (bytes >= factor && bytes % factor == 0)
      return std::to_string(bytes / factor) + unit_name;
    factor >>= 10;
  }
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

} // namespace handoff

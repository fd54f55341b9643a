#include "config/json_compare.hpp"

#include "job/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace handoff {
namespace {

using nlohmann::json;

// 64 bits with a sign and one more, so that both kinds of integers fit.
__extension__ using wide_integer = __int128;

wide_integer integer_of(const json& number) {
  return number.is_number_unsigned()
         ? static_cast<wide_integer>(number.get<std::uint64_t>())
         : static_cast<wide_integer>(number.get<std::int64_t>());
}

std::partial_ordering compare(wide_integer left, double right) {
  if (std::isnan(right))
    return std::partial_ordering::unordered;
  // Beyond 2^65 every double is beyond every integer, and must not be converted
  // to one.
  constexpr double beyond = 36'893'488'147'419'103'232.0;
  if (right >= beyond)
    return std::partial_ordering::less;
  if (right <= -beyond)
    return std::partial_ordering::greater;
  const double whole = std::floor(right);
  const auto floor = static_cast<wide_integer>(whole);
  if (left != floor)
    return left < floor ? std::partial_ordering::less
                        : std::partial_ordering::greater;
  return whole < right ? std::partial_ordering::less
                       : std::partial_ordering::equivalent;
}

/// Of integers as text, as JSON writes them.
std::strong_ordering compare_digits(std::string_view left,
                                    std::string_view right) {
  const bool negative = left.starts_with('-');
  if (negative != right.starts_with('-'))
    return negative ? std::strong_ordering::less
                    : std::strong_ordering::greater;
  if (negative)
    return compare_digits(right.substr(1), left.substr(1));
  return left.size() != right.size() ? left.size() <=> right.size()
                                     : left <=> right;
}

/// Where one of them is beyond 64 bits.
std::partial_ordering compare_large(const json& left, const json& right) {
  if (is_integer(left) && is_integer(right))
    return compare_digits(json_text(left), json_text(right));
  // What a double can tell of it is all that can be told beside a double.
  const auto rounded = [](const json& number) {
    return number.is_number() ? number.get<double>()
                              : std::strtod(json_text(number).c_str(), nullptr);
  };
  return rounded(left) <=> rounded(right);
}

bool is_any_number(const json& value) noexcept {
  return value.is_number() || is_big_integer(value);
}

} // namespace

std::partial_ordering compare_numbers(const json& left,
                                      const json& right) noexcept {
  if (!is_any_number(left) || !is_any_number(right))
    return std::partial_ordering::unordered;
  if (is_big_integer(left) || is_big_integer(right))
    return compare_large(left, right);
  const bool left_whole = left.is_number_integer();
  const bool right_whole = right.is_number_integer();
  if (left_whole && right_whole)
    return integer_of(left) <=> integer_of(right);
  if (left_whole)
    return compare(integer_of(left), right.get<double>());
  if (right_whole)
    return 0 <=> compare(integer_of(right), left.get<double>());
  return left.get<double>() <=> right.get<double>();
}

bool same_value(const json& left, const json& right) {
  if (is_any_number(left) || is_any_number(right))
    return compare_numbers(left, right) == std::partial_ordering::equivalent;
  if (left.type() != right.type())
    return false;
  if (left.is_array())
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      same_value);
  if (left.is_object())
    return left.size() == right.size()
        && std::all_of(left.items().begin(), left.items().end(),
                       [&](const auto& member) {
                         const auto other = right.find(member.key());
                         return other != right.end()
                             && same_value(member.value(), *other);
                       });
  return left == right;
}

} // namespace handoff

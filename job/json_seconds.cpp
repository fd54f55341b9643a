#include "job/json_seconds.hpp"

#include "job/json_text.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace handoff {

std::optional<double> seconds_in(const nlohmann::json* value) {
  double seconds = -1;
  if (value != nullptr && value->is_number()) {
    seconds = value->get<double>();
  } else if (value != nullptr
             && (value->is_string() || is_big_integer(*value))) {
    const auto text =
      value->is_string() ? value->get<std::string>() : json_text(*value);
    const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (end != text.data() + text.size())
      return std::nullopt;
    if (failure == std::errc::result_out_of_range && text.front() != '-'
        && text.find("e-") == std::string::npos)
      return std::numeric_limits<double>::max();
    if (failure != std::errc{})
      return std::nullopt;
  }
  if (!std::isfinite(seconds) || seconds < 0)
    return std::nullopt;
  return seconds;
}

} // namespace handoff

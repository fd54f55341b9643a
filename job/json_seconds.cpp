#include "job/json_seconds.hpp"

#include <charconv>
#include <cmath>
#include <string>

namespace handoff {

std::optional<double> seconds_in(const nlohmann::json* value) {
  double seconds = -1;
  if (value != nullptr && value->is_number()) {
    seconds = value->get<double>();
  } else if (value != nullptr && value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failure != std::errc{} || end != text.data() + text.size())
      return std::nullopt;
  }
  if (!std::isfinite(seconds) || seconds < 0)
    return std::nullopt;
  return seconds;
}

} // namespace handoff

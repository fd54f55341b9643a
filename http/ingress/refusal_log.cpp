#include "http/ingress/refusal_log.hpp"

#include <utility>

namespace handoff {

std::optional<std::string> refusal_log::line_of(const std::string& flow,
                                                webhook_outcome outcome,
                                                int status,
                                                const std::string& why,
                                                clock::time_point now) {
  const std::scoped_lock lock{mutex_};
  if (now - begun_ >= window) {
    begun_ = now;
    lines_ = 0;
  }
  if (lines_ >= lines_max) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  auto line = "webhook refused: flow " + flow + ", "
            + std::string{name(outcome)} + ", answered "
            + std::to_string(status) + ": " + why;
  if (const auto more = std::exchange(left_out_, 0); more > 0)
    line += " (" + std::to_string(more) + " refusals before it are not shown)";
  return line;
}

} // namespace handoff

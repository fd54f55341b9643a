#include "http/ingress/refusal_log.hpp"

#include <utility>

namespace handoff {

std::optional<std::string>
refusal_log::line_of(const std::string& flow, bool is_known,
                     webhook_outcome outcome, int status,
                     const std::string& why, clock::time_point now) {
  const std::scoped_lock lock{mutex_};
  auto& own = shares_[is_known ? flow : ""];
  if (now - own.begun >= window) {
    own.begun = now;
    own.lines = 0;
  }
  if (own.lines >= lines_max) {
    ++own.left_out;
    return std::nullopt;
  }
  ++own.lines;
  auto line = "webhook refused: flow " + flow + ", "
            + std::string{name(outcome)} + ", answered "
            + std::to_string(status) + ": " + why;
  if (const auto more = std::exchange(own.left_out, 0); more > 0)
    line += " (" + std::to_string(more) + " refusals before it are not shown)";
  return line;
}

} // namespace handoff

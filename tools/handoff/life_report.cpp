#include "tools/handoff/life_report.hpp"

#include <algorithm>

namespace handoff {
namespace {

/// Between the end of a drain and that of the process.
constexpr std::chrono::seconds rest_of_stop{10};

/// What `systemctl status` shows. A line is all it can be: more would be taken
/// for other messages.
std::string status(std::string text) {
  std::replace_if(
    text.begin(), text.end(),
    [](char each) { return static_cast<unsigned char>(each) < ' '; }, ' ');
  return "STATUS=" + text;
}

std::string ready_state(std::size_t flows) {
  return "READY=1\n"
       + status(std::to_string(flows)
                + (flows == 1 ? " flow in force" : " flows in force"));
}

} // namespace

void life_report::ready(std::size_t flows) {
  const std::scoped_lock lock{mutex_};
  is_ready_ = true;
  manager_.tell(ready_state(flows));
}

void life_report::reload_begins() {
  const std::scoped_lock lock{mutex_};
  if (is_ready_ && !is_stopping_)
    manager_.tell(reloading_state() + "\n" + status("reads the flows again"));
}

void life_report::reload_ended(std::size_t flows) {
  const std::scoped_lock lock{mutex_};
  if (is_ready_ && !is_stopping_)
    manager_.tell(ready_state(flows));
}

void life_report::draining(std::chrono::milliseconds timeout) {
  const std::scoped_lock lock{mutex_};
  is_stopping_ = true;
  const std::chrono::microseconds longest = timeout + rest_of_stop;
  manager_.tell("STOPPING=1\n" + status("draining")
                + "\nEXTEND_TIMEOUT_USEC=" + std::to_string(longest.count()));
}

void life_report::lost(const std::string& who) {
  const std::scoped_lock lock{mutex_};
  is_stopping_ = true;
  manager_.tell_at_once("STOPPING=1\n" + status(who + " has died"));
}

void life_report::cannot_start(const std::string& why) {
  const std::scoped_lock lock{mutex_};
  is_stopping_ = true;
  manager_.tell(status("cannot start: " + why));
}

} // namespace handoff

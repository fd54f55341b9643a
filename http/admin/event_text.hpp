#pragma once

#include "actors/supervision_log.hpp"
#include "job/event.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// One event as subscribers of the admin API get it.
struct event_text {
  std::string job;  ///< empty: it is about no job
  const char* name; ///< static
  std::string data; ///< a JSON object, on one line
};

/// What a journaled event is for them; none where it changes no state.
std::vector<event_text> texts_of(const job_event& event);

event_text text_of(const supervision_change& change, wall_time at);

event_text breaker_text(std::string_view host, std::string_view state,
                        wall_time at);

} // namespace handoff

#pragma once

#include "actors/waiting_steps.hpp"
#include "config/secrets.hpp"
#include "job/event.hpp"

#include <nlohmann/json.hpp>

namespace handoff {

/// A job with everything that is known of it, for the admin API. Headers that
/// carry credentials are masked, and `hidden` wherever the webhook repeats
/// them. `waiting` are those of its steps that wait for their turn now, and
/// `open` is what it has asked that is not journaled yet.
nlohmann::json job_document(const job& record,
                            const std::vector<waiting_step>& waiting = {},
                            const secrets& hidden = {},
                            const std::vector<step_inquiry>& open = {});

/// Why the job is not as it should be, on one line: its clone's failure, or
/// that of the first sub-action or compensation that failed.
std::optional<std::string> trouble_of(const job& record);

} // namespace handoff

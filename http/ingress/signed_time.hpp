#pragma once

#include "config/verify.hpp"
#include "job/error.hpp"
#include "job/job.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Whether a timestamp is as far from `now` as the rule allows, or less. `age`
/// is told in words where it is. Error `unauthorized` says how far it is.
std::optional<error> check_age(const timestamp_rule& rule,
                               std::string_view text, wall_time now,
                               std::string& age);

} // namespace handoff

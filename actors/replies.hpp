#pragma once

#include "actors/responder.hpp"
#include "config/flow.hpp"
#include "job/error.hpp"
#include "job/job.hpp"

#include <string_view>

namespace handoff {

/// A problem document (RFC 9457) that reports `what`; names the job if there is
/// one.
reply problem(const error& what, std::string_view job = {});

/// 202: the job is journaled, and the sender may look it up.
reply accepted_reply(const job& record, std::string_view preference_applied);

/// What the flow answers once the UID is known; 200 with job, uid and status
/// where it says nothing else. An expression that cannot be filled in gives
/// that default: the clone is done, and an error would have the sender ask
/// again.
reply cloned_reply(const flow& definition, const job& record,
                   std::string_view preference_applied);

/// What a sender may know of its job.
reply status_reply(const job& record);

} // namespace handoff

#pragma once

#include "actors/responder.hpp"
#include "config/flow.hpp"
#include "job/error.hpp"
#include "job/job.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace handoff {

/// The answer that reports `what`: `application/problem+json` (RFC 9457) with
/// `type` (a relative reference that ends in the kind's name), `title`,
/// `status`, `detail`, and `job` if there is one. The members of `extras`, an
/// object, are extension members (section 3.2). Bytes that are no UTF-8 are
/// replaced. A 503 says after which time it may be sent again (RFC 9110,
/// section 10.2.3).
reply problem_reply(const error& what, std::string_view job = {},
                    nlohmann::json extras = nlohmann::json::object(),
                    std::chrono::seconds later = std::chrono::seconds{1});

/// An answer in JSON; what is no UTF-8 in it is replaced.
reply json_reply(int status, const nlohmann::json& body);

/// 503: nothing was done; it may be sent again after `later` (RFC 9110, section
/// 10.2.3).
reply overloaded_reply(std::string detail, std::chrono::seconds later);

/// The body of an answer where the flow names none.
struct standard_content {
  nlohmann::json body;
  std::string_view type = "application/json"; ///< a literal
};

/// Fills in an answer of a flow. Error `template_failed`.
result<reply> render_reply(const reply_template& wanted,
                           const template_context& context,
                           const standard_content& standard);

// An expression that cannot be filled in gives the default of each of these: an
// error would have the sender ask again.

/// What the flow answers at the deadline; 202 with job and status where it says
/// nothing else: the job is journaled, and the sender may look it up.
reply accepted_reply(const flow& definition, const job& record,
                     std::string_view preference_applied);

/// What the flow answers once the UID is known; 200 with job, uid and `status`
/// where it says nothing else.
reply cloned_reply(const flow& definition, const job& record,
                   std::string_view preference_applied,
                   std::string_view status = name(job_status::running));

/// What the sender of a webhook is told whose clone gave no UID. If it failed:
/// what the flow answers then, or a problem with 504 where it timed out, else
/// 502, with the upstream's status and the headline of its answer where the
/// last attempt had one. If it is ambiguous: as for a job that goes on, with
/// that status.
reply settled_reply(const flow& definition, const job& record,
                    std::string_view preference_applied);

/// The same webhook came again after its job had been cloned or given up: the
/// answer once more, with `Idempotency-Replayed: true`.
reply replayed_reply(const flow& definition, const job& record);

/// An operator's command was taken; the job is now, or will be, `status`.
reply command_reply(std::string_view job, std::string_view status);

/// 503: whether an operator's command was taken is not known yet.
reply unknown_command_reply(std::string_view job);

/// What a sender may know of its job.
reply status_reply(const job& record);

} // namespace handoff

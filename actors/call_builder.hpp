#pragma once

#include "config/connection.hpp"
#include "config/flow.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Whether a content type is one of JSON: application/json, text/json or one
/// with the suffix +json (RFC 6839, section 3.1).
bool names_json(std::string_view type);

/// Lets expressions see `hook`, which is borrowed. A body whose parts are not
/// kept is read when the first of them asks for it, once a context.
void set_webhook(template_context& context, const webhook& hook);

/// What the expressions of a job's flow see. Borrows both.
template_context context_of(const flow& definition, const job& record);

/// The upstream that this call goes to: its connection, or its host.
std::string upstream_of(const outbound_call& call);

/// What an element's step is made for.
struct step_element {
  nlohmann::json item;
  std::size_t index = 0;
  /// The sub-action that it is an element of.
  std::string of = {};
  /// What it was answered, once it has succeeded: what `{{sub/NAME/…}}` is for
  /// its own compensation. Borrowed of the record; else null.
  const nlohmann::json* answer = nullptr;
};

/// One attempt of a step.
struct step_attempt {
  /// As the idempotency key names the step.
  std::string step;
  /// 0: a call beside the attempts, which began at `began`.
  std::uint32_t number = 0;
  /// Of a step that a `for_each` made; else null.
  const step_element* element = nullptr;
  /// Of a call before the clone: what those before it answered; else null.
  const nlohmann::json* prepared = nullptr;
  wall_time began = {};
};

/// Fills in `request`, one of the flow's, for one attempt. Every attempt of a
/// step carries the same `Idempotency-Key: {job}.{step}` and a `traceparent`
/// with a span id of its own; a body is sent as `application/json` unless the
/// flow says otherwise; a text whose content type is not one of JSON goes out
/// as it is.
///
/// The call may be under way for `policy.attempt_timeout`; it has no turn yet.
/// Error `template_failed`.
result<outbound_call> build_call(const flow& definition,
                                 const request_template& request,
                                 const retry_policy& policy, const job& record,
                                 const step_attempt& made, call_class purpose);

/// What the webhook of `record` lacks of what the sub-actions need, in words;
/// nothing if it has all.
std::optional<std::string> missing_value(const flow& definition,
                                         const job& record);

/// What an answer is judged with beside its call's own rules.
struct judged_through {
  connection_ptr connection = nullptr; ///< null: none
  /// Whether the call was made once more already, with a new token.
  bool again = false;
  /// Of an element's step; null: of another.
  const step_element* element = nullptr;
  /// Answers of calls before the clone that are not journaled yet; null: those
  /// of the record.
  const nlohmann::json* prepared = nullptr;
  /// The step that was answered, as its idempotency key names it. Borrowed.
  std::string_view step = {};
};

/// What the flow, and then the connection, find in the answer to `request`,
/// with the secrets of `definition` masked in what people read.
answer_reading read_answer(const flow& definition,
                           const request_template& request, const job& record,
                           const exchange& done, bool wants_answer,
                           const judged_through& through = {});

/// What the step is made for; nothing if it is no element of a `for_each`.
/// Error `template_failed`: the elements cannot be had.
result<std::optional<step_element>>
element_for(const flow& definition, const job& record, const step_record& step);

/// The call that tells `to` what `step`, a callback of the job, is of: a
/// message of Standard Webhooks 1.0.0, with the id `{job}_{step}` in every
/// attempt, and signed where there is a secret. Error `invalid_request`: the
/// secret is no key.
result<outbound_call> build_callback(const callback_rule& to, const job& record,
                                     const step_record& step,
                                     std::uint32_t number, wall_time now);

} // namespace handoff

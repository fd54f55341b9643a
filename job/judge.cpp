#include "job/verdict.hpp"

#include <string>
#include <utility>

namespace handoff {
namespace {

std::string status_in_words(const exchange& done) {
  return "status " + std::to_string(done.status);
}

/// What a rule makes of an answer that it does not call a success.
error refused(const exchange& done, const ruling& rule) {
  const auto* what = rule.then == ruled::fail    ? "a failure"
                   : rule.then == ruled::unknown ? "unknown"
                                                 : "worth another attempt";
  return {rule.then == ruled::unknown ? error_kind::answer_unknown
                                      : error_kind::answer_refused,
          "\"outcome\" calls the answer with " + status_in_words(done) + ' '
            + what + (rule.detail.empty() ? "" : ": " + rule.detail)};
}

error token_refused(const exchange& done) {
  return {error_kind::token_refused,
          "the upstream refused the token, with " + status_in_words(done)};
}

error too_early(const exchange& done) {
  return {error_kind::throttled,
          "the upstream answered \"not now\", with " + status_in_words(done)};
}

error says_failed(const exchange& done) {
  return {error_kind::wait_failed,
          "\"fails\" holds for the answer with " + status_in_words(done)};
}

clone_verdict uid_of(const exchange& done,
                     const nlohmann::json::json_pointer& uid,
                     const answer_reading& reading) {
  const auto missing = [&](std::string why) {
    return clone_verdict{clone_outcome::unknown, nullptr, nullptr,
                         error{error_kind::uid_missing, std::move(why)}};
  };
  if (!reading.answer)
    return missing(
      "the clone's answer with " + status_in_words(done) + " has no UID"
      + (reading.unreadable ? ": " + reading.unreadable->detail : ""));
  const auto& answer = *reading.answer;
  if (!answer.contains(uid))
    return missing("the clone's answer has nothing at " + uid.to_string());
  auto found = answer.at(uid);
  if (!is_uid(found))
    return missing("the clone's answer has at " + uid.to_string()
                   + " neither an integer nor a string of 1 to 512 bytes");
  return {clone_outcome::done, std::move(found), answer, std::nullopt};
}

/// What a rule has us wait before the next attempt: what it says, else what the
/// answer asks for, which no policy cuts short.
std::optional<std::chrono::milliseconds>
wait_of(const ruling& rule, const exchange& done, wall_time now) {
  if (rule.wait || rule.then != ruled::retry)
    return rule.wait;
  return retry_after_of(done, now);
}

} // namespace

clone_verdict judge_clone(const exchange& done,
                          const nlohmann::json::json_pointer& uid,
                          const retry_policy& policy,
                          const answer_reading& reading, wall_time now) {
  if (done.failure)
    return judge_clone(done, uid, policy);
  if (!reading.rule) {
    if (const auto later = not_now_of(done, now))
      return {clone_outcome::throttled, nullptr, nullptr, too_early(done),
              later->wait};
    if (done.status >= 200 && done.status < 300)
      return uid_of(done, uid, reading);
    return judge_clone(done, uid, policy);
  }
  const auto& rule = *reading.rule;
  switch (rule.then) {
  case ruled::succeed:
    return uid_of(done, uid, reading);
  case ruled::fail:
    return {clone_outcome::failed, nullptr, nullptr, refused(done, rule)};
  case ruled::refresh:
    return {clone_outcome::uncounted, nullptr, nullptr, token_refused(done),
            std::chrono::milliseconds{0}};
  case ruled::retry:
    return {clone_outcome::retryable, nullptr, nullptr, refused(done, rule),
            wait_of(rule, done, now)};
  case ruled::unknown:
    break;
  }
  return {clone_outcome::unknown, nullptr, nullptr, refused(done, rule),
          rule.wait};
}

clone_verdict judge_polled_clone(const exchange& done,
                                 const nlohmann::json::json_pointer& uid,
                                 const retry_policy& policy,
                                 const answer_reading& reading, wall_time now) {
  const bool is_see_other = !done.failure && done.status == 303
                         && find_header(done.headers, "Location") != nullptr;
  const bool is_good =
    !done.failure
    && (reading.rule
          ? reading.rule->then == ruled::succeed
          : is_see_other || (done.status >= 200 && done.status < 300));
  if (!is_good)
    return judge_clone(done, uid, policy, reading, now);
  if (reading.seen == sight::failed)
    return {clone_outcome::failed, nullptr, nullptr, says_failed(done)};
  if (reading.seen == sight::done)
    return uid_of(done, uid, reading);
  return {clone_outcome::accepted, nullptr, nullptr, std::nullopt};
}

poll_verdict judge_poll(const exchange& done,
                        const nlohmann::json::json_pointer& uid,
                        const answer_reading& reading, wall_time now) {
  if (done.failure)
    return {poll_finding::no_answer, nullptr, nullptr, done.failure};
  if (reading.rule && reading.rule->then != ruled::succeed)
    return {reading.rule->then == ruled::fail ? poll_finding::failed
                                              : poll_finding::no_answer,
            nullptr, nullptr, refused(done, *reading.rule), reading.rule->wait};
  if (!reading.rule && (done.status == 404 || done.status == 410))
    return {poll_finding::gone, nullptr, nullptr,
            error{error_kind::upstream_status,
                  "the upstream does not know the clone any more, "
                    + status_in_words(done)}};
  if (!reading.seen) {
    const auto later = not_now_of(done, now);
    return {poll_finding::no_answer, nullptr, nullptr,
            error{error_kind::upstream_status,
                  "the upstream answered with " + status_in_words(done)},
            later ? later->wait : std::nullopt};
  }
  if (*reading.seen == sight::failed)
    return {poll_finding::failed, nullptr, nullptr, says_failed(done)};
  if (*reading.seen == sight::not_yet)
    return {poll_finding::not_yet};
  auto verdict = uid_of(done, uid, reading);
  return {verdict.outcome == clone_outcome::done ? poll_finding::done
                                                 : poll_finding::lost,
          std::move(verdict.uid), std::move(verdict.answer),
          std::move(verdict.failure)};
}

sub_action_verdict judge_sub_action(const exchange& done,
                                    const retry_policy& policy,
                                    const answer_reading& reading,
                                    wall_time now) {
  if (done.failure)
    return judge_sub_action(done, policy);
  if (!reading.rule) {
    if (const auto later = not_now_of(done, now))
      return {sub_action_outcome::throttled, too_early(done), nullptr,
              later->wait};
    if (done.status < 200 || done.status >= 300)
      return judge_sub_action(done, policy);
  } else if (reading.rule->then != ruled::succeed) {
    const auto& rule = *reading.rule;
    if (rule.then == ruled::refresh)
      return {sub_action_outcome::uncounted, token_refused(done), nullptr,
              std::chrono::milliseconds{0}};
    return {rule.then == ruled::fail ? sub_action_outcome::failed
                                     : sub_action_outcome::retryable,
            refused(done, rule), nullptr, wait_of(rule, done, now)};
  }
  if (reading.seen == sight::failed)
    return {
      sub_action_outcome::failed,
      error{error_kind::wait_failed,
            "\"fails\" holds for the answer with " + status_in_words(done)}};
  if (reading.seen == sight::not_yet)
    return {sub_action_outcome::waiting, std::nullopt};
  if (reading.over_limits
      || (reading.unreadable
          && reading.unreadable->kind == error_kind::nothing_picked))
    return {sub_action_outcome::failed, reading.unreadable};
  return {sub_action_outcome::succeeded, std::nullopt};
}

} // namespace handoff

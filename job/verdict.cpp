#include "job/verdict.hpp"

#include "job/json_reader.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace handoff {
namespace {

bool is_success(int status) {
  return status >= 200 && status < 300;
}

bool is_retried(const retry_policy& policy, int status) {
  return std::find(policy.retry_on.begin(), policy.retry_on.end(), status)
      != policy.retry_on.end();
}

/// Ends that say nothing of the upstream, because we never let the call out.
bool is_own_doing(const exchange& done) {
  return done.failure && !done.sent
      && (done.failure->kind == error_kind::shut_down
          || done.failure->kind == error_kind::overloaded
          || done.failure->kind == error_kind::token_missing
          || done.failure->kind == error_kind::breaker_open);
}

/// Ends that another attempt cannot better.
bool is_hopeless(error_kind kind) {
  return kind == error_kind::address_refused
      || kind == error_kind::template_failed
      || kind == error_kind::invalid_request;
}

error status_error(int status) {
  return {error_kind::upstream_status,
          "the upstream answered with status " + std::to_string(status)};
}

clone_verdict judge_clone_answer(const exchange& done,
                                 const nlohmann::json::json_pointer& uid) {
  auto read = parse_answer(done.body);
  const auto missing = [](const std::string& why) {
    return clone_verdict{
      clone_outcome::unknown, nullptr, nullptr,
      error{error_kind::uid_missing, "the clone's answer " + why}};
  };
  if (const auto* problem = std::get_if<json_problem>(&read))
    return missing(to_string(*problem));
  auto& answer = std::get<nlohmann::json>(read);
  if (!answer.contains(uid))
    return missing("has nothing at " + uid.to_string());
  auto found = answer.at(uid);
  if (!is_uid(found))
    return missing("has at " + uid.to_string()
                   + " neither an integer nor a string of 1 to 512 bytes");
  return {clone_outcome::done, std::move(found), std::move(answer),
          std::nullopt};
}

sub_action_verdict judge_sub_action_answer(const exchange& done) {
  auto read = parse_answer(done.body);
  if (auto* answer = std::get_if<nlohmann::json>(&read))
    return {sub_action_outcome::succeeded, std::nullopt, std::move(*answer)};
  const auto& problem = std::get<json_problem>(read);
  if (problem.fault == json_fault::syntax)
    return {sub_action_outcome::succeeded, std::nullopt};
  return {
    sub_action_outcome::failed,
    error{error_kind::answer_malformed, "the answer " + to_string(problem)}};
}

} // namespace

bool is_uid(const nlohmann::json& value) {
  if (is_integer(value))
    return json_text(value).size() <= uid_bytes_max;
  if (!value.is_string())
    return false;
  const auto& text = value.get_ref<const std::string&>();
  return !text.empty() && text.size() <= uid_bytes_max;
}

clone_verdict judge_clone(const exchange& done,
                          const nlohmann::json::json_pointer& uid,
                          const retry_policy& policy) {
  if (done.failure) {
    const auto outcome = is_own_doing(done) ? clone_outcome::uncounted
                       : done.sent          ? clone_outcome::unknown
                       : is_hopeless(done.failure->kind)
                         ? clone_outcome::failed
                         : clone_outcome::retryable;
    return {outcome, nullptr, nullptr, done.failure};
  }
  if (is_success(done.status))
    return judge_clone_answer(done, uid);
  // A gateway that gave up says nothing of what stands behind it, whatever
  // the policy lists.
  const auto outcome =
    done.status == 502 || done.status == 504 ? clone_outcome::unknown
    : is_retried(policy, done.status)        ? clone_outcome::retryable
                                             : clone_outcome::failed;
  return {outcome, nullptr, nullptr, status_error(done.status)};
}

sub_action_verdict judge_sub_action(const exchange& done,
                                    const retry_policy& policy,
                                    bool wants_answer) {
  if (done.failure) {
    // A call that a shutdown of ours cut short is made again by whoever takes
    // the job over.
    if (is_own_doing(done) || done.failure->kind == error_kind::shut_down)
      return {sub_action_outcome::uncounted, done.failure};
    if (is_hopeless(done.failure->kind)
        || done.failure->kind == error_kind::answer_too_large)
      return {sub_action_outcome::failed, done.failure};
    return {sub_action_outcome::retryable, done.failure};
  }
  if (is_success(done.status))
    return wants_answer
           ? judge_sub_action_answer(done)
           : sub_action_verdict{sub_action_outcome::succeeded, std::nullopt};
  return {is_retried(policy, done.status) ? sub_action_outcome::retryable
                                          : sub_action_outcome::failed,
          status_error(done.status)};
}

std::string_view name(poll_finding finding) noexcept {
  switch (finding) {
  case poll_finding::done:
    return "done";
  case poll_finding::failed:
    return "failed";
  case poll_finding::not_yet:
    return "not-yet";
  case poll_finding::gone:
    return "gone";
  case poll_finding::lost:
    return "lost";
  case poll_finding::no_answer:
    break;
  }
  return "no-answer";
}

std::string_view finding_of(sub_action_outcome outcome) noexcept {
  switch (outcome) {
  case sub_action_outcome::succeeded:
    return "done";
  case sub_action_outcome::failed:
    return "failed";
  case sub_action_outcome::throttled:
    return "not-now";
  case sub_action_outcome::waiting:
    return "not-yet";
  case sub_action_outcome::retryable:
  case sub_action_outcome::uncounted:
    break;
  }
  return "no-answer";
}

std::optional<std::chrono::milliseconds>
next_attempt_in(const retry_policy& policy, std::uint32_t counted,
                double random,
                std::optional<std::chrono::milliseconds> retry_after) {
  if (counted >= policy.max_attempts)
    return std::nullopt;
  return backoff(policy, std::max(counted, 1u), random, retry_after);
}

} // namespace handoff

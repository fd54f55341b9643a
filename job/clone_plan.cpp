#include "job/clone_plan.hpp"

#include "job/json_reader.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using std::chrono::milliseconds;

error given_up(error_kind kind, const char* what,
               const std::optional<error>& last) {
  std::string detail = what;
  if (last)
    detail += ": " + last->detail;
  return {kind, std::move(detail)};
}

clone_step fail(const std::optional<error>& last) {
  const bool timed_out = last && last->kind == error_kind::attempt_timed_out;
  return {
    clone_action::fail, milliseconds{0},
    given_up(timed_out ? error_kind::clone_timed_out : error_kind::clone_failed,
             "the clone failed", last)};
}

clone_step surrender(const std::optional<error>& last) {
  return {clone_action::surrender, milliseconds{0},
          given_up(error_kind::clone_ambiguous,
                   "nobody can know whether the clone happened", last)};
}

clone_step attempt_again(const clone_rules& rules, std::uint32_t counted,
                         double random, std::optional<milliseconds> retry_after,
                         const std::optional<error>& last) {
  const auto pause = next_attempt_in(rules.retry, counted, random, retry_after);
  return pause ? clone_step{clone_action::attempt, *pause, std::nullopt}
               : fail(last);
}

clone_step after_unknown(const clone_rules& rules, std::uint32_t counted,
                         double random, const std::optional<error>& last) {
  // The upstream may still be at it: to look at once would often be too early.
  if (rules.has_probe)
    return {clone_action::probe,
            backoff(rules.retry, std::max(counted, 1u), random, std::nullopt),
            std::nullopt};
  if (rules.safe_to_repeat)
    return attempt_again(rules, counted, random, std::nullopt, last);
  return surrender(last);
}

} // namespace

clone_step after_attempt(const clone_rules& rules, const clone_verdict& verdict,
                         std::uint32_t counted, double random,
                         std::optional<milliseconds> retry_after) {
  switch (verdict.outcome) {
  case clone_outcome::done:
    return {clone_action::finish, milliseconds{0}, std::nullopt};
  case clone_outcome::failed:
    return fail(verdict.failure);
  case clone_outcome::retryable:
    return attempt_again(rules, counted, random, retry_after, verdict.failure);
  case clone_outcome::uncounted:
    return {clone_action::attempt, backoff(rules.retry, 1, random, retry_after),
            std::nullopt};
  case clone_outcome::unknown:
    break;
  }
  return after_unknown(rules, counted, random, verdict.failure);
}

probe_verdict judge_probe(const exchange& done,
                          const nlohmann::json::json_pointer& at) {
  if (done.failure)
    return {};
  if (done.status == 404)
    return {probe_finding::not_found, nullptr, nullptr};
  if (done.status < 200 || done.status >= 300)
    return {};
  auto read = parse_answer(done.body);
  auto* const answer = std::get_if<nlohmann::json>(&read);
  if (answer == nullptr)
    return {};
  // What is there but is no UID must not be taken for nothing: a clone would
  // be made a second time.
  if (!answer->contains(at) || answer->at(at).is_null())
    return {probe_finding::not_found, nullptr, nullptr};
  auto uid = answer->at(at);
  if (!is_uid(uid))
    return {};
  return {probe_finding::found, std::move(uid), std::move(*answer)};
}

clone_step after_probe(const clone_rules& rules, probe_finding finding,
                       std::uint32_t counted, std::uint32_t probes,
                       double random, const std::optional<error>& last) {
  switch (finding) {
  case probe_finding::found:
    return {clone_action::finish, milliseconds{0}, std::nullopt};
  case probe_finding::not_found:
    return attempt_again(rules, counted, random, std::nullopt, last);
  case probe_finding::no_answer:
    break;
  }
  if (probes >= rules.retry.max_attempts)
    return surrender(last);
  return {clone_action::probe,
          backoff(rules.retry, probes, random, std::nullopt), std::nullopt};
}

clone_step after_crash(const clone_rules& rules, const job& record,
                       wall_time now) {
  const auto& attempts = record.clone.attempts;
  const auto counted = record.clone.counted;
  if (attempts.empty())
    return {clone_action::attempt, milliseconds{0}, std::nullopt};
  if (!attempts.back().ended)
    return after_unknown(rules, counted, 0,
                         error{error_kind::shut_down,
                               "the service stopped while it was under way"});
  if (record.clone.next_attempt)
    return {clone_action::attempt,
            std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(
                                        *record.clone.next_attempt - now)),
            std::nullopt};
  // It had ended, and what followed was a probe, never another attempt.
  return after_unknown(rules, counted, 0, attempts.back().failure);
}

} // namespace handoff

#include "job/clone_plan.hpp"

#include "job/pause_left.hpp"
#include "job/wait.hpp"

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
  if (rules.probe)
    return {clone_action::probe, rules.probe->after, std::nullopt};
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
    if (verdict.wait && counted < rules.retry.max_attempts)
      return {clone_action::attempt,
              lengthened(rules.retry, *verdict.wait, random), std::nullopt};
    return attempt_again(rules, counted, random, retry_after, verdict.failure);
  case clone_outcome::throttled: // these two have their own ways
  case clone_outcome::accepted:
  case clone_outcome::uncounted:
    return {clone_action::attempt,
            verdict.wait.value_or(backoff(rules.retry, 1, random, retry_after)),
            std::nullopt};
  case clone_outcome::unknown:
    break;
  }
  return after_unknown(rules, counted, random, verdict.failure);
}

bool may_have_happened(const job& record) {
  const auto is_unknown = [](const attempt& made) {
    if (!made.ended || !made.failure)
      return false;
    switch (made.failure->kind) {
    case error_kind::attempt_timed_out:
    case error_kind::connection_lost:
    case error_kind::answer_too_large:
    case error_kind::answer_malformed:
    case error_kind::uid_missing:
    case error_kind::nothing_picked:
    case error_kind::answer_unknown:
    case error_kind::shut_down:
      return true;
    case error_kind::upstream_status:
      return made.http_status == 502 || made.http_status == 504;
    default:
      return false;
    }
  };
  const auto& attempts = record.clone.attempts;
  auto left = record.clone.counted;
  for (auto at = attempts.rbegin(); at != attempts.rend(); ++at) {
    if (at->counted && left-- == 0)
      return false;
    if (is_unknown(*at))
      return true;
  }
  return false;
}

clone_step after_throttled(const clone_rules& rules,
                           const clone_verdict& verdict,
                           const early_attempt& made) {
  auto own = backoff(rules.retry, made.throttled, made.random, std::nullopt);
  if (!made.sender_waits || own >= *made.sender_waits)
    own = rules.retry.throttled;
  auto next = after_not_now(rules.retry, {verdict.wait}, made.since, made.now,
                            made.random, own);
  return next.pause
         ? clone_step{clone_action::attempt, *next.pause, std::nullopt}
         : fail(next.failure);
}

std::string_view name(probe_finding finding) noexcept {
  switch (finding) {
  case probe_finding::found:
    return "found";
  case probe_finding::not_found:
    return "not-found";
  case probe_finding::no_answer:
    break;
  }
  return "no-answer";
}

probe_finding judge_probe(const exchange& done,
                          const nlohmann::json::json_pointer& at,
                          const answer_reading& reading, nlohmann::json& uid) {
  if (done.failure)
    return probe_finding::no_answer;
  const bool is_good = reading.rule ? reading.rule->then == ruled::succeed
                                    : done.status >= 200 && done.status < 300;
  // An error says nothing of the clone, also where a rule names it: that of a
  // connection may be for all its calls.
  const bool is_failure = !reading.rule || reading.rule->then == ruled::fail;
  if (!is_good)
    return is_failure && done.status == 404 ? probe_finding::not_found
                                            : probe_finding::no_answer;
  if (reading.unreadable
      && reading.unreadable->kind == error_kind::nothing_picked)
    return probe_finding::not_found;
  if (!reading.answer)
    return probe_finding::no_answer;
  const auto& answer = *reading.answer;
  // What is there but is no UID must not be taken for nothing: a clone would
  // be made a second time.
  if (!answer.contains(at) || answer.at(at).is_null())
    return probe_finding::not_found;
  if (!is_uid(answer.at(at)))
    return probe_finding::no_answer;
  uid = answer.at(at);
  return probe_finding::found;
}

wall_time probe_ends(const probe_rules& rules, wall_time ended) {
  return ended + rules.after + rules.limit;
}

clone_step after_probe(const clone_rules& rules, const probe_end& made) {
  if (made.finding == probe_finding::found)
    return {clone_action::finish, milliseconds{0}, std::nullopt};
  const auto again = after_look({rules.probe->every, rules.probe->limit},
                                made.ends, made.now, made.retry_after);
  if (again.pause)
    return {clone_action::probe, *again.pause, std::nullopt};
  // Pauses are cut to the millisecond.
  if (made.finding == probe_finding::not_found
      && made.now - made.took + milliseconds{1} < made.ends)
    return {clone_action::probe, made.retry_after.value_or(milliseconds{0}),
            std::nullopt};
  if (made.finding == probe_finding::not_found && !made.is_accepted)
    return attempt_again(rules, made.counted, made.random, std::nullopt,
                         made.last);
  return surrender(made.last);
}

clone_step after_poll(const clone_rules& rules, const poll_verdict& verdict,
                      const poll_end& made) {
  if (verdict.finding == poll_finding::failed)
    return fail(verdict.failure);
  const bool is_lost = verdict.finding == poll_finding::lost || made.gone >= 2;
  const auto again = is_lost
                     ? wait_step{}
                     : after_look(*rules.poll, made.ends, made.now, made.wait);
  if (again.pause)
    return {clone_action::poll, *again.pause, std::nullopt};
  if (rules.probe)
    return {clone_action::probe, rules.probe->after, std::nullopt};
  return surrender(is_lost ? verdict.failure
                           : std::optional{wait_timed_out(*rules.poll, 0)});
}

clone_step after_crash(const clone_rules& rules, const job& record,
                       wall_time now, double random) {
  if (record.clone.accepted && rules.poll)
    return {
      clone_action::poll,
      after_restart(*rules.poll, record.clone.accepted->ends, now, random),
      std::nullopt};
  const auto& attempts = record.clone.attempts;
  const auto counted = record.clone.counted;
  const auto left = [&] {
    return record.clone.next_attempt ? pause_left(*record.clone.next_attempt,
                                                  record.clone.pause_begun, now)
                                     : milliseconds{0};
  };
  // A call before the clone may have been told to wait.
  if (attempts.empty())
    return {clone_action::attempt, left(), std::nullopt};
  if (!attempts.back().ended)
    return after_unknown(rules, counted, 0,
                         error{error_kind::shut_down,
                               "the service stopped while it was under way"});
  if (record.clone.next_attempt)
    return {clone_action::attempt, left(), std::nullopt};
  // It had ended, and what followed was a probe, never another attempt.
  return after_unknown(rules, counted, 0, attempts.back().failure);
}

} // namespace handoff

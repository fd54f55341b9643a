#pragma once

#include "job/job.hpp"
#include "job/verdict.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace handoff {

/// What a flow allows for its clone.
struct clone_rules {
  retry_policy retry;
  bool has_probe = false;
  bool safe_to_repeat = false;
};

/// What a clone actor does next.
enum class clone_action : std::uint8_t {
  finish,    ///< the UID is known
  attempt,   ///< (another) attempt, after the pause
  probe,     ///< look whether the clone happened, after the pause
  fail,      ///< settled: it did not happen, and is not tried again
  surrender, ///< settled as ambiguous: nobody can know
};

struct clone_step {
  clone_action action = clone_action::fail;
  std::chrono::milliseconds pause{0};
  std::optional<error> failure; ///< of `fail` and `surrender`

  friend bool operator==(const clone_step&, const clone_step&) = default;
};

/// What follows an attempt that ended as `verdict`. `counted` attempts have
/// been used up, this one included. A clone of unknown outcome is never blindly
/// sent again: it is looked for if there is a probe, repeated only if that is
/// safe, else given up as ambiguous.
clone_step after_attempt(const clone_rules& rules, const clone_verdict& verdict,
                         std::uint32_t counted, double random,
                         std::optional<std::chrono::milliseconds> retry_after);

/// What a probe found.
enum class probe_finding : std::uint8_t {
  found,
  not_found, ///< a good answer without a UID, or 404
  no_answer, ///< nothing that says anything
};

struct probe_verdict {
  probe_finding finding = probe_finding::no_answer;
  nlohmann::json uid;    ///< a string or an integer, when `found`
  nlohmann::json answer; ///< the probe's whole answer, when `found`
};

/// Judges a probe's exchange, whose answer has the UID `at` this place.
probe_verdict judge_probe(const exchange& done,
                          const nlohmann::json::json_pointer& at);

/// What follows a probe, the `probes`-th in a row that brought no answer.
/// `last` is why the last attempt failed.
clone_step after_probe(const clone_rules& rules, probe_finding finding,
                       std::uint32_t counted, std::uint32_t probes,
                       double random, const std::optional<error>& last);

/// Where a clone goes on that was interrupted by a crash: an attempt that was
/// under way is of unknown outcome, one that had ended is followed by the next
/// when that is due.
clone_step after_crash(const clone_rules& rules, const job& record,
                       wall_time now);

} // namespace handoff

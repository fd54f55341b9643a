#pragma once

#include "job/job.hpp"
#include "job/verdict.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace handoff {

/// When a probe is asked.
struct probe_rules {
  /// After the attempt of unknown outcome ended.
  std::chrono::milliseconds after{0};
  std::chrono::milliseconds every{2000};
  /// From the first time that it is asked. "Not found" counts only if it is so
  /// at the end.
  std::chrono::milliseconds limit{10'000};
};

/// What a flow allows for its clone.
struct clone_rules {
  retry_policy retry;
  /// None: there is no probe.
  std::optional<probe_rules> probe;
  bool safe_to_repeat = false;
  /// Of a clone whose upstream works on it; none: it is not polled.
  std::optional<wait_rules> poll = {};
};

/// What a clone actor does next.
enum class clone_action : std::uint8_t {
  finish,    ///< the UID is known
  attempt,   ///< (another) attempt, after the pause
  prepare,   ///< the next call before it, after the pause
  probe,     ///< look whether the clone happened, after the pause
  poll,      ///< ask what became of an accepted clone, after the pause
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

/// Whether an attempt of the clone may have made it, as far as is known of the
/// attempts since a person last asked for one. Where there is a probe, it has
/// told since.
bool may_have_happened(const job& record);

/// What a clone's attempt that was too early ends in.
struct early_attempt {
  std::uint32_t throttled = 1; ///< how many in a row, with this one
  wall_time since;             ///< the first of them
  wall_time now;
  double random = 0;
  /// For how long a sender waits for the clone yet; none: nobody does.
  std::optional<std::chrono::milliseconds> sender_waits;
};

/// What follows an attempt that was `throttled`. Where the upstream does not
/// say how long to wait, it is the backoff while that is over before the sender
/// has to be answered.
clone_step after_throttled(const clone_rules& rules,
                           const clone_verdict& verdict,
                           const early_attempt& made);

/// What a probe found.
enum class probe_finding : std::uint8_t {
  found,
  not_found, ///< a good answer without a UID, or 404
  no_answer, ///< nothing that says anything
};

std::string_view name(probe_finding finding) noexcept;

/// Judges a probe's exchange, in whose answer the flow has found `reading`; the
/// UID is put into `uid` when found.
probe_finding judge_probe(const exchange& done,
                          const nlohmann::json::json_pointer& at,
                          const answer_reading& reading, nlohmann::json& uid);

/// When "not found" begins to count, of the probe of an attempt that ended at
/// `ended`.
wall_time probe_ends(const probe_rules& rules, wall_time ended);

/// What is known when a probe has ended.
struct probe_end {
  probe_finding finding = probe_finding::no_answer;
  std::uint32_t counted = 0; ///< attempts that have been used up
  bool is_accepted = false;  ///< it must not be made again
  wall_time ends;            ///< as `probe_ends` says
  wall_time now;
  double random = 0;
  std::optional<std::chrono::milliseconds> retry_after;
  std::optional<error> last; ///< why the last attempt failed
  /// How long ago it was asked.
  std::chrono::milliseconds took{0};
};

/// What follows a probe: it is asked again until its time is over, and then
/// "not found" leads to another attempt, no answer to `surrender`. What was
/// asked before the end says nothing of how it is at the end.
clone_step after_probe(const clone_rules& rules, const probe_end& made);

/// What is known when a poll has ended.
struct poll_end {
  wall_time ends; ///< when the clone is given up
  wall_time now;
  std::uint32_t gone = 0; ///< polls in a row that found it gone
  std::optional<std::chrono::milliseconds> wait; ///< what the upstream asks for
};

/// What follows a poll that brought no UID. A clone that was accepted is never
/// made again: where nothing is known of it, it is looked for if there is a
/// probe, and else given up as ambiguous.
clone_step after_poll(const clone_rules& rules, const poll_verdict& verdict,
                      const poll_end& made);

/// Where a clone goes on that was interrupted by a crash: an attempt that was
/// under way is of unknown outcome, one that had ended is followed by the next
/// when that is due.
/// One that was accepted is polled, at a time that `random` (in [0, 1))
/// spreads.
clone_step after_crash(const clone_rules& rules, const job& record,
                       wall_time now, double random);

} // namespace handoff

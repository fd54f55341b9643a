#pragma once

#include "job/status.hpp"
#include "job/webhook.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

using wall_time = std::chrono::system_clock::time_point;

/// Bytes of an answer that are kept with an attempt that did not succeed.
inline constexpr std::size_t excerpt_bytes_max = 2'048;

/// The beginning of an upstream's answer, for people: with secrets masked, and
/// UTF-8.
struct answer_excerpt {
  std::string content_type; ///< empty: the answer had none
  std::string body;         ///< `excerpt_bytes_max` at most
  bool is_cut = false;      ///< the answer was longer

  friend bool operator==(const answer_excerpt&,
                         const answer_excerpt&) = default;
};

/// One request to an upstream, made or under way.
struct attempt {
  /// 1 for the first; every attempt has its own, counted or not.
  std::uint32_t number = 1;
  wall_time started;
  /// From then until its request went to the wire: its commit, and the wait for
  /// a turn.
  std::chrono::milliseconds waited{0};
  /// From then until its end.
  std::chrono::milliseconds duration{0};
  /// 0 when no answer came.
  int http_status = 0;
  /// Why it was no success.
  std::optional<error> failure;
  /// What was answered, where that was no success; null: nothing was.
  std::shared_ptr<const answer_excerpt> response = nullptr;
  /// The actor that made it.
  std::string worker;
  /// Whom it is made to, for those who tell of it; not journaled.
  std::string upstream = {};
  /// False when its end says nothing of the upstream (a shutdown, a crash of
  /// the actor, no turn): it does not use up `max_attempts`.
  bool counted = true;
  bool ended = false;
};

/// Of the attempts of a clone or a step, the first and the last ones are kept,
/// so that the record of a job is bounded however often it tries.
inline constexpr std::size_t first_attempts_kept = 5;
inline constexpr std::size_t last_attempts_kept = 20;

/// Calls of one kind that a clone or a step makes beside its attempts: those
/// before a clone, probes, polls, and looks for what a step waits for. They may
/// be very many, so that only their number and the last of them are kept.
struct inquiry {
  std::string name; ///< "prepare:NAME", "probe", "poll" or "until"
  wall_time first;  ///< when the first was made
  /// Its number tells how many there were. `response` is set for one that did
  /// not bring what was asked for.
  attempt last;
  std::string finding; ///< what it found: "not-yet", for example
};

/// Puts `made` in the place of what `known` has of its name. False: `known` has
/// as much already.
bool put_inquiry(std::vector<inquiry>& known, inquiry made);

/// What an inquiry of `step`, which is "clone" or a step's full name, is called
/// in idempotency keys and traces: "clone:poll".
std::string called_as(const std::string& step, const inquiry& made);

/// Whether the attempt is the look for what its step waited for that ended the
/// wait: then it went out as a look.
bool is_last_look(const inquiry& known, const attempt& made);

/// What an upstream answered that took a clone on and works on it.
struct accepted_clone {
  nlohmann::json answer; ///< what the flow refers to of it, or null
  wall_time ends;        ///< when it is given up
};

/// What is known of the clone.
struct clone_record {
  /// The first `first_attempts_kept` and the last `last_attempts_kept`; their
  /// numbers tell how many there were.
  std::vector<attempt> attempts;
  /// How many attempts have used up the policy's `max_attempts`, since a person
  /// last asked for more.
  std::uint32_t counted = 0;
  /// A string or an integer once it is known, else null.
  nlohmann::json uid;
  /// The whole answer where the flow refers to it, else null.
  nlohmann::json answer;
  /// Why there is no UID, once that is settled.
  std::optional<error> failure;
  /// When the next attempt is due, between two of them.
  std::optional<wall_time> next_attempt;
  /// When the pause before it began.
  std::optional<wall_time> pause_begun = {};
  /// Since when its attempts have had nothing but "not now", and how many.
  std::optional<wall_time> throttled_since = {};
  std::uint32_t throttled = 0;
  /// From then on it is known to be under way, and is only asked for.
  std::optional<accepted_clone> accepted = {};
  /// What the flow's `prepare` calls answered, by name; null before that.
  nlohmann::json prepared = nullptr;
  /// One of each name.
  std::vector<inquiry> inquiries = {};
};

/// What the steps of a job are, beside its clone. Values are written to the
/// journal and append-only.
enum class step_kind : std::uint8_t {
  sub_action = 1,
  compensation = 2, ///< undoes a sub-action or the clone
  callback = 3,     ///< tells the sender's system what became of the job
};

/// Names a step of a job: the place among those of its kind.
struct step_ref {
  step_kind kind = step_kind::sub_action;
  std::size_t index = 0;

  friend auto operator<=>(const step_ref&, const step_ref&) = default;
};

constexpr step_ref sub_action_at(std::size_t index) {
  return {step_kind::sub_action, index};
}

/// Most elements that a sub-action with `for_each` may have.
inline constexpr std::size_t elements_max = 1'000;

/// What is known of one step: a sub-action, or what follows them.
struct step_record {
  /// Of a sub-action, its own; of a compensation, that of what it undoes
  /// ("clone" for the clone); of a callback, the event that it tells of, with
  /// "-2" behind it for the second time, and so on.
  std::string name;
  sub_action_status status = sub_action_status::waiting;
  std::vector<attempt> attempts; ///< kept as those of a clone are
  std::uint32_t counted = 0;     ///< as that of a clone
  /// The answer of the attempt that succeeded where the flow refers to it.
  nlohmann::json answer;
  /// Why it failed or was skipped, once it is final.
  std::optional<error> failure;
  /// When the next attempt is due, while it is `retrying`.
  std::optional<wall_time> next_attempt;
  /// As that of a clone.
  std::optional<wall_time> pause_begun = {};
  /// The place of its success among those of the job's steps, 1 for the first;
  /// 0 while it has none.
  std::uint32_t success = 0;
  /// When it came to be, of a compensation or callback.
  std::optional<wall_time> added = {};
  /// As those of a clone.
  std::optional<wall_time> throttled_since = {};
  std::uint32_t throttled = 0;
  /// When it is given up, of a step that waits for what its upstream works on.
  std::optional<wall_time> wait_ends = {};
  /// The sub-action that this step is one element of; empty: of none.
  std::string of = {};
  /// How many steps a sub-action with `for_each` was made into, once that is
  /// known. It has no attempts of its own then: its status follows from theirs.
  std::optional<std::size_t> elements = {};
  /// As those of a clone.
  std::vector<inquiry> inquiries = {};
};

/// What the sender was told.
struct reply_record {
  wall_time at;
  int status = 0;
  /// False: the sender had gone before.
  bool written = false;
};

/// The claim of a job on an idempotency key of its flow.
struct idempotency_claim {
  std::string key;
  /// SHA-256 of the webhook's body, in hex: what tells a repetition from
  /// another use of the key.
  std::string fingerprint;
  wall_time expires;

  friend bool operator==(const idempotency_claim&,
                         const idempotency_claim&) = default;
};

/// Longest title of a job; a longer one is cut.
inline constexpr std::size_t title_bytes_max = 200;

/// A job, whole: what the journal keeps and the admin API shows.
struct job {
  std::string id;
  std::string flow;
  /// Of the definition that it started with.
  std::string flow_version;
  /// What people call it; empty: nothing.
  std::string title = {};
  webhook hook;
  std::optional<idempotency_claim> claim;
  job_status status = job_status::cloning;
  /// When the sender will have been answered at the latest.
  wall_time deadline;
  clone_record clone;
  std::vector<step_record> sub_actions;
  /// In the order in which they are made, one at a time.
  std::vector<step_record> compensations;
  /// In the order in which they are made, one at a time.
  std::vector<step_record> callbacks;
  std::optional<reply_record> reply;
  std::optional<wall_time> finished;
  /// Since when somebody wants it cancelled; a retry takes that back.
  std::optional<wall_time> cancel_requested;
  std::uint32_t successes = 0; ///< of steps, in all
  /// How often a start of the service took it up and did not get it further:
  /// past a limit it is set aside.
  std::uint32_t recoveries = 0;
  /// The last of those is taken back until its next attempt, as it only waits.
  bool rested = false;
  /// When a start took it up last: tells that event from its repetition.
  std::optional<wall_time> recovered;
};

using job_ptr = std::shared_ptr<const job>;

/// The steps of `kind` that `record` has.
std::vector<step_record>& steps_of(job& record, step_kind kind);
const std::vector<step_record>& steps_of(const job& record, step_kind kind);

/// The step that `which` names; null if the job has none there.
step_record* find_step(job& record, step_ref which);

/// The number of the element that a step is made for, from 0. Only of one that
/// is an element (`step_record::of`).
std::size_t element_of(const step_record& step);

/// What the element number `at` of the sub-action `of` is called: "invite.0".
std::string element_name(std::string_view of, std::size_t at);

/// Whether callbacks remain to be made. They may outlive all else of a job.
bool is_calling_back(const job& record);

/// Whether something remains to be done without a person: it is cloning or
/// running, or calling back.
bool is_unfinished(const job& record);

/// Whether a step needs nothing more: it has succeeded, or is not wanted.
bool is_satisfied(const step_record& step);

/// How a job goes on by itself.
enum class job_work : std::uint8_t {
  clone,   ///< attempts (or probes) of its clone
  steps,   ///< sub-actions and what follows them
  person,  ///< not before a person has settled its clone
  nothing, ///< it is over
};

/// What is to be done next: a function of the record alone.
job_work next_of(const job& record);

/// Whether the last attempt has begun and not ended: it is under way, or was
/// when the process stopped.
bool is_under_way(const std::vector<attempt>& attempts);

/// What tells a step from all others of its job, as in idempotency keys: the
/// name of a sub-action, with what it is behind it for the others.
std::string full_name(step_kind kind, std::string_view name);

/// How long an attempt that ends `now` had waited before its `duration`.
std::chrono::milliseconds waited_before(const attempt& made, wall_time now);

/// The number of the attempt that comes next: one more than the last one's.
std::uint32_t next_attempt_number(const std::vector<attempt>& attempts);

} // namespace handoff

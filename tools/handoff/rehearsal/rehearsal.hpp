#pragma once

#include "config/connection.hpp"
#include "config/flow.hpp"
#include "config/settings.hpp"
#include "tools/fake_api/script.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::rehearsal {

/// What goes wrong around the service. Each is drawn from the seed by itself.
struct fault_classes {
  bool upstreams = true; ///< slow, dead, throttling, lost answers, errors
  bool journal = true;   ///< commits that fail, or hold although they failed
  bool actors = true;    ///< actors that die
  bool senders = true;   ///< that repeat, hang up, use a key twice
  bool slow = true;      ///< commits that take seconds, time between messages
  bool drains = true;    ///< some of the crashes are orderly stops
  bool reloads = true;   ///< of flows; and retries by the flow as it is then
  bool clocks = true;    ///< the wall clock is set, forwards and backwards
};

/// Faults that the service does not have, put between it and its world: what
/// the checks must find. For tests of the checks themselves.
enum class sabotage {
  none,
  answer_before_commit, ///< the journal says "done" and commits later
  lose_commits,         ///< it says "done", and some do not hold
  tear_batches,         ///< of a batch, some hold only the first event
  forget_keys,          ///< jobs do not claim their keys
  forget_cancels,       ///< that a job was cancelled does not reach the disk
  forget_fence,         ///< a process that is gone goes on writing
  skip_recovery,        ///< a start does not take jobs up
  no_limits,            ///< nobody waits for a turn
  a_worker_too_many,    ///< jobs have one more than they should
  repeat_clones,        ///< clones of unknown outcome are sent again
  impatient_probes,     ///< the first "not found" of a probe counts
  keep_places,          ///< a place is not given back
  reverse_undoing,      ///< what succeeded first is undone first
};

struct rehearsal_report;

struct rehearsal_options {
  handoff::settings settings;
  connection_set connections;
  /// Those that come with the program, if it is empty.
  std::vector<flow_ptr> flows;
  /// How the upstreams behave where they behave.
  std::optional<fake_api::script> script;
  std::uint64_t seed = 1;
  std::uint64_t jobs = 1'000; ///< webhooks, each sent once or more often
  std::uint64_t crashes = 10;
  std::uint64_t commands = 100;
  fault_classes faults;
  sabotage broken = sabotage::none;
  /// The jobs whose story is told in the report.
  std::vector<std::string> story_of = {};
  /// Told now and then how far it has come; may be empty.
  std::function<void(const rehearsal_report&)> progress;
};

/// A promise that was not kept.
struct broken_promise {
  std::string what; ///< the promise, in a few words
  std::string detail;
  std::string job;
  std::string other;               ///< that it was broken with; mostly none
  std::chrono::milliseconds at{0}; ///< virtual time
  std::uint64_t webhooks = 0;      ///< sent until then
};

struct rehearsal_report {
  std::optional<broken_promise> broken;
  std::vector<std::string> story; ///< of the jobs that were asked for
  std::uint64_t trace = 0;        ///< a hash of all that happened, in its order
  std::uint64_t webhooks = 0;
  std::uint64_t jobs = 0;         ///< journaled
  std::uint64_t answers = 0;      ///< senders that got one
  std::uint64_t uids_in_time = 0; ///< of them, with the UID
  std::uint64_t accepted = 0;     ///< of them, 202
  std::uint64_t refused = 0;      ///< of them, 4xx and 5xx
  std::uint64_t hung_up = 0;      ///< senders that went before their answer
  std::uint64_t cut_off = 0;      ///< senders whose service crashed
  std::uint64_t calls = 0;        ///< to upstreams
  std::uint64_t retries = 0;      ///< of them, not the first of their step
  std::uint64_t upstream_faults = 0;
  std::uint64_t journal_faults = 0;
  std::uint64_t actor_faults = 0;
  std::uint64_t crashes = 0;
  std::uint64_t drains = 0;
  std::uint64_t reloads = 0;
  std::uint64_t clock_steps = 0;
  std::uint64_t commands = 0;
  std::uint64_t commands_taken = 0; ///< answered with 2xx
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t ambiguous = 0;   ///< left to a person at the end
  std::uint64_t compensated = 0; ///< jobs
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t messages = 0;          ///< between actors
  std::uint64_t unfinished_max = 0;    ///< jobs at once, when a process started
  std::uint64_t kept_max = 0;          ///< jobs at once, finished ones too
  std::chrono::milliseconds median{0}; ///< from a webhook to the end of its job
  std::chrono::milliseconds p99{0};
  std::chrono::milliseconds virtual_time{0};
};

/// Runs the service in one thread and in virtual time, with what the seed
/// draws, and checks its promises as it goes; ends with the first that was
/// broken. The same options give the same run.
rehearsal_report rehearse(const rehearsal_options& options);

/// The same run with less in it, as far as it breaks the same promise within
/// `patience`, measured by the clock on the wall.
rehearsal_options reduced(const rehearsal_options& options,
                          const broken_promise& broken,
                          std::chrono::milliseconds patience);

} // namespace handoff::rehearsal

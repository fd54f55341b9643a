#pragma once

#include "actors/responder.hpp"
#include "config/flow.hpp"
#include "job/command.hpp"
#include "job/event.hpp"
#include "job/exchange.hpp"
#include "tools/handoff/rehearsal/agenda.hpp"
#include "tools/handoff/rehearsal/rehearsal.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace handoff::rehearsal {

/// What upstreams know of one step of a job, and what the journal does.
struct step_truth {
  std::uint32_t calls = 0;
  std::uint32_t in_flight = 0;
  std::uint32_t effects = 0;
  /// The place of its success among those of the job that are journaled; 0:
  /// none is.
  std::uint32_t success = 0;
  bool is_over = false; ///< journaled as final without success
  /// Its attempt had begun when its job was cancelled, and may be on its way.
  bool had_begun = false;
  /// When what it waits for is there.
  std::optional<agenda::time_point> ready;
};

/// A clone that an upstream has made.
struct clone_effect {
  std::string uid;
  agenda::time_point visible; ///< to a probe
};

/// What happened to one job, seen from outside.
struct job_truth {
  std::uint64_t webhook = 0;
  flow_ptr definition;
  std::uint64_t random = 0; ///< what its calls are drawn from
  job_status status = job_status::cloning;
  std::string uid; ///< journaled; empty: none is
  std::string key; ///< that it holds
  wall_time received;
  bool acknowledged = false;
  bool cancel_journaled = false;
  bool was_cancelled = false; ///< the same, whatever came after it
  bool cancel_told = false; ///< an operator was answered 2xx, and no retry came
  bool may_clone_again = false; ///< until there is one more
  bool is_calling_back = false;
  std::vector<clone_effect> clones;
  std::map<std::string, step_truth, std::less<>> steps; ///< by full name
  std::uint32_t successes = 0;
  std::vector<std::string> undoing; ///< compensations, in their order
  std::uint32_t in_flight = 0;      ///< sub-actions and compensations
  job folded;                       ///< all that is journaled of it
};

/// What a call is for.
struct called_step {
  std::string job;
  std::string step; ///< "clone", "clone:probe", "invite.0:compensate" …
};

/// Looks at all that leaves or enters the service, and says when a promise is
/// broken. Knows nothing of how the service is made.
class promises {
public:
  struct rules {
    std::size_t workers = 3;
    std::size_t calls_max = 256; ///< to one upstream
    std::size_t sub_action_calls_max = 128;
    /// The jobs whose story is told.
    std::vector<std::string> story_of;
    /// The flow with this version.
    std::function<flow_ptr(std::string_view version)> flow_of;
    /// Whether the journal has forgotten the job.
    std::function<bool(const std::string& id)> is_gone;
  };

  promises(const agenda& time, rules how, rehearsal_report& report)
      : time_{time}, rules_{std::move(how)}, report_{report} {}

  // -- what happens ---------------------------------------------------------

  /// A webhook is on its way to the service as the job `id`, if it becomes one.
  void posted(const std::string& id, std::uint64_t webhook);
  /// It came to nothing, or to another job.
  void not_posted(const std::string& id);

  /// The journal has this event, for good.
  void committed(const job_event& event);
  /// A call goes out. Null: the promise that there is such a job is broken.
  job_truth* call_begins(const called_step& step, const outbound_call& call,
                         const std::string& upstream);
  /// Its answer has come back; it began in the time of `generation`.
  void call_ended(const called_step& step, const outbound_call& call,
                  const std::string& upstream, std::uint64_t generation);

  /// Changes when nobody waits any more for what is under way. 0: it is not
  /// known whether anybody waits for what begins now.
  std::uint64_t generation() const { return is_disturbed() ? 0 : generation_; }

  /// An actor has died: nobody waits any more for some of the calls that are
  /// under way, and they may be made once more.
  void actor_died();
  /// The process has gone, and with it all that was under way.
  void cut_off();
  /// A sender is told `what`.
  void answered(const reply& what);
  /// An operator is told `what` of a command.
  void command_answered(const std::string& id, const job_command& command,
                        const reply& what);
  /// Told when a job is ambiguous: a person may look at it later.
  std::function<void(const std::string& id)> needs_a_person;

  /// Forgets jobs that ended before `before` and that are gone.
  void forget(wall_time before);
  /// Compares what is folded of a job with what the journal has.
  void compare(const std::string& id, const job& kept);
  /// The same for some of the jobs that have ended since the last time.
  void compare_ended(
    const std::function<std::optional<job>(const std::string&)>& kept);
  /// At the end, when nothing is under way any more: `kept` is what the journal
  /// has of a job, if anything.
  void
  finish(const std::function<std::optional<job>(const std::string&)>& kept);

  /// `other` is the job that the promise to `id` was broken with, if one was.
  void fail(std::string what, std::string detail, const std::string& id = {},
            const std::string& other = {});

  // -- what is known --------------------------------------------------------

  bool is_broken() const { return report_.broken.has_value(); }

  job_truth* find(const std::string& id);

  std::size_t known() const { return jobs_.size(); }

  /// Jobs that an operator may want to do something with: the newest, and those
  /// that need somebody.
  std::string some_job(draws& random) const;

  /// Adds to the story, if it is told of this job; what befalls all, which is
  /// of no job, since shortly before the first.
  void tell(const std::string& id, const std::string& what);

  /// Adds what happens to the trace.
  void note(std::uint64_t what, std::string_view whom);

private:
  struct host_calls {
    std::size_t clones = 0;
    std::size_t sub_actions = 0;
  };

  struct teller;

  bool is_told(const std::string& id) const {
    return std::find(rules_.story_of.begin(), rules_.story_of.end(), id)
        != rules_.story_of.end();
  }

  void forget_calls();

  /// An actor has just died, and others may not have heard of it.
  bool is_disturbed() const {
    return died_ && time_.now() - *died_ < std::chrono::seconds{1};
  }

  void take(const job_event& event);
  void accept(const job_event& event, const job_accepted& change);
  void ended(job_truth& which, const std::string& id, wall_time at);
  void check_cancel(job_truth& which, const called_step& step);
  void check_clone(job_truth& which, const called_step& step);
  void check_step(job_truth& which, const called_step& step);
  void check_undoing(const job_truth& which, const called_step& step);
  void check_limits(const std::string& upstream, const host_calls& now);

  const agenda& time_;
  rules rules_;
  rehearsal_report& report_;
  std::unordered_map<std::string, job_truth> jobs_;
  std::unordered_map<std::string, std::uint64_t> posted_; ///< webhooks
  /// Who holds each key of a flow.
  std::unordered_map<std::string, std::pair<std::string, wall_time>> keys_;
  std::unordered_map<std::string, host_calls> hosts_;
  /// Jobs of which calls began in this generation.
  std::unordered_set<std::string> called_;
  std::vector<std::string> newest_;
  std::size_t newest_at_ = 0;
  std::vector<std::string> troubled_;
  std::size_t troubled_at_ = 0;
  std::uint64_t generation_ = 1;
  bool has_begun_ = false;                     ///< the story
  std::optional<agenda::time_point> died_;     ///< when an actor did last
  std::multimap<wall_time, std::string> over_; ///< when they were
  std::vector<std::string> to_compare_;
  std::vector<std::uint64_t> times_; ///< of jobs, by logarithm

  void count_time(std::chrono::milliseconds took);
  std::chrono::milliseconds quantile(double part) const;
};

} // namespace handoff::rehearsal

// What is promised of all calls to upstreams.

#include "tools/handoff/rehearsal/promises.hpp"

#include <utility>

namespace handoff::rehearsal {
namespace {

bool is_undoing(std::string_view step) {
  return step.ends_with(":compensate");
}

bool is_callback(std::string_view step) {
  return step.ends_with(":callback");
}

/// Looks that belong to a clone.
bool is_look(std::string_view step) {
  return step == "clone:probe" || step == "clone:poll"
      || step.starts_with("prepare:");
}

} // namespace

job_truth* promises::call_begins(const called_step& step,
                                 const outbound_call& call,
                                 const std::string& upstream) {
  note(100, step.job);
  note(101, step.step);
  tell(step.job,
       "call begins: " + step.step + ", " + call.method + ' ' + call.url);
  ++report_.calls;
  auto* which = find(step.job);
  if (which == nullptr) {
    fail("no call before its job is journaled",
         step.step + " is called for a job that the journal does not have",
         step.job);
    return nullptr;
  }
  auto& host = hosts_[upstream];
  ++(call.purpose == call_class::clone ? host.clones : host.sub_actions);
  check_limits(upstream, host);
  check_cancel(*which, step);
  if (step.step == "clone" || is_look(step.step))
    check_clone(*which, step);
  else
    check_step(*which, step);
  auto& truth = which->steps[step.step];
  if (truth.calls++ > 0 && !is_look(step.step))
    ++report_.retries;
  if (!is_disturbed()) {
    ++truth.in_flight;
    called_.insert(step.job);
  }
  return which;
}

void promises::check_cancel(job_truth& which, const called_step& step) {
  if (!which.cancel_told || is_callback(step.step))
    return;
  // An attempt begins when it is journaled; that its request leaves a moment
  // after somebody was told so is no harm.
  if (std::exchange(which.steps[step.step].had_begun, false))
    return;
  fail("no attempt begins after a cancel was answered",
       step.step + " is called after the 2xx of a cancel", step.job);
}

void promises::check_limits(const std::string& upstream,
                            const host_calls& now) {
  if (now.clones + now.sub_actions > rules_.calls_max
      || now.sub_actions > rules_.sub_action_calls_max)
    fail("no more calls to an upstream than its limit",
         upstream + " has " + std::to_string(now.clones) + " clones and "
           + std::to_string(now.sub_actions) + " other calls under way");
}

void promises::check_clone(job_truth& which, const called_step& step) {
  if (!which.uid.empty())
    fail("a journaled success is never called again",
         step.step + " is called, but the UID is journaled: " + which.uid,
         step.job);
  if (step.step != "clone")
    return;
  if (!which.clones.empty() && !which.may_clone_again
      && !which.definition->clone.safe_to_repeat) {
    ++report_.doubled;
    fail("a clone is made once",
         "it was made as " + which.clones.back().uid
           + ", and is sent again: no probe, person or flow allows that",
         step.job);
  }
}

void promises::check_step(job_truth& which, const called_step& step) {
  if (is_callback(step.step))
    return;
  if (!is_disturbed() && ++which.in_flight > rules_.workers)
    fail("no more calls of a job than workers",
         step.step + " is call " + std::to_string(which.in_flight), step.job);
  auto& truth = which.steps[step.step];
  if (truth.success != 0)
    fail("a journaled success is never called again",
         step.step + " is called again", step.job);
  if (truth.is_over && !which.cancel_told)
    fail("what is over is not attempted",
         step.step + " is called, and is journaled as over", step.job);
  if (truth.in_flight > 0 && !is_disturbed())
    fail("one attempt of a step at a time",
         step.step + " is called twice at once", step.job);
  if (is_undoing(step.step))
    check_undoing(which, step);
}

void promises::check_undoing(const job_truth& which, const called_step& step) {
  for (const auto& each : which.undoing) {
    const auto name = full_name(step_kind::compensation, each);
    if (name == step.step)
      return;
    const auto known = which.steps.find(name);
    if (known == which.steps.end()
        || (known->second.success == 0 && !known->second.is_over
            && known->second.effects == 0 && known->second.calls == 0)) {
      fail("what succeeded last is undone first",
           step.step + " is called before " + name, step.job);
      return;
    }
    if (known->second.in_flight > 0) {
      fail("one compensation at a time",
           step.step + " is called while " + name + " is", step.job);
      return;
    }
  }
  fail("no call before it is journaled", step.step + " is not journaled",
       step.job);
}

void promises::call_ended(const called_step& step, const outbound_call& call,
                          const std::string& upstream,
                          std::uint64_t generation) {
  note(102, step.step);
  tell(step.job, "call ends: " + step.step);
  auto& host = hosts_[upstream];
  --(call.purpose == call_class::clone ? host.clones : host.sub_actions);
  auto* which = find(step.job);
  if (which == nullptr || generation != generation_)
    return;
  --which->steps[step.step].in_flight;
  if (step.step != "clone" && !is_look(step.step) && !is_callback(step.step))
    --which->in_flight;
}

void promises::forget_calls() {
  ++generation_;
  for (const auto& id : std::exchange(called_, {})) {
    auto* which = find(id);
    if (which == nullptr)
      continue;
    which->in_flight = 0;
    for (auto& [name, step] : which->steps)
      step.in_flight = 0;
  }
}

void promises::actor_died() {
  note(105, {});
  tell({}, "an actor dies");
  died_ = time_.now();
  forget_calls();
}

void promises::cut_off() {
  note(103, {});
  tell({}, "the process has gone");
  hosts_.clear();
  posted_.clear();
  forget_calls();
}

} // namespace handoff::rehearsal

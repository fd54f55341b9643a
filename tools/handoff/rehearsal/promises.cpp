#include "tools/handoff/rehearsal/promises.hpp"

#include "http/admin/job_document.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <cmath>

namespace handoff::rehearsal {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

/// Jobs that operators choose from.
constexpr std::size_t newest_max = 256;
constexpr std::size_t troubled_max = 64;

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

std::string_view event_kind_of(const job_event& event) {
  constexpr std::string_view names[] = {
    "job_accepted",     "clone_attempt_begun", "clone_attempt_ended",
    "clone_succeeded",  "clone_settled",       "step_begun",
    "step_ended",       "step_settled",        "job_finished",
    "sender_replied",   "job_recovered",       "job_handed_back",
    "key_released",     "clone_reopened",      "steps_added",
    "cancel_requested", "definition_changed",  "job_rested",
    "clone_accepted",   "wait_begun",          "clone_prepared",
    "polling_resumed",  "steps_expanded"};
  static_assert(std::size(names) == std::variant_size_v<job_change>);
  return names[event.change.index()];
}

std::string text_of(const nlohmann::json& uid) {
  return uid.is_string() ? uid.get<std::string>() : json_text(uid);
}

std::string key_of(const std::string& flow, const std::string& key) {
  return flow + '\n' + key;
}

/// The job that an answer tells of; empty if it tells of none.
std::string job_told(const reply& what) {
  const auto* location = find_header(what.headers, "Location");
  if (location == nullptr)
    return {};
  const auto slash = location->rfind('/');
  return slash == std::string::npos ? std::string{}
                                    : location->substr(slash + 1);
}

/// The UID that an answer tells; empty if it tells none.
std::string uid_told(const reply& what) {
  constexpr std::string_view before = "\"uid\":\"";
  const auto at = what.body.find(before);
  if (at == std::string::npos)
    return {};
  const auto begin = at + before.size();
  return what.body.substr(begin, what.body.find('"', begin) - begin);
}

} // namespace

// -- what is known ------------------------------------------------------------

void promises::fail(std::string what, std::string detail,
                    const std::string& id) {
  if (report_.broken)
    return;
  report_.broken = broken_promise{std::move(what), std::move(detail), id,
                                  time_.passed(), report_.webhooks};
}

job_truth* promises::find(const std::string& id) {
  const auto known = jobs_.find(id);
  return known != jobs_.end() ? &known->second : nullptr;
}

std::string promises::some_job(draws& random) const {
  const bool in_trouble = !troubled_.empty() && random.chance(0.4);
  const auto& from = in_trouble ? troubled_ : newest_;
  return from.empty() ? std::string{} : from[random.below(from.size())];
}

void promises::tell(const std::string& id, const std::string& what) {
  if (rules_.story_of.empty() || (!id.empty() && id != rules_.story_of))
    return;
  report_.story.push_back(std::to_string(time_.passed().count())
                          + " ms: " + what);
}

void promises::note(std::uint64_t what, std::string_view whom) {
  report_.trace =
    mixed({report_.trace, what,
           static_cast<std::uint64_t>(time_.now().time_since_epoch().count()),
           number_of(whom)});
}

// -- webhooks and their answers -----------------------------------------------

void promises::posted(const std::string& id, std::uint64_t webhook) {
  posted_[id] = webhook;
}

void promises::not_posted(const std::string& id) {
  posted_.erase(id);
}

void promises::answered(const reply& what) {
  note(1, what.body);
  ++report_.answers;
  if (what.status >= 400) {
    ++report_.refused;
    if (what.status == 500)
      fail("a webhook is answered as its contract says", "500: " + what.body);
    return;
  }
  const auto id = job_told(what);
  if (id.empty())
    return; // it became no job
  auto* which = find(id);
  if (which == nullptr) {
    fail("a 2xx is for a job that the journal has",
         std::to_string(what.status) + " came before the journal had the job",
         id);
    return;
  }
  which->acknowledged = true;
  tell(id, "a sender is told " + std::to_string(what.status) + ' ' + what.body);
  const auto uid = uid_told(what);
  if (uid.empty()) {
    ++report_.accepted;
    return;
  }
  ++report_.uids_in_time;
  if (which->uid != uid)
    fail("an answered UID is in the journal",
         "the sender was told " + uid + ", the journal has \"" + which->uid
           + "\"",
         id);
}

// -- the journal --------------------------------------------------------------

void promises::committed(const job_event& event) {
  note(2 + event.change.index(), event.job);
  if (const auto* change = std::get_if<job_accepted>(&event.change)) {
    accept(event, *change);
    return;
  }
  auto* which = find(event.job);
  if (which == nullptr)
    return; // an event of a job that is not known changes nothing
  const bool is_new = apply(which->folded, event);
  if (event.job == rules_.story_of)
    tell(event.job, "journaled: " + std::string{event_kind_of(event)}
                      + (event.step.empty() ? "" : " of " + event.step)
                      + (is_new ? ", now " : " once more, ")
                      + std::string{name(which->folded.status)});
  if (is_new)
    take(event);
}

void promises::accept(const job_event& event, const job_accepted& change) {
  const auto& record = *change.record;
  const auto [at, is_new] = jobs_.try_emplace(event.job);
  if (!is_new)
    return;
  ++report_.jobs;
  tell(event.job, "journaled: accepted, of flow " + record.flow);
  auto& which = at->second;
  if (const auto known = posted_.find(event.job); known != posted_.end()) {
    which.webhook = known->second;
    posted_.erase(known);
  }
  which.definition = rules_.flow_of(record.flow_version);
  which.received = record.hook.received;
  which.random = number_of(event.job);
  apply(which.folded, event);
  if (record.claim) {
    which.key = key_of(record.flow, record.claim->key);
    auto& held = keys_[which.key];
    if (!held.first.empty() && held.first != event.job && held.second > event.at
        && jobs_.contains(held.first) && jobs_.at(held.first).key == which.key)
      fail("one key makes one job",
           "the jobs " + held.first + " and " + event.job
             + " have the same idempotency key",
           event.job);
    held = {event.job, record.claim->expires};
  }
  if (newest_.size() < newest_max)
    newest_.push_back(event.job);
  else
    newest_[newest_at_++ % newest_max] = event.job;
}

/// What the events of a job that is known mean to who looks from outside.
struct promises::teller {
  promises& to;
  job_truth& which;
  const job_event& event;

  step_truth& step_of(step_kind kind) const {
    return which.steps[full_name(kind, event.step)];
  }

  void settle(job_status status) const {
    which.status = status;
    if (is_final(status) || status == job_status::ambiguous)
      to.ended(which, event.job, event.at);
  }

  void operator()(const clone_attempt_begun&) const {
    which.status = job_status::cloning;
  }

  void operator()(const clone_succeeded& change) const {
    if (!which.uid.empty())
      return;
    which.uid = text_of(change.uid);
    which.status = job_status::running;
  }

  void operator()(const clone_settled& change) const {
    if (!which.uid.empty())
      return;
    if (change.status == job_status::cancelled)
      cancelled();
    settle(change.status);
  }

  void cancelled() const {
    which.cancel_journaled = true;
    which.was_cancelled = true;
  }

  void retried() const {
    which.cancel_told = false;
    which.cancel_journaled = false;
  }

  void operator()(const clone_reopened&) const {
    if (!which.uid.empty())
      return;
    if (which.status == job_status::ambiguous)
      which.may_clone_again = true; // a person has said so
    retried();
    which.status = job_status::cloning;
  }

  void operator()(const polling_resumed&) const {
    retried();
    which.status = job_status::cloning;
  }

  void operator()(const cancel_requested&) const { cancelled(); }

  void operator()(const step_ended& change) const {
    auto& step = step_of(change.step.kind);
    if (step.success != 0)
      return;
    if (change.status == sub_action_status::succeeded) {
      if (change.step.kind == step_kind::sub_action)
        step.success = ++which.successes;
      else
        step.success = 1;
      if (step.effects == 0)
        to.fail("a success was one",
                "the journal says that " + event.step
                  + " succeeded, its upstream does not",
                event.job);
    } else {
      step.is_over = is_final(change.status);
    }
  }

  void operator()(const step_begun& change) const {
    step_of(change.step.kind).is_over = false;
  }

  void operator()(const step_settled& change) const {
    auto& step = step_of(change.step.kind);
    if (step.success != 0)
      return;
    step.is_over = is_final(change.status);
    if (!step.is_over && change.step.kind == step_kind::sub_action)
      retried();
    if (change.status == sub_action_status::cancelled)
      cancelled();
    if (change.status == sub_action_status::skipped && step.calls > 0)
      to.fail("what is skipped was never attempted",
              event.step + " was called and is skipped", event.job);
  }

  void operator()(const steps_added& change) const {
    if (change.kind != step_kind::compensation)
      return;
    if (which.undoing.empty())
      ++to.report_.compensated;
    for (const auto& each : change.names)
      if (std::find(which.undoing.begin(), which.undoing.end(), each)
          == which.undoing.end())
        which.undoing.push_back(each);
    check_order();
  }

  void check_order() const {
    std::uint32_t before = which.successes + 1;
    for (const auto& each : which.undoing) {
      const auto success = each == "clone" ? 0 : which.steps[each].success;
      if (success >= before) {
        to.fail("what succeeded last is undone first",
                each + " is undone too late", event.job);
        return;
      }
      before = success;
    }
  }

  void operator()(const job_finished& change) const {
    if (change.status == job_status::cancelled)
      cancelled();
    if (change.status == job_status::succeeded && which.uid.empty())
      to.fail("no UID, no success", "the job succeeded without a UID",
              event.job);
    settle(change.status);
  }

  void operator()(const key_released& change) const {
    if (which.key.ends_with('\n' + change.key))
      which.key.clear();
  }

  void operator()(const definition_changed& change) const {
    if (auto now = to.rules_.flow_of(change.version))
      which.definition = std::move(now);
    for (auto& [name, step] : which.steps)
      if (step.success == 0)
        step = {.calls = 0,
                .in_flight = step.in_flight,
                .effects = step.effects,
                .success = 0,
                .is_over = false,
                .ready = step.ready};
  }

  template <class Other>
  void operator()(const Other&) const {}
};

void promises::take(const job_event& event) {
  auto& which = jobs_.at(event.job);
  std::visit(teller{*this, which, event}, event.change);
}

void promises::ended(job_truth& which, const std::string& id, wall_time at) {
  if (is_final(which.status))
    over_.emplace(at, id);
  else if (needs_a_person)
    needs_a_person(id);
  if (which.status == job_status::ambiguous
      || which.status == job_status::failed) {
    if (troubled_.size() < troubled_max)
      troubled_.push_back(id);
    else
      troubled_[troubled_at_++ % troubled_max] = id;
  }
  count_time(duration_cast<milliseconds>(at - which.received));
}

void promises::forget(wall_time before,
                      const std::function<bool(const std::string&)>& is_gone) {
  std::vector<std::string> still_there;
  while (!over_.empty() && over_.begin()->first < before) {
    const auto id = over_.extract(over_.begin()).mapped();
    const auto known = jobs_.find(id);
    if (known == jobs_.end())
      continue;
    if (!is_gone(id)) {
      still_there.push_back(id); // it may have been taken up again
      continue;
    }
    if (!is_final(known->second.status))
      fail("only what is final is forgotten", "a job that was not is gone", id);
    if (const auto held = keys_.find(known->second.key);
        held != keys_.end() && held->second.first == id)
      keys_.erase(held);
    switch (known->second.status) {
    case job_status::succeeded:
      ++report_.succeeded;
      break;
    case job_status::failed:
      ++report_.failed;
      break;
    default:
      ++report_.cancelled;
      break;
    }
    jobs_.erase(known);
  }
  for (auto& each : still_there)
    over_.emplace(before, std::move(each));
}

void promises::compare(const std::string& id, const job& kept) {
  const auto* which = find(id);
  if (which == nullptr)
    return;
  const auto left = json_text(job_document(which->folded));
  const auto right = json_text(job_document(kept));
  if (left != right)
    fail("a record is the fold of its journal", left + " is not " + right, id);
}

// -- calls --------------------------------------------------------------------

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
  if (!is_disturbed())
    ++truth.in_flight;
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
  for (auto& [id, which] : jobs_) {
    if (which.in_flight == 0 && is_final(which.status))
      continue;
    which.in_flight = 0;
    for (auto& [name, step] : which.steps)
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

// -- commands -----------------------------------------------------------------

void promises::command_answered(const std::string& id,
                                const job_command& command, const reply& what) {
  note(104, what.body);
  tell(id,
       "an operator is told " + std::to_string(what.status) + ' ' + what.body);
  if (what.status == 500)
    fail("a command is answered as its contract says", "500: " + what.body, id);
  if (what.status < 200 || what.status > 299)
    return;
  ++report_.commands_taken;
  auto* which = find(id);
  if (which == nullptr || !std::holds_alternative<cancel_command>(command))
    return;
  if (!which->was_cancelled)
    fail("a command that was answered with 2xx holds",
         "the journal does not know that the job was cancelled", id);
  // A retry may have come between.
  which->cancel_told = which->cancel_journaled;
  for (const auto kind : {step_kind::sub_action, step_kind::compensation})
    for (const auto& each : steps_of(which->folded, kind)) {
      auto& step = which->steps[full_name(kind, each.name)];
      step.had_begun =
        step.in_flight == 0
        && (each.status == sub_action_status::running || each.wait_ends);
    }
}

// -- the end ------------------------------------------------------------------

void promises::finish(
  const std::function<std::optional<job>(const std::string&)>& kept) {
  for (auto& [id, which] : jobs_) {
    const auto record = kept(id);
    if (!record) {
      ++report_.lost;
      fail("nothing that was acknowledged is lost",
           "the journal does not have the job any more", id);
      continue;
    }
    compare(id, *record);
    switch (record->status) {
    case job_status::succeeded:
      ++report_.succeeded;
      break;
    case job_status::failed:
      ++report_.failed;
      break;
    case job_status::cancelled:
      ++report_.cancelled;
      break;
    case job_status::ambiguous:
      ++report_.ambiguous;
      break;
    default:
      ++report_.lost;
      fail("each job comes to an end",
           "it is " + std::string{name(record->status)}
             + " when nothing is under way any more",
           id);
    }
    if (record->status == job_status::succeeded && record->clone.uid.is_null())
      fail("no UID, no success", "the job succeeded without a UID", id);
    if (is_calling_back(*record))
      fail("each job comes to an end", "its callback is never made", id);
    if (which.in_flight > 0)
      fail("nothing is under way at the end", "calls are", id);
  }
  report_.median = quantile(0.5);
  report_.p99 = quantile(0.99);
}

void promises::count_time(milliseconds took) {
  // Classes whose ends are 2 % apart.
  const auto ms = static_cast<double>(std::max<std::int64_t>(1, took.count()));
  const auto at = static_cast<std::size_t>(std::log(ms) / std::log(1.02));
  if (times_.size() <= at)
    times_.resize(at + 1);
  ++times_[at];
}

milliseconds promises::quantile(double part) const {
  std::uint64_t all = 0;
  for (const auto each : times_)
    all += each;
  auto left = static_cast<std::uint64_t>(part * static_cast<double>(all));
  for (std::size_t at = 0; at < times_.size(); ++at) {
    if (times_[at] > left)
      return milliseconds{
        static_cast<std::int64_t>(std::pow(1.02, static_cast<double>(at) + 1))};
    left -= times_[at];
  }
  return milliseconds{0};
}

} // namespace handoff::rehearsal

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
constexpr std::size_t troubled_max = 64;

/// Of what befalls all before the first job of a story.
constexpr std::size_t told_before_max = 20;

/// Of so many jobs, one is compared with what the journal has when it ends:
/// that takes as long as a tenth of its life.
constexpr std::uint64_t compared_of = 16;

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

void promises::fail(std::string what, std::string detail, const std::string& id,
                    const std::string& other) {
  if (report_.broken)
    return;
  report_.broken = broken_promise{std::move(what), std::move(detail), id, other,
                                  time_.passed(),  report_.webhooks};
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
  if (rules_.story_of.empty() || (!id.empty() && !is_told(id)))
    return;
  auto& story = report_.story;
  has_begun_ = has_begun_ || !id.empty();
  if (!has_begun_ && story.size() >= told_before_max)
    story.erase(story.begin());
  const bool is_named = rules_.story_of.size() > 1 && !id.empty();
  story.push_back(std::to_string(time_.passed().count()) + " ms"
                  + (is_named ? ", " + id : std::string{}) + ": " + what);
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

// -- jobs that are over
// --------------------------------------------------------

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
  if (which.random % compared_of == 0)
    to_compare_.push_back(id);
  count_time(duration_cast<milliseconds>(at - which.received));
}

void promises::forget(wall_time before) {
  std::vector<std::string> still_there;
  while (!over_.empty() && over_.begin()->first < before) {
    const auto id = over_.extract(over_.begin()).mapped();
    const auto known = jobs_.find(id);
    if (known == jobs_.end())
      continue;
    if (!rules_.is_gone(id)) {
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

void promises::compare_ended(
  const std::function<std::optional<job>(const std::string&)>& kept) {
  for (const auto& id : std::exchange(to_compare_, {}))
    if (const auto record = kept(id))
      compare(id, *record);
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

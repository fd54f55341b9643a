#include "job/event.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

bool same_time(std::optional<wall_time> left, wall_time right) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  // A journal keeps milliseconds, and its times must tell a repetition too.
  return left && floor<milliseconds>(*left) == floor<milliseconds>(right);
}

/// Gives whether `made` tells something new.
bool put(std::vector<attempt>& attempts, const attempt& made) {
  const auto found =
    std::find_if(attempts.begin(), attempts.end(), [&](const attempt& each) {
      return each.number == made.number;
    });
  if (found == attempts.end()) {
    attempts.push_back(made);
    return true;
  }
  if (found->ended || !made.ended)
    return false;
  *found = made;
  return true;
}

struct applier {
  job& record;
  wall_time at;

  void reopen(job_status status) const {
    record.status = status;
    record.finished.reset();
  }

  sub_action_record* find(std::size_t index) const {
    return index < record.sub_actions.size() ? &record.sub_actions[index]
                                             : nullptr;
  }

  bool operator()(const job_accepted& change) const {
    if (!record.id.empty())
      return false;
    record = change.record;
    return true;
  }

  bool operator()(const clone_attempt_begun& change) const {
    if (!put(record.clone.attempts, change.made))
      return false;
    record.clone.failure.reset();
    record.clone.next_attempt.reset();
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const clone_attempt_ended& change) const {
    if (!put(record.clone.attempts, change.made))
      return false;
    record.clone.next_attempt = change.next_attempt;
    return true;
  }

  bool operator()(const clone_succeeded& change) const {
    // A UID is known once: were it taken twice, the sub-actions that have
    // succeeded since would run again.
    if (!record.clone.uid.is_null())
      return false;
    if (change.made)
      put(record.clone.attempts, *change.made);
    record.clone.uid = change.uid;
    record.clone.answer = change.answer;
    record.clone.failure.reset();
    record.clone.next_attempt.reset();
    record.sub_actions.clear();
    for (const auto& name : change.sub_actions)
      record.sub_actions.emplace_back().name = name;
    reopen(job_status::running);
    return true;
  }

  bool operator()(const clone_settled& change) const {
    // Settles the last attempt or none: an earlier one was settled before.
    const auto& attempts = record.clone.attempts;
    if (change.made && !attempts.empty()
        && change.made->number < attempts.back().number)
      return false;
    const bool told = change.made && put(record.clone.attempts, *change.made);
    if (!told && record.status == change.status
        && record.clone.failure == change.failure)
      return false;
    record.clone.failure = change.failure;
    record.clone.next_attempt.reset();
    reopen(change.status);
    if (is_final(change.status))
      record.finished = at;
    return true;
  }

  bool operator()(const sub_action_begun& change) const {
    auto* const sub = find(change.index);
    if (sub == nullptr || !put(sub->attempts, change.made))
      return false;
    if (sub->status == sub_action_status::succeeded)
      return true;
    sub->status = sub_action_status::running;
    sub->failure.reset();
    sub->next_attempt.reset();
    reopen(job_status::running);
    return true;
  }

  bool operator()(const sub_action_ended& change) const {
    auto* const sub = find(change.index);
    if (sub == nullptr || !put(sub->attempts, change.made))
      return false;
    // What succeeded stays so, whatever comes late of another attempt.
    if (sub->status == sub_action_status::succeeded)
      return true;
    sub->status = change.status;
    sub->answer = change.answer;
    sub->failure = change.failure;
    sub->next_attempt = change.next_attempt;
    return true;
  }

  bool operator()(const sub_action_settled& change) const {
    auto* const sub = find(change.index);
    if (sub == nullptr || sub->status == sub_action_status::succeeded
        || (sub->status == change.status && sub->failure == change.failure))
      return false;
    sub->status = change.status;
    sub->failure = change.failure;
    sub->next_attempt.reset();
    if (!is_final(change.status)) {
      sub->forgiven = counted_attempts(sub->attempts);
      reopen(job_status::running);
    }
    return true;
  }

  bool operator()(const job_finished& change) const {
    if (record.status == change.status && record.finished)
      return false;
    reopen(change.status);
    if (is_final(change.status))
      record.finished = at;
    return true;
  }

  bool operator()(const sender_replied& change) const {
    const auto& known = record.reply;
    if (known && known->status == change.status
        && known->written == change.written)
      return false;
    record.reply = reply_record{at, change.status, change.written};
    return true;
  }

  bool operator()(const job_recovered&) const {
    if (same_time(record.recovered, at))
      return false;
    record.recovered = at;
    ++record.recoveries;
    return true;
  }

  bool operator()(const clone_ordered&) const {
    if (!record.clone.uid.is_null() || record.status == job_status::cloning
        || record.status == job_status::running)
      return false;
    // Whatever became of the last attempt, it is not waited for.
    if (!record.clone.attempts.empty())
      record.clone.attempts.back().ended = true;
    record.clone.failure.reset();
    record.clone.next_attempt = at;
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const job_handed_back&) const {
    return std::exchange(record.recoveries, 0) > 0;
  }

  bool operator()(const key_released& change) const {
    if (!record.claim || record.claim->key != change.key)
      return false;
    record.claim.reset();
    return true;
  }
};

} // namespace

bool apply(job& record, const job_event& event) {
  if (!std::visit(applier{record, event.at}, event.change))
    return false;
  // What has only begun may be just what ends the process.
  const bool got_further =
    !std::holds_alternative<job_recovered>(event.change)
    && !std::holds_alternative<sender_replied>(event.change)
    && !std::holds_alternative<clone_attempt_begun>(event.change)
    && !std::holds_alternative<sub_action_begun>(event.change);
  if (got_further)
    record.recoveries = 0;
  return true;
}

std::uint32_t counted_attempts(const std::vector<attempt>& attempts) {
  return static_cast<std::uint32_t>(
    std::count_if(attempts.begin(), attempts.end(), [](const attempt& each) {
      return each.ended && each.counted;
    }));
}

std::uint32_t next_attempt_number(const std::vector<attempt>& attempts) {
  return attempts.empty() ? 1 : attempts.back().number + 1;
}

} // namespace handoff

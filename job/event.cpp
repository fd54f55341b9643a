#include "job/event.hpp"

#include <algorithm>

namespace handoff {
namespace {

void put(std::vector<attempt>& attempts, const attempt& made) {
  const auto found =
    std::find_if(attempts.begin(), attempts.end(), [&](const attempt& each) {
      return each.number == made.number;
    });
  if (found == attempts.end())
    attempts.push_back(made);
  else if (!found->ended)
    *found = made;
}

struct applier {
  job& record;
  wall_time at;

  void operator()(const job_accepted& change) const { record = change.record; }

  void operator()(const clone_attempt_begun& change) const {
    put(record.clone.attempts, change.made);
    record.clone.next_attempt.reset();
    record.status = job_status::cloning;
  }

  void operator()(const clone_attempt_ended& change) const {
    put(record.clone.attempts, change.made);
    record.clone.next_attempt = change.next_attempt;
  }

  void operator()(const clone_succeeded& change) const {
    if (change.made)
      put(record.clone.attempts, *change.made);
    record.clone.uid = change.uid;
    record.clone.answer = change.answer;
    record.clone.failure.reset();
    record.clone.next_attempt.reset();
    record.sub_actions.clear();
    for (const auto& name : change.sub_actions)
      record.sub_actions.emplace_back().name = name;
    record.status = job_status::running;
  }

  void operator()(const clone_settled& change) const {
    if (change.made)
      put(record.clone.attempts, *change.made);
    record.clone.failure = change.failure;
    record.clone.next_attempt.reset();
    record.status = change.status;
    if (is_final(change.status))
      record.finished = at;
  }

  void operator()(const sub_action_begun& change) const {
    auto& sub = record.sub_actions.at(change.index);
    put(sub.attempts, change.made);
    sub.status = sub_action_status::running;
    sub.next_attempt.reset();
  }

  void operator()(const sub_action_ended& change) const {
    auto& sub = record.sub_actions.at(change.index);
    put(sub.attempts, change.made);
    sub.status = change.status;
    sub.answer = change.answer;
    sub.failure = change.failure;
    sub.next_attempt = change.next_attempt;
  }

  void operator()(const sub_action_settled& change) const {
    auto& sub = record.sub_actions.at(change.index);
    sub.status = change.status;
    sub.failure = change.failure;
    sub.next_attempt.reset();
  }

  void operator()(const job_finished& change) const {
    record.status = change.status;
    record.finished = at;
  }

  void operator()(const sender_replied& change) const {
    record.reply = reply_record{at, change.status, change.written};
  }

  void operator()(const job_recovered&) const { ++record.recoveries; }
};

} // namespace

void apply(job& record, const job_event& event) {
  if (!std::holds_alternative<job_recovered>(event.change)
      && !std::holds_alternative<sender_replied>(event.change))
    record.recoveries = 0;
  std::visit(applier{record, event.at}, event.change);
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

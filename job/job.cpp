#include "job/job.hpp"

#include <algorithm>
#include <charconv>

namespace handoff {
namespace {

template <class Job>
auto& pick(Job& record, step_kind kind) {
  switch (kind) {
  case step_kind::compensation:
    return record.compensations;
  case step_kind::callback:
    return record.callbacks;
  case step_kind::sub_action:
    break;
  }
  return record.sub_actions;
}

} // namespace

std::vector<step_record>& steps_of(job& record, step_kind kind) {
  return pick(record, kind);
}

const std::vector<step_record>& steps_of(const job& record, step_kind kind) {
  return pick(record, kind);
}

step_record* find_step(job& record, step_ref which) {
  auto& steps = steps_of(record, which.kind);
  return which.index < steps.size() ? &steps[which.index] : nullptr;
}

bool is_calling_back(const job& record) {
  return std::any_of(record.callbacks.begin(), record.callbacks.end(),
                     [](const auto& each) { return !is_final(each.status); });
}

bool is_unfinished(const job& record) {
  return record.status == job_status::cloning
      || record.status == job_status::running || is_calling_back(record);
}

job_work next_of(const job& record) {
  switch (record.status) {
  case job_status::cloning:
    return job_work::clone;
  case job_status::running:
    return job_work::steps;
  case job_status::ambiguous:
    return job_work::person;
  default:
    return is_calling_back(record) ? job_work::steps : job_work::nothing;
  }
}

bool is_under_way(const std::vector<attempt>& attempts) {
  return !attempts.empty() && !attempts.back().ended;
}

std::string full_name(step_kind kind, std::string_view name) {
  std::string full{name};
  if (kind == step_kind::compensation)
    full += ":compensate";
  else if (kind == step_kind::callback)
    full += ":callback";
  return full;
}

std::string element_name(std::string_view of, std::size_t at) {
  return std::string{of} + '.' + std::to_string(at);
}

std::size_t element_of(const step_record& step) {
  std::size_t number = 0;
  const auto* const end = step.name.data() + step.name.size();
  std::from_chars(step.name.data()
                    + std::min(step.of.size() + 1, step.name.size()),
                  end, number);
  return number;
}

std::chrono::milliseconds waited_before(const attempt& made, wall_time now) {
  using std::chrono::milliseconds;
  // Clocks may be set back.
  return std::max(milliseconds{0},
                  std::chrono::duration_cast<milliseconds>(now - made.started)
                    - made.duration);
}

std::uint32_t next_attempt_number(const std::vector<attempt>& attempts) {
  return attempts.empty() ? 1 : attempts.back().number + 1;
}

bool put_inquiry(std::vector<inquiry>& known, inquiry made) {
  made.last.upstream.clear();
  const auto found =
    std::find_if(known.begin(), known.end(),
                 [&](const auto& each) { return each.name == made.name; });
  if (found == known.end())
    known.push_back(std::move(made));
  else if (found->last.number < made.last.number)
    *found = std::move(made);
  else
    return false;
  return true;
}

std::string called_as(const std::string& step, const inquiry& made) {
  if (made.name == "until")
    return step;
  return made.name.starts_with("prepare:") ? made.name : step + ':' + made.name;
}

bool is_last_look(const inquiry& known, const attempt& made) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  // A journal keeps milliseconds. The first look was an attempt from the start.
  return known.name == "until" && known.last.number > 1 && made.ended
      && floor<milliseconds>(known.last.started)
           == floor<milliseconds>(made.started);
}

bool is_satisfied(const step_record& step) {
  return step.status == sub_action_status::succeeded
      || (step.status == sub_action_status::skipped && step.failure
          && step.failure->kind == error_kind::when_false);
}

} // namespace handoff

#include "tools/handoff/rehearsal/rehearsed_journal.hpp"

#include <algorithm>
#include <utility>

namespace handoff::rehearsal {
namespace {

using std::chrono::milliseconds;

/// For one span in ten, the disk is full for up to eight seconds of it.
constexpr milliseconds disk_lasts{20'000};
constexpr double disk_sick = 0.1;

batch_outcome failed(commit_status how, const char* why) {
  return {how, error{error_kind::journal_unavailable, why}, {}};
}

bool tells_of_cancel(const job_change& change) {
  if (std::holds_alternative<cancel_requested>(change))
    return true;
  const auto* settled = std::get_if<step_settled>(&change);
  return settled != nullptr && settled->status == sub_action_status::cancelled;
}

} // namespace

rehearsed_journal::rehearsed_journal(const surroundings& around,
                                     std::uint64_t seed,
                                     std::shared_ptr<bool> alive)
    : memory_journal{around.store},
      around_{around},
      random_{seed},
      alive_{std::move(alive)} {}

bool rehearsed_journal::is_sick() {
  if (!around_.options->faults.journal || around_.is_calm)
    return false;
  // It belongs to the machine, and is as sick in the next process.
  const auto now = around_.time->now().time_since_epoch();
  draws illness{mixed({around_.options->seed, number_of("disk"),
                       static_cast<std::uint64_t>(now / disk_lasts)})};
  if (!illness.chance(disk_sick))
    return false;
  const auto since = now % disk_lasts;
  const auto begins = illness.between(0, disk_lasts / milliseconds{2});
  return since >= begins && since < begins + illness.between(1, 8'000);
}

std::vector<batch_outcome> rehearsed_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  if (!*alive_)
    return std::vector(batches.size(),
                       failed(commit_status::unavailable, "it is gone"));
  for (const auto& each : std::exchange(late_, {}))
    commit_well(each);
  failed_.clear();
  const bool sick = is_sick();
  std::vector<batch_outcome> outcomes;
  for (const auto& each : batches) {
    if (sick) {
      ++around_.report->journal_faults;
      failed_.emplace_back(each.begin(), each.end());
      outcomes.push_back(
        failed(commit_status::unavailable, "the disk is full"));
    } else {
      outcomes.push_back(commit_one(each));
    }
  }
  return outcomes;
}

batch_outcome rehearsed_journal::commit_one(std::span<const job_event> events) {
  const bool may_fail = around_.options->faults.journal && !around_.is_calm;
  if (may_fail && random_.chance(0.000'3)) {
    ++around_.report->journal_faults;
    if (random_.chance(0.5))
      commit_well(events);
    return failed(commit_status::unknown, "the connection was lost");
  }
  switch (around_.options->broken) {
  case sabotage::answer_before_commit:
    late_.emplace_back(events.begin(), events.end());
    return {};
  case sabotage::lose_commits:
    if (random_.chance(0.001))
      return {};
    break;
  case sabotage::tear_batches:
    if (random_.chance(0.01))
      return commit_well(events.first(std::min<std::size_t>(1, events.size())));
    break;
  case sabotage::forget_keys:
  case sabotage::forget_cancels:
  case sabotage::reverse_undoing:
    return commit_well(as_sabotaged(events));
  default:
    break;
  }
  return commit_well(events);
}

rehearsed_journal::batch
rehearsed_journal::as_sabotaged(std::span<const job_event> events) {
  const auto broken = around_.options->broken;
  batch made;
  for (auto each : events) {
    if (broken == sabotage::forget_cancels && tells_of_cancel(each.change)
        && random_.chance(0.2))
      continue;
    if (auto* added = std::get_if<steps_added>(&each.change);
        broken == sabotage::reverse_undoing && added != nullptr)
      std::reverse(added->names.begin(), added->names.end());
    if (const auto* accepted = std::get_if<job_accepted>(&each.change);
        broken == sabotage::forget_keys && accepted != nullptr) {
      // The journal has it without its key; whoever looks knows of it.
      around_.watched->committed(each);
      auto record = *accepted->record;
      record.claim.reset();
      each.change = job_accepted{std::move(record), accepted->definition};
    }
    made.push_back(std::move(each));
  }
  return made;
}

batch_outcome
rehearsed_journal::commit_well(std::span<const job_event> events) {
  auto outcome = memory_journal::commit_all({&events, 1}).front();
  if (outcome.status != commit_status::done)
    return outcome;
  for (const auto& each : events)
    around_.watched->committed(each);
  around_.watched->compare_ended([this](const std::string& id) {
    return std::get<std::optional<job>>(memory_journal::find(id));
  });
  return outcome;
}

std::optional<error> rehearsed_journal::check() {
  if (is_sick())
    return error{error_kind::journal_unavailable, "the disk is full"};
  return memory_journal::check();
}

result<std::size_t> rehearsed_journal::prune(wall_time before, wall_time now,
                                             std::size_t limit) {
  auto pruned = memory_journal::prune(before, now, limit);
  around_.watched->forget(before);
  return pruned;
}

void rehearsed_journal::cut_off() {
  // It may have been on the disk when the disk said that it was not.
  if (random_.chance(0.5))
    for (const auto& each : failed_)
      commit_well(each);
  failed_.clear();
  shared()->fence(owner());
}

} // namespace handoff::rehearsal

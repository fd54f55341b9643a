#include "http/admin/minute_history.hpp"

#include "job/timestamp.hpp"

#include <chrono>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using minute = std::chrono::minutes;

wall_time beginning(wall_time when) {
  return std::chrono::floor<minute>(when);
}

std::size_t place_of(wall_time minute_begun) {
  const auto number =
    std::chrono::duration_cast<minute>(minute_begun.time_since_epoch()).count();
  return static_cast<std::size_t>(number) % minute_history::minutes;
}

void count_end(minute_counts& to, job_status status) {
  if (status == job_status::succeeded)
    ++to.succeeded;
  else if (status == job_status::failed)
    ++to.failed;
  else if (status == job_status::cancelled)
    ++to.cancelled;
  else if (status == job_status::ambiguous)
    ++to.ambiguous;
}

} // namespace

minute_history::minute_history(std::function<wall_time()> now)
    : now_{std::move(now)} {}

minute_counts& minute_history::current() {
  const auto at = beginning(now_());
  auto& found = ring_[place_of(at)];
  if (found.at != at) {
    found = {};
    found.at = at;
  }
  return found;
}

void minute_history::answered(int status, bool late) {
  const std::lock_guard guard{mutex_};
  if (status == 503)
    ++current().refused;
  else if (status != 0)
    ++current().answered;
  if (status == 503 || status == 0)
    return;
  if (late)
    ++current().late;
  else if (status >= 500)
    ++current().unsuccessful;
  else if (status < 300)
    ++current().in_time;
}

void minute_history::observe(const job_event& event) {
  const std::lock_guard guard{mutex_};
  if (std::holds_alternative<job_accepted>(event.change))
    ++current().accepted;
  else if (const auto* tried = std::get_if<clone_attempt_ended>(&event.change))
    current().retries += tried->next_attempt ? 1 : 0;
  else if (const auto* step = std::get_if<step_ended>(&event.change))
    current().retries += step->next_attempt ? 1 : 0;
  else if (const auto* settled = std::get_if<clone_settled>(&event.change))
    count_end(current(), settled->status);
  else if (const auto* finished = std::get_if<job_finished>(&event.change))
    count_end(current(), finished->status);
}

void minute_history::restarted() {
  const std::lock_guard guard{mutex_};
  ++current().restarts;
}

std::vector<minute_counts> minute_history::last_hour() const {
  const std::lock_guard guard{mutex_};
  std::vector<minute_counts> made(minutes);
  auto at = beginning(now_()) - minute{minutes - 1};
  for (auto& each : made) {
    const auto& kept = ring_[place_of(at)];
    if (kept.at == at)
      each = kept;
    each.at = at;
    at += minute{1};
  }
  return made;
}

nlohmann::json overview_document(const minute_history& history,
                                 const journal_measures* measures) {
  auto list = nlohmann::json::array();
  for (const auto& each : history.last_hour())
    list.push_back({{"at", timestamp(each.at)},
                    {"accepted", each.accepted},
                    {"answered", each.answered},
                    {"in_time", each.in_time},
                    {"late", each.late},
                    {"unsuccessful", each.unsuccessful},
                    {"refused", each.refused},
                    {"retries", each.retries},
                    {"succeeded", each.succeeded},
                    {"failed", each.failed},
                    {"cancelled", each.cancelled},
                    {"ambiguous", each.ambiguous},
                    {"restarts", each.restarts}});
  return {{"minutes", std::move(list)},
          {"ambiguous_now",
           measures != nullptr ? measures->ambiguous.load() : std::size_t{0}}};
}

} // namespace handoff

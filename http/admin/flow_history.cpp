#include "http/admin/flow_history.hpp"

#include <algorithm>
#include <variant>
#include <vector>

namespace handoff {

using std::chrono::milliseconds;
using std::chrono::minutes;

flow_history::record& flow_history::at(std::string_view flow) {
  const auto found = flows_.find(flow);
  return found != flows_.end() ? found->second : flows_[std::string{flow}];
}

flow_history::minute& flow_history::current(record& of) const {
  const auto begun = std::chrono::floor<minutes>(now_());
  const auto number =
    std::chrono::duration_cast<minutes>(begun.time_since_epoch()).count();
  auto& found =
    of.minutes[static_cast<std::size_t>(number) % of.minutes.size()];
  if (found.at != begun)
    found = {begun};
  return found;
}

void flow_history::add(std::deque<sample>& to, milliseconds length) const {
  to.push_back({now_(), length});
  if (to.size() > samples_max)
    to.pop_front();
}

void flow_history::answered(std::string_view flow, int status,
                            milliseconds held) {
  const std::scoped_lock lock{mutex_};
  auto& of = at(flow);
  of.last_webhook = now_();
  // What was refused was answered at once, and says nothing of the flow.
  if (status >= 200 && status < 300)
    add(of.replies, held);
}

void flow_history::observe(const job_event& event) {
  const std::scoped_lock lock{mutex_};
  if (std::holds_alternative<job_accepted>(event.change)) {
    ++current(at(event.flow)).accepted;
  } else if (const auto* done = std::get_if<clone_succeeded>(&event.change)) {
    if (done->made)
      add(at(event.flow).clones, done->made->duration);
  } else if (const auto* over = std::get_if<clone_settled>(&event.change)) {
    if (over->status == job_status::failed)
      ++current(at(event.flow)).failed;
  } else if (const auto* job = std::get_if<job_finished>(&event.change)) {
    if (job->status == job_status::succeeded)
      ++current(at(event.flow)).succeeded;
    else if (job->status == job_status::failed)
      ++current(at(event.flow)).failed;
  }
}

std::optional<flow_facts::percentiles>
flow_history::percentiles_of(const std::deque<sample>& samples) const {
  const auto since = now_() - std::chrono::hours{1};
  std::vector<milliseconds> lengths;
  for (const auto& each : samples)
    if (each.at >= since)
      lengths.push_back(each.length);
  if (lengths.empty())
    return std::nullopt;
  std::sort(lengths.begin(), lengths.end());
  // The nearest rank.
  const auto rank = [&](std::size_t percent) {
    return lengths[(lengths.size() * percent + 99) / 100 - 1];
  };
  return flow_facts::percentiles{rank(50), rank(95)};
}

flow_facts flow_history::of(std::string_view flow) const {
  const std::scoped_lock lock{mutex_};
  flow_facts made;
  const auto found = flows_.find(flow);
  if (found == flows_.end())
    return made;
  const auto& known = found->second;
  made.last_webhook = known.last_webhook;
  const auto since = now_() - minutes{60};
  for (const auto& each : known.minutes)
    if (each.at > since) {
      made.accepted += each.accepted;
      made.succeeded += each.succeeded;
      made.failed += each.failed;
    }
  made.clone = percentiles_of(known.clones);
  made.reply = percentiles_of(known.replies);
  return made;
}

} // namespace handoff

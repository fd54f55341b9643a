#include "http/ingress/shown_values.hpp"

#include "job/timestamp.hpp"

#include <utility>

namespace handoff {

shown_values::shown_values(std::function<clock::time_point()> now)
    : now_{std::move(now)} {}

void shown_values::add(const std::string& flow, std::string value) {
  if (value.size() > bytes_max)
    value.resize(bytes_max);
  const auto now = now_();
  const std::scoped_lock lock{mutex_};
  if (flows_.size() >= flows_max && !flows_.contains(flow))
    return;
  auto& values = flows_[flow];
  values.push_front({now, std::move(value)});
  if (values.size() > of_flow_max)
    values.pop_back();
}

nlohmann::json shown_values::of(const std::string& flow) const {
  const auto since = now_() - kept_for;
  auto list = nlohmann::json::array();
  const std::scoped_lock lock{mutex_};
  const auto found = flows_.find(flow);
  if (found == flows_.end())
    return list;
  for (const auto& each : found->second)
    if (each.at >= since)
      list.push_back({{"at", timestamp(each.at)}, {"value", each.value}});
  return list;
}

} // namespace handoff

#pragma once

#include "config/flow.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace handoff {

/// Flows with their secrets as the files are now: a job keeps its definition,
/// but not what `${file:…}` in it gave when it began. Thread-safe.
class fresh_flows {
public:
  using compiler = std::function<result<flow_ptr>(const nlohmann::json&)>;

  /// `compile` makes a flow of a journaled definition.
  explicit fresh_flows(compiler compile) : compile_{std::move(compile)} {}

  /// `known`, or the same definition with what its files hold by now. Where
  /// that cannot be had, what was known last stands. Costs a `stat` for each
  /// file, and nothing for a flow without.
  flow_ptr now(const flow_ptr& known);

private:
  /// Flows whose files have changed; the others are not kept.
  static constexpr std::size_t kept_max = 1'000;

  const compiler compile_;
  std::mutex mutex_;
  std::map<std::string, flow_ptr> by_version_; ///< guarded by mutex_
};

} // namespace handoff

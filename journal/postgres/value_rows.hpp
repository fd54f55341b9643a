#pragma once

#include "journal/postgres/handle.hpp"
#include "journal/shared_values.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>

namespace handoff::postgres {

/// The values that nodes share, on a connection of their own. A node that was
/// declared dead claims and writes none.
class value_rows final : public shared_values {
public:
  using connector = std::function<std::shared_ptr<connection>()>;

  value_rows(connector connect, std::int64_t node)
      : connect_{std::move(connect)}, node_{node} {}

  result<value> claim(std::string_view name, std::int64_t known,
                      std::chrono::milliseconds time) override;
  result<bool> put(std::string_view name, std::int64_t before,
                   std::string_view bytes) override;
  std::optional<error> release(std::string_view name) override;

private:
  template <class Action>
  auto with(Action&& action)
    -> result<std::invoke_result_t<Action, connection&>>;

  void add_fence(connection& on) const;

  const connector connect_;
  const std::int64_t node_;
  std::mutex mutex_;
  std::shared_ptr<connection> on_; ///< guarded by it
};

} // namespace handoff::postgres

#pragma once

#include "journal/journal.hpp"
#include "journal/postgres/handle.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace handoff::postgres {

/// The orders between nodes, on a connection of their own: whoever asks for
/// them waits for no commit. Thread-safe.
class order_rows {
public:
  using connector = std::function<std::shared_ptr<connection>()>;

  order_rows(connector connect, std::int64_t node)
      : connect_{std::move(connect)}, node_{node} {}

  result<std::int64_t> post(std::int64_t to, std::string_view job,
                            std::string_view command);
  result<std::vector<posted_order>> take();
  std::optional<error> answer(std::int64_t number, std::string_view text);
  result<std::optional<std::string>> take_answer(std::int64_t number);
  result<bool> withdraw(std::int64_t number);

private:
  template <class Action>
  auto with(Action&& action)
    -> result<std::invoke_result_t<Action, connection&>>;

  const connector connect_;
  const std::int64_t node_;
  std::mutex mutex_;
  std::shared_ptr<connection> on_; ///< guarded by it
};

} // namespace handoff::postgres

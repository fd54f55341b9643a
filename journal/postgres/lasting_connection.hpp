#pragma once

#include "journal/postgres/handle.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <type_traits>
#include <utility>

namespace handoff::postgres {

/// A connection that is made when it is first needed, and again after it was
/// lost. Thread-safe: one action at a time.
class lasting_connection {
public:
  using connector = std::function<std::shared_ptr<connection>()>;

  /// `statements` are prepared on each connection; they outlive this.
  lasting_connection(connector connect, std::span<const statement> statements)
      : connect_{std::move(connect)}, statements_{statements} {}

  /// What `action` makes of the connection. Error `journal_unavailable`: it
  /// failed, or there is no connection.
  template <class Action>
  auto with(Action&& action)
    -> result<std::invoke_result_t<Action, connection&>> {
    const std::scoped_lock lock{mutex_};
    return guarded([&] {
      try {
        if (!on_) {
          auto made = connect_();
          made->prepare(statements_);
          on_ = std::move(made);
        }
        return std::forward<Action>(action)(*on_);
      } catch (const failure& caught) {
        if (caught.is_lost)
          on_.reset();
        throw;
      }
    });
  }

private:
  const connector connect_;
  const std::span<const statement> statements_;
  std::mutex mutex_;
  std::shared_ptr<connection> on_; ///< guarded by it
};

} // namespace handoff::postgres

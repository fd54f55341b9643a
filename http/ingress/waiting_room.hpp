#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace handoff {

/// Bounds what waits for an actor, whose mailbox knows no bound. Thread-safe;
/// copies are the same room.
class waiting_room {
public:
  explicit waiting_room(std::size_t places_max)
      : places_max_{places_max},
        taken_{std::make_shared<std::atomic<std::size_t>>(0)} {}

  /// A place, until the last copy of it is gone; null while all are taken.
  std::shared_ptr<const void> enter() const {
    if (taken_->fetch_add(1) >= places_max_) {
      taken_->fetch_sub(1);
      return nullptr;
    }
    return {taken_.get(), [taken = taken_](const void*) {
              taken->fetch_sub(1);
            }};
  }

private:
  std::size_t places_max_;
  std::shared_ptr<std::atomic<std::size_t>> taken_;
};

} // namespace handoff

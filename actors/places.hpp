#pragma once

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace handoff {

/// What holds some units of a limited resource: of held webhooks, unfinished
/// jobs, or bytes of them. Gives them back when it is destroyed, so that
/// nothing is counted down twice or never. Move-only; one that was moved from,
/// or default-constructed, holds none. A single place is not thread-safe;
/// places of one pool may be used by several threads at once.
class place {
public:
  place() = default;

  place(place&& other) noexcept
      : taken_{std::move(other.taken_)},
        units_{std::exchange(other.units_, 0)} {}

  place& operator=(place&& other) noexcept {
    if (this != &other) {
      leave();
      taken_ = std::move(other.taken_);
      units_ = std::exchange(other.units_, 0);
    }
    return *this;
  }

  place(const place&) = delete;
  place& operator=(const place&) = delete;

  ~place() { leave(); }

  /// Gives the units back now. Without effect if it holds none.
  void leave() noexcept {
    if (taken_ && units_ > 0)
      taken_->fetch_sub(units_, std::memory_order_acq_rel);
    taken_.reset();
    units_ = 0;
  }

  std::size_t units() const noexcept { return units_; }

  explicit operator bool() const noexcept { return units_ > 0; }

  /// Moves `units` of this place, at most as many as it holds, to a place of
  /// their own. The sum stays the same at every instant.
  place split(std::size_t units) noexcept {
    const auto moved = units < units_ ? units : units_;
    units_ -= moved;
    return place{taken_, moved};
  }

  /// Gives back what it holds beyond `units`. Never takes more.
  void shrink_to(std::size_t units) noexcept {
    if (units < units_)
      split(units_ - units).leave();
  }

private:
  friend class places;

  using counter = std::atomic<std::size_t>;

  place(std::shared_ptr<counter> taken, std::size_t units) noexcept
      : taken_{std::move(taken)}, units_{units} {}

  std::shared_ptr<counter> taken_;
  std::size_t units_ = 0;
};

/// For a place that several hold, such as the copies of a message.
using place_ptr = std::shared_ptr<place>;

/// A resource of `limit` units, handed out as places. Thread-safe; a place may
/// outlive the pool that it came from.
class places {
public:
  explicit places(std::size_t limit = std::numeric_limits<std::size_t>::max())
      : limit_{limit} {}

  places(const places&) = delete;
  places& operator=(const places&) = delete;

  /// A place of `units`; nothing if it would go beyond the limit.
  std::optional<place> take(std::size_t units = 1) {
    auto before = taken_->load(std::memory_order_acquire);
    do {
      if (before > limit_ || units > limit_ - before)
        return std::nullopt;
    } while (!taken_->compare_exchange_weak(before, before + units,
                                            std::memory_order_acq_rel));
    return place{taken_, units};
  }

  /// A place of `units` whatever the limit is: for work that exists already,
  /// such as the jobs that a start finds unfinished. Further `take`s fail until
  /// there is room again.
  place take_over(std::size_t units = 1) {
    taken_->fetch_add(units, std::memory_order_acq_rel);
    return place{taken_, units};
  }

  /// Whether `take(units)` would have failed just now. Reserves nothing.
  bool is_full(std::size_t units = 1) const noexcept {
    const auto taken = this->taken();
    return taken > limit_ || units > limit_ - taken;
  }

  std::size_t taken() const noexcept {
    return taken_->load(std::memory_order_acquire);
  }

  std::size_t limit() const noexcept { return limit_; }

private:
  std::shared_ptr<place::counter> taken_ = std::make_shared<place::counter>(0);
  std::size_t limit_;
};

} // namespace handoff

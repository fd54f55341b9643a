#pragma once

#include "job/exchange.hpp"
#include "job/latency.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace handoff {

/// The upstream host of an absolute http or https URL, as the outbound client
/// names it: `scheme://name:port` in lower case. What stands behind the
/// authority may be missing, or be an expression still.
std::string upstream_of(std::string_view url);

/// What was observed of one flow's clones, or of one upstream's. Thread-safe.
class clone_line {
public:
  /// Clones that wait for their turn or are under way.
  std::size_t count() const noexcept { return count_.load(); }

  latency_estimate latency() const;

private:
  friend class clone_place;
  friend class clone_traffic;

  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> used_{0}; ///< when last, in lookups
  mutable std::mutex mutex_;
  latency_estimate latency_; ///< guarded by mutex_
};

/// A clone's place in the line of its upstream, from when it is admitted until
/// its call is over. Between two attempts it has none. One holder at a time; it
/// is given up when it goes.
class clone_place {
public:
  clone_place() = default;

  ~clone_place() { leave(); }

  clone_place(const clone_place&) = delete;
  clone_place& operator=(const clone_place&) = delete;

  /// Does nothing if it is in that line. Returns how many stand before it.
  std::size_t enter(std::shared_ptr<clone_line> line);
  void leave();

private:
  std::shared_ptr<clone_line> line_;
};

/// Where clones stand in line and how long they take: clone actors feed it, and
/// who has to foresee asks it. Thread-safe; every operation is O(1) but for
/// the one in 1,024 new lines that makes room.
///
/// Bounded: of what nobody has asked for the longest, what is more than
/// `lines_max` is forgotten, flows that are no more among it.
class clone_traffic {
public:
  static constexpr std::size_t lines_max = 4'096;

  /// The line of the clones at `upstream`.
  std::shared_ptr<clone_line> at(const std::string& upstream);

  /// What is known of one flow's `step` ("clone" or "probe") at that upstream;
  /// nobody stands in this line.
  std::shared_ptr<clone_line> of(std::string_view flow, std::string_view step,
                                 std::string_view upstream);

  /// Takes in what came of an attempt, for the flow's step and for the
  /// upstream: the latency of one that brought what was asked for (`is_good`),
  /// and the patience of one that timed out. Others say nothing of how long a
  /// good one takes. The wait for its turn is no part of it.
  void observe(std::string_view flow, std::string_view step,
               const std::string& upstream, const exchange& done, bool is_good);

private:
  std::shared_ptr<clone_line> find(std::string key);
  void make_room();

  std::mutex mutex_;
  std::uint64_t lookups_ = 0;
  std::unordered_map<std::string, std::shared_ptr<clone_line>> lines_;
};

} // namespace handoff

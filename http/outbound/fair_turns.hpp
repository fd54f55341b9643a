#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace handoff {

/// Calls that wait, taken one job after the other: a job with a thousand calls
/// delays another job by one call a turn. First come, first served within a
/// job. Every operation is O(1) on average.
class fair_turns {
  struct line;
  using line_position = std::list<line>::iterator;

public:
  /// Where a call waits; good until it is popped or erased.
  class place {
    friend class fair_turns;
    line_position line_;
    std::list<std::uint64_t>::iterator call_;
  };

  place push(std::uint64_t call, std::string_view job);

  /// The call that `pop` would give. Not when empty.
  std::uint64_t next() const { return lines_.front().calls.front(); }

  /// Takes the next call out and moves its job to the end. Not when empty.
  std::uint64_t pop();

  void erase(const place& at);

  bool empty() const noexcept { return size_ == 0; }

  std::size_t size() const noexcept { return size_; }

private:
  struct line {
    std::string job;
    std::list<std::uint64_t> calls; ///< never empty
  };

  void forget(line_position at);

  std::list<line> lines_; ///< in the order of their next turns
  std::unordered_map<std::string_view, line_position> by_job_; ///< keys in it
  std::size_t size_ = 0;
};

} // namespace handoff

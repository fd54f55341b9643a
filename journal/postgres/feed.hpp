#pragma once

#include "journal/postgres/handle.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace handoff::postgres {

/// What nodes tell each other, for as long as one of them wants to hear it: a
/// table that a crash of the server may empty. All throw `failure`.
class feed {
public:
  feed(connection& on, std::int64_t number);

  /// Keeps on saying that this node wants to hear the others, or not any more.
  void listen(bool wanted);

  bool is_listening() const { return is_listening_; }

  /// Whether another node wants to hear this one.
  bool is_heard();

  /// Tells those who do.
  void tell(const std::vector<std::string>& words);

  /// What the others have told since this node listens, in their order.
  std::vector<std::string> hear();

private:
  using time_point = std::chrono::steady_clock::time_point;

  connection& on_;
  std::int64_t number_;
  std::int64_t last_ = 0; ///< that this node has told
  bool is_listening_ = false;
  time_point said_;
  time_point trimmed_;
  std::map<std::int64_t, std::int64_t> heard_; ///< by node, the last
};

} // namespace handoff::postgres

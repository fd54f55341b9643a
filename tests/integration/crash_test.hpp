#pragma once

#include "tests/integration/service_test.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace handoff::support {

/// What a flow says about a clone of unknown outcome.
enum class unknown_clone { ambiguous, probed, repeated };

/// A service that is killed, in front of an API that knows what it was asked to
/// make, and what can be told from outside afterwards. The UID of a clone is
/// the number of the request that made it.
class CrashTest : public ServiceTest {
protected:
  CrashTest();

  /// What the flow does about a clone of unknown outcome.
  void choose(unknown_clone what);

  /// Starts it again without a crash point, whether it still runs or not.
  void kill_and_restart();

  /// All jobs that the admin side lists.
  std::vector<nlohmann::json> jobs() const;

  /// Waits until nothing is left to do without a person. Gives the jobs whole.
  std::vector<nlohmann::json> wait_until_settled(
    std::chrono::milliseconds timeout = std::chrono::seconds{60}) const;

  /// Does for each ambiguous job what a person would: looks whether the API
  /// made the clone. Gives how many there were.
  int resolve_ambiguous();

  /// Orders what failed once more. Gives how many jobs that were.
  int retry_failed();

  /// How often each clone was sent, by job.
  std::map<std::string, int> clones_sent() const;

  /// The rules that hold whatever was killed and when. Each sub-action has
  /// succeeded; what was journaled as a success was not followed by another
  /// attempt. Gives how many successes were repeated.
  int expect_each_sub_action_once(const std::vector<nlohmann::json>& jobs);

  std::size_t sub_actions = 6;
};

} // namespace handoff::support

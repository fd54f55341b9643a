#pragma once

#include "tests/nodes/shared_journal_test.hpp"
#include "tests/support/cut_proxy.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace handoff::support {

/// Three nodes under load, each with a way of its own to the database, and what
/// is counted of them. Senders repeat their webhooks, each with its own
/// Idempotency-Key and each time at another node, until they have a 2xx. Half
/// of the webhooks are for a flow that has no probe.
class HarmedNodesTest : public SharedJournalTest {
protected:
  static constexpr std::size_t node_count = 3;
  static constexpr std::chrono::seconds lease{3};

  /// What must be 0, and what is only told.
  struct counts {
    std::size_t acknowledged = 0;
    std::size_t jobs = 0;
    std::size_t ambiguous = 0; ///< of the flow without a probe, after a kill
    std::size_t cancelled = 0;
    std::size_t repeats = 0; ///< of a success that was not journaled
    std::size_t requests = 0;
    // Broken promises, which are also failures of the test.
    std::size_t lost = 0;
    std::size_t doubled_clones = 0;
    std::size_t repeated_successes = 0;
    std::size_t requests_of_dead = 0;
  };

  void SetUp() override;

  void start_nodes();

  handoff_service& node(std::size_t n) { return *nodes_[n]; }

  cut_proxy& way_of(std::size_t n) { return *ways_[n]; }

  std::int64_t number_of(std::size_t n) const { return numbers_[n]; }

  /// Starts it again; it is another node to the others then.
  void restart(std::size_t n);

  /// Begins to send webhooks, and ends when all that were begun are answered.
  void begin_load(int senders, std::chrono::milliseconds pause);
  void end_load();

  /// A webhook that this node refuses is no fault while it is ending.
  void note_draining(std::size_t n, bool is_draining) {
    draining_[n] = is_draining;
  }

  /// Answers of 503, and lost connections, of nodes that were not ending.
  int refusals() const { return refusals_; }

  /// Whether others have declared this number dead.
  bool was_declared_dead(std::int64_t number) const;
  std::size_t deaths() const;
  std::size_t jobs_of(std::int64_t number) const;
  std::size_t ambiguous_now() const;

  /// Waits until all jobs are final, and looks at all that happened.
  counts count();

  std::map<std::string, json> jobs() const;

private:
  struct seen_request {
    std::int64_t began_ms;
    std::string from;
    bool succeeded;
  };

  struct acknowledgement {
    std::vector<json> answers;
  };

  void send_many(int sender);
  bool send_once(std::size_t node, const std::string& flow,
                 const std::string& key);
  void note_number(std::size_t n);
  std::map<std::string, std::vector<seen_request>> ledger() const;
  void count_requests_of_dead(
    const std::map<std::string, std::vector<seen_request>>& all,
    counts& found) const;
  void count_steps(const json& shown,
                   const std::map<std::string, std::vector<seen_request>>& all,
                   counts& found) const;
  void expect_whole_rows();

  std::vector<std::unique_ptr<cut_proxy>> ways_;
  std::vector<std::unique_ptr<handoff_service>> nodes_;
  std::array<std::int64_t, node_count> numbers_{};
  std::array<int, node_count> starts_{};
  std::array<std::atomic<std::uint16_t>, node_count> ports_{};
  std::array<std::atomic<bool>, node_count> draining_{};
  std::atomic<int> refusals_{0};
  /// The number of each start, by the name that its requests have.
  std::map<std::string, std::int64_t> number_by_start_;
  std::chrono::milliseconds pause_{10};
  std::vector<std::thread> senders_;
  std::atomic<bool> enough_{false};
  std::atomic<int> turn_{0};
  std::mutex mutex_;
  std::map<std::string, std::vector<json>> acknowledged_;
  std::vector<std::string> wrong_;
};

} // namespace handoff::support

#pragma once

#include "job/lease_rules.hpp"
#include "journal/journal_group.hpp"
#include "journal/postgres/feed.hpp"
#include "journal/postgres/node_rows.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace handoff::postgres {

/// The life of a node: a thread with a connection of its own, which renews the
/// lease, watches those of the others, declares dead who does not renew his,
/// and carries what nodes tell each other. What the database cannot be asked
/// meanwhile is asked as soon as it is back.
class node_life final : public journal_group {
public:
  struct options {
    std::int64_t number = 0;
    std::chrono::milliseconds lease{20'000};
    /// Makes a connection with its session prepared; throws `failure`.
    std::function<std::shared_ptr<connection>(std::chrono::milliseconds)>
      connect;
    /// When the registration was sent, which was the first renewal.
    boot_time entered{0};
  };

  explicit node_life(options chosen);
  ~node_life() override;

  bool holds() const noexcept override;
  group_measures measures() const override;
  void follow(group_listener listener) override;
  void leave() override;
  bool is_heard() const noexcept override;
  void tell(std::string words) override;

  /// This node has taken up so many jobs of others.
  void took_over(std::size_t jobs) { taken_over_ += jobs; }

  /// This node was declared dead: somebody has heard of it.
  void fenced();

  /// Before the node's end.
  void stop();

private:
  using time_point = std::chrono::steady_clock::time_point;

  void run();
  void turn();
  void renew();
  void watch(const std::vector<node_row>& all);
  void count(const std::vector<node_row>& all);
  void share(const std::vector<node_row>& all);
  bool keeps_to_share();
  void tell_leaving();
  void carry_words();
  std::chrono::milliseconds pause() const;

  std::chrono::milliseconds renew_every() const { return options_.lease / 5; }

  const options options_;
  own_lease own_;
  lease_watch others_;
  std::int64_t newest_ = 0; ///< node that room is left for
  /// Nothing is this node's before it has seen who else there is.
  lease_share share_{0, 1, false};
  std::shared_ptr<connection> on_;
  std::unique_ptr<node_rows> rows_;
  std::unique_ptr<feed> feed_;
  std::optional<time_point> renewed_;
  std::optional<time_point> tidied_;
  bool was_away_ = false;

  /// Of CLOCK_BOOTTIME, in ns.
  std::atomic<std::int64_t> doubtful_from_{0};
  std::atomic<bool> is_fenced_{false};
  std::atomic<bool> is_leaving_{false};
  std::atomic<bool> is_heard_{false};
  bool has_left_ = false;
  std::array<std::atomic<std::uint64_t>, 4> in_state_{}; ///< of nodes; by it
  std::atomic<std::uint64_t> doubts_{0};
  std::atomic<std::uint64_t> declared_dead_{0};
  std::atomic<std::uint64_t> taken_over_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  // What follows is guarded by it.
  group_listener listener_;
  std::vector<std::string> words_;
  std::size_t words_bytes_ = 0;
  bool stopping_ = false;

  std::thread thread_;
};

} // namespace handoff::postgres

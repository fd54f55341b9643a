#pragma once

#include "tools/fake_api/message.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace fake_api {

/// What a number of requests at once came to.
struct gauge {
  std::uint64_t now = 0;
  std::uint64_t max = 0;

  void up() noexcept {
    if (++now > max)
      max = now;
  }

  void down() noexcept { --now; }
};

/// Counts and remembers the requests. Every operation on one request takes
/// constant time; every table has a bound, past which it does not grow: then
/// the sums stay right and `overflowed` in the counts says so.
class ledger {
public:
  static constexpr std::size_t records_max = 200'000;
  static constexpr std::size_t record_bytes_max = 256 * 1024 * 1024;
  static constexpr std::size_t body_bytes_max = 4'096;
  static constexpr std::size_t paths_max = 100'000;
  static constexpr std::size_t keys_max = 1'000'000;
  static constexpr std::size_t jobs_max = 200'000;

  struct path_counts {
    std::uint64_t requests = 0;
    std::uint64_t answered = 0;
    gauge in_flight;
  };

  struct key_counts {
    std::uint64_t requests = 0;
    std::uint64_t successes = 0;
    /// The number of the first request with this key.
    std::uint64_t first = 0;
  };

  /// One request between its begin and its end. The pointers hold until the
  /// reset that `epoch` tells.
  struct ticket {
    std::uint64_t seq = 0;
    std::uint64_t epoch = 0;
    path_counts* path = nullptr;
    key_counts* key = nullptr;
    gauge* job = nullptr;
  };

  /// Not `recording`, it keeps nothing but sums: neither requests nor tables.
  explicit ledger(bool recording);

  ticket begin(const request& incoming, std::uint64_t connection);

  /// `status` is 0 where no whole answer was sent. A ticket from before a reset
  /// is ignored.
  void end(const ticket& which, std::string_view outcome, int status);

  void connection_opened() noexcept {
    ++accepted_;
    connections_.up();
  }

  void connection_closed() noexcept { connections_.down(); }

  void malformed() noexcept { ++malformed_; }

  /// The number of the first request with this Idempotency-Key since the last
  /// reset: what an API knows that looks for what it was asked to make.
  std::optional<std::uint64_t> first_of(const std::string& key) const;

  /// Forgets all but the open connections.
  void reset();

  nlohmann::json counts(bool summary) const;

  /// `{"requests":[…],"forgotten":N}`, oldest first, as text. Takes `path` (a
  /// pattern), `key` and `limit` (the newest) out of `query`. Throws
  /// `std::invalid_argument`.
  std::string requests(std::string_view query) const;

private:
  struct record {
    request what;
    std::uint64_t seq = 0;
    std::uint64_t connection = 0;
    std::size_t bytes = 0;
    std::int64_t started_ms = 0;
    std::int64_t finished_ms = 0;
    std::uint64_t began = 0;
    std::uint64_t ended = 0;
    int status = 0;
    std::string outcome = "in_flight";
  };

  std::int64_t now_ms() const;
  void remember(const request& incoming, std::uint64_t seq,
                std::uint64_t connection);
  static nlohmann::json shown(const record& one);

  bool recording_;
  std::chrono::steady_clock::time_point steady_start_;
  std::int64_t system_start_ms_;
  std::uint64_t epoch_ = 0;
  std::uint64_t seq_ = 0;
  /// Numbers begins and ends alike, so that a test can tell their order where
  /// a millisecond is too coarse.
  std::uint64_t events_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t accepted_ = 0;
  bool overflowed_ = false;
  gauge connections_;
  gauge in_flight_;
  std::uint64_t job_max_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> outcomes_;
  std::unordered_map<std::string, path_counts> paths_;
  std::unordered_map<std::string, key_counts> keys_;
  std::unordered_map<std::string, gauge> jobs_;
  std::deque<record> records_;
  std::size_t record_bytes_ = 0;
};

} // namespace fake_api

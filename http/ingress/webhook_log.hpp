#pragma once

#include "config/flow.hpp"
#include "job/exchange.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

struct clone_order;

/// Why a webhook became no job.
enum class webhook_outcome : std::uint8_t {
  bad_signature,
  ignored,
  handshake,
  malformed,
  refused,
  unknown_flow,
};

std::string_view name(webhook_outcome outcome) noexcept;

/// What a request is that could not be read: over a limit, or malformed.
webhook_outcome outcome_of_unread(error_kind why) noexcept;

/// A webhook that became no job.
struct turned_away {
  std::chrono::system_clock::time_point at;
  std::string flow;
  std::string remote; ///< empty: not known
  webhook_outcome outcome = webhook_outcome::refused;
  int status = 0;
  std::string detail;
  handoff::headers headers;
  std::string body;
};

/// Whom the proxy in front names, which adds the address that it sees to the
/// end. Without a proxy nobody is known: the field is then the sender's own.
std::string remote_of(const headers& fields);

/// The newest webhooks that became no job, for operators. In memory, with
/// secrets masked when they come in. Where there are too many, the flow that
/// has most of them loses its oldest (those without a flow count as one), so
/// that one sender's noise does not drive out what the others need.
/// Thread-safe.
class webhook_log {
public:
  static constexpr std::size_t kept_max = 1'000;
  static constexpr std::size_t body_bytes_max = 2'048;
  /// What add() looks at: it masks before it cuts, so that a secret that stands
  /// at the cut is not shown in part.
  static constexpr std::size_t body_bytes_taken = 8 * body_bytes_max;
  /// Of names and values together; the rest is left out.
  static constexpr std::size_t head_bytes_max = 4'096;

  /// `definition` is null where there is no such flow.
  void add(turned_away entry, const flow* definition);

  struct filter {
    std::optional<std::string> flow;
    std::optional<std::string> outcome;
    std::optional<std::chrono::system_clock::time_point> since;
    std::size_t limit = 100;
  };

  /// `{"webhooks": [...]}`, newest first.
  nlohmann::json document(const filter& wanted) const;

  /// An entry for an order that the actors refused.
  void add(const clone_order& order, const error& why);

private:
  struct kept {
    turned_away entry;
    std::string share; ///< its flow; empty: there is no such flow
  };

  void drop_one();

  mutable std::mutex mutex_;
  std::deque<kept> entries_;                  ///< oldest first
  std::map<std::string, std::size_t> shares_; ///< how many of each
};

} // namespace handoff

#pragma once

#include "config/connection.hpp"
#include "job/token.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// The tokens of connections with `oauth2`. They are in memory only. A token is
/// asked for when a call waits for it, once for all that wait, and again when
/// 80 % of its life are over and it has been used; so a connection that nobody
/// uses costs nothing.
///
/// Decides and keeps; the outbound loop makes the requests. Thread-safe.
class token_table {
public:
  using time_point = std::chrono::steady_clock::time_point;

  struct token {
    std::string text;
    std::uint64_t number = 0; ///< of all that there have been, from 1
  };

  /// What operators see of one.
  struct view {
    bool is_valid = false;
    /// Empty if there is no token, or if its end is not known.
    std::optional<wall_time> valid_until;
    std::optional<std::string> last_error;
    std::optional<wall_time> last_error_at;
    /// The refresh token is of no use any more: a person has to see to it.
    bool is_chain_lost = false;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
  };

  /// What follows an answer of a token endpoint.
  enum class after_answer {
    usable,     ///< the token is there
    to_store,   ///< it is once its refresh token is stored
    failed,     ///< it is asked for again later
    chain_lost, ///< the same, and it is known to be of no use
  };

  /// The connections that there are; tokens of others are forgotten.
  void configure(const connection_set& connections);

  /// Whether calls of this connection need a token.
  bool is_needed(const std::string& name) const;

  /// Whether they need one and there is none.
  bool is_missing(const std::string& name, time_point now) const;

  /// Somebody is about to call. Whether the loop is to look at `due` now.
  bool want(const std::string& name, time_point now);

  std::optional<token> find(const std::string& name, time_point now) const;

  /// It was refused, as its number says. False if it has been replaced.
  bool refused(const std::string& name, std::uint64_t number);

  /// Whose token is to be requested now; they count as under way from then on.
  std::vector<std::string> due(time_point now);

  /// Whose token has ended by now, so that those who wait are to be told. Each
  /// once.
  std::vector<std::string> ended(time_point now);

  /// When `due` or `ended` may next have something.
  std::optional<time_point> next_due() const;

  /// The refresh token that has come last; none: that of the store, or the
  /// first.
  std::optional<std::string> refresh_token(const std::string& name) const;

  /// A request that was under way has ended so.
  after_answer answered(const std::string& name,
                        const result<token_answer>& answer, bool is_stored,
                        std::optional<std::chrono::milliseconds> retry_after,
                        time_point now, wall_time wall_now);

  /// What `to_store` was waited for has ended so; what is not stored is tried
  /// again, without another request.
  void stored(const std::string& name, const std::optional<error>& failure,
              time_point now, wall_time wall_now);

  /// Tokens that another node has got, of that version; no request was made.
  void given(const std::string& name, const token_answer& tokens,
             std::int64_t version, time_point now);

  /// Another node is about to get them: `due` has it again after `wait`.
  void postponed(const std::string& name, std::chrono::milliseconds wait,
                 time_point now);

  /// This node is to renew the tokens of that version, with this refresh token.
  void claimed(const std::string& name, std::int64_t version,
               const std::string& refresh_token);

  /// The version of the shared tokens that is known; 0: none.
  std::int64_t version(const std::string& name) const;

  /// What `to_store` was said of, with the refresh token to go on with.
  std::optional<token_answer> pending(const std::string& name) const;

  /// What is to be stored is another node's matter meanwhile.
  void overtaken(const std::string& name, time_point now);

  /// What is to be stored again.
  std::vector<std::pair<std::string, std::string>> to_store(time_point now);

  std::map<std::string, view> views(time_point now, wall_time wall_now) const;

private:
  struct entry {
    connection_auth auth;
    std::string text; ///< empty: there is none
    std::uint64_t number = 0;
    std::optional<time_point> valid_until;
    std::optional<time_point> renew_at;
    bool is_wanted = false;
    bool is_under_way = false; ///< a request, or a store
    bool is_used = false;
    std::uint32_t failed = 0; ///< in a row
    time_point try_at{};
    std::optional<std::string> refresh_token;
    std::optional<token_answer> pending; ///< not stored yet
    std::int64_t version = 0;            ///< of those that nodes share
    std::optional<std::string> last_error;
    std::optional<wall_time> last_error_at;
    bool is_chain_lost = false;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
  };

  static bool is_usable(const entry& one, time_point now);
  static bool is_due(const entry& one, time_point now);
  void take(entry& one, const token_answer& answer, time_point now);
  static void fail(entry& one, const error& why,
                   std::optional<std::chrono::milliseconds> retry_after,
                   time_point now, wall_time wall_now);

  mutable std::mutex mutex_;
  std::map<std::string, entry> entries_; ///< guarded by mutex_
  std::uint64_t last_number_ = 0;        ///< guarded by mutex_
};

} // namespace handoff

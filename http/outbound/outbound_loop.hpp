#pragma once

#include "http/outbound/call_profile.hpp"
#include "http/outbound/call_turns.hpp"
#include "http/outbound/http1_calls.hpp"
#include "http/outbound/http2_links.hpp"
#include "http/outbound/name_book.hpp"
#include "http/outbound/outbound_client.hpp"
#include "http/outbound/shared_tokens.hpp"
#include "http/outbound/token_store.hpp"
#include "http/outbound/token_table.hpp"
#include "http/outbound/transfer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/epoll.h>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace handoff {

/// The thread that makes the calls, and all that it owns. One round: wait for
/// sockets, time or new work; let libcurl go on; tell what ended; begin what
/// has come in. Other threads meet it at `incoming_` only. It lends its time to
/// those who wait for a turn.
class outbound_client::loop {
public:
  explicit loop(outbound_options options);
  ~loop();

  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  void start(outbound_call_ptr call, completion done);

  const std::shared_ptr<call_turns>& turns() const noexcept { return turns_; }

  std::vector<connection_state> connections() const;

private:
  using time_point = std::chrono::steady_clock::time_point;

  /// A call on its way to the loop's thread, perhaps with what is wrong with
  /// it.
  struct arrival {
    std::unique_ptr<transfer> work;
    std::optional<error> refused;
  };

  /// A call whose upstream's name is being looked up.
  struct unresolved_call {
    std::unique_ptr<transfer> work;
    time_point until;
  };

  /// A call as it is sent, or why it cannot be.
  struct routed_call {
    outbound_call_ptr call;
    std::shared_ptr<call_profile> profile;
    std::optional<token_table::token> token;
    std::optional<error> refused;
  };

  /// How calls of a connection get to it, as it was then.
  struct known_profile {
    connection_ptr connection;
    std::shared_ptr<call_profile> profile;
  };

  void follow_connections();
  /// Adds what the call's connection says.
  routed_call route(outbound_call_ptr call);
  std::shared_ptr<call_profile> profile_of(const connection_ptr& through);
  void request_tokens(time_point now);
  void request_token(const std::string& name, time_point now);
  void request_token_with(const connection& through,
                          const std::string& refresh_token, time_point now);
  /// Looks whether another node has renewed it, or is about to.
  void look_for_shared_token(const connection& through);
  void take_shared_tokens(time_point now);
  void store_shared_token(const connection& through);
  void token_answered(const std::string& name,
                      const result<token_answer>& answer,
                      std::optional<std::chrono::milliseconds> retry_after);
  void store_token(const std::string& name, const std::string& refresh_token);

  void run();
  int patience_for_poll(time_point now) const;
  void poll_once();
  void serve(const epoll_event& event);
  bool take_arrivals();
  void give_turns();
  void take_ended();
  /// Begins it, once its addresses are known.
  void take(std::unique_ptr<transfer> work, time_point now);
  void take_looked_up(const std::vector<std::string>& names, time_point now);
  void give_up_lookups(time_point now);
  /// Begins a clone, and puts a sub-action in line.
  void begin_in_turn(std::unique_ptr<transfer> work, time_point now);
  void begin_sub_actions();
  void begin(std::unique_ptr<transfer> work, time_point now);
  void learn_from(const transfer& work, const exchange& done);
  void shut_down();

  const outbound_options options_;
  owned_fd epoll_; ///< clones, and whether there is something in the other
  owned_fd epoll_sub_actions_;
  const std::shared_ptr<token_table> tokens_;
  const std::shared_ptr<call_turns> turns_;
  const std::shared_ptr<call_profile> profile_; ///< without a connection

  std::mutex profiles_mutex_;
  // Guarded by it.
  std::map<std::string, known_profile> profiles_;
  std::vector<std::shared_ptr<call_profile>> retired_;
  std::uint64_t last_profile_ = 0;

  std::mutex incoming_mutex_;
  std::vector<arrival> incoming_;      ///< guarded by incoming_mutex_
  std::vector<std::string> looked_up_; ///< names; guarded by incoming_mutex_
  /// Of connections; guarded by incoming_mutex_.
  std::vector<std::pair<std::string, result<shared_tokens::found>>>
    tokens_found_;
  bool stopping_ = false; ///< guarded by incoming_mutex_

  // What follows is the loop's thread's alone.
  name_book names_;
  socket_watch sockets_; // outlives those that have sockets
  http2_links http2_;
  http1_calls http1_;
  bool woken_ = false;
  std::optional<time_point> next_turns_; ///< when they are to be looked for
  /// Calls that wait for a lookup, by name.
  std::unordered_map<std::string, std::vector<unresolved_call>> unresolved_;
  std::optional<time_point> next_lookup_end_;
  std::deque<std::unique_ptr<transfer>> sub_actions_; ///< that may begin
  std::size_t sub_actions_in_round_ = 1;              ///< that begin
  shortage shortage_;
  std::optional<time_point> next_token_;

  token_store store_; ///< its thread tells what is above

  std::thread thread_;
};

} // namespace handoff

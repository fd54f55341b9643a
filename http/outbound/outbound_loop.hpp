#pragma once

#include "http/front_door/descriptors.hpp"
#include "http/outbound/curl_handle.hpp"
#include "http/outbound/curl_lanes.hpp"
#include "http/outbound/governor.hpp"
#include "http/outbound/outbound_client.hpp"
#include "http/outbound/transfer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/epoll.h>
#include <thread>
#include <unordered_map>
#include <vector>

namespace handoff {

/// A file descriptor, closed when it goes.
class owned_fd {
public:
  explicit owned_fd(int fd) : fd_{fd} {}

  ~owned_fd();
  owned_fd(const owned_fd&) = delete;
  owned_fd& operator=(const owned_fd&) = delete;

  int get() const noexcept { return fd_; }

private:
  int fd_;
};

/// The thread that makes the calls, and all that it owns. One round: wait for
/// sockets, time or new work; let libcurl go on; tell what ended; start what
/// the governor lets start. Other threads meet it at `incoming_` and at the
/// governor's counts only.
class outbound_client::loop {
public:
  explicit loop(outbound_options options);
  ~loop();

  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  void start(outbound_call_ptr call, completion done);
  void drain();
  std::vector<upstream_counts> counts() const;
  clone_room room_for_clones(const std::string& host) const;

private:
  using time_point = std::chrono::steady_clock::time_point;

  /// A call on its way to the loop's thread: with the host it goes to, or with
  /// what is wrong with it.
  struct arrival {
    std::unique_ptr<transfer> work;
    result<std::string> host;
  };

  /// A call that waits for its turn or is under way.
  struct accepted_call {
    std::unique_ptr<transfer> work;
    curl_lane* lane = nullptr; ///< null while it waits
  };

  void run();
  void wake();
  int patience_for_poll(time_point now) const;
  void poll_once();
  void serve(const epoll_event& event);
  bool take_arrivals();
  void take_turns();
  std::vector<std::uint64_t> take_ready(time_point now);
  void take_ended();
  void take_ended(curl_lane& from);
  void begin(std::uint64_t id, time_point now);
  void end(std::uint64_t id, exchange done);
  curl_easy take_handle();
  /// What it points to of its call is set anew before it is used again.
  void recycle(curl_easy easy);
  void shut_down();

  const outbound_options options_;
  owned_fd epoll_; ///< clones, and whether there is something in the other
  owned_fd epoll_sub_actions_;
  owned_fd wakeup_;

  std::mutex incoming_mutex_;
  std::vector<arrival> incoming_; ///< guarded by incoming_mutex_
  bool stopping_ = false;         ///< guarded by incoming_mutex_
  bool drain_asked_ = false;      ///< guarded by incoming_mutex_

  mutable std::mutex governor_mutex_;
  governor governor_; ///< guarded by governor_mutex_

  // What follows is the loop's thread's alone. The order is that in which
  // libcurl wants them made, and destroyed in reverse.
  curl_share share_;
  curl_lanes lanes_;
  call_sockets sockets_{wakeup_.get()};
  bool none_left_ = false; ///< of the descriptors, for a call that may start
  shortage shortage_;
  std::vector<curl_easy> spare_;
  std::unordered_map<std::uint64_t, accepted_call> calls_;
  std::uint64_t next_id_ = 1;

  std::thread thread_;
};

} // namespace handoff

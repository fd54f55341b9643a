#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace handoff {

/// Leads connections to a port of 127.0.0.1 on to a unix socket, until it is
/// told to cut them. What it has read and not passed on it passes on once the
/// cut is over, as a network that repeats lost packets would.
class cut_proxy {
public:
  enum class cut {
    none,
    both,      ///< nothing passes, and nobody is told
    to_server, ///< what the client says does not arrive
    to_client, ///< what the server says does not arrive
    half_open, ///< the server's ends are closed, and the clients not told
    refused,   ///< all connections are ended, and new ones at once
  };

  explicit cut_proxy(std::string socket);
  cut_proxy(const cut_proxy&) = delete;
  cut_proxy& operator=(const cut_proxy&) = delete;
  ~cut_proxy();

  std::uint16_t port() const { return port_; }

  void set(cut how);

private:
  /// Two sockets, and what has come from each and not gone to the other yet.
  struct pair {
    int client = -1;
    int server = -1;
    std::string to_server;
    std::string to_client;
    bool client_ended = false;
    bool is_over = false;
  };

  void run();
  void apply(cut before, cut now);
  void take_client(cut now);
  static void serve(pair& one, bool client_ready, bool server_ready, cut now);
  int connect_server() const;

  const std::string socket_;
  int listener_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  cut wanted_ = cut::none; ///< guarded by mutex_
  bool stopping_ = false;  ///< guarded by mutex_
  std::list<pair> pairs_;  ///< the thread's alone
  std::thread thread_;
};

} // namespace handoff

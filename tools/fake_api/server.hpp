#pragma once

#include "tools/fake_api/answer.hpp"
#include "tools/fake_api/ledger.hpp"
#include "tools/fake_api/message.hpp"
#include "tools/fake_api/script.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace fake_api {

struct options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 9001; ///< 0: any free one
  std::string script_file;
  std::string port_file;
  bool recording = true;
};

/// A file descriptor that is closed with its owner.
class descriptor {
public:
  explicit descriptor(int number = -1) noexcept : number_{number} {}

  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  ~descriptor() { close(); }

  int number() const noexcept { return number_; }

  bool open() const noexcept { return number_ >= 0; }

  void reset(int number) noexcept;
  void close() noexcept;

private:
  int number_;
};

/// One thread that serves every connection with epoll. It serves one request a
/// connection at a time; what a client pipelines waits in its socket.
class server {
public:
  /// Listens. Throws `std::system_error`, and `std::invalid_argument` where the
  /// address is no loopback address: it answers whatever it is told to, which
  /// is nothing to show to a network.
  explicit server(const options& settings, script rules);
  ~server();

  std::uint16_t port() const noexcept { return port_; }

  /// Serves until SIGTERM or SIGINT.
  void run();

private:
  using clock = std::chrono::steady_clock;

  /// reading: the next request; delayed: its answer is due later; hanging:
  /// until somebody releases it; dripping: byte by byte; sending: until the
  /// socket has taken it all.
  enum class stage { reading, delayed, hanging, dripping, sending };

  /// What ends a connection once its output is sent.
  enum class ending { none, close, cut, garbage };

  struct connection {
    descriptor socket;
    std::uint64_t number = 0;
    request_reader reader;
    std::string input;
    bool peer_closed = false;
    stage at = stage::reading;
    request incoming;
    bool counted = false;
    ledger::ticket ticket;
    std::shared_ptr<script> rules; ///< keeps `scripted` alive
    const step* scripted = nullptr;
    std::string output;
    std::size_t written = 0;
    std::uint64_t filler_bytes = 0;
    int status = 0;
    ending end = ending::none;
    std::uint64_t timer = 0; ///< the one that counts; 0: none
  };

  struct timer {
    clock::time_point due;
    std::uint64_t number;
    std::uint64_t connection;

    bool operator>(const timer& other) const noexcept {
      return due > other.due;
    }
  };

  void listen_at(const options& settings);
  void accept_all();
  void on_event(std::uint64_t number, std::uint32_t events);
  void advance(connection& one);
  bool read_more(connection& one);
  void begin(connection& one);
  void answer_now(connection& one);
  void send(connection& one, answer made, ending end);
  void flush(connection& one);
  void drip(connection& one);
  bool write_some(connection& one, std::size_t bytes_max);
  bool write_filler(connection& one);
  void finish(connection& one);
  void drop(connection& one, const char* outcome, bool with_reset = false);
  void start_timer(connection& one, std::chrono::milliseconds delay);
  void run_timers();
  int milliseconds_to_next() const;

  answer control(const request& incoming);
  answer replace_script(const request& incoming);
  std::size_t release();

  descriptor epoll_;
  descriptor listener_;
  descriptor signals_;
  descriptor spare_; ///< given up to turn a client away when none is left
  std::uint16_t port_ = 0;
  std::shared_ptr<script> rules_;
  ledger ledger_;
  std::uint64_t connection_numbers_ = 1;
  std::uint64_t timer_numbers_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<connection>> connections_;
  std::unordered_set<std::uint64_t> hanging_;
  std::vector<std::unique_ptr<connection>> dropped_;
  std::priority_queue<timer, std::vector<timer>, std::greater<>> timers_;
  std::mt19937_64 random_{1}; // the same jitter in each run
  bool stopping_ = false;
};

} // namespace fake_api

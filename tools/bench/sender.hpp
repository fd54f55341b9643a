#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

/// One request on a connection of its own.
struct shot {
  std::chrono::milliseconds at{0}; ///< after the start of the volley
  std::string bytes;
};

struct hit {
  int status = 0; ///< 0: no answer
  std::string body;
  std::string failure;
  clock::time_point sent; ///< before it connected
  clock::time_point answered;

  double milliseconds() const {
    return std::chrono::duration<double, std::milli>{answered - sent}.count();
  }
};

struct volley_limits {
  std::size_t open_max = 10'000;
  /// For each shot; after it, it is a failure.
  std::chrono::milliseconds patience{30'000};
};

/// Sends all to a port of 127.0.0.1, from one thread with one epoll, and waits
/// for every answer. The hits have the order of the shots.
std::vector<hit> fire(std::uint16_t port, const std::vector<shot>& shots,
                      const volley_limits& limits = {});

/// The bytes of a request that asks for the connection to be closed.
std::string request_bytes(const std::string& method, const std::string& path,
                          const std::string& body = {});

} // namespace bench

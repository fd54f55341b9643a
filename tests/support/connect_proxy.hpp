#pragma once

#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace handoff::test {

/// A proxy on 127.0.0.1 that knows CONNECT (RFC 9110, section 9.3.6) and leads
/// everything to one port of this machine, whatever name it is asked for. A
/// thread a connection.
class connect_proxy {
public:
  explicit connect_proxy(int to_port);

  /// Cuts every connection.
  ~connect_proxy();

  connect_proxy(const connect_proxy&) = delete;
  connect_proxy& operator=(const connect_proxy&) = delete;

  int port() const { return port_; }

  /// The heads of the requests that it got.
  std::vector<std::string> heads() const;

private:
  void accept_all();
  void serve(int fd);

  const int to_port_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  std::list<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

} // namespace handoff::test

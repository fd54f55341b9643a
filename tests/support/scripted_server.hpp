#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace handoff::test {

/// An HTTP/1.1 server on 127.0.0.1 that does to each request what a script
/// says, down to the bytes. A thread a connection; the script runs on them.
class scripted_server {
public:
  struct request {
    std::string method;
    std::string target;
    std::string head; ///< the request line and the fields, as they came
    std::string body;
    int connection = 0;    ///< 1 for the first that was accepted
    int on_connection = 0; ///< 1 for the first request of its connection
  };

  /// The other end, as the script sees it.
  class peer {
  public:
    explicit peer(int fd) : fd_{fd} {}

    /// False once the other side is gone.
    bool send(std::string_view bytes);

    /// An answer of 200 with `body`.
    void answer(std::string_view body = "");

    /// Ends the connection in good order.
    void close();

    /// Ends the connection with a RST.
    void reset();

    /// Says nothing until the other side, or the server, goes.
    void hang();

  private:
    friend class scripted_server;

    int fd_;
    bool open_ = true;
  };

  using script = std::function<void(const request&, peer&)>;

  explicit scripted_server(script told);

  /// Cuts every connection.
  ~scripted_server();

  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  std::string url(std::string_view path) const;

  int port() const { return port_; }

  /// The requests that were read to their ends, in their order.
  std::vector<request> requests() const;

  /// Those whose path is `path`.
  std::size_t requests_of(std::string_view path) const;
  int connections() const;

  /// Returns once `count` requests were read.
  void await_requests(std::size_t count) const;

private:
  void accept_all();
  void serve(int fd, int connection);

  script told_;
  int listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<request> requests_;
  std::vector<int> fds_;
  std::list<std::thread> threads_;
  int connections_ = 0;
  std::thread acceptor_;
};

} // namespace handoff::test

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace handoff::test {

/// An answer as it came; the names of its fields in lower case.
struct raw_answer {
  int status = 0;
  std::map<std::string, std::string> fields;
  std::string body;
};

/// A client that sends exactly the bytes it is told to. Waits 20 s at most for
/// anything, so a test that hangs fails.
class raw_client {
public:
  explicit raw_client(std::uint16_t port,
                      const std::string& address = "127.0.0.1");
  ~raw_client();

  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  /// False if the other side is gone.
  bool send(std::string_view bytes);

  /// Sends what fits without waiting; how many bytes that was.
  std::size_t send_some(std::string_view bytes);

  /// The next answer; none if the connection ends before it does.
  std::optional<raw_answer> read_answer(bool has_body = true);

  /// Reads up to the next empty line.
  std::string read_head();

  /// Reads `bytes` bytes and forgets them; how many came.
  std::size_t skip(std::size_t bytes);

  /// Whether the other side has ended the connection, and nothing came before.
  bool at_end();

  /// Closes the sending side only (SHUT_WR).
  void end_sending();

  /// Hangs up: with a reset if `abruptly`.
  void close(bool abruptly = false);

private:
  bool read_more();

  int fd_ = -1;
  std::string unread_;
};

/// A POST of `body` to `path` on a connection that is kept.
std::string post(std::string_view path, std::string_view body);

} // namespace handoff::test

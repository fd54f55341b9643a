#pragma once

#include "job/exchange.hpp"

#include <http_parser.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fake_api {

/// One HTTP/1.1 request as it came in.
struct request {
  std::string method;
  /// As it was sent, without the query.
  std::string path;
  /// Without the question mark.
  std::string query;
  handoff::headers headers;
  std::string body;
  /// Whether the connection may serve another request after this one.
  bool keep_alive = true;

  /// The `Idempotency-Key`; empty if there is none.
  std::string_view key() const noexcept;
};

/// The percent-decoded segments of a path; "/" has none.
std::vector<std::string> segments_of(std::string_view path);

/// The decoded value of the first query parameter called `name`.
std::optional<std::string> query_value(std::string_view query,
                                       std::string_view name);

/// Cuts a stream of bytes into requests (RFC 9112). A body of more than
/// `body_bytes_max` is an error, so that a sender cannot take all the memory.
class request_reader {
public:
  static constexpr std::size_t body_bytes_max = 16 * 1024 * 1024;

  request_reader();
  request_reader(request_reader&&) = delete;

  /// Takes bytes until one request is complete or `data` is used up; returns
  /// how many it took. After that, ask `failed()` and `complete()`.
  std::size_t feed(std::string_view data);

  bool failed() const noexcept { return failed_; }

  bool complete() const noexcept { return complete_; }

  /// Whether the sender waits for a 100 (RFC 9110, section 10.1.1); true once
  /// for a request.
  bool take_expectation() noexcept;

  /// Hands out the complete request and starts with the next.
  request take();

private:
  static int on_begin(http_parser* parser);
  static int on_url(http_parser* parser, const char* at, std::size_t size);
  static int on_field(http_parser* parser, const char* at, std::size_t size);
  static int on_value(http_parser* parser, const char* at, std::size_t size);
  static int on_headers_complete(http_parser* parser);
  static int on_body(http_parser* parser, const char* at, std::size_t size);
  static int on_complete(http_parser* parser);
  static const http_parser_settings& callbacks();

  http_parser parser_;
  request current_;
  std::string target_;
  bool in_value_ = false;
  bool expectation_ = false;
  bool complete_ = false;
  bool failed_ = false;
};

} // namespace fake_api

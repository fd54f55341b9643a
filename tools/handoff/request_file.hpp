#pragma once

#include "job/error.hpp"
#include "job/exchange.hpp"

#include <string>
#include <string_view>

namespace handoff {

/// An HTTP/1.1 request as somebody recorded it.
struct recorded_request {
  std::string method;
  std::string path;
  /// Without the "?".
  std::string query;
  handoff::headers headers;
  /// Without what framed it.
  std::string body;
  /// How many bytes are missing of what Content-Length says.
  std::size_t missing = 0;
};

/// Reads the bytes of a request: a request line, fields, an empty line and the
/// body. Lines may end in LF alone, as editors write them. Of the body as much
/// is taken as Content-Length says; chunks are put together. Error
/// `invalid_request` says what is wrong.
result<recorded_request> read_recorded_request(std::string_view bytes);

} // namespace handoff

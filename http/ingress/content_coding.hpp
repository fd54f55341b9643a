#pragma once

#include "job/error.hpp"
#include "job/exchange.hpp"

#include <cstddef>
#include <string>

namespace handoff {

/// The body without its `Content-Encoding` (RFC 9110, section 8.4): gzip (RFC
/// 1952) is decoded, to at most `bytes_max` bytes, whatever it claims.
///
/// Error `payload_too_large`: it would become longer. Error `invalid_request`:
/// it is damaged or cut off, or has a coding other than gzip.
result<std::string> without_content_coding(std::string body,
                                           const headers& fields,
                                           std::size_t bytes_max);

/// The same of an upstream's answer, which may also be `deflate` (RFC 1950, or
/// RFC 1951 without its frame, as some send it). An empty one, such as that to
/// a HEAD, has nothing to decode.
result<std::string> decoded_answer(std::string body, const headers& fields,
                                   std::size_t bytes_max);

} // namespace handoff

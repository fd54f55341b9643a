#include "http/ingress/content_coding.hpp"

#include "config/duration.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <zlib.h>

namespace handoff {
namespace {

/// Not the whole of zlib's window more than is needed at once.
constexpr std::size_t piece_bytes = 16'384;

error damaged() {
  return {error_kind::invalid_request,
          "the body is not gzip (RFC 1952), as its Content-Encoding says"};
}

/// Ends the stream that it owns.
struct stream_end {
  void operator()(z_stream* stream) const { ::inflateEnd(stream); }
};

/// What zlib calls `windowBits`.
enum class coding : int {
  gzip = 16 + MAX_WBITS,
  zlib = MAX_WBITS,
  bare = -MAX_WBITS, ///< without a frame
};

/// Decodes all members of `body` (RFC 1952, section 2.2), piece by piece, so
/// that a small body cannot take up more than `bytes_max` before it is refused.
result<std::string> inflated(std::string_view body, coding as,
                             std::size_t bytes_max) {
  z_stream stream{};
  if (::inflateInit2(&stream, static_cast<int>(as)) != Z_OK)
    return error{error_kind::internal, "no memory to decode the body"};
  const std::unique_ptr<z_stream, stream_end> owner{&stream};
  // zlib's interface lacks a const; it does not write there.
  stream.next_in =
    const_cast<Bytef*>(reinterpret_cast<const Bytef*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string decoded;
  std::array<char, piece_bytes> piece;
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const auto state = ::inflate(&stream, Z_NO_FLUSH);
    const auto made = piece.size() - stream.avail_out;
    if (made > bytes_max - decoded.size())
      return error{error_kind::payload_too_large,
                   "the body is larger than http.max-body ("
                     + format_size(bytes_max) + ") once it is decoded"};
    decoded.append(piece.data(), made);
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0 || as != coding::gzip)
        return decoded;
      if (::inflateReset(&stream) != Z_OK)
        return damaged();
    } else if (state != Z_OK || (stream.avail_in == 0 && made == 0)) {
      return damaged(); // Z_BUF_ERROR, too: it is cut off
    }
  }
}

} // namespace

result<std::string> without_content_coding(std::string body,
                                           const headers& fields,
                                           std::size_t bytes_max) {
  const auto* coding = find_header(fields, "Content-Encoding");
  if (coding == nullptr)
    return body;
  const auto name = lower_case(*coding);
  if (name.empty() || name == "identity")
    return body;
  // The two are one (RFC 9110, section 8.4.1.3).
  if (name == "gzip" || name == "x-gzip")
    return inflated(body, coding::gzip, bytes_max);
  return error{error_kind::invalid_request,
               "the Content-Encoding must be gzip, or there must be none"};
}

result<std::string> decoded_answer(std::string body, const headers& fields,
                                   std::size_t bytes_max) {
  const auto* name = find_header(fields, "Content-Encoding");
  if (name == nullptr || body.empty() || lower_case(*name) != "deflate")
    return body.empty()
           ? result<std::string>{std::move(body)}
           : without_content_coding(std::move(body), fields, bytes_max);
  auto decoded = inflated(body, coding::zlib, bytes_max);
  const auto* wrong = std::get_if<error>(&decoded);
  if (wrong == nullptr || wrong->kind != error_kind::invalid_request)
    return decoded;
  return inflated(body, coding::bare, bytes_max);
}

} // namespace handoff

#include "http/front_door/chunk_check.hpp"

#include "http/front_door/head_check.hpp"

#include <algorithm>
#include <variant>

namespace handoff {
namespace {

constexpr int size_digits_max = 16;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

} // namespace

std::size_t chunk_check::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !complete() && !failure_) {
    if (state_ != state::data) {
      take(bytes[taken++]);
      continue;
    }
    const auto part = static_cast<std::size_t>(
      std::min<std::uint64_t>(size_, bytes.size() - taken));
    taken += part;
    size_ -= part;
    if (size_ == 0)
      state_ = state::data_cr;
  }
  return taken;
}

void chunk_check::take(char c) {
  switch (state_) {
  case state::size:
    return take_size(c);
  case state::extension:
    if (c == '\r')
      state_ = state::size_lf;
    else if (++extension_bytes_ > extension_bytes_max || !is_field_byte(c))
      fail(error_kind::invalid_request, "A chunk extension is not usable.");
    return;
  case state::size_lf:
    return c == '\n' ? begin_data() : expect(c, '\n', state::data);
  case state::data_cr:
    return expect(c, '\r', state::data_lf);
  case state::data_lf:
    return expect(c, '\n', state::size);
  case state::trailer:
  case state::trailer_lf:
    return take_trailer(c);
  case state::data:
  case state::complete:
    return;
  }
}

void chunk_check::take_size(char c) {
  const auto value = hex_value(c);
  if (value >= 0 && digits_ < size_digits_max) {
    ++digits_;
    size_ = size_ * 16 + static_cast<std::uint64_t>(value);
    // Checked at each digit, so that the sum cannot overflow.
    if (size_ > max_body_ - body_bytes_)
      fail(error_kind::payload_too_large,
           too_large_body(max_body_, max_body_key_));
  } else if (digits_ > 0 && c == ';') {
    ++extension_bytes_;
    state_ = state::extension;
  } else if (digits_ > 0 && c == '\r') {
    state_ = state::size_lf;
  } else {
    fail(error_kind::invalid_request, "A chunk size is malformed.");
  }
}

void chunk_check::begin_data() {
  digits_ = 0;
  body_bytes_ += size_;
  state_ = size_ > 0 ? state::data : state::trailer;
}

void chunk_check::take_trailer(char c) {
  if (++trailer_bytes_ > trailer_bytes_max)
    return fail(error_kind::headers_too_large,
                "The trailer fields have more bytes than this service takes.");
  if (state_ == state::trailer_lf)
    return c == '\n' ? end_trailer_line() : expect(c, '\n', state::trailer);
  if (c == '\r')
    state_ = state::trailer_lf;
  else if (is_field_byte(c))
    line_.push_back(c);
  else
    fail(error_kind::invalid_request,
         "A trailer field has a control character in it.");
}

void chunk_check::end_trailer_line() {
  if (line_.empty()) {
    state_ = state::complete;
    return;
  }
  const auto field = read_field(line_);
  if (const auto* fault = std::get_if<error>(&field))
    return fail(fault->kind, fault->detail);
  line_.clear();
  state_ = state::trailer;
}

void chunk_check::expect(char c, char wanted, state next) {
  if (c == wanted)
    state_ = next;
  else
    fail(error_kind::invalid_request, "A chunk does not end with CR LF.");
}

void chunk_check::fail(error_kind kind, std::string_view detail) {
  failure_ = error{kind, std::string(detail)};
}

} // namespace handoff

#include "journal/cbor_writer.hpp"

#include <array>

namespace handoff {
namespace {

// RFC 8949, section 3.1.
constexpr std::uint8_t major_unsigned = 0;
constexpr std::uint8_t major_negative = 1;
constexpr std::uint8_t major_bytes = 2;
constexpr std::uint8_t major_text = 3;
constexpr std::uint8_t major_array = 4;

} // namespace

void cbor_writer::head(std::uint8_t major, std::uint64_t value) {
  const auto type = static_cast<std::uint8_t>(major << 5);
  if (value < 24) {
    out_.push_back(static_cast<std::uint8_t>(type | value));
    return;
  }
  // 24, 25, 26 and 27 say that 1, 2, 4 and 8 bytes follow.
  const unsigned power = value <= 0xff         ? 0
                       : value <= 0xffff       ? 1
                       : value <= 0xffff'ffffu ? 2
                                               : 3;
  std::array<char, 9> made;
  std::size_t size = 0;
  made[size++] = static_cast<char>(type | (24 + power));
  for (unsigned byte = 1u << power; byte-- > 0;)
    made[size++] = static_cast<char>(value >> (8 * byte));
  append({made.data(), size});
}

void cbor_writer::append(std::string_view value) {
  // Pointers to the element type of the buffer let insert() copy with memmove.
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(value.data());
  out_.insert(out_.end(), bytes, bytes + value.size());
}

cbor_writer& cbor_writer::array(std::size_t size) {
  head(major_array, size);
  return *this;
}

cbor_writer& cbor_writer::integer(std::int64_t value) {
  if (value < 0)
    head(major_negative, static_cast<std::uint64_t>(-(value + 1)));
  else
    head(major_unsigned, static_cast<std::uint64_t>(value));
  return *this;
}

cbor_writer& cbor_writer::text(std::string_view value) {
  head(major_text, value.size());
  append(value);
  return *this;
}

cbor_writer& cbor_writer::bytes(std::string_view value) {
  head(major_bytes, value.size());
  append(value);
  return *this;
}

cbor_writer& cbor_writer::boolean(bool value) {
  out_.push_back(value ? 0xf5 : 0xf4);
  return *this;
}

cbor_writer& cbor_writer::null() {
  out_.push_back(0xf6);
  return *this;
}

cbor_writer& cbor_writer::json(const nlohmann::json& value) {
  if (value.is_null())
    return null();
  nlohmann::json::to_cbor(value, out_);
  return *this;
}

cbor_writer& cbor_writer::time(std::chrono::system_clock::time_point value) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  return integer(floor<milliseconds>(value).time_since_epoch().count());
}

cbor_writer&
cbor_writer::time(std::optional<std::chrono::system_clock::time_point> value) {
  return value ? time(*value) : null();
}

} // namespace handoff

#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace handoff {

/// Appends CBOR (RFC 8949) to a buffer, item by item, without building a tree
/// of values first: the journal writes every event through it. Binary-safe: a
/// text is taken as the bytes that it has.
class cbor_writer {
public:
  explicit cbor_writer(std::vector<std::uint8_t>& out) : out_{out} {}

  /// The next `size` items are the elements of an array.
  cbor_writer& array(std::size_t size);
  cbor_writer& integer(std::int64_t value);
  cbor_writer& text(std::string_view value);
  cbor_writer& bytes(std::string_view value);
  cbor_writer& boolean(bool value);
  cbor_writer& null();
  cbor_writer& json(const nlohmann::json& value);
  /// Milliseconds since 1970.
  cbor_writer& time(std::chrono::system_clock::time_point value);
  cbor_writer& time(std::optional<std::chrono::system_clock::time_point> value);

private:
  void head(std::uint8_t major, std::uint64_t value);
  void append(std::string_view value);

  std::vector<std::uint8_t>& out_;
};

} // namespace handoff

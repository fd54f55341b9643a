#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace handoff {

/// An integer that does not fit into 64 bits, with its digits kept: a binary
/// value of a subtype of ours, which no JSON text can make. The CBOR of the
/// journal keeps the subtype as a tag. `digits` is an integer as JSON writes it
/// (RFC 8259, section 6); one that fits into 64 bits becomes a plain number.
nlohmann::json big_integer(std::string_view digits);

/// Whether `value` is what big_integer() makes of digits beyond 64 bits.
bool is_big_integer(const nlohmann::json& value) noexcept;

/// Whether `value` is an integer of any size.
bool is_integer(const nlohmann::json& value) noexcept;

struct json_style {
  /// How much a level is indented; below 0: all on one line.
  int indent = -1;
  /// Whether all but ASCII is escaped.
  bool ascii = false;
};

/// `value` as JSON text: integers of any size with their digits, and bytes that
/// are not UTF-8 as U+FFFD, so that it never throws. Every value that may have
/// come from outside is written by this and by nothing else. Recursive: the
/// value must not be deeper than read_json() lets pass, by some levels.
std::string json_text(const nlohmann::json& value, json_style style = {});

/// Whether `text` is UTF-8 (RFC 3629).
bool is_utf8(std::string_view text) noexcept;

} // namespace handoff

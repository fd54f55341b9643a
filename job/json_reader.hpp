#pragma once

#include "job/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace handoff {

/// What JSON from outside may be like.
struct json_limits {
  /// Bytes of text.
  std::size_t bytes_max = 1 << 20;
  /// How deep arrays and objects may stand in each other.
  std::size_t depth_max = 100;
  /// Elements and members, at all depths.
  std::size_t values_max = 100'000;
  /// Whether a name may stand twice in an object; the last one counts.
  bool names_repeat = true;
  /// Whether `//` and `/* */` comments are skipped.
  bool comments = false;
  /// Whether the nearest double is taken of a number beyond them, such as 1e400
  /// (RFC 8259, section 6), which is a fault of syntax otherwise.
  bool takes_nearest = false;
};

enum class json_fault {
  syntax, ///< not JSON (RFC 8259), or not UTF-8
  too_large,
  too_deep,
  too_many,
  repeated_name,
};

/// Why a text was refused.
struct json_problem {
  json_fault fault = json_fault::syntax;
  /// In words: "is nested deeper than 100 levels". Of `syntax` what the parser
  /// says, with line and column, and nothing of the text.
  std::string what;
  /// Where, as a JSON pointer cut off at 200 bytes; empty for `syntax` and
  /// `too_large`.
  std::string at;
  /// The byte at which the reader stopped, from 1, of `syntax`.
  std::size_t byte = 0;
};

/// The problem with its place, to follow "the body": "is nested deeper than 100
/// levels, at /a/0", "is not JSON: parse error at line 1, column 2: ...".
std::string to_string(const json_problem& problem);

/// Reads JSON without recursion, and stops at the first limit that is passed,
/// so that a hostile text costs neither stack nor more than its size in memory
/// times some 50. Integers of any size keep their digits (big_integer()).
/// A number that no double can hold is a fault of syntax, and so is a NUL byte
/// anywhere (RFC 8259, section 2).
std::variant<nlohmann::json, json_problem>
read_json(std::string_view text, const json_limits& limits = {});

/// Reads the body of an upstream's answer, with the default limits for size and
/// depth; it may have as many values as fit into the size, and one number too
/// large does not make the rest useless. This is
/// the only way by which an answer becomes a value: all that is done to values
/// afterwards (copying, writing, CBOR) recurses as deep as they are.
std::variant<nlohmann::json, json_problem> parse_answer(std::string_view body);

} // namespace handoff

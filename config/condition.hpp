#pragma once

#include "config/template.hpp"
#include "job/exchange.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// How deep `all`, `any` and `not` may nest.
inline constexpr std::size_t condition_depth_max = 10;
/// Most conditions in one, itself included.
inline constexpr std::size_t condition_parts_max = 100;
/// Most values that `is` may list.
inline constexpr std::size_t condition_values_max = 1000;

/// What a condition is asked of. Everything is borrowed: it must outlive the
/// call that it is handed to.
struct condition_view {
  /// The answer's JSON. Null: there is no answer, or it is no JSON.
  const nlohmann::json* answer = nullptr;
  /// The answer's header fields. Null: there is no answer.
  const handoff::headers* fields = nullptr;
  /// The answer's status; 0: there is no answer.
  int status = 0;
  /// What expressions speak of. Null: all of them are missing.
  const template_context* context = nullptr;
};

/// A condition of a flow, compiled once, at load. One that is empty holds.
struct condition {
  enum class subject_kind : std::uint8_t {
    none,
    answer, ///< "at": the part of the answer that `at` points to
    header, ///< "header": the answer's first field called `header`
    value,  ///< "value": an expression
  };

  struct status_range {
    int first = 0;
    int last = 0; ///< is in it
  };

  /// Any of them must have the status; none: every status will do.
  std::vector<status_range> statuses;

  subject_kind subject = subject_kind::none;
  nlohmann::json::json_pointer at{};
  std::string header;
  text_template value;

  // The tests of the subject; those that are there must all hold.

  /// Any of them will do.
  std::optional<std::vector<json_template>> is;
  std::optional<bool> exists;
  std::optional<bool> empty;
  std::optional<nlohmann::json> at_least; ///< a number
  std::optional<nlohmann::json> at_most;  ///< a number
  std::optional<text_template> starts_with;
  std::optional<json_template> contains;

  std::vector<condition> all;
  std::vector<condition> any;
  /// The condition that must not hold, or none.
  std::vector<condition> negated;
};

/// Whether `asked` holds for `view`. Pure, costs no I/O and never fails: what
/// is missing, of another type, or an expression that cannot be rendered makes
/// a test false, but for `"exists": false` and `"empty": true`.
bool holds(const condition& asked, const condition_view& view);

/// Every expression in it, in no order.
std::vector<const template_expression*> expressions_of(const condition& asked);

} // namespace handoff

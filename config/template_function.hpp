#pragma once

#include "job/error.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// What stands after a bar in an expression and makes another value of its
/// value. Pure: the same value gives the same bytes in each attempt.
struct template_function {
  enum class function_kind {
    json,     ///< any value as JSON text
    upper,    ///< a text in upper case (Unicode, one character for one)
    lower,    ///< a text in lower case
    trim,     ///< without blanks, tabs and line ends around it
    slug,     ///< a-z, 0-9 and single dashes; Latin letters lose their accents
    base64,   ///< the bytes of a text (RFC 4648, section 4, padded)
    split,    ///< a text cut at each `argument`, as an array
    join,     ///< an array of texts and numbers, `argument` between them
    first,    ///< the first element of an array
    last,     ///< the last element of an array
    length,   ///< of a text in characters, of an array, of an object
    date,     ///< RFC 3339 or epoch seconds by strftime's `argument`, in UTC
    segments, ///< in a path: slashes separate segments
  };
  function_kind kind = function_kind::json;
  std::string argument;
};

/// What is known of a value at load.
enum class value_type { any, scalar, text, integer, list };

/// The functions' names, in the order of their kinds.
std::vector<std::string_view> template_function_names();

std::string_view name_of(template_function::function_kind kind) noexcept;

/// Whether a function of this kind needs an argument in double quotes; the
/// others take none.
bool takes_argument(template_function::function_kind kind) noexcept;

/// What is wrong with the argument; empty if nothing is.
std::string why_bad_argument(const template_function& function);

/// The type of what the function makes of a value of type `from`; none if it
/// cannot take such a value.
std::optional<value_type> type_after(const template_function& function,
                                     value_type from) noexcept;

/// The function's value, or what is wrong with `value`, to follow the
/// expression: "| upper needs a text, but is an array".
std::variant<nlohmann::json, std::string>
apply_function(const template_function& function, const nlohmann::json& value);

} // namespace handoff

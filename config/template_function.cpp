#include "config/template_function.hpp"

#include "config/text_function.hpp"
#include "job/base64.hpp"
#include "job/json_text.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using function_kind = template_function::function_kind;
using applied = std::variant<json, std::string>;

constexpr std::array<std::string_view, 13> names{
  "json", "upper", "lower", "trim",   "slug", "base64",  "split",
  "join", "first", "last",  "length", "date", "segments"};

applied wrong(const template_function& function, std::string_view why) {
  return "| " + std::string{name_of(function.kind)} + ' ' + std::string{why};
}

std::string_view what_is(const json& value) {
  switch (value.type()) {
  case json::value_t::null:
    return "null";
  case json::value_t::object:
    return "an object";
  case json::value_t::array:
    return "an array";
  default:
    return "a text";
  }
}

/// Texts, numbers and booleans as text; none for the others.
std::optional<std::string> text_of(const json& value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_null() || value.is_structured())
    return std::nullopt;
  return json_text(value);
}

applied of_text(const template_function& function, const std::string& text) {
  switch (function.kind) {
  case function_kind::upper:
    return json(upper_text(text));
  case function_kind::lower:
    return json(lower_text(text));
  case function_kind::trim:
    return json(trimmed(text));
  case function_kind::base64:
    return json(encode_base64(text));
  case function_kind::split:
    return json(split_text(text, function.argument));
  case function_kind::slug:
    if (auto made = slug_of(text); !made.empty())
      return json(std::move(made));
    return wrong(function, "finds no letter a to z and no digit");
  case function_kind::date:
    if (auto made = format_date(text, function.argument))
      return json(std::move(*made));
    return wrong(function, "needs a time as RFC 3339 or in epoch seconds, from "
                           "the year 0 to 9999");
  default: // segments
    return json(text);
  }
}

applied join(const template_function& function, const json& list) {
  std::string made;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto text = text_of(list[i]);
    if (!text)
      return wrong(function, "needs texts and numbers, but has "
                               + std::string{what_is(list[i])} + " at "
                               + std::to_string(i));
    made += (i == 0 ? std::string{} : function.argument) + *text;
  }
  return json(std::move(made));
}

applied of_list(const template_function& function, const json& list) {
  if (!list.is_array())
    return wrong(function, "needs an array, but the value is "
                             + std::string{what_is(list)});
  if (function.kind == function_kind::join)
    return join(function, list);
  if (list.empty())
    return wrong(function, "finds nothing in an empty array");
  return function.kind == function_kind::first ? list.front() : list.back();
}

applied length(const template_function& function, const json& value) {
  if (value.is_structured())
    return json(value.size());
  const auto text = text_of(value);
  if (!text)
    return wrong(function, "needs a text, an array or an object, but the value "
                           "is null");
  // All but the bytes that continue a character (RFC 3629, section 3).
  return json(std::count_if(text->begin(), text->end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

} // namespace

std::vector<std::string_view> template_function_names() {
  return {names.begin(), names.end()};
}

std::string_view name_of(function_kind kind) noexcept {
  return names[static_cast<std::size_t>(kind)];
}

bool takes_argument(function_kind kind) noexcept {
  return kind == function_kind::split || kind == function_kind::join
      || kind == function_kind::date;
}

std::string why_bad_argument(const template_function& function) {
  if (function.kind == function_kind::split && function.argument.empty())
    return "needs a text to split at, but it is empty";
  if (function.kind == function_kind::date
      && !format_date("0", function.argument))
    return "needs a format of strftime that gives 1 to 1000 bytes";
  return {};
}

std::optional<value_type> type_after(const template_function& function,
                                     value_type from) noexcept {
  const bool list_fits = from == value_type::list || from == value_type::any;
  const bool text_fits = from != value_type::list;
  const auto only_if = [](bool fits, value_type type) {
    return fits ? std::optional{type} : std::nullopt;
  };
  switch (function.kind) {
  case function_kind::json:
    return value_type::text;
  case function_kind::length:
    return value_type::integer;
  case function_kind::first:
  case function_kind::last:
    return only_if(list_fits, value_type::any);
  case function_kind::join:
    return only_if(list_fits, value_type::text);
  case function_kind::split:
    return only_if(text_fits, value_type::list);
  default:
    return only_if(text_fits, value_type::text);
  }
}

applied apply_function(const template_function& function, const json& value) {
  switch (function.kind) {
  case function_kind::json:
    return json(json_text(value));
  case function_kind::length:
    return length(function, value);
  case function_kind::join:
  case function_kind::first:
  case function_kind::last:
    return of_list(function, value);
  default:
    break;
  }
  const auto text = text_of(value);
  return text ? of_text(function, *text)
              : wrong(function, "needs a text, but the value is "
                                  + std::string{what_is(value)});
}

} // namespace handoff

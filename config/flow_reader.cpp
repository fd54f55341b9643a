#include "config/flow_reader.hpp"

#include "config/duration.hpp"
#include "config/flow_keys.hpp"
#include "config/nearest_name.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace handoff {

using nlohmann::json;
using std::chrono::milliseconds;

std::string described(const json& value) {
  return (value.is_number() ? "the number " : "") + shown(value);
}

std::string shown(const json& value) {
  switch (value.type()) {
  case json::value_t::object:
    return "an object";
  case json::value_t::array:
    return "an array";
  case json::value_t::string:
    return in_quotes(value.get_ref<const std::string&>());
  default:
    return json_text(value);
  }
}

std::optional<std::string> read_text(flow_report& report, const json& value,
                                     const json::json_pointer& at) {
  if (!value.is_string()) {
    report.error(at, "must be a string, but is " + described(value));
    return std::nullopt;
  }
  auto resolved =
    report.references.resolve(value.get_ref<const std::string&>());
  if (auto* wrong = std::get_if<error>(&resolved)) {
    report.error(at, std::move(wrong->detail));
    return std::nullopt;
  }
  return std::get<std::string>(std::move(resolved));
}

std::optional<text_template> read_template(flow_report& report,
                                           const json& value,
                                           const json::json_pointer& at) {
  if (!value.is_string()) {
    report.error(at, "must be a string, but is " + described(value));
    return std::nullopt;
  }
  auto compiled = text_template::compile(
    value.get_ref<const std::string&>(), [&](const std::string& literal) {
      return report.references.resolve(literal);
    });
  if (auto* wrong = std::get_if<error>(&compiled)) {
    report.error(at, std::move(wrong->detail));
    return std::nullopt;
  }
  return std::get<text_template>(std::move(compiled));
}

object_reader::object_reader(flow_report& report, const json& value, pointer at,
                             std::string_view kind)
    : report_(&report), object_(&value), at_(std::move(at)) {
  const auto& known = flow_object_of(kind);
  if (!value.is_object()) {
    object_ = nullptr;
    report.error(at_, "must be an object with " + one_of(known.keys)
                        + ", but is " + described(value));
    return;
  }
  for (const auto& [key, member] : value.items())
    if (std::find(known.keys.begin(), known.keys.end(), key)
        == known.keys.end())
      report.error(at_ / key, "is not a known key"
                                + did_you_mean(key, known.keys)
                                + "; allowed: " + one_of(known.keys));
  for (const auto key : known.required)
    if (!has(key))
      report.error(at_, in_quotes(key) + " is missing");
}

const json* object_reader::find(std::string_view key) const {
  if (object_ == nullptr)
    return nullptr;
  const auto it = object_->find(key);
  return it == object_->end() ? nullptr : &*it;
}

std::optional<std::string> object_reader::text(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr)
    return std::nullopt;
  return read_text(*report_, *value, at(key));
}

std::optional<bool> object_reader::boolean(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr)
    return std::nullopt;
  if (value->is_boolean())
    return value->get<bool>();
  error(key, shown(*value) + " is not allowed; allowed: true and false");
  return std::nullopt;
}

std::optional<std::int64_t> object_reader::integer(std::string_view key,
                                                   std::int64_t least,
                                                   std::int64_t most) {
  const auto* value = find(key);
  if (value == nullptr)
    return std::nullopt;
  const std::string allowed = "; allowed: a whole number from "
                            + std::to_string(least) + " to "
                            + std::to_string(most);
  if (!value->is_number_integer()) {
    error(key, shown(*value) + " is not a whole number" + allowed);
    return std::nullopt;
  }
  // Above the largest signed number get() would wrap around.
  const bool huge =
    value->is_number_unsigned()
    && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  const auto number = huge ? INT64_MAX : value->get<std::int64_t>();
  if (number >= least && number <= most)
    return number;
  error(key, shown(*value) + " is out of range" + allowed);
  return std::nullopt;
}

std::optional<double> object_reader::number(std::string_view key, double least,
                                            double most) {
  const auto* value = find(key);
  if (value == nullptr)
    return std::nullopt;
  const auto got = value->is_number() ? value->get<double>() : least - 1;
  if (got >= least && got <= most)
    return got;
  error(key, shown(*value)
               + (value->is_number() ? " is out of range" : " is not a number")
               + "; allowed: a number from " + json(least).dump() + " to "
               + json(most).dump());
  return std::nullopt;
}

std::optional<milliseconds> object_reader::duration(std::string_view key,
                                                    milliseconds least,
                                                    milliseconds most) {
  const auto* value = find(key);
  if (value == nullptr)
    return std::nullopt;
  const auto allowed =
    "from " + format_duration(least) + " to " + format_duration(most);
  const auto complain = [&](std::string_view why) {
    error(key,
          shown(*value) + std::string{why}
            + "; allowed: a string such as \"250ms\", \"9.5s\" or \"24h\", "
            + allowed);
    return std::nullopt;
  };
  if (!value->is_string())
    return complain(" is not a duration");
  const auto resolved = text(key);
  if (!resolved)
    return std::nullopt;
  const auto parsed = parse_duration(*resolved);
  if (!parsed)
    return complain(" is not a duration");
  if (*parsed < least || *parsed > most)
    return complain(" is out of range");
  return parsed;
}

std::optional<std::size_t>
object_reader::choice(std::string_view key,
                      const std::vector<std::string_view>& names) {
  const auto* value = find(key);
  if (value == nullptr)
    return std::nullopt;
  const auto resolved =
    value->is_string() ? text(key) : std::optional{std::string{}};
  if (!resolved)
    return std::nullopt;
  const auto it = std::find(names.begin(), names.end(), *resolved);
  if (it != names.end())
    return static_cast<std::size_t>(it - names.begin());
  error(key, shown(*value) + " is not allowed"
               + (value->is_string() && !has_reference(shown(*value))
                    ? did_you_mean(*resolved, names)
                    : "")
               + "; allowed: " + one_of(names));
  return std::nullopt;
}

std::optional<object_reader::pointer>
object_reader::json_pointer(std::string_view key) {
  const auto resolved = text(key);
  if (!resolved)
    return std::nullopt;
  try {
    return pointer{*resolved};
  } catch (const json::exception&) {
    error(key, shown(*find(key))
                 + " is not a JSON pointer (RFC 6901); allowed: a string that "
                   "begins with / such as \"/id\"");
    return std::nullopt;
  }
}

} // namespace handoff

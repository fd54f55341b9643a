#include "tools/fake_api/script_reader.hpp"

#include "job/json_reader.hpp"
#include "tools/fake_api/fill.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <strings.h>

namespace fake_api {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

std::string list_of(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const auto word : words)
    text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  double count = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, count);
  if (code != std::errc{})
    return std::nullopt;
  const std::string_view unit{rest, static_cast<std::size_t>(end - rest)};
  const double scale = unit == "ms" ? 1
                     : unit == "s"  ? 1'000
                     : unit == "m"  ? 60'000
                     : unit == "h"  ? 3'600'000
                                    : 0;
  constexpr double day = 24.0 * 3'600'000;
  if (scale == 0 || !(count >= 0) || count * scale > day)
    return std::nullopt;
  return milliseconds{std::llround(count * scale)};
}

std::uint64_t count_of(const json& value, const std::string& at,
                       std::uint64_t min, std::uint64_t max) {
  if (value.is_number_unsigned()) {
    const auto count = value.get<std::uint64_t>();
    if (count >= min && count <= max)
      return count;
  }
  throw script_error(at, "a whole number from " + std::to_string(min) + " to "
                           + std::to_string(max) + " is needed");
}

void check_expressions(const json& value, const std::string& at) {
  if (value.is_string()) {
    if (const auto problem =
          expression_problem(value.get_ref<const std::string&>()))
      throw script_error(at, *problem);
  } else if (value.is_structured()) {
    for (const auto& [key, item] : value.items())
      check_expressions(item, at + "/" + key);
  }
}

void read_headers(const json& value, const std::string& at, step& into) {
  if (!value.is_object())
    throw script_error(at, "an object of names and texts is needed");
  for (const auto& [name, text] : value.items()) {
    const auto here = at + "/" + name;
    const bool token =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0
            || std::string_view{"!#$%&'*+-.^_`|~"}.find(c)
                 != std::string_view::npos;
      });
    if (!token || !text.is_string())
      throw script_error(here, "a field name and a text are needed");
    if (strcasecmp(name.c_str(), "Content-Length") == 0
        || strcasecmp(name.c_str(), "Transfer-Encoding") == 0)
      throw script_error(here, "this field is set by fake_api itself");
    check_expressions(text, here);
    into.headers.emplace_back(name, text.get<std::string>());
  }
}

constexpr std::array<std::string_view, 8> fault_names{
  "none", "reset", "hang", "cut", "drip", "garbage", "close", "huge"};

fault_kind fault_called(const std::string& name, const std::string& at) {
  const auto found = std::find(fault_names.begin(), fault_names.end(), name);
  if (found == fault_names.end())
    throw script_error(at, "\"" + name
                             + "\" is not a fault; allowed: none, reset, hang, "
                               "cut, drip, garbage, close, huge");
  return static_cast<fault_kind>(found - fault_names.begin());
}

void read_fault(const json& value, const std::string& at, step& into) {
  if (value.is_string()) {
    into.fault = fault_called(value.get<std::string>(), at);
    return;
  }
  if (!value.is_object() || value.size() != 1)
    throw script_error(at, "the name of a fault, {\"drip\": {\"every\": "
                           "\"100ms\", \"bytes\": 1}} or {\"huge\": BYTES} is "
                           "needed");
  const auto& name = value.begin().key();
  const auto& detail = value.begin().value();
  const auto here = at + "/" + name;
  into.fault = fault_called(name, at);
  if (into.fault == fault_kind::drip) {
    check_keys(detail, here, {"every", "bytes", "from"});
    into.drip_every = duration_at(detail, here, "every", into.drip_every);
    if (into.drip_every < milliseconds{1})
      throw script_error(here + "/every", "at least 1ms is needed");
    if (detail.contains("bytes"))
      into.drip_bytes = count_of(detail["bytes"], here + "/bytes", 1, 1 << 30);
    into.drip_from_start = one_of(detail, here, "from", {"body", "start"}) == 1;
  } else if (into.fault == fault_kind::huge) {
    into.huge_bytes = count_of(detail, here, 2, 1ULL << 40);
  } else {
    throw script_error(here, "only drip and huge take a value");
  }
}

} // namespace

void check_keys(const json& value, const std::string& at,
                std::initializer_list<std::string_view> known) {
  if (!value.is_object())
    throw script_error(at, "an object is needed");
  for (const auto& [key, unused] : value.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw script_error(at + "/" + key,
                         "unknown key; allowed: " + list_of(known));
}

std::string text_at(const json& value, const std::string& at, const char* key,
                    std::string fallback) {
  const auto found = value.find(key);
  if (found == value.end())
    return fallback;
  if (!found->is_string())
    throw script_error(at + "/" + key, "a text is needed");
  return found->get<std::string>();
}

std::size_t one_of(const json& value, const std::string& at, const char* key,
                   std::initializer_list<std::string_view> choices) {
  const auto text = text_at(value, at, key, std::string{*choices.begin()});
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found == choices.end())
    throw script_error(at + "/" + key,
                       "\"" + text + "\"; allowed: " + list_of(choices));
  return static_cast<std::size_t>(found - choices.begin());
}

milliseconds duration_at(const json& value, const std::string& at,
                         const char* key, milliseconds fallback) {
  const auto found = value.find(key);
  if (found == value.end())
    return fallback;
  if (found->is_string())
    if (const auto parsed =
          parse_duration(found->get_ref<const std::string&>()))
      return *parsed;
  throw script_error(at + "/" + key, "a duration such as \"250ms\" or "
                                     "\"6.5s\", of 24h at most, is needed");
}

json parse_script(std::string_view text) {
  handoff::json_limits limits;
  limits.bytes_max = limits.values_max = text.size();
  limits.comments = true;
  auto read = handoff::read_json(text, limits);
  if (const auto* wrong = std::get_if<handoff::json_problem>(&read))
    throw script_error{"", handoff::to_string(*wrong)};
  return std::get<json>(std::move(read));
}

step read_step(const json& value, const std::string& at) {
  check_keys(value, at,
             {"delay", "jitter", "status", "headers", "body", "fault"});
  step made;
  made.delay = duration_at(value, at, "delay", made.delay);
  made.jitter = duration_at(value, at, "jitter", made.jitter);
  if (value.contains("status"))
    made.status =
      static_cast<int>(count_of(value["status"], at + "/status", 200, 599));
  if (value.contains("headers"))
    read_headers(value["headers"], at + "/headers", made);
  if (value.contains("body")) {
    made.body = value["body"];
    check_expressions(*made.body, at + "/body");
    if (!has_expressions(*made.body))
      made.fixed_body = made.body->is_string() ? made.body->get<std::string>()
                                               : made.body->dump();
  }
  if (value.contains("fault"))
    read_fault(value["fault"], at + "/fault", made);
  return made;
}

} // namespace fake_api

#include "config/flow_check.hpp"
#include "config/flow_compiler.hpp"
#include "config/secret_reader.hpp"
#include "job/clone_traffic.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using std::chrono::milliseconds;

constexpr milliseconds day{86'400'000};
constexpr milliseconds hour{3'600'000};

/// Fields that Handoff sets itself.
bool is_reserved_header(const std::string& lower, header_owner owner) {
  if (owner == header_owner::request)
    return lower == "idempotency-key" || lower == "traceparent"
        || lower == "tracestate";
  constexpr std::array<std::string_view, 4> of_reply{
    "location", "preference-applied", "idempotency-replayed", "retry-after"};
  return std::find(of_reply.begin(), of_reply.end(), lower) != of_reply.end();
}

std::vector<int> read_retry_on(object_reader& object, std::vector<int> made) {
  const auto* value = object.find("retry_on");
  if (value == nullptr)
    return made;
  made.clear();
  if (!value->is_array()) {
    object.error("retry_on",
                 "must be an array of statuses from 400 to 599, but is "
                   + described(*value));
    return made;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    const auto& status = (*value)[i];
    const auto number =
      status.is_number_integer() ? status.get<std::int64_t>() : 0;
    if (number < 400 || number > 599)
      object.report().error(
        object.at("retry_on") / i,
        shown(status)
          + " is not a status that can be retried; allowed: 400 to 599");
    else
      made.push_back(static_cast<int>(number));
  }
  return made;
}

/// Whether what `text` gives without a webhook is made of its own literals.
bool is_encoded_literal(const text_template& text) {
  const auto& all = text.expressions();
  return std::any_of(all.begin(), all.end(), [](const auto& each) {
    const auto& functions = each.functions;
    return each.fallback
        && std::any_of(functions.begin(), functions.end(), [](const auto& one) {
             return one.kind == template_function::function_kind::base64;
           });
  });
}

/// Hides what a header is made of secrets: `{{header/X ?? "u:${env:P}" |
/// base64}}`.
void hide_encoded(flow_report& report, const pointer& at, std::string_view name,
                  const text_template& text) {
  if (!is_encoded_literal(text))
    return;
  const auto made = text.render({}, template_place::header);
  if (const auto* value = std::get_if<std::string>(&made))
    hide_credentials(report, at, name, *value);
}

} // namespace

callback_rule read_callback(flow_report& report, const json& value,
                            const pointer& at, const retry_policy& defaults) {
  object_reader object{report, value, at, "callback"};
  callback_rule made;
  if (auto url = object.text("url")) {
    if (const auto why = why_bad_url({*url}); !why.empty())
      object.error("url", shown_url(*object.find("url")) + why);
    made.upstream = upstream_of(*url);
    made.url = std::move(*url);
  }
  if (const auto* secret = object.find("secret"))
    made.secret =
      read_secret(report, *secret, object.at("secret")).value_or("");
  if (!made.secret.empty())
    check_webhook_key(report, object.at("secret"), made.secret);
  made.retry = defaults;
  made.retry.retry_on = sub_action_retry_on();
  made.retry = read_retry(object, std::move(made.retry));
  made.on_succeeded = made.on_failed = true;
  const auto* on = object.find("on");
  if (on == nullptr)
    return made;
  made.on_succeeded = made.on_failed = false;
  const std::string allowed =
    "allowed: an array with \"cloned\", \"succeeded\" or \"failed\" in it, "
    "each once";
  if (!on->is_array() || on->empty()) {
    object.error("on", shown(*on) + " is not an array of events; " + allowed);
    return made;
  }
  for (std::size_t i = 0; i < on->size(); ++i) {
    bool* event = (*on)[i] == "cloned"    ? &made.on_cloned
                : (*on)[i] == "succeeded" ? &made.on_succeeded
                : (*on)[i] == "failed"    ? &made.on_failed
                                          : nullptr;
    if (event == nullptr || *event)
      report.error(
        object.at("on") / i,
        shown((*on)[i])
          + (event == nullptr ? " is not an event; " : " appears twice; ")
          + allowed);
    else
      *event = true;
  }
  return made;
}

retry_policy read_retry(object_reader& object, retry_policy policy) {
  // Only a sub-action and the clone have a timeout beside their retry.
  const auto timeout = object.duration("timeout", milliseconds{1}, hour);
  if (timeout)
    policy.attempt_timeout = *timeout;
  const auto* value = object.find("retry");
  if (value == nullptr)
    return policy;
  object_reader retry{object.report(), *value, object.at("retry"), "retry"};
  policy.max_attempts = static_cast<std::uint32_t>(
    retry.integer("max_attempts", 1, 1000).value_or(policy.max_attempts));
  const auto first = retry.duration("first", milliseconds{1}, day);
  const auto max = retry.duration("max", milliseconds{1}, day);
  if (first && max && *first > *max)
    retry.error("first", shown(*retry.find("first"))
                           + " is longer than \"max\"; allowed: up to "
                           + shown(*retry.find("max")));
  // One of them given alone moves the other's default out of its way.
  policy.first =
    first.value_or(max ? std::min(policy.first, *max) : policy.first);
  policy.max = max.value_or(std::max(policy.max, policy.first));
  policy.factor = retry.number("factor", 1, 100).value_or(policy.factor);
  policy.jitter = retry.number("jitter", 0, 1).value_or(policy.jitter);
  const auto attempt = retry.duration("attempt_timeout", milliseconds{1}, hour);
  if (attempt && timeout)
    retry.error("attempt_timeout", "stands beside \"timeout\", which means the "
                                   "same: only one of them may be given");
  if (attempt)
    policy.attempt_timeout = *attempt;
  policy.retry_on = read_retry_on(retry, std::move(policy.retry_on));
  return policy;
}

std::vector<std::pair<std::string, text_template>>
read_headers(object_reader& object, header_owner owner) {
  std::vector<std::pair<std::string, text_template>> made;
  const auto* value = object.find("headers");
  if (value == nullptr)
    return made;
  if (!value->is_object()) {
    object.error("headers", "must be an object of names and strings, but is "
                              + described(*value));
    return made;
  }
  std::vector<std::string> seen;
  for (const auto& [name, text] : value->items()) {
    const auto at = object.at("headers") / name;
    auto& report = object.report();
    const auto lower = lower_case(name);
    if (!is_header_name(name))
      report.error(at, "is not a name of a header; allowed: letters, digits "
                       "and !#$%&'*+-.^_`|~");
    else if (is_framing_header(name) || is_reserved_header(lower, owner))
      report.error(at, "is set by Handoff itself; allowed: other headers");
    else if (std::find(seen.begin(), seen.end(), lower) != seen.end())
      report.error(at, "appears twice, in different case");
    seen.push_back(lower);
    auto compiled = read_template(report, text, at);
    if (!compiled)
      continue;
    for (const auto& literal : compiled->literals())
      if (!is_header_text(literal)) {
        report.error(at, "has a control character in it, which no header can "
                         "take");
        break;
      }
    hide_encoded(report, at, name, *compiled);
    made.emplace_back(name, std::move(*compiled));
  }
  return made;
}

std::optional<json_template> read_body(object_reader& object) {
  const auto* value = object.find("body");
  if (value == nullptr)
    return std::nullopt;
  auto compiled =
    json_template::compile(*value, [&](const std::string& literal) {
      return object.report().references.resolve(literal);
    });
  if (auto* wrong = std::get_if<error>(&compiled)) {
    // The detail begins with the pointer of a string that is inside the body.
    const auto colon = wrong->detail.find(": ");
    const bool inside =
      wrong->detail.starts_with('/') && colon != std::string::npos;
    const auto within = inside ? wrong->detail.substr(0, colon) : std::string{};
    if (inside)
      wrong->detail.erase(0, colon + 2);
    object.report().error(object.at("body") / pointer{within},
                          std::move(wrong->detail));
    return std::nullopt;
  }
  return std::get<json_template>(std::move(compiled));
}

const sub_action_template* find_sub_action(const flow& definition,
                                           std::string_view name) noexcept {
  const auto& all = definition.sub_actions;
  const auto found =
    std::find_if(all.begin(), all.end(),
                 [&](const auto& each) { return each.name == name; });
  return found != all.end() ? &*found : nullptr;
}

std::string masked(const flow& definition, std::string text) {
  return masked(definition.hidden, std::move(text));
}

error masked(const flow& definition, error what) {
  what.detail = masked(definition, std::move(what.detail));
  return what;
}

} // namespace handoff

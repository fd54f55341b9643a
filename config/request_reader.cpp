#include "config/request_reader.hpp"

#include "config/answer_rules_reader.hpp"
#include "config/flow_compiler.hpp"
#include "config/flow_warnings.hpp"
#include "config/nearest_name.hpp"
#include "job/clone_traffic.hpp"

#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using std::chrono::milliseconds;

/// What a request says instead of a user in its URL.
constexpr std::string_view in_header = "an Authorization header";

const std::vector<std::string_view> methods{"GET",   "HEAD",   "POST",   "PUT",
                                            "PATCH", "DELETE", "OPTIONS"};

std::optional<form_template> read_form(object_reader& object) {
  static const std::vector<std::string_view> ways{"indices", "brackets",
                                                  "repeat", "commas"};
  const auto* form = object.find("form");
  const auto way = object.choice("form_arrays", ways);
  if (form == nullptr) {
    if (object.has("form_arrays"))
      object.error("form_arrays",
                   "does nothing here: it belongs beside \"form\"");
    return std::nullopt;
  }
  if (!form->is_object()) {
    object.error("form", "must be an object, but is " + described(*form));
    return std::nullopt;
  }
  auto compiled =
    form_template::compile(*form, static_cast<form_arrays>(way.value_or(0)),
                           [&](const std::string& literal) {
                             return object.report().references.resolve(literal);
                           });
  if (auto* wrong = std::get_if<error>(&compiled)) {
    object.error("form", std::move(wrong->detail));
    return std::nullopt;
  }
  return std::get<form_template>(std::move(compiled));
}

/// What a request sends: one of three, or nothing.
void read_content(object_reader& object, request_template& made) {
  made.body = read_body(object);
  made.form = read_form(object);
  if (const auto* text = object.find("text"))
    made.text = read_template(object.report(), *text, object.at("text"));
  constexpr std::string_view ways[]{"body", "form", "text"};
  std::string_view first;
  for (const auto way : ways) {
    if (!object.has(way))
      continue;
    if (!first.empty())
      object.error(way, "stands beside " + in_quotes(first)
                          + "; allowed: one of body, form and text");
    else
      first = way;
  }
}

/// A path as the end of a URL, to be checked as one.
std::vector<std::string> with_host(std::vector<std::string> literals) {
  literals.front().insert(0, "http://connection");
  return literals;
}

/// Refuses a header that has to have another value for each step, and has it.
void check_key_header(object_reader& object, const request_template& made) {
  const auto* known = object.report().connections;
  if (known == nullptr || made.connection.empty())
    return;
  const auto through = known->find(made.connection);
  if (through == known->end())
    return;
  const auto& own = through->second->idempotency_header;
  if (lower_case(own) == "idempotency-key")
    return; // no header of a flow may be called so
  for (const auto& [name, value] : made.headers)
    if (lower_case(name) == lower_case(own))
      object.report().error(object.at("headers") / name,
                            "is the idempotency key, which the connection "
                              + in_quotes(made.connection)
                              + " gives each step; allowed: any other header");
}

/// Where a request goes: `url`, or `connection` and `path`. Of a journaled flow
/// the connection may be gone: its attempts say so. `is_given` is for one whose
/// URL an upstream gives: it may stand beside a connection.
void read_target(object_reader& object, request_template& made, bool is_given) {
  if (auto name = object.text("connection")) {
    const auto* known = object.report().connections;
    if (known != nullptr && !known->contains(*name)) {
      std::vector<std::string_view> names;
      for (const auto& [each, connection] : *known)
        names.push_back(each);
      object.error("connection",
                   shown(*object.find("connection")) + " names no connection"
                     + did_you_mean(*name, names)
                     + (names.empty() ? ", there is none (flows.connections)"
                                      : "; allowed: " + one_of(names)));
    }
    made.connection = std::move(*name);
  }
  const bool is_through = object.has("connection");
  if (!is_through && !object.has("url"))
    object.report().error(object.at(), "\"url\" is missing, or \"connection\" "
                                       "and \"path\"");
  const bool is_path = is_through && !is_given;
  if (is_path && object.has("url"))
    object.error(
      "url",
      "stands beside \"connection\", which has it; allowed: one of them");
  if (!is_through && object.has("path"))
    object.error("path", "does nothing without \"connection\"");
  if (is_through && is_given && object.has("path"))
    object.error("path", "stands beside \"url\"; allowed: one of them");
  const auto* url = object.find(is_path ? "path" : "url");
  if (url == nullptr)
    return;
  auto compiled =
    read_template(object.report(), *url, object.at(is_path ? "path" : "url"));
  if (!compiled)
    return;
  const auto& literals = compiled->literals();
  if (is_path) {
    const auto& first = literals.front();
    if (!first.starts_with('/') && !first.starts_with('?'))
      object.error("path", shown_url(*url)
                             + "does not begin with /; allowed: what follows "
                               "the URL of the connection");
    else if (const auto why = why_bad_url(with_host(literals), in_header);
             !why.empty())
      object.error("path", shown_url(*url) + why);
  } else if (!is_given) {
    if (const auto why = why_bad_url(literals, in_header); !why.empty())
      object.error("url", shown_url(*url) + why);
  }
  made.url = std::move(*compiled);
}

} // namespace

using source_kind = template_expression::source_kind;

const expression_sources from_webhook{source_kind::body,  source_kind::header,
                                      source_kind::query, source_kind::job,
                                      source_kind::flow,  source_kind::received,
                                      source_kind::uuid};
const expression_sources after_clone{
  source_kind::uid,  source_kind::clone,  source_kind::clone_header,
  source_kind::body, source_kind::header, source_kind::query,
  source_kind::job,  source_kind::flow,   source_kind::received};
const expression_sources undoing_clone{
  source_kind::uid,  source_kind::clone,  source_kind::clone_header,
  source_kind::body, source_kind::header, source_kind::query,
  source_kind::job,  source_kind::flow,   source_kind::received,
  source_kind::uuid};
const expression_sources everything{
  source_kind::uid,    source_kind::clone,      source_kind::clone_header,
  source_kind::sub,    source_kind::sub_header, source_kind::body,
  source_kind::header, source_kind::query,      source_kind::job,
  source_kind::flow,   source_kind::received,   source_kind::uuid};

expression_scope scope_of(expression_sources sources,
                          const name_set& prepared) {
  if (!prepared.empty()) {
    sources.push_back(source_kind::prepare);
    sources.push_back(source_kind::prepare_header);
  }
  return {std::move(sources), {}, {}, prepared};
}

/// Why `request` has no token that could be renewed; empty if it has one, or if
/// its connection is not known.
std::string why_no_refresh(const flow_report& report,
                           const request_template& request) {
  if (request.connection.empty())
    return "\"refresh\" renews the token of a connection, and this request has "
           "none";
  if (report.connections == nullptr)
    return {};
  const auto known = report.connections->find(request.connection);
  if (known == report.connections->end() || known->second->auth.wants_token())
    return {};
  return "\"refresh\" renews a token, and the connection "
       + in_quotes(request.connection)
       + " has none; allowed with \"auth\" of the type \"oauth2\"";
}

answer_rules read_answers(object_reader& object,
                          const request_template& request) {
  answer_rules made;
  made.outcome = read_outcome(object);
  made.pick = read_pick(object);
  const auto why = why_no_refresh(object.report(), request);
  for (std::size_t i = 0; i < made.outcome.size(); ++i)
    if (made.outcome[i].then == ruled::refresh && !why.empty())
      object.report().error(object.at("outcome") / i / "then", why);
  return made;
}

request_template read_request(flow_report& report, const json& value,
                              const pointer& at, std::string_view kind,
                              std::optional<address_rule> address) {
  object_reader object{report, value, at, kind};
  request_template made;
  if (const auto method = object.choice("method", methods))
    made.method = methods[*method];
  read_target(object, made, address.has_value());
  made.address = std::move(address);
  made.upstream = made.connection.empty()
                  ? upstream_of(made.url.literals().front())
                  : made.connection;
  made.headers = read_headers(object, header_owner::request);
  check_key_header(object, made);
  read_content(object, made);
  warn_of_content(object, made);
  // Other calls have their rules beside the request.
  if (kind == "compensation")
    made.answers = read_answers(object, made);
  return made;
}

std::optional<request_template> read_compensation(object_reader& object) {
  const auto* value = object.find("compensate");
  if (value == nullptr)
    return std::nullopt;
  return read_request(object.report(), *value, object.at("compensate"),
                      "compensation");
}

std::vector<const template_expression*>
expressions_of(const request_template& made) {
  std::vector<const template_expression*> all;
  const auto add_text = [&](const text_template& text) {
    for (const auto& each : text.expressions())
      all.push_back(&each);
  };
  const auto add = [&](const auto& content) {
    const auto some = content.expressions();
    all.insert(all.end(), some.begin(), some.end());
  };
  add_text(made.url);
  for (const auto& [name, value] : made.headers)
    add_text(value);
  if (made.body)
    add(*made.body);
  if (made.form)
    add(*made.form);
  if (made.text)
    add_text(*made.text);
  return all;
}

void check_request(flow_report& report, const pointer& at,
                   const pointer& rules_at, const request_template& made,
                   const expression_scope& scope) {
  check_answer_rules(report, rules_at, made.answers, scope);
  const bool is_path = !made.connection.empty() && !made.address;
  check_url_expressions(report, at / (is_path ? "path" : "url"), made.url,
                        scope);
  for (const auto& [name, value] : made.headers)
    check_text_expressions(report, at / "headers" / name, value, scope);
  if (made.body)
    check_expressions(report, at / "body", made.body->texts(), scope);
  if (made.form)
    check_expressions(report, at / "form", made.form->texts(), scope);
  if (made.text)
    check_text_expressions(report, at / "text", *made.text, scope);
}

wait_rules read_wait_times(object_reader& object, wait_rules defaults) {
  wait_rules made = defaults;
  const auto every =
    object.duration("every", milliseconds{1}, milliseconds{3'600'000});
  const auto limit = object.duration("for", milliseconds{1}, longest_wait);
  made.every = every.value_or(made.every);
  made.limit = limit.value_or(made.limit);
  return made;
}

void check_repeatable(object_reader& object, const request_template& request) {
  const bool is_safe = object.boolean("safe_to_repeat").value_or(false);
  if (!is_safe && !request.method.empty() && request.method != "GET"
      && request.method != "HEAD")
    object.error(
      "until",
      "repeats the request, but it is a " + request.method
        + "; allowed: GET and HEAD, or \"safe_to_repeat\": true beside it");
}

} // namespace handoff

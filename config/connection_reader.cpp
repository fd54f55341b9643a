#include "config/connection_reader.hpp"

#include "config/answer_rules_reader.hpp"
#include "config/connection_auth_reader.hpp"
#include "config/flow_check.hpp"
#include "config/flow_reader.hpp"
#include "config/pem_text.hpp"
#include "config/secret_reader.hpp"
#include "config/settings_value.hpp"
#include "config/strict_json.hpp"

#include <chrono>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using pointer = json::json_pointer;
using std::chrono::milliseconds;

constexpr std::size_t file_bytes_max = 1'048'576;
constexpr std::size_t depth_max = 100;
constexpr std::size_t connections_max = 1'000;
constexpr std::int64_t million = 1'000'000;
constexpr milliseconds day{86'400'000};
constexpr milliseconds ten_minutes{600'000};

bool is_own_field(const std::string& lower) {
  return lower == "idempotency-key" || lower == "traceparent"
      || lower == "tracestate";
}

headers read_fixed_headers(object_reader& object, bool has_auth_field) {
  headers made;
  const auto* value = object.find("headers");
  if (value == nullptr)
    return made;
  if (!value->is_object()) {
    object.error("headers", "must be an object of names and strings, but is "
                              + shown(*value));
    return made;
  }
  for (const auto& [name, text] : value->items()) {
    const auto at = object.at("headers") / name;
    auto& report = object.report();
    const auto lower = lower_case(name);
    if (!is_header_name(name))
      report.error(at, "is not a name of a header; allowed: letters, digits "
                       "and !#$%&'*+-.^_`|~");
    else if (is_framing_header(name) || is_own_field(lower))
      report.error(at, "is set by Handoff itself; allowed: other headers");
    else if (has_auth_field && lower == "authorization")
      report.error(
        at, "stands beside \"auth\", which sets it; allowed: one of them");
    else if (find_header(made, name) != nullptr)
      report.error(at, "appears twice but for the case");
    auto resolved = read_text(report, text, at);
    if (!resolved)
      continue;
    if (resolved->find("{{") != std::string::npos)
      report.error(at, "has an expression in it, which only a flow's own "
                       "headers can take");
    if (!is_header_text(*resolved))
      report.error(at, "has a control character in it, which no header can "
                       "take");
    hide_credentials(report, at, name, *resolved);
    made.push_back({name, std::move(*resolved)});
  }
  return made;
}

void read_limits(object_reader& object, upstream_settings& limits) {
  if (const auto calls = object.integer("max_calls", 1, 100'000))
    limits.max_calls = static_cast<std::size_t>(*calls);
  limits.reserved_for_clones = object.number("reserved_for_clones", 0, 1)
                                 .value_or(limits.reserved_for_clones);
  limits.rate = object.number("rate", 0, million).value_or(limits.rate);
  if (const auto failures = object.integer("breaker_failures", 0, million))
    limits.breaker_failures = static_cast<std::size_t>(*failures);
  limits.breaker_open = object.duration("breaker_open", milliseconds{1}, day)
                          .value_or(limits.breaker_open);
  limits.connect_timeout =
    object.duration("connect_timeout", milliseconds{1}, ten_minutes)
      .value_or(limits.connect_timeout);
  if (const auto way = object.choice("private_networks", {"allow", "refuse"}))
    limits.private_networks_allowed = *way == 0;
  if (const auto way = object.choice("http2", {"auto", "off"}))
    limits.http2 = *way == 0;
  limits.shared = object.boolean("shared").value_or(limits.shared);
  if (const auto text =
        read_pem(object, "ca", &holds_certificates, "one or more certificates");
      !text.empty())
    limits.ca = text;
  if (const auto* proxy = object.find("proxy")) {
    const auto text = read_text(object.report(), *proxy, object.at("proxy"));
    if (text && !text->empty() && !is_proxy(*text))
      object.error(
        "proxy", "is not a proxy; allowed: http://HOST:PORT, or \"\" for none");
    limits.proxy = text.value_or("");
  }
}

void read_certificate(object_reader& object, connection& made) {
  made.certificate = read_pem(object, "certificate", &holds_certificates,
                              "one or more certificates");
  made.key = read_pem(object, "key", &holds_private_key,
                      "a private key without a passphrase");
  for (const auto& [own, other] :
       {std::pair{"certificate", "key"}, std::pair{"key", "certificate"}})
    if (object.has(own) && !object.has(other))
      object.error(own, "needs " + in_quotes(other) + " beside it");
  if (holds_certificates(made.certificate) && holds_private_key(made.key)
      && !is_pair(made.certificate, made.key))
    object.error("key", "is not the key of \"certificate\"");
}

connection read_connection(flow_report& report, const std::string& name,
                           const json& value, const pointer& at,
                           const connection_defaults& defaults) {
  object_reader object{report, value, at, "connection"};
  connection made;
  made.name = name;
  made.definition = value;
  made.limits = defaults.limits;
  made.url = read_call_url(object, "url", true);
  if (const auto* auth = object.find("auth"))
    made.auth = read_auth(report, *auth, object.at("auth"), defaults);
  const bool has_auth_field = made.auth.type != connection_auth::kind::none
                           && made.auth.type != connection_auth::kind::query;
  made.headers = read_fixed_headers(object, has_auth_field);
  made.outcome = read_outcome(object);
  for (std::size_t i = 0; i < made.outcome.size(); ++i) {
    if (made.outcome[i].then == ruled::refresh && !made.auth.wants_token())
      report.error(object.at("outcome") / i / "then",
                   "\"refresh\" renews a token, and this connection has none; "
                   "allowed: it with \"auth\" of the type \"oauth2\"");
    if (!expressions_of(answer_rules{{made.outcome[i]}, {}, {}}).empty())
      report.error(object.at("outcome") / i / "if",
                   "has an expression in it, which only a flow's own rules can "
                   "take");
  }
  if (const auto header = object.text("idempotency_header")) {
    if (!is_header_name(*header) || is_framing_header(*header)
        || lower_case(*header) == "authorization")
      object.error("idempotency_header",
                   shown(*object.find("idempotency_header"))
                     + " cannot carry a key; allowed: the name of a header");
    made.idempotency_header = *header;
  }
  read_limits(object, made.limits);
  if (object.has("shared") && !defaults.is_journal_shared)
    object.error("shared", "does nothing with a sqlite: journal, which one "
                           "process has to itself; allowed: with journal.uri "
                           "= \"postgresql://…\"");
  read_certificate(object, made);
  return made;
}

void append(problems& to, problems&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.end()));
}

loaded_connections refused(const fs::path& file, std::string what) {
  return {{}, {problem{file.string(), "", std::move(what)}}, {}};
}

/// One connection, in a report of its own: each has secrets of its own.
connection_ptr read_one(const std::string& file, const std::string& name,
                        const json& value, const connection_defaults& defaults,
                        loaded_connections& to) {
  flow_report report{file, reference_resolver{defaults.base_directory}};
  const auto at = pointer{} / name;
  if (!is_flow_name(name))
    report.error(at, "is not a name of a connection; allowed: "
                       + std::string{flow_name_rule});
  auto made = read_connection(report, name, value, at, defaults);
  made.hidden = report.references.secrets();
  made.files = report.references.files();
  for (const auto& doubt : report.references.doubts())
    report.warning(at, doubt);
  const bool is_good = report.errors.empty();
  append(to.errors, std::move(report.errors));
  append(to.warnings, std::move(report.warnings));
  return is_good ? std::make_shared<const connection>(std::move(made))
                 : nullptr;
}

} // namespace

std::span<const flow_object> connection_objects() {
  static const std::vector<flow_object> objects{
    {"connection",
     {"url", "auth", "headers", "outcome", "idempotency_header", "max_calls",
      "reserved_for_clones", "rate", "breaker_failures", "breaker_open",
      "connect_timeout", "private_networks", "ca", "certificate", "key",
      "proxy", "http2", "shared"},
     {"url"}},
    {"auth",
     {"type", "token", "user", "password", "name", "value", "grant",
      "token_url", "client_id", "client_secret", "client_auth", "scope",
      "audience", "key", "alg", "claims", "refresh_token", "store",
      "refresh_on"},
     {"type"}},
  };
  return objects;
}

connection_defaults connection_defaults_of(const settings& from) {
  return {from.upstream, from.base_directory, from.journal.is_shared(),
          !from.journal.secret.empty()};
}

loaded_connections read_connections(const json& document,
                                    const connection_defaults& defaults,
                                    const std::string& file) {
  loaded_connections made;
  if (!document.is_object()) {
    made.errors.push_back(
      {file, "",
       "must be an object of connections by name, but is " + shown(document)});
    return made;
  }
  if (document.size() > connections_max)
    made.errors.push_back(
      {file, "",
       "has " + std::to_string(document.size())
         + " connections; allowed: " + std::to_string(connections_max)});
  for (const auto& [name, value] : document.items()) {
    if (name == "$schema") {
      if (!value.is_string())
        made.errors.push_back(
          {file, "/$schema", "must be a string, but is " + shown(value)});
      continue;
    }
    if (auto one = read_one(file, name, value, defaults, made))
      made.connections.emplace(name, std::move(one));
  }
  if (!made.errors.empty())
    made.connections.clear();
  return made;
}

connection_ptr read_again(const connection& known,
                          const connection_defaults& defaults) {
  loaded_connections ignored;
  return read_one("connections", known.name, known.definition, defaults,
                  ignored);
}

loaded_connections load_connections(const fs::path& file,
                                    const connection_defaults& defaults,
                                    bool must_exist) {
  std::error_code failure;
  if (!fs::exists(file, failure)) {
    if (!must_exist)
      return {};
    return refused(file, "there is no such file; allowed: one with connections "
                         "in it (flows.connections)");
  }
  if (!fs::is_regular_file(file, failure))
    return refused(file, "is not a file that can be read");
  std::ifstream stream{file, std::ios::binary};
  std::string text(file_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    return refused(file, "cannot be read");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > file_bytes_max)
    return refused(file, "is too large; allowed: 1MiB");
  auto parsed = parse_strict_json(file.string(), text, depth_max);
  if (auto* wrong = std::get_if<problem>(&parsed))
    return {{}, {std::move(*wrong)}, {}};
  return read_connections(std::get<json>(parsed), defaults, file.string());
}

loaded_connections load_connections(const settings& from) {
  return load_connections(from.flows.connections, connection_defaults_of(from),
                          from.flows.connections_given);
}

} // namespace handoff

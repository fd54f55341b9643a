#include "config/connection_reader.hpp"

#include "config/answer_rules_reader.hpp"
#include "config/flow_check.hpp"
#include "config/flow_reader.hpp"
#include "config/pem_text.hpp"
#include "config/secret_reader.hpp"
#include "config/settings_value.hpp"
#include "config/strict_json.hpp"

#include <algorithm>
#include <array>
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

/// A type of auth, with the members that it has beside `type`.
struct auth_kind {
  std::string_view name;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> required;
};

const std::vector<auth_kind>& auth_kinds() {
  static const std::vector<auth_kind> kinds{
    {"bearer", {"token"}, {"token"}},
    {"basic", {"user", "password"}, {"user", "password"}},
    {"query", {"name", "value"}, {"name", "value"}},
    {"oauth2",
     {"grant", "token_url", "client_id", "client_secret", "client_auth",
      "scope", "audience", "key", "alg", "claims", "refresh_token", "store",
      "refresh_on"},
     {"token_url"}},
  };
  return kinds;
}

/// The same for the grants of oauth2; what none of them names, all have.
const std::vector<auth_kind>& grant_kinds() {
  static const std::vector<auth_kind> kinds{
    {"client_credentials", {}, {"client_id", "client_secret"}},
    {"jwt_bearer", {"key", "alg", "claims"}, {"key"}},
    {"refresh_token", {"refresh_token", "store"}, {"refresh_token"}},
  };
  return kinds;
}

std::vector<std::string_view> names_of(const std::vector<auth_kind>& kinds) {
  std::vector<std::string_view> names;
  for (const auto& each : kinds)
    names.push_back(each.name);
  return names;
}

bool has(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Refuses members that only others of `kinds` have, and the lack of those that
/// this one needs.
void check_members(object_reader& object, const std::vector<auth_kind>& kinds,
                   const auth_kind& own, std::string_view member) {
  for (const auto& kind : kinds)
    for (const auto key : kind.keys)
      if (object.has(key) && !has(own.keys, key))
        object.error(key, "does nothing here, allowed is it with \""
                            + std::string{member} + "\": \""
                            + std::string{kind.name} + "\"");
  for (const auto key : own.required)
    if (!object.has(key))
      object.report().error(
        object.at(), in_quotes(key) + " is missing, \"" + std::string{member}
                       + "\": \"" + std::string{own.name} + "\" needs it");
}

std::string secret_of(object_reader& object, std::string_view key) {
  const auto* value = object.find(key);
  if (value == nullptr)
    return {};
  return read_secret(object.report(), *value, object.at(key)).value_or("");
}

/// What may stand in a header field and on one line.
std::string header_secret_of(object_reader& object, std::string_view key) {
  auto made = secret_of(object, key);
  if (!is_header_text(made))
    object.error(key, "has a line break or another control character in it, "
                      "which no header can take");
  return made;
}

/// A PEM text; it is not shown, because it may be a private key.
std::string pem_of(object_reader& object, std::string_view key,
                   bool (*holds)(const std::string&), std::string_view what) {
  const auto* value = object.find(key);
  if (value == nullptr)
    return {};
  if (!value->is_string()) {
    object.error(key, "must be the PEM text of " + std::string{what}
                        + ", best as ${file:PATH}");
    return {};
  }
  auto text = read_text(object.report(), *value, object.at(key));
  if (!text)
    return {};
  if (!holds(*text))
    object.error(key, "must be the PEM text of " + std::string{what}
                        + ", best as ${file:PATH}, but has none in it that can "
                          "be read");
  return std::move(*text);
}

/// A URL that a call can be made to.
std::string url_of(object_reader& object, std::string_view key, bool is_base) {
  auto url = object.text(key);
  if (!url)
    return {};
  auto why = why_bad_url({*url});
  if (why.empty() && is_base && url->find('?') != std::string::npos)
    why = "has a query in it, allowed is a URL without one";
  if (!why.empty())
    object.error(key, shown_url(*object.find(key)) + why);
  if (is_base)
    while (url->ends_with('/'))
      url->pop_back();
  return std::move(*url);
}

std::vector<int> read_refresh_on(object_reader& object,
                                 std::vector<int> otherwise) {
  const auto* value = object.find("refresh_on");
  if (value == nullptr)
    return otherwise;
  std::vector<int> made;
  const bool is_list = value->is_array();
  for (const auto& each : is_list ? *value : json::array()) {
    const auto status =
      each.is_number_integer() ? each.get<std::int64_t>() : std::int64_t{0};
    if (status < 400 || status > 499)
      object.error("refresh_on",
                   shown(each)
                     + " is no status with which a token is refused, "
                       "allowed are 400 to 499");
    made.push_back(static_cast<int>(status));
  }
  if (!is_list)
    object.error("refresh_on", "must be an array of statuses from 400 to 499, "
                               "but is "
                                 + shown(*value));
  return made;
}

void read_jwt(object_reader& object, connection_auth& made) {
  static const std::vector<std::string_view> algs{"RS256", "ES256"};
  made.alg = algs[object.choice("alg", algs).value_or(0)];
  made.key = pem_of(object, "key", &holds_private_key,
                    "a private key without a passphrase");
  if (!made.key.empty() && holds_private_key(made.key)
      && !can_sign(made.key, made.alg))
    object.error("key", "cannot sign " + made.alg
                          + ", allowed is an RSA key for RS256 and one of the "
                            "curve P-256 for ES256");
  const auto* claims = object.find("claims");
  if (claims == nullptr)
    return;
  if (!claims->is_object()) {
    object.error("claims", "must be an object, but is " + shown(*claims));
    return;
  }
  for (const auto& [name, value] : claims->items()) {
    if (value.is_string())
      made.claims[name] =
        read_text(object.report(), value, object.at("claims") / name)
          .value_or("");
    else
      made.claims[name] = value;
  }
}

void read_refresh(object_reader& object, const std::string& base_directory,
                  connection_auth& made) {
  made.refresh_token = secret_of(object, "refresh_token");
  const auto store = object.text("store");
  if (!store) {
    object.report().warning(object.at(),
                            "has no \"store\": a refresh token that the "
                            "answer brings in place of this one is lost with "
                            "the process");
    return;
  }
  if (*store == "journal")
    object.error("store",
                 "\"journal\" needs a journal that nodes share, allowed is the "
                 "name of a file beside the INI");
  else if (store->empty())
    object.error("store", "is empty, allowed is the name of a file");
  made.store = (fs::path{base_directory} / *store).string();
}

void read_oauth2(object_reader& object, const std::string& base_directory,
                 connection_auth& made) {
  static const std::vector<std::string_view> ways{"post", "basic"};
  static const auto grants = names_of(grant_kinds());
  const auto grant = object.choice("grant", grants);
  made.grant = static_cast<connection_auth::grant_kind>(grant.value_or(0));
  if (!object.has("grant") || grant)
    check_members(object, grant_kinds(), grant_kinds()[grant.value_or(0)],
                  "grant");
  made.token_url = url_of(object, "token_url", false);
  made.client_id = object.text("client_id").value_or("");
  made.client_secret = secret_of(object, "client_secret");
  made.is_client_basic = object.choice("client_auth", ways).value_or(0) == 1;
  made.scope = object.text("scope").value_or("");
  made.audience = object.text("audience").value_or("");
  made.refresh_on = read_refresh_on(object, made.refresh_on);
  if (made.grant == connection_auth::grant_kind::jwt_bearer)
    read_jwt(object, made);
  if (made.grant == connection_auth::grant_kind::refresh_token)
    read_refresh(object, base_directory, made);
}

connection_auth read_auth(flow_report& report, const json& value,
                          const pointer& at,
                          const std::string& base_directory) {
  static const auto types = names_of(auth_kinds());
  object_reader object{report, value, at, "auth"};
  connection_auth made;
  const auto type = object.choice("type", types);
  if (!type)
    return made;
  made.type = static_cast<connection_auth::kind>(*type + 1);
  check_members(object, auth_kinds(), auth_kinds()[*type], "type");
  switch (made.type) {
  case connection_auth::kind::bearer:
    made.secret = header_secret_of(object, "token");
    break;
  case connection_auth::kind::basic:
    made.name = object.text("user").value_or("");
    if (made.name.find(':') != std::string::npos)
      object.error("user", "has a colon in it, which Basic cannot take (RFC "
                           "7617, section 2)");
    made.secret = secret_of(object, "password");
    break;
  case connection_auth::kind::query:
    made.name = object.text("name").value_or("");
    if (object.has("name") && made.name.empty())
      object.error("name", "is empty, allowed is the name of a parameter");
    made.secret = secret_of(object, "value");
    break;
  case connection_auth::kind::oauth2:
    read_oauth2(object, base_directory, made);
    break;
  case connection_auth::kind::none:
    break;
  }
  return made;
}

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
      report.error(at, "is no name of a header, allowed are letters, digits "
                       "and !#$%&'*+-.^_`|~");
    else if (is_framing_header(name) || is_own_field(lower))
      report.error(at, "is set by Handoff itself, allowed are other headers");
    else if (has_auth_field && lower == "authorization")
      report.error(at, "stands beside \"auth\", which sets it, allowed is one "
                       "of them");
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
  if (const auto text =
        pem_of(object, "ca", &holds_certificates, "one or more certificates");
      !text.empty())
    limits.ca = text;
  if (const auto* proxy = object.find("proxy")) {
    const auto text = read_text(object.report(), *proxy, object.at("proxy"));
    if (text && !text->empty() && !is_proxy(*text))
      object.error("proxy", "is no proxy, allowed is http://HOST:PORT, or \"\" "
                            "for none");
    limits.proxy = text.value_or("");
  }
}

void read_certificate(object_reader& object, connection& made) {
  made.certificate = pem_of(object, "certificate", &holds_certificates,
                            "one or more certificates");
  made.key = pem_of(object, "key", &holds_private_key,
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
  made.url = url_of(object, "url", true);
  if (const auto* auth = object.find("auth"))
    made.auth =
      read_auth(report, *auth, object.at("auth"), defaults.base_directory);
  const bool has_auth_field = made.auth.type != connection_auth::kind::none
                           && made.auth.type != connection_auth::kind::query;
  made.headers = read_fixed_headers(object, has_auth_field);
  made.outcome = read_outcome(object);
  for (std::size_t i = 0; i < made.outcome.size(); ++i) {
    if (made.outcome[i].then == ruled::refresh && !made.auth.wants_token())
      report.error(object.at("outcome") / i / "then",
                   "\"refresh\" renews a token, and this connection has none, "
                   "allowed is it with \"auth\" of the type \"oauth2\"");
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
                     + " cannot carry a key, allowed is the name of a header");
    made.idempotency_header = *header;
  }
  read_limits(object, made.limits);
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
    report.error(at, "is no name of a connection, allowed are "
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
      "proxy", "http2"},
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
  return {from.upstream, from.base_directory};
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
    made.errors.push_back({file, "",
                           "has " + std::to_string(document.size())
                             + " connections, allowed are "
                             + std::to_string(connections_max)});
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
    return refused(file, "there is no such file, allowed is one with "
                         "connections in it (flows.connections)");
  }
  if (!fs::is_regular_file(file, failure))
    return refused(file, "is no file that can be read");
  std::ifstream stream{file, std::ios::binary};
  std::string text(file_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    return refused(file, "cannot be read");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > file_bytes_max)
    return refused(file, "is too large, allowed is 1MiB");
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

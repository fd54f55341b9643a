#include "config/connection_auth_reader.hpp"

#include "config/connection_reader.hpp"
#include "config/flow_check.hpp"
#include "config/pem_text.hpp"
#include "config/secret_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using pointer = json::json_pointer;

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
  names.reserve(kinds.size());
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
        object.error(key, "does nothing here; allowed: it with \""
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
      object.error("refresh_on", shown(each)
                                   + " is not a status with which a token is "
                                     "refused; allowed: 400 to 499");
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
  made.key = read_pem(object, "key", &holds_private_key,
                      "a private key without a passphrase");
  if (!made.key.empty() && holds_private_key(made.key)
      && !can_sign(made.key, made.alg))
    object.error("key", "cannot sign " + made.alg
                          + "; allowed: an RSA key for RS256 and one of the "
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

/// Says why tokens cannot be in the journal; empty: they can.
std::string why_not_in_journal(const connection_defaults& defaults) {
  if (!defaults.is_journal_shared)
    return "\"journal\" needs a journal that nodes share; allowed: the name of "
           "a file beside the INI";
  if (!defaults.has_journal_secret)
    return "\"journal\" needs journal.secret, with which tokens are encrypted; "
           "allowed: it with that key in the INI, or the name of a file beside "
           "the INI";
  return {};
}

void read_refresh(object_reader& object, const connection_defaults& defaults,
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
  if (*store == "journal") {
    if (auto why = why_not_in_journal(defaults); !why.empty())
      object.error("store", std::move(why));
    made.is_in_journal = true;
    return;
  }
  if (store->empty())
    object.error("store", "is empty; allowed: the name of a file");
  made.store = (fs::path{defaults.base_directory} / *store).string();
}

void read_oauth2(object_reader& object, const connection_defaults& defaults,
                 connection_auth& made) {
  static const std::vector<std::string_view> ways{"post", "basic"};
  static const auto grants = names_of(grant_kinds());
  const auto grant = object.choice("grant", grants);
  made.grant = static_cast<connection_auth::grant_kind>(grant.value_or(0));
  if (!object.has("grant") || grant)
    check_members(object, grant_kinds(), grant_kinds()[grant.value_or(0)],
                  "grant");
  made.token_url = read_call_url(object, "token_url", false);
  made.client_id = object.text("client_id").value_or("");
  made.client_secret = secret_of(object, "client_secret");
  made.is_client_basic = object.choice("client_auth", ways).value_or(0) == 1;
  hide_basic(object.report(), object.at("client_secret"),
             percent_encoded(made.client_id),
             percent_encoded(made.client_secret));
  made.scope = object.text("scope").value_or("");
  made.audience = object.text("audience").value_or("");
  made.refresh_on = read_refresh_on(object, made.refresh_on);
  if (made.grant == connection_auth::grant_kind::jwt_bearer)
    read_jwt(object, made);
  if (made.grant == connection_auth::grant_kind::refresh_token)
    read_refresh(object, defaults, made);
}

} // namespace

std::string read_pem(object_reader& object, std::string_view key,
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

std::string read_call_url(object_reader& object, std::string_view key,
                          bool is_base) {
  auto url = object.text(key);
  if (!url)
    return {};
  auto why = why_bad_url({*url});
  if (why.empty() && is_base && url->find('?') != std::string::npos)
    why = "has a query in it; allowed: a URL without one";
  if (!why.empty())
    object.error(key, shown_url(*object.find(key)) + why);
  return std::move(*url);
}

connection_auth read_auth(flow_report& report, const json& value,
                          const pointer& at,
                          const connection_defaults& defaults) {
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
    hide_basic(report, object.at("password"), made.name, made.secret);
    break;
  case connection_auth::kind::query:
    made.name = object.text("name").value_or("");
    if (object.has("name") && made.name.empty())
      object.error("name", "is empty; allowed: the name of a parameter");
    made.secret = secret_of(object, "value");
    break;
  case connection_auth::kind::oauth2:
    read_oauth2(object, defaults, made);
    break;
  case connection_auth::kind::none:
    break;
  }
  return made;
}

} // namespace handoff

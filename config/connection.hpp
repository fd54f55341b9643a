#pragma once

#include "config/answer_rules.hpp"
#include "config/secret_files.hpp"
#include "config/secrets.hpp"
#include "config/settings.hpp"
#include "job/exchange.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// How calls of a connection prove who makes them.
struct connection_auth {
  enum class kind { none, bearer, basic, query, oauth2 };
  enum class grant_kind { client_credentials, jwt_bearer, refresh_token };

  kind type = kind::none;
  /// Of `bearer`; the password of `basic`; the value of `query`.
  std::string secret = {};
  /// The user of `basic`; the parameter of `query`.
  std::string name = {};

  // Of oauth2 (RFC 6749; RFC 7523 for jwt_bearer).
  grant_kind grant = grant_kind::client_credentials;
  std::string token_url = {};
  std::string client_id = {};
  std::string client_secret = {};
  /// In an Authorization header and not in the body (RFC 6749, section 2.3.1).
  bool is_client_basic = false;
  std::string scope = {};
  std::string audience = {};
  std::string key = {};      ///< PEM text of a private key
  std::string alg = "RS256"; ///< or "ES256" (RFC 7518, section 3.1)
  nlohmann::json claims = nlohmann::json::object();
  std::string refresh_token = {}; ///< the first one
  std::string store = {};         ///< a file for those that follow
  /// The tokens are in the journal that nodes share, in place of that file.
  bool is_in_journal = false;
  /// Statuses with which an upstream says that a token has ended.
  std::vector<int> refresh_on{401};

  /// Whether there is a token to be had before a call.
  bool wants_token() const noexcept { return type == kind::oauth2; }

  friend bool operator==(const connection_auth&,
                         const connection_auth&) = default;
};

/// Everything about an upstream that is not of one call. Immutable.
struct connection {
  std::string name;
  /// Absolute, as it is written.
  std::string url;
  connection_auth auth;
  handoff::headers headers;
  outcome_rules outcome;
  std::string idempotency_header = "Idempotency-Key";
  /// Those of `[upstream]`, but for what the connection says otherwise.
  upstream_settings limits;
  /// PEM texts; empty: no certificate is shown.
  std::string certificate;
  std::string key;

  secrets hidden;
  secret_files files;
  /// As it was read, references to secrets unresolved.
  nlohmann::json definition;
};

using connection_ptr = std::shared_ptr<const connection>;
using connection_set = std::map<std::string, connection_ptr, std::less<>>;

/// Whether `call` goes to the connection's own host: its URL is a path, or has
/// the same scheme, name and port.
bool is_own_host(const outbound_call& call, const connection& through);

/// `call`, whose URL is a path below the connection's or an absolute one, as it
/// is made through a connection, but for its auth. A header of its own wins
/// over the connection's; to another host than the connection's these do not
/// go.
outbound_call completed(outbound_call call, const connection& through);

/// Adds what proves who makes the call: to the connection's own host only, and
/// not beside an `Authorization` that the call has already. `token` is that of
/// oauth2.
void authorize(outbound_call& call, const connection& through,
               std::string_view token);

/// `text` with all but the unreserved characters percent-encoded (RFC 3986,
/// section 2.3).
std::string percent_encoded(std::string_view text);

} // namespace handoff

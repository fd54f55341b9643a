#pragma once

#include "http/outbound/outbound_options.hpp"
#include "http/outbound/trust_store.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <openssl/ssl.h>
#include <string>

namespace handoff {

struct ssl_free {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

using ssl_ptr = std::unique_ptr<SSL, ssl_free>;

/// What the TLS connections of one profile have in common: what they trust and
/// show, and the sessions that they resume (RFC 8446, section 2.2), one for
/// each upstream. libcurl 7.88 makes an SSL_CTX for each connection, which
/// takes longer than to resume a session does.
///
/// A session is resumed for the upstream that it is of, and only as long as the
/// same authorities are trusted. For the outbound loop's thread alone.
class tls_context {
public:
  using time_point = trust_store::time_point;

  /// `options` and `trusted` outlive it.
  tls_context(const outbound_options& options, trust_store& trusted);

  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  /// The client's side of a connection to `upstream` (`scheme://name:port`),
  /// whose certificate must be for `name`, a DNS name in ASCII or an address.
  /// Offers HTTP/1.1, after HTTP/2 if it `offers_http2` (ALPN, RFC 7301). Null
  /// if there are no authorities to trust.
  ssl_ptr connect(const std::string& upstream, const std::string& name,
                  bool offers_http2, time_point now);

private:
  struct context_free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };

  using context_ptr = std::unique_ptr<SSL_CTX, context_free>;

  struct session_free {
    void operator()(SSL_SESSION* session) const noexcept {
      SSL_SESSION_free(session);
    }
  };

  /// The session of one upstream.
  struct session_slot {
    tls_context* owner;
    std::unique_ptr<SSL_SESSION, session_free> session;
  };

  static int keep_session(SSL* ssl, SSL_SESSION* session);

  bool renew_context(time_point now);
  void show_certificate(SSL_CTX* context) const;
  session_slot* slot_of(const std::string& upstream);

  const outbound_options& options_;
  trust_store& trusted_;
  context_ptr context_;
  std::map<std::string, std::unique_ptr<session_slot>, std::less<>> sessions_;
};

} // namespace handoff

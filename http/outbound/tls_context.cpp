#include "http/outbound/tls_context.hpp"

#include "http/outbound/address_policy.hpp"

#include <array>
#include <new>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string_view>

namespace handoff {

namespace {

/// Upstreams whose sessions are kept.
constexpr std::size_t upstreams_max = 4'096;

constexpr std::array<unsigned char, 12> both_protocols{
  2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr unsigned int http2_bytes = 3;

struct pem_free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

using pem_ptr = std::unique_ptr<BIO, pem_free>;

pem_ptr reader_of(const std::string& text) {
  return pem_ptr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

} // namespace

tls_context::tls_context(const outbound_options& options, trust_store& trusted)
    : options_{options}, trusted_{trusted} {}

int tls_context::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* slot = static_cast<session_slot*>(SSL_get_app_data(ssl));
  // One that was agreed on before the authorities changed is resumed no more.
  if (slot == nullptr || SSL_get_SSL_CTX(ssl) != slot->owner->context_.get())
    return 0;
  slot->session.reset(session);
  return 1;
}

bool tls_context::renew_context(time_point now) {
  if (context_ != nullptr
      && trusted_.is_current(SSL_CTX_get_cert_store(context_.get()), now))
    return true;
  context_ptr made{SSL_CTX_new(TLS_client_method())};
  if (made == nullptr)
    throw std::bad_alloc{};
  auto* context = made.get();
  if (!trusted_.give_to(context, now))
    return false;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // What is left of a write may have moved until it is repeated.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT
                                            | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &tls_context::keep_session);
  show_certificate(context);
  for (auto& [upstream, slot] : sessions_)
    slot->session.reset();
  context_ = std::move(made);
  return true;
}

// Whether they fit together was checked when the configuration was read; an
// upstream that gets none says so.
void tls_context::show_certificate(SSL_CTX* context) const {
  if (options_.certificate.empty())
    return;
  const auto certificates = reader_of(options_.certificate);
  bool is_first = true;
  while (auto* one =
           PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    if (is_first)
      SSL_CTX_use_certificate(context, one);
    else
      SSL_CTX_add1_chain_cert(context, one);
    is_first = false;
    X509_free(one);
  }
  const auto key_text = reader_of(options_.key);
  if (auto* key =
        PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
  }
  ERR_clear_error();
}

tls_context::session_slot* tls_context::slot_of(const std::string& upstream) {
  const auto known = sessions_.find(upstream);
  if (known != sessions_.end())
    return known->second.get();
  // Connections hold pointers to them, so that none is forgotten.
  if (sessions_.size() >= upstreams_max)
    return nullptr;
  auto made = std::make_unique<session_slot>(session_slot{this, nullptr});
  return sessions_.emplace(upstream, std::move(made)).first->second.get();
}

ssl_ptr tls_context::connect(const std::string& upstream,
                             const std::string& name, bool offers_http2,
                             time_point now) {
  if (!renew_context(now))
    return nullptr;
  ssl_ptr ssl{SSL_new(context_.get())};
  if (ssl == nullptr)
    throw std::bad_alloc{};
  SSL_set_connect_state(ssl.get());
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str());
  } else {
    // Without the dot that a full name may end with (RFC 6066, section 3).
    auto host = name;
    if (host.ends_with('.'))
      host.pop_back();
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  }
  const auto skipped = offers_http2 ? 0U : http2_bytes;
  SSL_set_alpn_protos(ssl.get(), both_protocols.data() + skipped,
                      static_cast<unsigned int>(both_protocols.size())
                        - skipped);
  auto* slot = slot_of(upstream);
  SSL_set_app_data(ssl.get(), slot);
  if (slot != nullptr && slot->session != nullptr)
    SSL_set_session(ssl.get(), slot->session.get());
  return ssl;
}

} // namespace handoff

#include "tests/support/tls_server.hpp"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace handoff::test {
namespace {

std::shared_ptr<EVP_PKEY> make_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void add_extension(X509* to, X509* issuer, int which, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, which, value);
  X509_add_ext(to, extension, -1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> make_certificate(const std::string& name, EVP_PKEY* key,
                                       long from, long until) {
  static std::atomic<long> serial{1};
  std::shared_ptr<X509> made{X509_new(), X509_free};
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), from);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), until);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(
    X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
    reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

/// The protocol `wanted` if it is among those that are offered.
int choose(SSL*, const unsigned char** chosen, unsigned char* size,
           const unsigned char* offered, unsigned int offered_size,
           void* wanted) {
  const auto& name = *static_cast<const std::string*>(wanted);
  for (unsigned int at = 0; at < offered_size; at += 1U + offered[at])
    if (name.compare(0, std::string::npos,
                     reinterpret_cast<const char*>(offered + at + 1),
                     offered[at])
        == 0) {
      *chosen = offered + at + 1;
      *size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
  return SSL_TLSEXT_ERR_NOACK;
}

} // namespace

std::string tls_identity::pem() const {
  const std::unique_ptr<BIO, int (*)(BIO*)> text{BIO_new(BIO_s_mem()),
                                                 BIO_free};
  PEM_write_bio_X509(text.get(), certificate.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string tls_identity::key_pem() const {
  const std::unique_ptr<BIO, int (*)(BIO*)> text{BIO_new(BIO_s_mem()),
                                                 BIO_free};
  PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                           nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

tls_identity make_authority(const std::string& name) {
  tls_identity made;
  made.key = make_key();
  made.certificate = make_certificate(name, made.key.get(), -86'400, 86'400);
  auto* certificate = made.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, certificate, NID_basic_constraints,
                "critical,CA:TRUE");
  X509_sign(certificate, made.key.get(), EVP_sha256());
  return made;
}

tls_identity issue(const tls_identity& authority, const std::string& name,
                   long from, long until) {
  tls_identity made;
  made.key = make_key();
  made.certificate = make_certificate(name, made.key.get(), from, until);
  auto* certificate = made.certificate.get();
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(authority.certificate.get()));
  add_extension(certificate, authority.certificate.get(), NID_subject_alt_name,
                ("DNS:" + name).c_str());
  X509_sign(certificate, authority.key.get(), EVP_sha256());
  return made;
}

tls_server::tls_server(options what)
    : options_{std::move(what)},
      context_{SSL_CTX_new(TLS_server_method()), SSL_CTX_free} {
  // OpenSSL writes without MSG_NOSIGNAL.
  ::signal(SIGPIPE, SIG_IGN);
  auto* context = context_.get();
  SSL_CTX_use_certificate(context, options_.identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, options_.identity.key.get());
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, options_.newest_version);
  // The old versions need signatures that are not allowed any more.
  if (options_.newest_version < TLS1_2_VERSION)
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  if (options_.clients) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context),
                        options_.clients.get());
    SSL_CTX_set_verify(
      context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  if (!options_.alpn.empty())
    SSL_CTX_set_alpn_select_cb(context, &choose, &options_.alpn);
  constexpr unsigned char id[] = "test";
  SSL_CTX_set_session_id_context(context, id, sizeof(id));
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(options_.port));
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof(at);
  ::bind(listener_, reinterpret_cast<sockaddr*>(&at), size);
  ::listen(listener_, 64);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread{[this] {
    accept_all();
  }};
}

tls_server::~tls_server() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const auto guard = std::lock_guard{mutex_};
    for (const int fd : open_)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& each : threads_)
    each.join();
}

void tls_server::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0)
      return;
    const auto guard = std::lock_guard{mutex_};
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      serve(fd);
      const auto closing = std::lock_guard{mutex_};
      open_.remove(fd);
      ::close(fd);
    });
  }
}

void tls_server::serve(int fd) {
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl{SSL_new(context_.get()),
                                                 SSL_free};
  SSL_set_fd(ssl.get(), fd);
  if (SSL_accept(ssl.get()) != 1)
    return;
  const int number = ++connections_;
  resumed_ += SSL_session_reused(ssl.get());
  if (options_.converse) {
    options_.converse(ssl.get(), number);
    return;
  }
  std::string got;
  std::array<char, 4'096> piece{};
  for (;;) {
    const int count =
      SSL_read(ssl.get(), piece.data(), static_cast<int>(piece.size()));
    if (count <= 0)
      return;
    got.append(piece.data(), static_cast<std::size_t>(count));
    // Requests of tests have short bodies, which come with their heads.
    const auto end = got.find("\r\n\r\n");
    if (end == std::string::npos)
      continue;
    const int request = ++requests_;
    const std::string answer = options_.handle
                               ? options_.handle(got.substr(0, end), request)
                               : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    got.clear();
    if (answer.empty())
      return;
    SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
  }
}

} // namespace handoff::test

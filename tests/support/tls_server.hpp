#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string>
#include <thread>
#include <vector>

namespace handoff::test {

/// A certificate with its key, made for this test.
struct tls_identity {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  std::string pem() const;     ///< of the certificate
  std::string key_pem() const; ///< of the key
};

/// An authority that signs itself.
tls_identity make_authority(const std::string& name);

/// A certificate for the DNS name `name`, valid from `from` to `until`, in
/// seconds from now.
tls_identity issue(const tls_identity& authority, const std::string& name,
                   long from = -3'600, long until = 3'600);

/// An HTTP/1.1 server with TLS on 127.0.0.1. A thread a connection; answers
/// each request with 200, or as `handle` says.
class tls_server {
public:
  struct options {
    tls_identity identity;
    int newest_version = TLS1_3_VERSION;
    /// The bytes that answer the request with this head; empty: the connection
    /// is closed instead. `number` counts all requests from 1.
    std::function<std::string(const std::string& head, int number)> handle = {};
    /// Clients must show a certificate of this authority; null: they need not.
    std::shared_ptr<X509> clients = nullptr;
    /// The port to listen on; 0: any that is free.
    int port = 0;
    /// The protocol that is chosen if a client offers it (ALPN).
    std::string alpn = {};
    /// What is done with a connection once its handshake is done, instead of
    /// HTTP/1.1; the TCP connection ends when it returns. `connection` counts
    /// from 1.
    std::function<void(SSL*, int connection)> converse = {};
  };

  explicit tls_server(options what);
  ~tls_server();

  tls_server(const tls_server&) = delete;
  tls_server& operator=(const tls_server&) = delete;

  int port() const { return port_; }

  int connections() const { return connections_; } ///< that were established

  int resumed() const { return resumed_; } ///< of them

  int requests() const { return requests_; }

private:
  void accept_all();
  void serve(int fd);

  options options_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> resumed_{0};
  std::atomic<int> requests_{0};
  std::mutex mutex_;
  std::list<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

} // namespace handoff::test

#pragma once

#include "job/error.hpp"

#include <chrono>
#include <ctime>
#include <memory>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <optional>
#include <string>

namespace handoff {

/// The certificates of authorities that upstreams are verified with, parsed
/// once for all connections: libcurl parses them anew for each (27 ms with
/// Debian's bundle). Not thread-safe.
class trust_store {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Those of `pem`, a text; empty: those of the system, in the file that
  /// libcurl takes by default. They are read again when that file has changed,
  /// which is looked for once a minute.
  /// Throws std::runtime_error where a text holds something else.
  explicit trust_store(std::string pem);

  /// Makes `context`, which is new, verify with them. False if there are none.
  bool give_to(SSL_CTX* context, time_point now);

  /// Whether `store` is what `give_to` would give. To be called where it may
  /// have been replaced.
  bool is_current(const X509_STORE* store, time_point now);

  /// What is wrong with a PEM text of certificates; none if it holds at least
  /// one and nothing unreadable.
  static std::optional<std::string> check(const std::string& pem);

private:
  struct store_free {
    void operator()(X509_STORE* store) const noexcept {
      X509_STORE_free(store);
    }
  };

  using store_ptr = std::unique_ptr<X509_STORE, store_free>;

  static store_ptr read_text(const std::string& pem);
  void read_file_if_changed(time_point now);

  std::string file_; ///< empty: of a text
  store_ptr store_;
  std::optional<std::timespec> changed_; ///< the file
  time_point look_again_ = {};
};

} // namespace handoff

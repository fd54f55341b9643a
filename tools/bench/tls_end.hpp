#pragma once

#include "tools/bench/program.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace bench {

/// nginx with TLS in front of the fake API, on a free port of 127.0.0.1: one
/// process, with Debian's defaults but for the number of connections. Its
/// certificate is of an authority that is made for it.
class tls_end {
public:
  /// Serves `host` for the API on `api_port`; with `http2` as HTTP/2, too. Its
  /// files go into `directory`. Throws `std::runtime_error` if nginx or openssl
  /// is missing or fails.
  tls_end(std::filesystem::path directory, const std::string& host,
          std::uint16_t api_port, bool http2);

  std::uint16_t port() const { return port_; }

  /// The PEM text of the authority.
  std::filesystem::path authority() const { return directory_ / "ca.pem"; }

  usage used() const { return nginx_->used(); }

private:
  void make_certificates(const std::string& host) const;
  std::string configuration(std::uint16_t api_port, bool http2) const;

  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<program> nginx_;
};

} // namespace bench

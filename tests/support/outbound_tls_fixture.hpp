#pragma once

#include "support/http2_server.hpp"
#include "support/outbound_fixture.hpp"
#include "support/tls_server.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace handoff::test {

/// A client that trusts the authority of this test, and servers with
/// certificates of it for the name `upstream`, which leads to 127.0.0.1.
class outbound_tls_fixture : public outbound_fixture {
protected:
  static constexpr auto* upstream = "api.test";

  outbound_tls_fixture() {
    options_.ca = authority_.pem();
    options_.resolve = [](const std::string&) {
      return std::vector<std::string>{"127.0.0.1"};
    };
  }

  void serve(tls_server::options what) {
    tls_.reset();
    tls_.emplace(std::move(what));
    port_ = tls_->port();
  }

  void serve_ok() { serve({.identity = issue(authority_, upstream)}); }

  void serve_http2(http2_server::script handle = nullptr,
                   std::uint32_t streams_max = 100,
                   std::uint32_t window = 65'535) {
    http2_ = std::make_unique<http2_server>(
      issue(authority_, upstream), std::move(handle), streams_max, window);
    port_ = http2_->port();
  }

  outbound_call to_upstream(call_class purpose,
                            const std::string& path = "/") const {
    auto call = call_to(std::string{"https://"} + upstream + ":"
                          + std::to_string(port_) + path,
                        "POST");
    call.purpose = purpose;
    return call;
  }

  exchange make_clone() { return make(to_upstream(call_class::clone)); }

  exchange make_sub_action() {
    return make(to_upstream(call_class::sub_action));
  }

  const tls_identity authority_ = make_authority("Test authority");
  std::optional<tls_server> tls_;
  std::unique_ptr<http2_server> http2_;
  int port_ = 0;
};

} // namespace handoff::test

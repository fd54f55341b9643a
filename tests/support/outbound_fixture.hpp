#pragma once

#include "http/outbound/outbound_client.hpp"
#include "job/clone_traffic.hpp"
#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace handoff::test {

/// A client and a server that does as it is told. The time-outs are generous
/// where they must not happen and short where they must.
class outbound_fixture : public testing::Test {
protected:
  static constexpr std::chrono::milliseconds never{60'000};
  static constexpr std::chrono::milliseconds soon{50};

  void serve(scripted_server::script told) { server_.emplace(std::move(told)); }

  void restart_client() {
    client_.reset();
    client_ = std::make_unique<outbound_client>(options_);
  }

  static outbound_call call_to(std::string url, std::string method = "GET") {
    outbound_call call;
    call.job = "job";
    call.method = std::move(method);
    call.url = std::move(url);
    call.timeout = never;
    return call;
  }

  outbound_call call_here(std::string path, std::string method = "GET") {
    return call_to(server_->url(path), std::move(method));
  }

  outbound_call clone_here(std::string path) {
    auto call = call_here(std::move(path), "POST");
    call.purpose = call_class::clone;
    call.body = "{}";
    return call;
  }

  static outbound_call_ptr shared(outbound_call call) {
    return std::make_shared<const outbound_call>(std::move(call));
  }

  /// Makes the call when it has its turn.
  std::future<exchange> start(outbound_call call) {
    if (client_ == nullptr)
      restart_client();
    auto promise = std::make_shared<std::promise<exchange>>();
    auto future = promise->get_future();
    const auto go = [client = client_.get(), promise,
                     call](turn_ptr turn) mutable {
      call.turn = std::move(turn);
      client->start(shared(std::move(call)), [promise](exchange done) {
        promise->set_value(std::move(done));
      });
    };
    auto asked = client_->turns()->ask(
      {upstream_of(call.url), call.purpose, call.job}, go);
    if (auto* turn = std::get_if<turn_ptr>(&asked))
      std::function<void(turn_ptr)>{go}(std::move(*turn));
    else
      tickets_.push_back(std::get<turn_ticket_ptr>(std::move(asked)));
    return future;
  }

  exchange make(outbound_call call) { return start(std::move(call)).get(); }

  static void expect_failed(const exchange& done, error_kind kind, bool sent) {
    ASSERT_TRUE(done.failure.has_value());
    EXPECT_EQ(name(done.failure->kind), name(kind)) << done.failure->detail;
    EXPECT_EQ(done.sent, sent) << done.failure->detail;
    EXPECT_EQ(done.status, 0);
    EXPECT_FALSE(done.failure->detail.empty());
  }

  outbound_options options_;
  std::optional<scripted_server> server_;
  std::unique_ptr<outbound_client> client_;
  std::vector<turn_ticket_ptr> tickets_; ///< of calls that had to wait
};

} // namespace handoff::test

// Calls through connections, with real sockets.

#include "config/connection_reader.hpp"
#include "config/connection_registry.hpp"
#include "support/connect_proxy.hpp"
#include "support/outbound_fixture.hpp"
#include "support/tls_server.hpp"

#include <nlohmann/json.hpp>

#include <atomic>

namespace handoff::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// A server that is the API and the token endpoint ("/token").
class ConnectionCallTest : public outbound_fixture {
protected:
  ConnectionCallTest() {
    serve(
      [this](const scripted_server::request& got, scripted_server::peer& peer) {
        if (got.target == "/token")
          answer_token(peer);
        else
          answer_call(got, peer);
      });
  }

  virtual void answer_token(scripted_server::peer& peer) {
    const auto number = ++token_requests_;
    if (number <= down_for_) {
      peer.send("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    peer.answer(json{
      {"access_token", "token-number-" + std::to_string(number)},
      {"expires_in",
       3600}}.dump());
  }

  void answer_call(const scripted_server::request& got,
                   scripted_server::peer& peer) {
    peer.answer(got.head);
  }

  json oauth2() const {
    return {{"type", "oauth2"},
            {"token_url", server_->url("/token")},
            {"client_id", "me"},
            {"client_secret", "hush hush hush"}};
  }

  void connect(json members) {
    members["url"] = server_->url("/v1");
    const auto loaded = read_connections({{"graph", members}}, {}, "c.json");
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << to_string(each);
    options_.connections =
      std::make_shared<connection_registry>(loaded.connections);
    restart_client();
  }

  std::future<exchange> call(std::string path = "/a") {
    auto made = call_to(std::move(path));
    made.connection = "graph";
    auto promise = std::make_shared<std::promise<exchange>>();
    auto future = promise->get_future();
    const std::function<void(turn_ptr)> go = [client = client_.get(), promise,
                                              made](turn_ptr turn) mutable {
      made.turn = std::move(turn);
      client->start(shared(made), [promise](exchange done) {
        promise->set_value(std::move(done));
      });
    };
    auto asked =
      client_->turns()->ask({"graph", call_class::sub_action, "job"}, go);
    if (auto* turn = std::get_if<turn_ptr>(&asked))
      go(std::move(*turn));
    else
      tickets_.push_back(std::get<turn_ticket_ptr>(std::move(asked)));
    return future;
  }

  std::atomic<int> token_requests_{0};
  std::atomic<int> down_for_{0};
};

TEST_F(ConnectionCallTest, SendsWhatTheConnectionSays) {
  connect({{"headers", {{"X-Tenant", "acme"}}},
           {"auth", {{"type", "bearer"}, {"token", "static-token"}}}});
  const auto done = call("/teams/1?a=b").get();
  EXPECT_EQ(done.status, 200);
  EXPECT_NE(done.body.find("GET /v1/teams/1?a=b HTTP/1.1"), std::string::npos);
  EXPECT_NE(done.body.find("X-Tenant: acme"), std::string::npos);
  EXPECT_NE(done.body.find("Authorization: Bearer static-token"),
            std::string::npos);
}

TEST_F(ConnectionCallTest, FetchesOneTokenForAThousandWhoWait) {
  connect({{"auth", oauth2()}, {"max_calls", 2'000}});
  std::vector<std::future<exchange>> calls;
  for (int i = 0; i < 1'000; ++i)
    calls.push_back(call());
  for (auto& each : calls) {
    const auto done = each.get();
    EXPECT_EQ(done.status, 200);
    EXPECT_NE(done.token, 0U);
    // What repeats the token must not get it into a journal.
    EXPECT_EQ(done.body.find("token-number"), std::string::npos);
    EXPECT_NE(done.body.find("Authorization: Bearer ***"), std::string::npos);
  }
  EXPECT_EQ(token_requests_, 1);
}

TEST_F(ConnectionCallTest, WaitsUntilThereIsAToken) {
  down_for_ = 1;
  connect({{"auth", oauth2()}});
  auto waits = call();
  server_->await_requests(1);
  const auto turns = client_->turns();
  EXPECT_EQ(turns->obstacle("graph", call_class::sub_action)->why,
            turn_obstacle::reason::token);
  EXPECT_EQ(waits.get().status, 200);
  EXPECT_EQ(token_requests_, 2);
  EXPECT_EQ(server_->requests_of("/v1/a"), 1U);
}

TEST_F(ConnectionCallTest, FetchesAnotherForOneThatWasRefused) {
  connect({{"auth", oauth2()}});
  const auto first = call().get();
  client_->turns()->token_refused("graph", first.token);
  const auto second = call().get();
  EXPECT_GT(second.token, first.token);
  client_->turns()->token_refused("graph", first.token);
  EXPECT_EQ(call().get().token, second.token);
  EXPECT_EQ(token_requests_, 2);
}

TEST_F(ConnectionCallTest, SaysThatThereIsNoSuchConnection) {
  connect({});
  auto made = call_to("/a");
  made.connection = "gone";
  const auto done = make(made);
  expect_failed(done, error_kind::unknown_connection, false);
  EXPECT_NE(done.failure->detail.find("gone"), std::string::npos);
}

TEST_F(ConnectionCallTest, HoldsTheTokenEndpointToTheAddressPolicy) {
  connect({{"auth", oauth2()}, {"private_networks", "refuse"}});
  auto waits = call();
  const auto end = std::chrono::steady_clock::now() + 10s;
  std::optional<std::string> failure;
  while (!failure && std::chrono::steady_clock::now() < end) {
    failure = client_->connections().at(0).token->last_error;
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find("address"), std::string::npos) << *failure;
  EXPECT_EQ(token_requests_, 0);
  EXPECT_EQ(waits.wait_for(0s), std::future_status::timeout);
}

TEST_F(ConnectionCallTest, ShowsACertificateToAHostOfAPrivateAuthority) {
  const auto authority = make_authority("Private CA");
  const auto client = issue(authority, "client");
  tls_server api{
    {issue(authority, "localhost"), TLS1_3_VERSION, {}, authority.certificate}};
  const auto connect_with = [&](json members) {
    members["url"] = "https://localhost:" + std::to_string(api.port());
    const auto loaded = read_connections({{"graph", members}}, {}, "c.json");
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << to_string(each);
    options_.connections =
      std::make_shared<connection_registry>(loaded.connections);
    restart_client();
  };
  connect_with({{"ca", authority.pem()},
                {"certificate", client.pem()},
                {"key", client.key_pem()}});
  EXPECT_EQ(call().get().status, 200);
  // With TLS 1.3 it is told after the handshake (RFC 8446, section 4.4.2.4),
  // and nothing was processed for all that.
  connect_with({{"ca", authority.pem()}});
  const auto done = call().get();
  expect_failed(done, error_kind::tls_failed, false);
  EXPECT_THAT(done.failure->detail,
              testing::HasSubstr("refuses this side's certificate"));
  connect_with({{"certificate", client.pem()}, {"key", client.key_pem()}});
  expect_failed(call().get(), error_kind::tls_failed, false);
  EXPECT_EQ(api.requests(), 1);
}

// Goal: what one connection may do, another to the same host may not by using
// its network connection.
TEST_F(ConnectionCallTest, SharesNoNetworkConnectionWithAnother) {
  const auto authority = make_authority("Private CA");
  const auto stranger = make_authority("Another CA");
  tls_server api{{issue(authority, "localhost")}};
  const auto url = "https://localhost:" + std::to_string(api.port());
  const auto loaded = read_connections(
    {{"graph", {{"url", url}, {"ca", authority.pem()}, {"http2", "off"}}},
     {"other", {{"url", url}, {"ca", stranger.pem()}, {"http2", "off"}}}},
    {}, "c.json");
  options_.connections =
    std::make_shared<connection_registry>(loaded.connections);
  restart_client();
  EXPECT_EQ(call().get().status, 200);
  auto made = call_to("/a");
  made.connection = "other";
  expect_failed(make(made), error_kind::tls_failed, false);
  EXPECT_EQ(api.connections(), 1);
  EXPECT_EQ(api.resumed(), 0);
  EXPECT_EQ(call().get().status, 200);
  EXPECT_EQ(api.requests(), 2);
}

TEST_F(ConnectionCallTest, SharesNoTunnelWithAnother) {
  const auto authority = make_authority("Private CA");
  const auto stranger = make_authority("Another CA");
  tls_server api{{issue(authority, "api.internal")}};
  const connect_proxy proxy{api.port()};
  const json through{
    {"url", "https://api.internal"},
    {"proxy", "http://127.0.0.1:" + std::to_string(proxy.port())}};
  auto trusted = through;
  trusted["ca"] = authority.pem();
  auto untrusted = through;
  untrusted["ca"] = stranger.pem();
  auto refused = trusted;
  refused["private_networks"] = "refuse";
  const auto loaded = read_connections({{"graph", trusted},
                                        {"other", untrusted},
                                        {"refused", refused},
                                        {"system", through}},
                                       {}, "c.json");
  options_.connections =
    std::make_shared<connection_registry>(loaded.connections);
  restart_client();
  EXPECT_EQ(call().get().status, 200);
  for (const auto& [name, kind] :
       {std::pair{"other", error_kind::tls_failed},
        std::pair{"system", error_kind::tls_failed},
        std::pair{"refused", error_kind::address_refused}}) {
    auto made = call_to("/a");
    made.connection = name;
    expect_failed(make(made), kind, false);
  }
  EXPECT_EQ(call().get().status, 200);
  EXPECT_EQ(api.requests(), 2);
}

} // namespace
} // namespace handoff::test

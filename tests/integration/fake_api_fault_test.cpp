// Goal: what a scripted fault looks like to a client is what the docs say, or
// the tests of the service prove nothing. Method: a client on raw sockets.

#include "tests/support/fake_api_fixture.hpp"

#include <gtest/gtest.h>

namespace handoff::support {

namespace {

using nlohmann::json;
using kind = http_client_error::kind;

json one_rule(const json& step) {
  return json::array({{{"path", "/**"}, {"steps", json::array({step})}}});
}

/// Why there is no answer to one request; none if there is one.
std::optional<kind> failure_of(const fake_api& api) {
  try {
    request(api.port(), "POST", "/a", {}, "{}");
    return std::nullopt;
  } catch (const http_client_error& error) {
    return error.why();
  }
}

} // namespace

TEST(FakeApiFaultTest, AnswersCloneAndRestWithoutScript) {
  fake_api api;
  const auto clone = request(api.port(), "POST", "/projects/7/clone");
  EXPECT_EQ(clone.status, 201);
  EXPECT_EQ(clone.json(), (json{{"id", "p-1"}}));
  const auto other = request(api.port(), "GET", "/projects/7");
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.header("Content-Type"), "application/json");
  EXPECT_EQ(other.json(), (json{{"ok", true}}));
}

TEST(FakeApiFaultTest, ResetsBeforeAnyByte) {
  fake_api api{one_rule({{"fault", "reset"}})};
  EXPECT_EQ(failure_of(api), kind::reset);
  EXPECT_EQ(api.counts()["outcomes"], (json{{"reset", 1}}));
}

TEST(FakeApiFaultTest, ClosesWithoutAnswer) {
  fake_api api{one_rule({{"fault", "close"}})};
  EXPECT_EQ(failure_of(api), kind::closed);
  EXPECT_EQ(api.counts()["outcomes"], (json{{"closed", 1}}));
}

TEST(FakeApiFaultTest, AnswersGarbage) {
  fake_api api{one_rule({{"fault", "garbage"}})};
  EXPECT_EQ(failure_of(api), kind::not_http);
  EXPECT_EQ(api.counts()["answered"], 0);
}

TEST(FakeApiFaultTest, CutsBodyInTheMiddle) {
  fake_api api{one_rule({{"fault", "cut"}, {"body", "0123456789"}})};
  http_connection connection{api.port()};
  connection.send_request("GET", "/a");
  std::string all;
  for (auto piece = connection.receive(); !piece.empty();
       piece = connection.receive())
    all += piece;
  EXPECT_NE(all.find("Content-Length: 10\r\n"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\n01234")) << all;
}

TEST(FakeApiFaultTest, HangsUntilReleased) {
  fake_api api{one_rule({{"fault", "hang"}, {"body", {{"id", "late"}}}})};
  http_connection connection{api.port()};
  connection.send_request("POST", "/a");
  ASSERT_TRUE(api.wait_until(
    [](const json& counts) { return counts["in_flight"] == 1; }));
  EXPECT_EQ(api.release(), 1u);
  EXPECT_EQ(connection.read_response().json()["id"], "late");
  EXPECT_EQ(api.counts()["in_flight"], 0);
  EXPECT_EQ(api.release(), 0u);
}

TEST(FakeApiFaultTest, NoticesClientThatGivesUpHanging) {
  fake_api api{one_rule({{"fault", "hang"}})};
  http_connection connection{api.port()};
  connection.send_request("POST", "/a");
  ASSERT_TRUE(api.wait_until(
    [](const json& counts) { return counts["in_flight"] == 1; }));
  connection.reset();
  ASSERT_TRUE(api.wait_until(
    [](const json& counts) { return counts["in_flight"] == 0; }));
  EXPECT_EQ(api.counts()["outcomes"], (json{{"client_gone", 1}}));
}

TEST(FakeApiFaultTest, DripsBody) {
  fake_api api{
    one_rule({{"fault", {{"drip", {{"every", "3ms"}, {"bytes", 2}}}}},
              {"body", "0123456789"}})};
  http_connection connection{api.port()};
  connection.send_request("GET", "/a");
  std::string all;
  int pieces = 0;
  while (!all.ends_with("0123456789")) {
    const auto piece = connection.receive();
    ASSERT_FALSE(piece.empty());
    all += piece;
    ++pieces;
  }
  // Fewer than were sent, if the client is slow; but never all at once.
  EXPECT_GT(pieces, 1);
  EXPECT_EQ(api.counts()["answered"], 1);
}

TEST(FakeApiFaultTest, DripsFromStart) {
  fake_api api{one_rule(
    {{"fault",
      {{"drip", {{"every", "1ms"}, {"bytes", 7}, {"from", "start"}}}}}})};
  EXPECT_EQ(request(api.port(), "GET", "/a").json(), (json{{"ok", true}}));
}

TEST(FakeApiFaultTest, SendsHugeBody) {
  constexpr std::size_t bytes = 10'000'000;
  fake_api api{one_rule({{"fault", {{"huge", bytes}}}})};
  const auto answer = request(api.port(), "GET", "/a");
  EXPECT_EQ(answer.body.size(), bytes);
  EXPECT_TRUE(answer.json().is_string());
}

TEST(FakeApiFaultTest, DelaysAnswer) {
  fake_api api{one_rule({{"delay", "50ms"}, {"jitter", "5ms"}})};
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(request(api.port(), "GET", "/a").status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin,
            std::chrono::milliseconds{50});
}

TEST(FakeApiFaultTest, AnswersInOrderOfDelay) {
  fake_api api{
    json::array({{{"path", "/slow"}, {"steps", {{{"delay", "150ms"}}}}},
                 {{"path", "/fast"}, {"steps", {{{"delay", "5ms"}}}}}})};
  http_connection slow{api.port()};
  http_connection fast{api.port()};
  slow.send_request("GET", "/slow");
  fast.send_request("GET", "/fast");
  fast.read_response();
  EXPECT_EQ(api.counts()["in_flight"], 1);
  slow.read_response();
  const auto seen = api.requests();
  EXPECT_LT(seen[1]["began"], seen[0]["ended"]);
  EXPECT_LT(api.requests("path=/fast")[0]["ended"],
            api.requests("path=/slow")[0]["ended"]);
}

TEST(FakeApiFaultTest, KeepsConnectionForPipelinedRequests) {
  fake_api api{one_rule({{"delay", "5ms"}, {"body", "{{path/0}}"}})};
  http_connection connection{api.port()};
  connection.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
                  "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(connection.read_response().body, "a");
  EXPECT_EQ(connection.read_response().body, "b");
  EXPECT_EQ(connection.request("GET", "/c").body, "c");
  const auto seen = api.requests();
  EXPECT_EQ(seen[0]["connection"], seen[2]["connection"]);
}

TEST(FakeApiFaultTest, AsksForBodyThatIsAnnounced) {
  fake_api api;
  http_connection connection{api.port()};
  connection.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n");
  EXPECT_TRUE(connection.receive().starts_with("HTTP/1.1 100 "));
  connection.send("{}");
  EXPECT_EQ(connection.read_response().status, 200);
}

TEST(FakeApiFaultTest, RefusesWhatIsNotHttpAndServesTheNext) {
  fake_api api;
  http_connection connection{api.port()};
  connection.send("\x16\x03\x01\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 400);
  EXPECT_EQ(request(api.port(), "GET", "/a").status, 200);
  EXPECT_EQ(api.counts()["malformed"], 1);
}

} // namespace handoff::support

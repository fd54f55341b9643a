// What fake_api remembers: the tests of the service take it for the truth.

#include "tests/support/fake_api_fixture.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <sys/resource.h>

namespace handoff::support {

namespace {

using nlohmann::json;

json hanging() {
  return json::array(
    {{{"path", "/hang/**"}, {"steps", {{{"fault", "hang"}}}}}});
}

bool in_flight_is(const fake_api& api, int wanted) {
  return api.wait_until(
    [&](const json& counts) { return counts["in_flight"] == wanted; });
}

} // namespace

TEST(FakeApiCountsTest, CountsPathsKeysAndOutcomes) {
  fake_api api{json::array(
    {{{"path", "/a"}, {"steps", {{{"status", 500}}, {{"status", 200}}}}}})};
  for (int i = 0; i < 3; ++i)
    request(api.port(), "POST", "/a", {{"idempotency-key", "j.one"}});
  request(api.port(), "GET", "/b");
  const auto counts = api.counts();
  EXPECT_EQ(counts["requests"], 4);
  EXPECT_EQ(counts["answered"], 4);
  EXPECT_EQ(counts["in_flight"], 0);
  EXPECT_EQ(counts["concurrent"], 1);
  EXPECT_EQ(counts["outcomes"], (json{{"answered", 4}}));
  EXPECT_EQ(counts["paths"]["POST /a"]["requests"], 3);
  EXPECT_EQ(counts["paths"]["GET /b"]["answered"], 1);
  EXPECT_EQ(counts["keys"],
            (json{{"j.one", {{"requests", 3}, {"successes", 2}}}}));
  const auto summary =
    request(api.port(), "GET", "/_fake/counts?summary=1").json();
  EXPECT_EQ(summary["requests"], 4);
  EXPECT_FALSE(summary.contains("keys"));
}

TEST(FakeApiCountsTest, TellsMostInFlightForEachJobWithoutItsClone) {
  fake_api api{hanging()};
  std::deque<http_connection> connections;
  for (const std::string key : {"a.clone", "a.1", "a.2", "a.3", "b.1", "plain"})
    connections.emplace_back(api.port())
      .send_request("POST", "/hang/x", {{"Idempotency-Key", key}});
  ASSERT_TRUE(in_flight_is(api, 6));
  EXPECT_EQ(api.release(), 6u);
  for (auto& connection : connections)
    EXPECT_EQ(connection.read_response().status, 200);
  const auto counts = api.counts();
  EXPECT_EQ(counts["jobs"]["a"],
            (json{{"in_flight", 0}, {"max_in_flight", 3}}));
  EXPECT_EQ(counts["jobs"].size(), 2u);
  EXPECT_EQ(counts["max_in_flight_per_job"], 3);
  EXPECT_EQ(counts["concurrent"], 6);
  EXPECT_EQ(api.counts("POST /hang/x")["max_in_flight"], 6);
}

TEST(FakeApiCountsTest, RecordsRequests) {
  fake_api api;
  request(api.port(), "POST", "/a/1?x=y",
          {{"Idempotency-Key", "k1"}, {"X-Twice", "1"}, {"X-Twice", "2"}},
          std::string(5'000, 'b'));
  request(api.port(), "GET", "/a/2");
  request(api.port(), "GET", "/b", {{"Idempotency-Key", "k2"}});
  const auto all = api.requests();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]["seq"], 1);
  EXPECT_EQ(all[0]["method"], "POST");
  EXPECT_EQ(all[0]["path"], "/a/1");
  EXPECT_EQ(all[0]["query"], "x=y");
  EXPECT_EQ(all[0]["headers"]["X-Twice"], "1, 2");
  EXPECT_EQ(all[0]["body"], std::string(4'096, 'b'));
  EXPECT_EQ(all[0]["status"], 200);
  EXPECT_EQ(all[0]["outcome"], "answered");
  EXPECT_LE(all[0]["started_ms"], all[0]["finished_ms"]);
  EXPECT_LT(all[0]["ended"], all[1]["began"]);
  EXPECT_EQ(api.requests("path=/a/*").size(), 2u);
  EXPECT_EQ(api.requests("key=k2")[0]["path"], "/b");
  EXPECT_EQ(api.requests("limit=1")[0]["path"], "/b");
  EXPECT_EQ(request(api.port(), "GET", "/_fake/requests?limit=x").status, 400);
  EXPECT_EQ(request(api.port(), "GET", "/_fake/requests?path=x").status, 400);
}

TEST(FakeApiCountsTest, RecordsWhatIsNotUtf8) {
  fake_api api;
  request(api.port(), "POST", "/a", {}, "\xff\xfe");
  EXPECT_EQ(api.requests()[0]["body"], "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(FakeApiCountsTest, KeepsOnlySumsWithoutRecording) {
  fake_api api{json::array(), {"--no-record"}};
  request(api.port(), "POST", "/a", {{"Idempotency-Key", "j.s"}});
  const auto counts = api.counts();
  EXPECT_EQ(counts["requests"], 1);
  EXPECT_EQ(counts["answered"], 1);
  EXPECT_EQ(counts["in_flight"], 0);
  for (const auto* table : {"paths", "keys", "jobs"})
    EXPECT_TRUE(counts[table].empty()) << table;
  EXPECT_TRUE(api.requests().empty());
}

TEST(FakeApiCountsTest, ForgetsOnResetWhatIsStillInFlight) {
  fake_api api{hanging()};
  http_connection connection{api.port()};
  connection.send_request("POST", "/hang/x", {{"Idempotency-Key", "j.s"}});
  ASSERT_TRUE(in_flight_is(api, 1));
  api.reset();
  EXPECT_EQ(api.counts()["in_flight"], 0);
  EXPECT_EQ(api.release(), 1u);
  EXPECT_EQ(connection.read_response().status, 200);
  const auto counts = api.counts();
  EXPECT_EQ(counts["requests"], 0);
  EXPECT_EQ(counts["in_flight"], 0);
  EXPECT_TRUE(counts["keys"].empty());
  EXPECT_TRUE(api.requests().empty());
}

TEST(FakeApiCountsTest, RefusesUnknownControlPath) {
  fake_api api;
  EXPECT_EQ(request(api.port(), "GET", "/_fake/count").status, 404);
  EXPECT_EQ(request(api.port(), "POST", "/_fake/script").status, 404);
  EXPECT_EQ(api.counts()["requests"], 0);
}

TEST(FakeApiCountsTest, HoldsThousandConnectionsAtOnce) {
  constexpr int count = 1'000;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  fake_api api{hanging()};
  std::deque<http_connection> connections;
  for (int i = 0; i < count; ++i)
    connections.emplace_back(api.port())
      .send_request("POST", "/hang/" + std::to_string(i));
  ASSERT_TRUE(in_flight_is(api, count));
  EXPECT_EQ(api.release(), std::size_t{count});
  for (auto& connection : connections)
    EXPECT_EQ(connection.read_response().status, 200);
  const auto counts = api.counts();
  EXPECT_EQ(counts["concurrent"], count);
  EXPECT_EQ(counts["answered"], count);
  EXPECT_GE(counts["connections"]["max"], count);
}

} // namespace handoff::support

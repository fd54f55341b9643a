// The follow-up calls: three at a time, each on its own when it fails.

#include "tests/integration/service_test.hpp"

#include <ctime>
#include <set>
#include <thread>

namespace handoff::support {

class SubActionTest : public ServiceTest {
protected:
  /// How often a sub-action was tried, whatever the UID.
  std::size_t attempts(const std::string& name) const {
    return api.requests("path=/projects/*/" + name).size();
  }

  /// The first sub-action of a job, once it waits for its next attempt.
  json wait_for_pause(const std::string& job) const {
    for (int tries = 0; tries < 2'000; ++tries) {
      auto first = service->job(job).at("sub_actions").at(0);
      if (first.at("status") == "retrying")
        return first;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    throw std::runtime_error("no pause of " + job);
  }

  /// Since 1970, of "2026-01-31T12:00:00.123Z".
  static std::int64_t milliseconds_of(const std::string& timestamp) {
    std::tm broken{};
    const char* rest =
      strptime(timestamp.c_str(), "%Y-%m-%dT%H:%M:%S", &broken);
    EXPECT_TRUE(rest != nullptr && *rest == '.') << timestamp;
    return std::int64_t{timegm(&broken)} * 1'000 + std::stoi(rest + 1);
  }

  void expect_one_attempt_of_all_but_first() const {
    for (int i = 2; i <= 6; ++i)
      EXPECT_EQ(attempts("s" + std::to_string(i)), 1u) << i;
  }
};

TEST_F(SubActionTest, RunsThreeAtATime) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto job = accept_job();
  for (const int done : {1, 4}) {
    ASSERT_TRUE(api.wait_until([&](const json& counts) {
      return counts["answered"] == done && counts["in_flight"] == 3;
    }))
      << api.counts();
    EXPECT_EQ(api.release(), 3u);
  }
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(api.counts()["max_in_flight_per_job"], 3);
}

TEST_F(SubActionTest, NeverRunsFourWhileSomeFail) {
  flow["sub_actions"] = json::array();
  for (int i = 1; i <= 20; ++i)
    flow["sub_actions"].push_back(sub_action("a" + std::to_string(i)));
  json rule = on("/projects/**", json{{"delay", "1ms"}, {"jitter", "10ms"}},
                 json{{"delay", "3ms"}, {"status", 503}}, reset);
  rule["then"] = "repeat";
  options.ini["retry"]["max-attempts"] = "50";
  options.ini["retry"]["max"] = "20ms";
  options.ini["upstream"]["breaker-failures"] = "0";
  script(on("/projects/*/clone", ok), rule);
  start();
  service->wait_for_job(accept_job(), "succeeded", std::chrono::seconds{60});
  EXPECT_EQ(api.counts()["max_in_flight_per_job"], 3);
}

TEST_F(SubActionTest, TakesTheSizeOfThePoolFromTheIni) {
  options.ini["pool"]["workers"] = "1";
  // Long enough for a second one to begin beside it, were it allowed to.
  script(on("/projects/*/clone", ok),
         on("/projects/**", json{{"delay", "30ms"}}));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(api.counts()["max_in_flight_per_job"], 1);
}

TEST_F(SubActionTest, LetsAFailingOneDelayNoOther) {
  // Were a worker held while s1 waits for its retry, all would be stuck.
  options.ini["retry"] = {{"first", "60s"}, {"max", "60s"}, {"jitter", "0.0"}};
  options.ini["pool"]["workers"] = "1";
  script(on("/projects/*/s1", status(503)));
  start();
  const auto job = accept_job();
  ASSERT_TRUE(
    api.wait_until([](const json& counts) { return counts["answered"] == 7; }));
  EXPECT_EQ(attempts("s1"), 1u);
  expect_one_attempt_of_all_but_first();
  EXPECT_EQ(service->job(job).at("status"), "running");
}

TEST_F(SubActionTest, RetriesUntilItSucceeds) {
  script(on("/projects/*/s1", status(500), reset, status(429), ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(attempts("s1"), 4u);
  expect_one_attempt_of_all_but_first();
}

TEST_F(SubActionTest, RetriesAfterTheTimeoutOfAnAttempt) {
  options.ini["retry"]["attempt-timeout"] = "200ms";
  script(on("/projects/*/s1", hang, ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(attempts("s1"), 2u);
}

TEST_F(SubActionTest, GivesUpAfterTheLastAttempt) {
  options.ini["retry"]["max-attempts"] = "3";
  script(on("/projects/*/s1", status(503)));
  start();
  service->wait_for_job(accept_job(), "failed");
  EXPECT_EQ(attempts("s1"), 3u);
  expect_one_attempt_of_all_but_first();
}

TEST_F(SubActionTest, DoesNotRetryPermanentErrors) {
  for (const int code : {400, 401, 403, 404, 409, 422}) {
    SCOPED_TRACE(code);
    api.reset();
    script(on("/projects/*/s1", status(code)));
    if (!service)
      start();
    service->wait_for_job(accept_job(), "failed");
    EXPECT_EQ(attempts("s1"), 1u);
    expect_one_attempt_of_all_but_first();
  }
}

TEST_F(SubActionTest, HonoursRetryAfter) {
  script(on("/projects/*/s1",
            json{{"status", 429}, {"headers", {{"Retry-After", "1"}}}}, ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  const auto seen = api.requests("path=/projects/*/s1");
  ASSERT_EQ(seen.size(), 2u);
  // Without it, the second attempt comes 20 ms after the first.
  EXPECT_GE(seen[1]["started_ms"].get<std::int64_t>()
              - seen[0]["finished_ms"].get<std::int64_t>(),
            950);
}

TEST_F(SubActionTest, CapsRetryAfterByTheMaximum) {
  options.ini["retry"]["max"] = "100ms";
  script(on("/projects/*/s1",
            json{{"status", 503}, {"headers", {{"Retry-After", "3600"}}}}, ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(attempts("s1"), 2u);
}

TEST_F(SubActionTest, RunsAfterWhatItNeedsAndSeesItsAnswer) {
  auto file = sub_action("file");
  file["after"] = {"folder"};
  file["request"]["url"] = api.url("/folders/{{sub/folder/id}}/readme");
  flow["sub_actions"] = json::array({file, sub_action("folder")});
  script(on("/projects/*/folder",
            json{{"delay", "50ms"}, {"body", {{"id", "f-1"}}}}));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  const auto folder = api.requests("path=/projects/*/folder");
  const auto readme = api.requests("path=/folders/f-1/readme");
  ASSERT_EQ(folder.size(), 1u);
  ASSERT_EQ(readme.size(), 1u);
  EXPECT_LT(folder[0]["ended"], readme[0]["began"]);
}

TEST_F(SubActionTest, RunsJobsBesideEachOther) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto first = accept_job();
  const auto second = accept_job();
  ASSERT_TRUE(wait_for_in_flight(6));
  script();
  EXPECT_EQ(api.release(), 6u);
  service->wait_for_job(first, "succeeded");
  service->wait_for_job(second, "succeeded");
  EXPECT_EQ(api.counts()["max_in_flight_per_job"], 3);
}

TEST_F(SubActionTest, RunsThreeOfEachOfManyJobs) {
  constexpr int jobs = 200;
  script(on("/projects/*/clone", ok),
         on("/projects/**", json{{"delay", "5ms"}, {"jitter", "20ms"}}));
  start();
  std::vector<std::string> all;
  for (int i = 0; i < jobs; ++i)
    all.push_back(accept_job());
  for (const auto& each : all)
    service->wait_for_job(each, "succeeded");
  const auto counts = api.counts();
  EXPECT_EQ(counts["max_in_flight_per_job"], 3);
  EXPECT_EQ(counts["requests"], 7 * jobs);
  EXPECT_EQ(counts["outcomes"], (json{{"answered", 7 * jobs}}));
}

TEST_F(SubActionTest, WaitsLongerBeforeEachRetry) {
  options.ini["retry"] = {{"first", "40ms"},
                          {"factor", "2.0"},
                          {"jitter", "0.5"},
                          {"max-attempts", "5"}};
  script(on("/projects/*/s1", status(503), status(503), status(503),
            status(503), ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  const auto seen = api.requests("path=/projects/*/s1");
  ASSERT_EQ(seen.size(), 5u);
  // Chance takes away half at the most; a millisecond is what rounding may.
  std::int64_t least = 20;
  for (std::size_t at = 1; at < seen.size(); ++at, least *= 2)
    EXPECT_GE(seen[at]["started_ms"].get<std::int64_t>()
                - seen[at - 1]["finished_ms"].get<std::int64_t>(),
              least - 1)
      << "before attempt " << at + 1;
}

TEST_F(SubActionTest, WaitsWithJitterWithinItsBounds) {
  options.ini["retry"] = {{"first", "60s"}, {"max", "120s"}, {"jitter", "0.5"}};
  flow["sub_actions"] = json::array({sub_action("s1")});
  options.ini["upstream"]["breaker-failures"] = "0";
  script(on("/projects/*/s1", status(503)));
  start();
  std::set<std::int64_t> pauses;
  for (int i = 0; i < 10; ++i) {
    const auto s1 = wait_for_pause(accept_job());
    const auto& made = s1.at("attempts").at(0);
    const auto ended =
      milliseconds_of(made.at("started")) + made.at("duration_ms").get<int>();
    const auto pause = milliseconds_of(s1.at("next_attempt")) - ended;
    EXPECT_GE(pause, 30'000 - 2);
    // It is counted from the moment when the supervisor knows of the end.
    EXPECT_LE(pause, 60'000 + 1'000);
    pauses.insert(pause);
  }
  EXPECT_GE(pauses.size(), 5u) << "chance has no part in it";
}

} // namespace handoff::support

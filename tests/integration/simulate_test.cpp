// What `handoff simulate` says would happen; and that it does.

#include "tests/integration/command_test.hpp"
#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::HasSubstr;

class SimulateTest : public ServiceTest {
protected:
  /// Simulates the flow with the script; the answer for machines.
  json simulated(const json& rules, int code = 0,
                 std::vector<std::string> more = {}) {
    files.write("flows/setup.json", flow.dump());
    files.write("handoff.ini",
                "[deadline]\nlimit = 10s\n[retry]\nfirst = 1s\n");
    files.write("script.json", rules.dump());
    std::vector<std::string> words{
      "simulate",
      "setup",
      "--json",
      R"(--data={"template":"t"})",
      "--config-file=" + (files.path() / "handoff.ini").string(),
      "--script=" + (files.path() / "script.json").string()};
    words.insert(words.end(), more.begin(), more.end());
    const auto ended = run_handoff(words, files.path().string());
    EXPECT_EQ(ended.code, code) << ended.error << ended.output;
    EXPECT_EQ(ended.error, "");
    return json::parse(ended.output);
  }

  template <class... Rules>
  static json rules(const Rules&... each) {
    json all = json::array();
    (all.push_back(each), ...);
    return all;
  }

  static json after(const std::string& delay, json step = json::object()) {
    step["delay"] = delay;
    return step;
  }

  temp_directory files;
};

TEST_F(SimulateTest, AnswersWhenTheCloneIsDone) {
  const auto done = simulated(rules(on("/projects/*/clone", after("6.5s"))));
  EXPECT_EQ(done.at("answer").at("status"), 200);
  EXPECT_EQ(done.at("answer").at("after_ms"), 6500);
  EXPECT_EQ(done.at("answer").at("body").at("uid"), "p-1");
  const auto& job = done.at("job");
  EXPECT_EQ(job.at("status"), "succeeded");
  EXPECT_EQ(job.at("reply").at("clone_ms"), 6500);
  EXPECT_EQ(done.at("calls").size(), 7u);
}

TEST_F(SimulateTest, AnswersAtTheDeadlineAndGoesOn) {
  const auto done = simulated(rules(on("/projects/*/clone", after("15s"))));
  EXPECT_EQ(done.at("answer").at("status"), 202);
  EXPECT_EQ(done.at("answer").at("after_ms"), 9500);
  EXPECT_EQ(done.at("job").at("status"), "succeeded");
}

TEST_F(SimulateTest, RunsThreeSubActionsAtOnce) {
  const auto done = simulated(rules(on("/projects/*/*", after("1s"))));
  std::vector<std::int64_t> began;
  for (const auto& each : done.at("calls"))
    began.push_back(each.at("at_ms"));
  EXPECT_EQ(began,
            (std::vector<std::int64_t>{0, 1000, 1000, 1000, 2000, 2000, 2000}));
}

TEST_F(SimulateTest, RetriesInVirtualTime) {
  flow["sub_actions"] = json::array({sub_action("s1")});
  flow["sub_actions"][0]["retry"] = {
    {"max_attempts", 4}, {"first", "1h"}, {"max", "24h"}, {"jitter", 0}};
  const auto done =
    simulated(rules(on("/projects/*/s1", status(503), reset, hang, ok)));
  std::vector<std::int64_t> began;
  for (const auto& each : done.at("calls"))
    if (each.at("idempotency_key").get<std::string>().ends_with(".s1"))
      began.push_back(each.at("at_ms"));
  constexpr std::int64_t hour = 3'600'000;
  // The third takes its 30 s.
  EXPECT_EQ(began,
            (std::vector<std::int64_t>{0, hour, 3 * hour, 7 * hour + 30'000}));
  EXPECT_EQ(done.at("job").at("status"), "succeeded");
}

TEST_F(SimulateTest, EndsWithOneWhereTheJobDoesNotSucceed) {
  const auto failed = simulated(rules(on("/projects/*/s2", status(404))), 1);
  EXPECT_EQ(failed.at("job").at("status"), "failed");
  const auto unclear = simulated(rules(on("/projects/*/clone", reset)), 1);
  EXPECT_EQ(unclear.at("job").at("status"), "ambiguous");
  EXPECT_EQ(unclear.at("answer").at("status"), 202);
  const auto refused = simulated(json::array(), 1, {"--data={}"});
  EXPECT_EQ(refused.at("answer").at("status"), 400);
  EXPECT_EQ(refused.at("job"), nullptr);
}

TEST_F(SimulateTest, TellsAtOnceOfASenderThatDoesNotWait) {
  const auto done =
    simulated(rules(on("/projects/*/clone", after("1s"))), 0, {"--async"});
  EXPECT_EQ(done.at("answer").at("status"), 202);
  EXPECT_EQ(done.at("answer").at("after_ms"), 0);
}

TEST_F(SimulateTest, RenewsATokenThatIsRefusedOnce) {
  files.write("connections.json", json{{"api",
                                        {{"url", "https://api.example"},
                                         {"auth",
                                          {{"type", "oauth2"},
                                           {"token_url", "https://a.example/t"},
                                           {"client_id", "handoff"},
                                           {"client_secret", "00000000"}}}}}}
                                    .dump());
  flow["sub_actions"] = json::array({sub_action("s1")});
  flow["sub_actions"][0]["request"] = {
    {"method", "PUT"}, {"connection", "api"}, {"path", "/s1"}};
  const auto renewed = simulated(rules(on("/s1", status(401), ok)));
  const auto& attempts = renewed["job"]["sub_actions"][0]["attempts"];
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0]["counted"], false);
  const auto refused = simulated(rules(on("/s1", status(401))), 1);
  EXPECT_EQ(refused["calls"].size(), 3u);
}

TEST_F(SimulateTest, IsTheSameInEachRun) {
  const auto script = rules(on("/projects/*/s1", status(503), status(503), ok),
                            on("/projects/*/s2", json{{"jitter", "5s"}}));
  const auto times = [&] {
    std::vector<std::int64_t> all;
    const auto done = simulated(script);
    for (const auto& each : done.at("calls"))
      all.push_back(each.at("at_ms"));
    all.push_back(done.at("calls").back().at("duration_ms"));
    return all;
  };
  EXPECT_EQ(times(), times());
}

TEST_F(SimulateTest, DrawsWhatWouldHappen) {
  simulated(json::array());
  const auto ended =
    run_handoff({"simulate", "setup", R"(--data={"template":"t"})",
                 "--config-file=" + (files.path() / "handoff.ini").string()},
                files.path().string());
  EXPECT_EQ(ended.code, 0) << ended.error;
  EXPECT_THAT(ended.output, HasSubstr("the sender gets 200 after 0 ms"));
  EXPECT_THAT(ended.output, HasSubstr("s6"));
}

TEST_F(SimulateTest, EndsWithTwoWhereItIsCalledWrongly) {
  simulated(json::array());
  files.write("bad.json", R"([{"pth": "/"}])");
  const auto ini = "--config-file=" + (files.path() / "handoff.ini").string();
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
    {{"simulate", ini}, "needs the name of one flow"},
    {{"simulate", "other", ini}, "there are setup"},
    {{"simulate", "setup", ini, "--data={"}, "--data: "},
    {{"simulate", "setup", ini, "--script=none.json"}, "cannot read none.json"},
    {{"simulate", "setup", ini, "--script=bad.json"}, "bad.json: /0"},
    {{"simulate", "setup", "--config-file=none.ini"}, "none.ini"},
  };
  for (const auto& [words, message] : wrong) {
    const auto ended = run_handoff(words, files.path().string());
    EXPECT_EQ(ended.code, 2) << message;
    EXPECT_EQ(ended.output, "");
    EXPECT_THAT(ended.error, HasSubstr(message));
  }
}

// A simulation that differs from the service is worse than none.
TEST_F(SimulateTest, SaysWhatTheServiceDoes) {
  flow["sub_actions"][3]["on_failure"] = "compensate";
  flow["sub_actions"][0]["compensate"] = sub_action("undo")["request"];
  const auto faults = rules(on("/projects/*/s1", status(503), ok),
                            on("/projects/*/s4", status(404)));
  const auto kinds = [](const json& job) {
    json told = {job.at("status"), job.at("uid")};
    for (const auto* list : {"sub_actions", "compensations"})
      for (const auto& step : job.at(list)) {
        told.push_back(step.at("name"));
        told.push_back(step.at("status"));
        for (const auto& each : step.at("attempts"))
          told.push_back(each.at("http_status"));
      }
    return told;
  };
  options.ini["pool"]["workers"] = "1";
  const auto foreseen = simulated(faults, 1, {"--pool.workers=1"}).at("job");
  api.set_script(faults);
  start();
  const auto real = service->wait_for_job(accept_job(), "failed");
  EXPECT_EQ(kinds(foreseen), kinds(real));
}

} // namespace handoff::support

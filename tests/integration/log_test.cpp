// The log as a machine reads it, while senders and upstreams put into it what
// they like.

#include "tests/integration/service_test.hpp"

#include <sstream>

namespace handoff::support {

class LogOutputTest : public ServiceTest {
protected:
  LogOutputTest() {
    options.ini["log"] = {{"level", "\"trace\""}, {"format", "\"json\""}};
  }

  std::vector<json> lines() const {
    std::vector<json> read;
    std::istringstream text{service->program().standard_error()};
    for (std::string line; std::getline(text, line);)
      read.push_back(json::parse(line));
    return read;
  }

  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
};

TEST_F(LogOutputTest, NamesJobFlowAndTraceInEachLineAboutAJob) {
  script(on("/projects/*/s1", status(503), ok), on("/projects/*/s2", reset, ok),
         on("/projects/*/s3", status(404)));
  start();
  const auto answer =
    post({{"traceparent", "00-" + trace + "-b7ad6b7169203331-01"},
          {"X-Hostile", "\"}{\xff \x80 job=other"}});
  const auto id = answer.json().at("job").get<std::string>();
  service->wait_for_job(id, "failed");
  EXPECT_EQ(service->admin("POST", "/api/v1/jobs/" + id + "/retry").status,
            200);
  EXPECT_EQ(service->stop(), 0) << service->log();
  std::size_t about_the_job = 0;
  for (const auto& each : lines()) {
    EXPECT_TRUE(each.at("ts").is_string()) << each;
    EXPECT_TRUE(each.at("level").is_string()) << each;
    // Only the service itself speaks without a job.
    const auto said = each.at("msg").get<std::string>();
    if (said.starts_with("handoff: "))
      continue;
    EXPECT_EQ(each.value("job", ""), id) << each;
    EXPECT_EQ(each.value("flow", ""), "setup") << each;
    EXPECT_EQ(each.value("trace_id", ""), trace) << each;
    ++about_the_job;
  }
  EXPECT_GT(about_the_job, 8u);
  EXPECT_EQ(service->program().standard_output(), "");
}

TEST_F(LogOutputTest, NamesThemAfterARestart) {
  script(on("/projects/*/s1", hang, ok));
  flow["sub_actions"] = json::array({sub_action("s1")});
  options.ini["drain"]["timeout"] = "100ms";
  start();
  const auto id = accept_job();
  ASSERT_TRUE(wait_for_in_flight(1));
  service->restart();
  service->wait_for_job(id, "succeeded");
  std::size_t about_the_job = 0;
  for (const auto& each : lines())
    if (each.contains("job")) {
      EXPECT_EQ(each.at("job"), id);
      EXPECT_EQ(each.value("flow", ""), "setup") << each;
      EXPECT_EQ(each.value("trace_id", "").size(), 32u) << each;
      ++about_the_job;
    }
  EXPECT_GT(about_the_job, 1u);
}

} // namespace handoff::support

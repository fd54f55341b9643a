// What Prometheus gets to see.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace handoff::support {

using testing::HasSubstr;
using testing::Not;

class MetricsTest : public ServiceTest {
protected:
  std::string scrape() const {
    const auto answer = service->admin("GET", "/metrics");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_THAT(answer.header("Content-Type"), HasSubstr("version=0.0.4"));
    return answer.body;
  }

  /// The value of the series, as it stands in the text; "" if there is none.
  static std::string value_of(const std::string& text,
                              const std::string& series) {
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(series + " "))
        return line.substr(series.size() + 1);
    return {};
  }

  /// Once all of these series have these values, or fails: what is counted
  /// comes after the answer that it counts, and a job gives its place back
  /// after the commit that ends it.
  std::string
  scrape_with(const std::map<std::string, std::string>& wanted) const {
    const auto is_there = [&](const std::string& text) {
      return std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
        return value_of(text, each.first) == each.second;
      });
    };
    auto text = scrape();
    for (int tries = 0; tries < 1'000 && !is_there(text); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
      text = scrape();
    }
    EXPECT_TRUE(is_there(text)) << text;
    return text;
  }

  static std::map<std::string, std::string> types_in(const std::string& text) {
    std::map<std::string, std::string> types;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words{line};
      std::string hash;
      std::string kind;
      std::string name;
      std::string type;
      if (words >> hash >> kind >> name >> type && hash == "#"
          && kind == "TYPE")
        types[name] = type;
    }
    return types;
  }
};

TEST_F(MetricsTest, HasEveryNameOfTheDocumentAndNoOther) {
  std::ifstream page{HANDOFF_SOURCE_DIR "/docs/metrics.md"};
  ASSERT_TRUE(page);
  std::map<std::string, std::string> documented;
  const std::regex row{R"(^\| `([a-z_]+)` \| (counter|gauge|histogram) \|.*)"};
  std::smatch found;
  for (std::string line; std::getline(page, line);)
    if (std::regex_match(line, found, row))
      documented[found[1]] = found[2];
  // A retry, so that there is every series.
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503), ok));
  flow["when"] = {{"value", "{{body/ping}}"}, {"exists", false}};
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(service->post("setup", {{"ping", true}}).status, 200);
  EXPECT_EQ(
    types_in(scrape_with(
      {{R"(handoff_webhooks_total{flow="setup",status="200"})", "2"},
       {R"(handoff_jobs_total{flow="setup",status="succeeded"})", "1"}})),
    documented);
}

TEST_F(MetricsTest, AreAllShownByTheDashboardAndNoOtherIs) {
  std::ifstream file{HANDOFF_SOURCE_DIR "/docs/grafana.json"};
  const auto dashboard = json::parse(file);
  const std::regex name{R"(\b(?:handoff|process)_[a-z_]+)"};
  std::set<std::string> shown;
  std::set<int> ids;
  for (const auto& panel : dashboard.at("panels")) {
    EXPECT_TRUE(ids.insert(panel.at("id").get<int>()).second) << panel;
    if (panel.at("type") == "row")
      continue;
    for (const auto& target : panel.at("targets")) {
      const auto query = target.at("expr").get<std::string>();
      for (std::sregex_iterator at{query.begin(), query.end(), name}, end;
           at != end; ++at)
        shown.insert(std::regex_replace(at->str(), std::regex{"_bucket$"}, ""));
    }
  }
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503), ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  std::set<std::string> known;
  for (const auto& [metric, type] : types_in(scrape_with(
         {{R"(handoff_webhooks_total{flow="setup",status="200"})", "1"},
          {R"(handoff_jobs_total{flow="setup",status="succeeded"})", "1"}})))
    known.insert(metric);
  EXPECT_EQ(shown, known);
}

// A label that could be an id would let the series grow without bound.
TEST_F(MetricsTest, HaveOnlyLabelsWithFewValues) {
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503), ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  const auto text = scrape_with(
    {{R"(handoff_jobs_total{flow="setup",status="succeeded"})", "1"}});
  const std::regex label{R"([{,]([a-z_]+)=")"};
  for (std::sregex_iterator at{text.begin(), text.end(), label}, end; at != end;
       ++at)
    EXPECT_THAT((*at)[1].str(),
                testing::AnyOf("flow", "status", "host", "state", "outcome",
                               "step", "actor", "version", "le", "listener",
                               "reason"));
}

TEST_F(MetricsTest, AreTakenByPromtool) {
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503), ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  temp_directory files;
  files.write("metrics", scrape());
  process::options chosen;
  chosen.arguments = {"-c", "command -v promtool >/dev/null || exit 127; "
                            "promtool check metrics <'"
                              + (files.path() / "metrics").string() + "'"};
  process checking{"/bin/sh", chosen};
  const auto code = checking.wait(std::chrono::seconds{30});
  if (code == 127)
    GTEST_SKIP() << "promtool is not installed; Debian has it in prometheus";
  EXPECT_EQ(code, 0) << checking.standard_output() << checking.standard_error();
  EXPECT_EQ(checking.standard_output() + checking.standard_error(), "");
}

TEST_F(MetricsTest, CountsWhatHappened) {
  script(on("/projects/*/clone", ok, ok, status(403)),
         on("/projects/*/s1", status(503), ok));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(post().status, 502);
  EXPECT_EQ(service->post("setup", "no JSON").status, 400);
  const auto text =
    scrape_with({{R"(handoff_webhooks_total{flow="setup",status="400"})", "1"},
                 {R"(handoff_webhooks_total{flow="setup",status="502"})", "1"},
                 {R"(handoff_jobs_total{flow="setup",status="failed"})", "1"},
                 {"handoff_jobs_unfinished", "0"}});
  const auto expect = [&](const std::string& series, const std::string& value) {
    EXPECT_EQ(value_of(text, series), value) << series << "\n" << text;
  };
  expect(R"(handoff_webhooks_total{flow="setup",status="200"})", "2");
  expect(R"(handoff_webhooks_total{flow="setup",status="502"})", "1");
  expect(R"(handoff_webhooks_total{flow="setup",status="400"})", "1");
  expect(R"(handoff_jobs_total{flow="setup",status="succeeded"})", "2");
  expect(R"(handoff_jobs_total{flow="setup",status="failed"})", "1");
  expect(R"(handoff_clone_attempts_total{flow="setup",outcome="succeeded"})",
         "2");
  expect(
    R"(handoff_clone_attempts_total{flow="setup",outcome="upstream-status"})",
    "1");
  expect(
    R"(handoff_sub_action_attempts_total{flow="setup",outcome="succeeded"})",
    "12");
  expect(
    R"(handoff_sub_action_attempts_total{flow="setup",outcome="upstream-status"})",
    "1");
  expect(R"(handoff_retries_total{flow="setup",step="sub_action"})", "1");
  expect(R"(handoff_webhook_duration_seconds_count{flow="setup"})", "4");
  expect(R"(handoff_reply_budget_left_seconds_bucket{flow="setup",le="0"})",
         "0");
  expect(R"(handoff_upstream_call_duration_seconds_count{host=")" + api.url("")
           + "\"}",
         value_of(text, R"(handoff_upstream_calls_total{host=")" + api.url("")
                          + "\"}"));
  expect("handoff_journal_up", "1");
  expect("handoff_stalled", "0");
  expect("handoff_log_lines_dropped_total", "0");
  expect("handoff_spans_dropped_total", "0");
  EXPECT_NE(value_of(text, "handoff_journal_size_bytes"), "0");
  EXPECT_NE(value_of(text, "process_start_time_seconds"), "");
  expect(R"(handoff_upstream_breaker_state{host=")" + api.url("")
           + R"(",state="closed"})",
         "1");
}

TEST_F(MetricsTest, BeginWithNothing) {
  start();
  const auto text = scrape();
  for (const char* status : {"succeeded", "failed", "cancelled", "ambiguous"})
    EXPECT_EQ(value_of(text, R"(handoff_jobs_total{flow="setup",status=")"
                               + std::string{status} + "\"}"),
              "0")
      << "an increase from nothing is none to Prometheus";
}

TEST_F(MetricsTest, CountTheAttemptOfACloneThatIsPolled) {
  flow["clone"]["poll"] = {
    {"request", {{"method", "GET"}, {"url", api.url("/made/{{accepted/id}}")}}},
    {"until", {{"at", "/status"}, {"is", "done"}}},
    {"every", "10ms"}};
  script(on("/projects/*/clone", json{{"status", 202}, {"body", {{"id", 1}}}}),
         on("/made/*", json{{"body", {{"status", "done"}, {"id", "p-1"}}}}));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  scrape_with(
    {{R"(handoff_clone_attempts_total{flow="setup",outcome="succeeded"})",
      "1"}});
}

TEST_F(MetricsTest, CountJobsThatWaitForAPersonAlsoAfterARestart) {
  script(on("/projects/*/clone", reset));
  start();
  EXPECT_GE(post().status, 202);
  scrape_with({{"handoff_jobs_ambiguous", "1"}});
  service->restart();
  EXPECT_EQ(value_of(scrape(), "handoff_jobs_ambiguous"), "1");
}

TEST_F(MetricsTest, NamesNoJobAndNoKey) {
  start();
  const auto job = service->wait_for_job(
    post({{"Idempotency-Key", "key-of-mine"}}).json().at("job"), "succeeded");
  const auto text = scrape();
  EXPECT_THAT(text, Not(HasSubstr(job.at("job").get<std::string>())));
  EXPECT_THAT(text, Not(HasSubstr("key-of-mine")));
  EXPECT_THAT(text, Not(HasSubstr("p-1")));
}

TEST_F(MetricsTest, AsksForTheToken) {
  options.ini["admin"]["token"] = "\"of-the-operator\"";
  start();
  EXPECT_EQ(request(service->admin_port(), "GET", "/metrics").status, 401);
  EXPECT_EQ(service->admin("GET", "/metrics").status, 200);
}

} // namespace handoff::support

// Spans that a collector is sent: whole, under one trace, and never in the way.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <thread>

namespace handoff::support {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class TraceTest : public ServiceTest {
protected:
  static constexpr const char* trace = "0af7651916cd43dd8448eb211c80319c";

  TraceTest() {
    options.ini["trace"]["otlp"] = '"' + collector.url("") + '"';
    flow["sub_actions"] = json::array({sub_action("s1")});
  }

  std::string accept_traced() {
    return post({{"traceparent",
                  std::string{"00-"} + trace + "-b7ad6b7169203331-01"}})
      .json()
      .at("job")
      .get<std::string>();
  }

  /// All spans that the collector was sent, once there are `count`.
  std::vector<json> spans(std::size_t count) const {
    const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds{20};
    for (;;) {
      std::vector<json> found;
      for (const auto& each : collector.requests("path=/v1/traces")) {
        const auto sent = json::parse(each.at("body").get<std::string>());
        for (const auto& resource : sent.at("resourceSpans"))
          for (const auto& scope : resource.at("scopeSpans"))
            for (const auto& span : scope.at("spans"))
              found.push_back(span);
      }
      if (found.size() >= count || std::chrono::steady_clock::now() > end)
        return found;
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }

  static std::string attribute(const json& span, const std::string& key) {
    for (const auto& each : span.at("attributes"))
      if (each.at("key") == key)
        return each.at("value").begin()->get<std::string>();
    return {};
  }

  fake_api collector;
};

TEST_F(TraceTest, SendsASpanOfTheWebhookAndOfEachAttempt) {
  script(on("/projects/*/s1", status(503), ok));
  start();
  const auto job = accept_traced();
  service->wait_for_job(job, "succeeded");
  const auto found = spans(4);
  ASSERT_EQ(found.size(), 4u);
  std::vector<std::string> names;
  std::string root;
  for (const auto& each : found) {
    names.push_back(each.at("name"));
    EXPECT_EQ(each.at("traceId"), trace);
    EXPECT_EQ(attribute(each, "handoff.job"), job);
    EXPECT_LE(std::stoull(each.at("startTimeUnixNano").get<std::string>()),
              std::stoull(each.at("endTimeUnixNano").get<std::string>()));
    if (each.at("kind") == 2) {
      root = each.at("spanId");
      EXPECT_EQ(each.at("parentSpanId"), "b7ad6b7169203331");
    }
  }
  EXPECT_THAT(names,
              UnorderedElementsAre("POST /hooks/setup", "clone", "s1", "s1"));
  std::vector<std::string> statuses;
  for (const auto& each : found) {
    if (each.at("kind") == 2)
      continue;
    EXPECT_EQ(each.at("parentSpanId"), root);
    if (each.at("name") == "s1")
      statuses.push_back(attribute(each, "http.response.status_code"));
  }
  EXPECT_THAT(statuses, ElementsAre("503", "200"));
  // The span is that which the upstream was told of.
  const auto attempts =
    service->job(job).at("sub_actions").at(0).at("attempts");
  for (const auto& each : found) {
    if (attribute(each, "handoff.attempt") == "2") {
      EXPECT_EQ(each.at("spanId"), attempts.at(1).at("span_id"));
    }
  }
}

/// Goal: the trace of a job has every call that was made for it, each under the
/// span that its upstream was told of.
TEST_F(TraceTest, SendsASpanOfEachCallBesideTheAttempts) {
  auto not_yet = ok;
  not_yet["body"] = {{"status", "busy"}};
  auto done = ok;
  done["body"] = {{"status", "done"}};
  script(on("/projects/*/s1", not_yet, not_yet, done));
  auto& waiting = flow["sub_actions"][0];
  waiting["request"]["method"] = "GET";
  waiting["until"] = {{"at", "/status"}, {"is", "done"}};
  waiting["every"] = "20ms";
  flow["prepare"] = json::array(
    {{{"name", "order"},
      {"request", {{"method", "GET"}, {"url", api.url("/order")}}}}});
  start();
  const auto job = accept_traced();
  service->wait_for_job(job, "succeeded");
  const auto found = spans(6);
  std::vector<std::string> names;
  std::set<std::string> told;
  for (const auto& each : found) {
    names.push_back(each.at("name"));
    told.insert(each.at("spanId"));
  }
  EXPECT_THAT(names, UnorderedElementsAre("POST /hooks/setup", "prepare:order",
                                          "clone", "s1", "s1", "s1"));
  for (const auto& each : api.requests()) {
    const auto parent = each.at("headers").at("traceparent").get<std::string>();
    EXPECT_TRUE(told.contains(parent.substr(36, 16))) << each.at("path");
  }
  // What the job's page has is the same.
  const auto step = service->job(job).at("sub_actions").at(0);
  EXPECT_TRUE(told.contains(step.at("attempts").at(1).at("span_id")));
  EXPECT_EQ(step.at("attempts").at(1).at("span_id"),
            step.at("inquiries").at(0).at("span_id"));
}

/// Goal: a collector that hangs or is away costs a job nothing, and the end of
/// the service a second at the most.
TEST_F(TraceTest, NeverStandsInTheWay) {
  collector.set_script(json::array({on("/v1/traces", hang)}));
  start();
  for (int i = 0; i < 20; ++i)
    accept_job();
  // Until a batch is under way.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (collector.requests("path=/v1/traces").empty()
         && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(service->stop(SIGTERM, std::chrono::seconds{20}), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began,
            std::chrono::milliseconds{3500});
}

TEST_F(TraceTest, TellsOfACollectorThatRefuses) {
  collector.set_script(json::array({on("/v1/traces", status(500))}));
  start();
  accept_traced();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (service->log().find("takes no spans") == std::string::npos
         && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  EXPECT_THAT(service->log(), HasSubstr("takes no spans: it answered 500"));
}

} // namespace handoff::support

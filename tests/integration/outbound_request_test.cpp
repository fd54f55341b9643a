// What the receiving API gets to see.

#include "tests/integration/service_test.hpp"

#include <set>

namespace handoff::support {

class OutboundRequestTest : public ServiceTest {
protected:
  std::string header_of(const json& seen, const std::string& name) const {
    for (const auto& [key, value] : seen.at("headers").items())
      if (find_header({{key, ""}}, name))
        return value.get<std::string>();
    return {};
  }

  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const std::string parent = "b7ad6b7169203331";
};

TEST_F(OutboundRequestTest, FillsTemplatesIn) {
  flow["clone"]["request"]["body"] = {
    {"name", "{{body/name}}"},
    {"count", "{{body/count}}"},
    {"text", "n={{body/count}}"},
    {"missing", "{{body/none ?? \"default\"}}"}};
  flow["clone"]["request"]["headers"] = {
    {"Authorization", "Bearer ${env:API_TOKEN}"}, {"X-Name", "{{body/name}}"}};
  options.environment["API_TOKEN"] = "test-token";
  flow["sub_actions"] = json::array(
    {{{"name", "share"},
      {"request",
       {{"method", "PUT"},
        {"url", api.url("/projects/{{uid}}/share?to={{body/name}}")},
        {"body", {{"url", "{{clone/links/self}}"}, {"job", "{{job}}"}}}}}}});
  script(on("/projects/*/clone",
            json{{"body", {{"id", "u 1"}, {"links", {{"self", "/u1"}}}}}}));
  start();
  const auto answer =
    service->post("setup", {{"template", "t"}, {"name", "a&b"}, {"count", 3}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  const auto job = answer.json()["job"].get<std::string>();
  service->wait_for_job(job, "succeeded");

  const auto seen = api.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(
    json::parse(seen[0]["body"].get<std::string>()),
    (json{
      {"name", "a&b"}, {"count", 3}, {"text", "n=3"}, {"missing", "default"}}));
  EXPECT_EQ(header_of(seen[0], "Authorization"), "Bearer test-token");
  EXPECT_EQ(header_of(seen[0], "X-Name"), "a&b");
  EXPECT_EQ(seen[1]["method"], "PUT");
  EXPECT_EQ(seen[1]["path"], "/projects/u%201/share");
  EXPECT_EQ(seen[1]["query"], "to=a%26b");
  EXPECT_EQ(json::parse(seen[1]["body"].get<std::string>()),
            (json{{"url", "/u1"}, {"job", job}}));
}

TEST_F(OutboundRequestTest, LetsNoValueChangeThePath) {
  start();
  const auto answer = service->post("setup", {{"template", "b?c#d"}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  EXPECT_EQ(api.requests("limit=1&path=/projects/*/clone")[0]["path"],
            "/projects/b%3Fc%23d/clone");
  for (const auto* leaves : {"a/b", "..", "a\\b", "%2e%2e", "a%2Fb"})
    EXPECT_EQ(service->post("setup", {{"template", leaves}}).status, 400)
      << leaves;
}

TEST_F(OutboundRequestTest, CarriesOneKeyInAllAttemptsOfOneSubAction) {
  flow["sub_actions"] = json::array({sub_action("s1"), sub_action("s2")});
  script(on("/projects/*/clone", status(503), ok),
         on("/projects/*/s1", status(500), reset, status(503), ok));
  flow["clone"]["retry"] = {{"max_attempts", 2}};
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(api.counts()["keys"],
            (json{{job + ".clone", {{"requests", 2}, {"successes", 1}}},
                  {job + ".s1", {{"requests", 4}, {"successes", 1}}},
                  {job + ".s2", {{"requests", 1}, {"successes", 1}}}}));
}

TEST_F(OutboundRequestTest, ContinuesTheTraceWithNewSpanForEachAttempt) {
  script(on("/projects/*/s1", status(503), status(503), ok));
  start();
  const auto answer =
    post({{"traceparent", "00-" + trace + "-" + parent + "-01"}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  service->wait_for_job(answer.json()["job"], "succeeded");
  const auto seen = api.requests();
  ASSERT_EQ(seen.size(), 9u);
  std::set<std::string> spans{parent};
  for (const auto& one : seen) {
    const auto value = header_of(one, "traceparent");
    ASSERT_EQ(value.size(), 55u) << value;
    EXPECT_EQ(value.substr(0, 36), "00-" + trace + "-") << value;
    EXPECT_EQ(value.substr(52), "-01") << value;
    EXPECT_TRUE(spans.insert(value.substr(36, 16)).second) << value;
  }
}

TEST_F(OutboundRequestTest, BeginsTraceWhereTheSenderHasNoneOrMalformedOne) {
  start();
  for (const std::string given : {"", "00-zz-1-01"}) {
    api.reset();
    handoff::headers fields;
    if (!given.empty())
      fields.push_back({"traceparent", given});
    const auto answer = post(fields);
    ASSERT_EQ(answer.status, 200) << answer.body;
    service->wait_for_job(answer.json()["job"], "succeeded");
    std::set<std::string> traces;
    for (const auto& one : api.requests()) {
      const auto value = header_of(one, "traceparent");
      ASSERT_EQ(value.size(), 55u) << value;
      traces.insert(value.substr(3, 32));
    }
    EXPECT_EQ(traces.size(), 1u) << given;
  }
}

TEST_F(OutboundRequestTest, PassesTracestateOnToAllAttempts) {
  start();
  const auto answer =
    post({{"traceparent", "00-" + trace + "-" + parent + "-01"},
          {"tracestate", "rojo=1"},
          {"Tracestate", "congo=2"}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  service->wait_for_job(answer.json()["job"], "succeeded");
  for (const auto& one : api.requests())
    EXPECT_EQ(header_of(one, "tracestate"), "rojo=1,congo=2");
}

TEST_F(OutboundRequestTest, PassesNoTracestateOnWithANewTrace) {
  start();
  const auto answer =
    post({{"traceparent", "00-zz-1-01"}, {"tracestate", "rojo=1"}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  for (const auto& one : api.requests())
    EXPECT_FALSE(one.at("headers").contains("tracestate")) << one;
}

TEST_F(OutboundRequestTest, ShowsTraceAndTheSpanOfEachAttempt) {
  script(on("/projects/*/s1", status(503), ok));
  start();
  const auto answer =
    post({{"traceparent", "00-" + trace + "-" + parent + "-01"}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  const auto job = service->wait_for_job(answer.json()["job"], "succeeded");
  EXPECT_EQ(job.at("trace_id"), trace);
  std::set<std::string> sent;
  for (const auto& one : api.requests())
    sent.insert(header_of(one, "traceparent").substr(36, 16));
  std::set<std::string> shown;
  const auto add = [&](const json& step) {
    for (const auto& each : step.at("attempts"))
      shown.insert(each.at("span_id"));
  };
  add(job.at("clone"));
  for (const auto& each : job.at("sub_actions"))
    add(each);
  EXPECT_EQ(shown, sent);
}

} // namespace handoff::support

// Goal: no answer of an upstream ends the process or is taken for what it is
// not, and what expressions take of it is what it sent. Method: a real service
// in front of an API that answers what hostile, broken and large ones answer.

#include "tests/integration/command_test.hpp"
#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

namespace handoff::support {

using ::testing::HasSubstr;

namespace {

/// 200 KB of brackets, with a UID in front for who does not look further.
std::string nested() {
  const std::size_t levels = 100'000;
  return R"({"id":"deep","x":)" + std::string(levels, '[')
       + std::string(levels, ']') + '}';
}

const std::string large_id = "123456789012345678901234";

} // namespace

class AnswerTest : public ServiceTest {
protected:
  AnswerTest() { flow["sub_actions"] = json::array({sub_action("s1")}); }

  static json answers(const std::string& text) { return {{"body", text}}; }

  void add_probe() {
    flow["clone"]["probe"] = {
      {"request", {{"method", "GET"}, {"url", api.url("/made")}}},
      {"uid", "/id"}};
    flow["clone"]["retry"] = {{"max_attempts", 2}};
  }

  /// A sub-action whose URL needs what s1 answered.
  void add_user_of_answer() {
    auto after = sub_action("s2");
    after["after"] = {"s1"};
    after["request"]["url"] = api.url("/folders/{{sub/s1/id}}/readme");
    flow["sub_actions"].push_back(after);
  }

  /// Expects that the job of the next webhook ends like that.
  json expect_job(const std::string& status) {
    const auto answer = post();
    return service->wait_for_job(answer.json().at("job"), status);
  }

  /// Expects that it serves the next webhook, before and after a restart.
  void expect_serving() {
    script();
    service->wait_for_job(accept_job(), "succeeded");
    service->restart();
    service->wait_for_job(accept_job(), "succeeded");
  }
};

TEST_F(AnswerTest, OutlivesDeepAnswerOfClone) {
  script(on("/projects/*/clone", answers(nested())));
  start();
  const auto job = expect_job("ambiguous");
  EXPECT_THAT(job["clone"]["error"].get<std::string>(),
              HasSubstr("nested deeper than 100 levels"));
  expect_serving();
}

TEST_F(AnswerTest, OutlivesDeepAnswerOfProbe) {
  add_probe();
  script(on("/projects/*/clone", reset), on("/made", answers(nested())));
  start();
  expect_job("ambiguous");
  expect_serving();
}

TEST_F(AnswerTest, OutlivesDeepAnswerOfSubAction) {
  add_user_of_answer();
  script(on("/projects/*/s1", answers(nested())));
  start();
  const auto job = expect_job("failed");
  EXPECT_THAT(job["sub_actions"][0]["error"].get<std::string>(),
              HasSubstr("answer-malformed: the answer is nested deeper"));
  script(on("/projects/*/s1", answers(R"({"id":"f"})")));
  service->wait_for_job(accept_job(), "succeeded");
}

TEST_F(AnswerTest, TakesNoNoticeOfDeepAnswerThatNobodyAsksFor) {
  script(on("/projects/*/s1", answers(nested())));
  start();
  expect_job("succeeded");
}

TEST_F(AnswerTest, LooksForCloneWhoseAnswerHasNoUid) {
  add_probe();
  script(on("/projects/*/clone", json{{"body", {{"name", "no id"}}}}),
         on("/made", json{{"body", {{"id", "found"}}}}));
  start();
  const auto job = expect_job("succeeded");
  EXPECT_EQ(job.at("uid"), "found");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
}

TEST_F(AnswerTest, DoesNotCloneTwiceWithoutUid) {
  for (const auto* text :
       {"{\"name\":\"no id\"}", "{\"id\":\"\"}", "made it", "", "{\"id\":"}) {
    api.reset();
    script(on("/projects/*/clone", answers(text)));
    if (!service)
      start();
    expect_job("ambiguous");
    EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1) << text;
  }
}

TEST_F(AnswerTest, KeepsDigitsOfIntegersEverywhere) {
  flow["clone"]["request"]["body"] = {{"folder", "{{body/folder}}"},
                                      {"text", "in {{body/folder}}"}};
  flow["sub_actions"][0]["request"]["url"] =
    api.url("/projects/{{uid}}/s1?folder={{body/folder}}");
  flow["sub_actions"][0]["request"]["body"] = {{"owner", "{{clone/owner}}"}};
  add_user_of_answer();
  script(on("/projects/*/clone",
            answers("{\"id\":" + large_id + ",\"owner\":-" + large_id + "}")),
         on("/projects/*/s1", answers("{\"id\":" + large_id + "9}")));
  start();
  const auto answer = service->post(
    "setup", json(R"({"template":"t","folder":)" + large_id + "7}"));
  EXPECT_THAT(answer.body, HasSubstr("\"uid\":" + large_id));
  const auto job = answer.json().at("job").get<std::string>();
  service->wait_for_job(job, "succeeded");

  const auto clone = api.requests("path=/projects/t/clone")[0];
  EXPECT_EQ(clone["body"],
            "{\"folder\":" + large_id + "7,\"text\":\"in " + large_id + "7\"}");
  const auto first = api.requests("path=/projects/" + large_id + "/s1")[0];
  EXPECT_EQ(first["query"], "folder=" + large_id + "7");
  EXPECT_EQ(first["body"], "{\"owner\":-" + large_id + "}");
  EXPECT_EQ(api.counts("POST /folders/" + large_id + "9/readme")["requests"],
            1);

  const auto url =
    "--url=http://127.0.0.1:" + std::to_string(service->admin_port());
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"show", job, url},
         {"show", job, "--json", url},
         {"watch", job, "--json", url},
         {"jobs", "--uid=" + large_id, url},
         {"jobs", "--uid=" + large_id, "--json", url}})
    EXPECT_THAT(run_handoff(words).output, HasSubstr(large_id)) << words[0];
  EXPECT_THAT(service->admin("GET", "/api/v1/jobs/" + job).body,
              HasSubstr("\"folder\":" + large_id + "7"));
  service->restart();
  EXPECT_THAT(service->admin("GET", "/api/v1/jobs?uid=" + large_id).body,
              HasSubstr("\"uid\":" + large_id));
}

TEST_F(AnswerTest, TakesWhatTheUpstreamSentThoughItRepeatsASecret) {
  // What broke: the next call went to /folders/***-42/readme.
  options.environment = {{"TENANT", "acme"}, {"TOKEN", "s3cret-token-value"}};
  flow["clone"]["request"]["headers"] = {{"X-Tenant", "${env:TENANT}"},
                                         {"X-Token", "${env:TOKEN}"}};
  flow["sub_actions"][0]["request"]["body"] = {{"owner", "{{clone/owner}}"}};
  add_user_of_answer();
  script(
    on("/projects/*/clone",
       json{{"body", {{"id", "acme-7"}, {"owner", "o-s3cret-token-value"}}}}),
    on("/projects/*/s1", answers(R"({"id":"acme-42"})")),
    on("/folders/*/readme", json{{"delay", "1s"}}));
  start();
  const auto answer = post();
  EXPECT_EQ(answer.json()["uid"], "acme-7");
  const auto job = answer.json().at("job").get<std::string>();
  ASSERT_TRUE(wait_for_requests("POST /folders/acme-42/readme", 1));
  // Also from the journal, where the secret itself is not.
  service->kill();
  service->restart();
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(api.counts("POST /folders/acme-42/readme")["requests"], 2);
  EXPECT_EQ(api.requests("path=/projects/acme-7/s1")[0]["body"],
            R"({"owner":"o-s3cret-token-value"})");
  service->stop();
  for (const std::string file : {"handoff.db", "handoff.db-wal"}) {
    std::ifstream stream{service->directory().path() / file, std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{stream}, {}};
    EXPECT_EQ(bytes.find("s3cret-token"), std::string::npos) << file;
    EXPECT_TRUE(file != "handoff.db"
                || bytes.find("acme-7") != std::string::npos)
      << "the right file";
  }
}

TEST_F(AnswerTest, TakesOverLargeIntegerThatAPersonGives) {
  script(on("/projects/*/clone", reset));
  start();
  const auto job = post().json().at("job").get<std::string>();
  service->wait_for_job(job, "ambiguous");
  const auto done = run_handoff(
    {"resolve", job, "--uid-integer=" + large_id,
     "--url=http://127.0.0.1:" + std::to_string(service->admin_port())});
  EXPECT_EQ(done.code, 0) << done.error;
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(api.counts("POST /projects/" + large_id + "/s1")["requests"], 1);
}

TEST_F(AnswerTest, RefusesWebhookBeyondItsLimitsAndSaysWhere) {
  start();

  const struct {
    std::string body;
    std::string where;
  } rows[] = {
    {nested(), "nested deeper than 100 levels, at /x/0"},
    {"[" + std::string(200'000, '1') + "e]", "line 1, column"},
    {R"({"a":{"b":"x)"
     "\xff"
     R"("}})",
     "line 1, column"},
  };

  for (const auto& row : rows) {
    const auto answer = service->post("setup", json(row.body));
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr(row.where));
  }
  std::string many = "{\"list\":[0";
  for (int i = 0; i < 100'000; ++i)
    many += ",0";
  const auto answer = service->post("setup", json(many + "]}"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("100000 values, at /list/"));
  expect_serving();
}

} // namespace handoff::support

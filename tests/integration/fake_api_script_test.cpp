// What a script may say, and what fake_api says to a wrong one.

#include "tests/support/fake_api_fixture.hpp"

#include <gtest/gtest.h>

namespace handoff::support {

namespace {

using nlohmann::json;

json rules(const char* text) {
  return json::parse(text);
}

int status_of(const fake_api& api, const std::string& path,
              const std::string& key = "k") {
  return request(api.port(), "POST", path, {{"Idempotency-Key", key}}).status;
}

} // namespace

TEST(FakeApiScriptTest, TakesStepsInTurnAndStaysAtTheLast) {
  fake_api api{rules(R"([{"path": "/a", "steps": [
    {"status": 500}, {"status": 429, "headers": {"Retry-After": "1"}},
    {"status": 202}]}])")};
  EXPECT_EQ(status_of(api, "/a"), 500);
  const auto second = request(api.port(), "POST", "/a");
  EXPECT_EQ(second.status, 429);
  EXPECT_EQ(second.header("retry-after"), "1");
  EXPECT_EQ(status_of(api, "/a"), 202);
  EXPECT_EQ(status_of(api, "/a"), 202);
  EXPECT_EQ(status_of(api, "/other"), 200);
}

TEST(FakeApiScriptTest, StartsOverWithThenRepeat) {
  fake_api api{rules(R"([{"path": "/a", "then": "repeat",
    "steps": [{"status": 500}, {"status": 200}]}])")};
  EXPECT_EQ(status_of(api, "/a"), 500);
  EXPECT_EQ(status_of(api, "/a"), 200);
  EXPECT_EQ(status_of(api, "/a"), 500);
}

TEST(FakeApiScriptTest, CountsStepsPerPathOrKey) {
  fake_api api{rules(R"([
    {"path": "/p/*", "per": "path", "steps": [{"status": 500}, {}]},
    {"path": "/k", "per": "key", "steps": [{"status": 500}, {}]}])")};
  EXPECT_EQ(status_of(api, "/p/1"), 500);
  EXPECT_EQ(status_of(api, "/p/2"), 500);
  EXPECT_EQ(status_of(api, "/p/1"), 200);
  EXPECT_EQ(status_of(api, "/k", "a"), 500);
  EXPECT_EQ(status_of(api, "/k", "b"), 500);
  EXPECT_EQ(status_of(api, "/k", "a"), 200);
}

TEST(FakeApiScriptTest, MatchesMethodAndPattern) {
  fake_api api{rules(R"([
    {"method": "PUT", "path": "/a/*/b", "steps": [{"status": 201}]},
    {"path": "/a/**", "steps": [{"status": 202}]}])")};
  EXPECT_EQ(request(api.port(), "PUT", "/a/1/b").status, 201);
  EXPECT_EQ(request(api.port(), "POST", "/a/1/b").status, 202);
  EXPECT_EQ(request(api.port(), "PUT", "/a/1/2/b").status, 202);
  EXPECT_EQ(request(api.port(), "PUT", "/a").status, 202);
  EXPECT_EQ(request(api.port(), "PUT", "/b").status, 200);
}

TEST(FakeApiScriptTest, FillsExpressionsIn) {
  fake_api api{rules(R"([{"path": "/**", "steps": [{
    "headers": {"X-Seen": "{{header/X-Given}}"},
    "body": {"seq": "{{seq}}", "segment": "{{path/1}}", "n": "{{body/a/0}}",
             "text": "<{{body/a/0}}|{{body/none}}>", "none": "{{body/none}}",
             "q": "{{query/m}}", "id": "{{id}}", "deep": [["{{path/0}}"]]}}]}])")};
  const auto answer = request(api.port(), "POST", "/x/a%20b?m=1%2B1",
                              {{"x-given", "yes"}}, R"({"a": [7]})");
  EXPECT_EQ(answer.header("X-Seen"), "yes");
  auto body = answer.json();
  const auto id = body["id"].get<std::string>();
  EXPECT_GE(id.size(), 20u);
  body.erase("id");
  EXPECT_EQ(body, rules(R"({"seq": 1, "segment": "a b", "n": 7,
    "text": "<7|>", "none": null, "q": "1+1", "deep": [["x"]]})"));
  EXPECT_NE(request(api.port(), "POST", "/x").json()["id"], id);
}

TEST(FakeApiScriptTest, SendsTextBodyAsItIs) {
  fake_api api{rules(R"([{"path": "/a", "steps": [{"body": "not { json"}]},
    {"path": "/b", "steps": [{"status": 204}]}])")};
  const auto answer = request(api.port(), "GET", "/a");
  EXPECT_EQ(answer.body, "not { json");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain");
  EXPECT_EQ(request(api.port(), "GET", "/b").status, 204);
}

TEST(FakeApiScriptTest, RefusesWrongScriptAndKeepsTheOldOne) {
  fake_api api{rules(R"([{"path": "/**", "steps": [{"status": 418}]}])")};

  const struct {
    const char* script;
    const char* said;
  } table[] = {
    {"[", "parse error"},
    {"{}", "list of rules"},
    {R"([{"path": "/a"}])", "/0/steps"},
    {R"([{"path": "/a", "steps": []}])", "/0/steps"},
    {R"([{"path": "a", "steps": [{}]}])", "/0/path"},
    {R"([{"path": "/a*", "steps": [{}]}])", "/0/path"},
    {R"([{"path": "/**/a", "steps": [{}]}])", "/0/path"},
    {R"([{"pth": "/a", "steps": [{}]}])", "/0/pth"},
    {R"([{"then": "stop", "steps": [{}]}])", "/0/then"},
    {R"([{"per": "job", "steps": [{}]}])", "/0/per"},
    {R"([{"steps": [{}, {"dely": "1s"}]}])", "/0/steps/1/dely"},
    {R"([{"steps": [{"delay": "1 week"}]}])", "/0/steps/0/delay"},
    {R"([{"steps": [{"delay": 5}]}])", "/0/steps/0/delay"},
    {R"([{"steps": [{"status": 99}]}])", "/0/steps/0/status"},
    {R"([{"steps": [{"headers": {"a b": "c"}}]}])", "/0/steps/0/headers"},
    {R"([{"steps": [{"headers": {"Content-Length": "1"}}]}])",
     "/0/steps/0/headers"},
    {R"([{"steps": [{"fault": "explode"}]}])", "allowed: none, reset"},
    {R"([{"steps": [{"fault": {"huge": -1}}]}])", "/0/steps/0/fault/huge"},
    {R"([{"steps": [{"fault": {"drip": {"every": "0s"}}}]}])", "every"},
    {R"([{"steps": [{"body": {"a": ["{{nope}}"]}}]}])", "/body/a/0"},
    {R"([{"steps": [{"body": "{{seq"}]}])", "not closed"},
  };

  for (const auto& [script, said] : table) {
    const auto answer = request(api.port(), "PUT", "/_fake/script", {}, script);
    EXPECT_EQ(answer.status, 400) << script;
    EXPECT_NE(answer.body.find(said), std::string::npos)
      << script << " -> " << answer.body;
  }
  EXPECT_EQ(request(api.port(), "GET", "/a").status, 418);
}

TEST(FakeApiScriptTest, ReadsScriptFileWithComments) {
  temp_directory directory;
  const auto file = directory.write(
    "script.json", "// a comment\n[{\"steps\": [{\"status\": 299}]}]");
  fake_api api{json::array(), {"--script=" + file.string()}};
  EXPECT_EQ(request(api.port(), "GET", "/a").status, 299);
}

TEST(FakeApiScriptTest, RefusesWrongCommandLine) {
  temp_directory directory;
  const auto bad = directory.write("bad.json", "[{}]").string();
  for (const std::string argument :
       {"--port=70000", "--port=x", "--address=0.0.0.0", "--address=10.0.0.1",
        "--adress=127.0.0.1", "--script=/does/not/exist"}) {
    process program{FAKE_API_BINARY, {{"--port=0", argument}, {}, {}}};
    EXPECT_EQ(program.wait(std::chrono::seconds{10}), 2) << argument;
    EXPECT_NE(program.standard_error(), "") << argument;
  }
  process program{FAKE_API_BINARY, {{"--script=" + bad}, {}, {}}};
  EXPECT_EQ(program.wait(std::chrono::seconds{10}), 2);
  EXPECT_NE(program.standard_error().find("bad.json: /0/steps"),
            std::string::npos)
    << program.standard_error();
}

TEST(FakeApiScriptTest, ShowsHelpAndEndsOnSignals) {
  process help{FAKE_API_BINARY, {{"--help"}, {}, {}}};
  EXPECT_EQ(help.wait(std::chrono::seconds{10}), 0);
  EXPECT_NE(help.standard_output().find("--port-file"), std::string::npos);
  for (const int signal : {SIGTERM, SIGINT}) {
    temp_directory directory;
    const auto file = directory.path() / "port";
    fake_api api{json::array(), {"--port-file=" + file.string()}};
    int port = 0;
    std::ifstream{file} >> port;
    EXPECT_EQ(port, api.port());
    api.program().signal(signal);
    EXPECT_EQ(api.program().wait(std::chrono::seconds{10}), 0);
  }
}

} // namespace handoff::support

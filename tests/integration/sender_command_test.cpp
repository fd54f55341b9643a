// The commands about senders, as a script runs them: handoff senders, verify,
// check --expand and send --sign.

#include "tests/integration/command_test.hpp"
#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace handoff::support {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

namespace {

using json = nlohmann::json;

constexpr const char* signing_secret = "8f742231b10e8888abcd99yyyzzz85a5";

/// The example of docs.slack.dev.
const std::string slack_request =
  "POST /hooks/setup HTTP/1.1\r\n"
  "Content-Type: application/x-www-form-urlencoded\r\n"
  "X-Slack-Request-Timestamp: 1531420618\r\n"
  "X-Slack-Signature: "
  "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503\r\n"
  "\r\n"
  "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
  "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name="
  "roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
  "hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
  "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
  "803a0bc887a14d10d2c447fce8b6703c";

} // namespace

class SenderCommandTest : public ::testing::Test {
protected:
  SenderCommandTest() {
    place.write(
      "flows/setup.json",
      json{
        {"name", "setup"},
        {"sender", {{"name", "slack-commands"}, {"secret", "${file:secret}"}}},
        {"clone",
         {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
          {"uid", "/id"}}}}
        .dump());
    place.write("handoff.ini", "[flows]\ndirectory = \"flows\"\n");
    place.write("secret", signing_secret);
    place.write("slack.http", slack_request);
  }

  ended_command run(std::vector<std::string> words) {
    words.push_back("--config-file=" + path("handoff.ini"));
    return run_handoff(std::move(words));
  }

  std::string path(const std::string& name) const {
    return (place.path() / name).string();
  }

  ended_command prove(const std::string& file, const std::string& at) {
    return run({"verify", "setup", "--request=" + path(file), "--at=" + at});
  }

  temp_directory place;
};

TEST_F(SenderCommandTest, ListsSenders) {
  const auto listed = run_handoff({"senders", "--json"});
  EXPECT_EQ(listed.code, 0);
  const auto all = json::parse(listed.output);
  EXPECT_GE(all.size(), 25u);
  const auto shopify =
    std::find_if(all.begin(), all.end(),
                 [](const auto& each) { return each["name"] == "shopify"; });
  ASSERT_NE(shopify, all.end());
  EXPECT_EQ(*shopify, (json{{"name", "shopify"},
                            {"title", "Shopify"},
                            {"limit", "5s"},
                            {"handshake", false},
                            {"key", "{{header/X-Shopify-Webhook-Id}}"}}));
  const auto table = run_handoff({"senders"});
  EXPECT_EQ(table.code, 0);
  EXPECT_THAT(table.output, StartsWith("NAME"));
  EXPECT_THAT(table.output, HasSubstr("slack-events"));
}

TEST_F(SenderCommandTest, PrintsWhatOneStandsFor) {
  const auto one = run_handoff({"senders", "zoom"});
  EXPECT_EQ(one.code, 0);
  EXPECT_THAT(one.output, HasSubstr("\"v0:{{timestamp}}:{{raw}}\""));
  const auto misspelt = run_handoff({"senders", "zom"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_THAT(misspelt.error, HasSubstr("did you mean zoom?"));
}

TEST_F(SenderCommandTest, ExpandsAFlowWithoutItsSecret) {
  const auto expanded = run({"check", "--expand"});
  EXPECT_EQ(expanded.code, 0) << expanded.error;
  const auto flow = json::parse(expanded.output);
  EXPECT_EQ(flow["verify"]["prefix"], "v0=");
  EXPECT_EQ(flow["verify"]["secret"], "${file:secret}");
  EXPECT_EQ(flow["deadline"]["limit"], "3s");
  EXPECT_FALSE(flow.contains("sender"));
  place.write(
    "flows/setup.json",
    json{{"name", "setup"},
         {"sender", {{"name", "github"}, {"secret", "hunter2"}}},
         {"clone",
          {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
           {"uid", "/id"}}}}
      .dump());
  const auto masked = run({"check", "--expand", "--json"});
  EXPECT_THAT(masked.output, Not(HasSubstr("hunter2")));
  EXPECT_THAT(masked.output, HasSubstr("***"));
}

TEST_F(SenderCommandTest, ProvesARecordedRequest) {
  const auto good = prove("slack.http", "2018-07-12T18:36:58Z");
  EXPECT_EQ(good.code, 0) << good.output << good.error;
  EXPECT_THAT(good.output, HasSubstr("v0:1531420618:token=xyzz0WbapA4v"));
  EXPECT_THAT(good.output, HasSubstr("The request is taken."));
  EXPECT_THAT(good.output, Not(HasSubstr(signing_secret)));
}

TEST_F(SenderCommandTest, SaysWhichStepFailed) {
  const auto stale = prove("slack.http", "2018-07-12T18:46:58Z");
  EXPECT_EQ(stale.code, 1);
  EXPECT_THAT(stale.output,
              HasSubstr("FAILED  timestamp   the timestamp is 600 s old; 300 s "
                        "are allowed"));
  EXPECT_THAT(stale.output, HasSubstr("passed  comparison"));
  auto changed = slack_request;
  changed.back() = 'd';
  place.write("changed.http", changed);
  const auto misfit = prove("changed.http", "2018-07-12T18:36:58Z");
  EXPECT_EQ(misfit.code, 1);
  EXPECT_THAT(misfit.output, HasSubstr("FAILED  comparison"));
  EXPECT_THAT(misfit.output, Not(HasSubstr(signing_secret)));
  const auto as_json =
    run({"verify", "setup", "--request=" + path("changed.http"), "--json"});
  EXPECT_EQ(as_json.code, 1);
  EXPECT_EQ(json::parse(as_json.output)["ok"], false);
}

TEST_F(SenderCommandTest, SaysWhatTheServiceWouldDo) {
  const auto flow = [&](json members) {
    members["name"] = "setup";
    members["clone"] = {
      {"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
      {"uid", "/id"}};
    place.write("flows/setup.json", members.dump());
  };
  const auto proved = [&](const std::string& request) {
    place.write("one.http", request);
    auto done = run({"verify", "setup", "--request=" + path("one.http")});
    const auto told = json::parse(
      run({"verify", "setup", "--request=" + path("one.http"), "--json"})
        .output);
    EXPECT_EQ(told["ok"], done.code == 0);
    done.output += " outcome " + told["outcome"].get<std::string>();
    return done;
  };
  const auto expect = [&](const std::string& request, int code,
                          const std::string& said) {
    const auto done = proved(request);
    EXPECT_EQ(done.code, code) << request;
    EXPECT_THAT(done.output, HasSubstr(said)) << request;
  };
  const std::string post = "POST /hooks/setup HTTP/1.1\r\n\r\n";

  // A signature that is right does not make a body that can be read: the
  // vector of GitHub's documentation.
  flow({{"sender",
         {{"name", "github"}, {"secret", "It's a Secret to Everybody"}}}});
  expect("POST /hooks/setup HTTP/1.1\r\nX-Hub-Signature-256: sha256="
         "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
         "\r\nContent-Length: 13\r\n\r\nHello, World!",
         1, "the answer is 400, the body is not JSON");
  // A question without a signature that a rule answers.
  flow({{"sender",
         {{"name", "meta"},
          {"secret", "hunter2hunter2"},
          {"with", {{"verify_token", "vt"}}}}}});
  const std::string question = "GET /hooks/setup?hub.mode=subscribe&"
                               "hub.challenge=7&hub.verify_token=";
  expect(question + "vt HTTP/1.1\r\n\r\n", 0,
         "\"handshake\" answers it with 200.\n outcome handshake");
  expect(question + "wrong HTTP/1.1\r\n\r\n", 1, "the answer is 404");
  expect("PUT /hooks/setup HTTP/1.1\r\n\r\n", 1,
         "the answer is 405, the flow takes POST, GET");
  // What the flow wants, and what its calls need.
  flow({{"when", {{"value", "{{body/type}}"}, {"is", "made"}}},
        {"sub_actions",
         {{{"name", "share"},
           {"request",
            {{"method", "POST"},
             {"url", "http://127.0.0.1:9/"},
             {"body", {{"with", "{{body/team}}"}}}}}}}}});
  expect(post + R"({"type": "other"})", 0, "outcome ignored");
  expect(post + R"({"type": "made"})", 1, "{{body/team}}");
  expect(post + R"({"type": "made", "team": 1})", 0, "The request is taken.");
}

TEST_F(SenderCommandTest, HidesTokensOfHandshakes) {
  place.write("flows/setup.json",
              json{{"name", "setup"},
                   {"sender",
                    {{"name", "meta"},
                     {"secret", "hunter2"},
                     {"with", {{"verify_token", "hunter3"}}}}},
                   {"clone",
                    {{"request",
                      {{"method", "POST"},
                       {"url", "http://127.0.0.1:9/"},
                       {"headers", {{"Authorization", "hunter4"}}}}},
                     {"uid", "/id"}}}}
                .dump());
  EXPECT_THAT(run({"check", "--expand"}).output, Not(HasSubstr("hunter")));
}

TEST_F(SenderCommandTest, SaysHowVerifyIsCalled) {
  EXPECT_EQ(run({"verify", "setup"}).code, 2);
  EXPECT_EQ(run({"verify", "other", "--request=" + path("slack.http")}).code,
            2);
  EXPECT_EQ(prove("slack.http", "yesterday").code, 2);
  EXPECT_EQ(prove("not-there.http", "2018-07-12T18:36:58Z").code, 2);
  EXPECT_EQ(prove("handoff.ini", "2018-07-12T18:36:58Z").code, 2);
}

TEST_F(SenderCommandTest, WarnsThatAWebhookIsSentUnsigned) {
  place.write(
    "flows/setup.json",
    json{{"name", "setup"},
         {"clone",
          {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
           {"uid", "/id"}}}}
      .dump());
  const auto sent =
    run({"send", "setup", "--sign", "--url=http://127.0.0.1:9"});
  EXPECT_THAT(sent.error, HasSubstr("is sent unsigned"));
}

class SignedSendTest : public ServiceTest {
protected:
  /// Its exit code, and all that it says.
  std::pair<int, std::string> send(const std::vector<std::string>& more) {
    std::vector<std::string> words{
      "send", "setup",
      "--url=http://127.0.0.1:" + std::to_string(service->port()),
      "--config-file="
        + (service->directory().path() / "handoff.ini").string()};
    words.insert(words.end(), more.begin(), more.end());
    process::options chosen;
    chosen.arguments = std::move(words);
    chosen.environment = options.environment;
    process program{handoff_binary(), chosen};
    const auto code = program.wait(std::chrono::seconds{30});
    return {code.value_or(-1),
            program.standard_output() + program.standard_error()};
  }
};

TEST_F(SignedSendTest, IsTakenByTheService) {
  flow["sender"] = {{"name", "standard-webhooks"},
                    {"secret", "${env:SIGNING_SECRET}"}};
  options.environment = {{"SIGNING_SECRET", "whsec_c2VjcmV0LXNlY3JldA=="}};
  start();
  const std::string data = "--data={\"template\":\"t\"}";
  const auto [refused, why] = send({data});
  EXPECT_EQ(refused, 1);
  EXPECT_THAT(why, HasSubstr("401"));
  const auto [taken, answer] = send({data, "--sign"});
  EXPECT_EQ(taken, 0) << answer;
  EXPECT_THAT(answer, HasSubstr("200 after"));
}

TEST_F(SignedSendTest, IsAFormWhereTheFlowTakesOne) {
  flow["sender"] = {{"name", "slack-commands"},
                    {"secret", "${env:SIGNING_SECRET}"}};
  options.environment = {{"SIGNING_SECRET", "hunter2"}};
  start();
  const auto [taken, answer] =
    send({"--data=template=t&trigger_id=1", "--sign"});
  EXPECT_EQ(taken, 0) << answer;
  const auto [refused, why] = send({"--data=template=t&trigger_id=2", "--sign",
                                    "--header=Content-Type: application/json"});
  EXPECT_EQ(refused, 1);
  EXPECT_THAT(why, HasSubstr("Content-Type"));
}

TEST_F(SignedSendTest, IsAFormOrJsonAsItLooksWhereTheFlowTakesBoth) {
  flow["input"] = {{"type", "auto"}};
  start();
  for (const auto* data : {"--data=template=t", R"(--data={"template":"t"})"}) {
    const auto [taken, answer] = send({data});
    EXPECT_EQ(taken, 0) << answer;
  }
}

} // namespace handoff::support

// Calls through connections, from outside.

#include "tests/integration/service_test.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/temp_directory.hpp"
#include "tests/support/tls_server.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sys/stat.h>

namespace handoff::support {

class ConnectionTest : public ServiceTest {
protected:
  ConnectionTest() {
    flow["clone"]["request"] = {{"method", "POST"},
                                {"connection", "graph"},
                                {"path", "/projects/t/clone"},
                                {"body", {{"name", "n"}}}};
    flow["clone"]["retry"] = {{"max_attempts", 1}};
    flow["sub_actions"] = json::array({sub_action("s1")});
    flow["sub_actions"][0]["request"] = {{"method", "POST"},
                                         {"connection", "graph"},
                                         {"path", "/projects/{{uid}}/s1"}};
    flow["sub_actions"][0]["retry"] = {{"max_attempts", 1}};
    connection = {{"url", api.url("")}};
    options.ini["flows"]["connections"] =
      '"' + (files.path() / "connections.json").string() + '"';
  }

  void write_connections(const json& all) const {
    files.write("connections.json", all.dump());
  }

  void start() {
    write_connections({{"graph", connection}});
    ServiceTest::start();
  }

  json oauth2() const {
    return {{"type", "oauth2"},
            {"token_url", api.url("/token")},
            {"client_id", "me"},
            {"client_secret", "hush-hush-hush"}};
  }

  static json token(const std::string& text, int expires_in = 3600) {
    return {{"body", {{"access_token", text}, {"expires_in", expires_in}}}};
  }

  json shown() const {
    return service->admin("GET", "/api/v1/connections")
      .json()
      .at("connections")
      .at(0);
  }

  std::vector<std::string> sent(const std::string& path,
                                const std::string& field) const {
    std::vector<std::string> values;
    for (const auto& each : api.requests("path=" + path))
      for (const auto& [name, value] : each.at("headers").items())
        if (name.size() == field.size()
            && find_header({{name, ""}}, field) != nullptr)
          values.push_back(value.get<std::string>());
    return values;
  }

  temp_directory files;
  json connection;
};

using strings = std::vector<std::string>;

TEST_F(ConnectionTest, SendsWhatTheConnectionSays) {
  connection["url"] = api.url("/v1/");
  connection["headers"] = {{"X-Tenant", "acme"}, {"X-Own", "connection"}};
  connection["idempotency_header"] = "PayPal-Request-Id";
  connection["auth"] = {
    {"type", "basic"}, {"user", "Aladdin"}, {"password", "${env:PASSWORD}"}};
  options.environment["PASSWORD"] = "open sesame";
  flow["clone"]["request"]["headers"] = {{"X-Own", "flow"}};
  script(on("/v1/projects/t/clone", json{{"body", {{"id", "p"}}}}));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  const std::string clone = "/v1/projects/t/clone";
  EXPECT_EQ(sent(clone, "X-Tenant"), strings{"acme"});
  EXPECT_EQ(sent(clone, "X-Own"), strings{"flow"});
  EXPECT_EQ(sent(clone, "PayPal-Request-Id"), strings{job + ".clone"});
  EXPECT_EQ(sent(clone, "Idempotency-Key"), strings{});
  EXPECT_EQ(sent(clone, "Authorization"),
            strings{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="});
  EXPECT_EQ(sent("/v1/projects/p/s1", "X-Own"), strings{"connection"});
}

TEST_F(ConnectionTest, FetchesOneTokenForAllCalls) {
  connection["auth"] = oauth2();
  script(on(
    "/token",
    json{{"delay", "300ms"},
         {"body", {{"access_token", "first-token"}, {"expires_in", 3600}}}}));
  start();
  std::vector<std::string> jobs;
  for (int i = 0; i < 5; ++i)
    jobs.push_back(
      service->post("setup", {{"template", "t"}}, {{"Prefer", "respond-async"}})
        .json()
        .at("job"));
  for (const auto& each : jobs)
    service->wait_for_job(each, "succeeded");
  EXPECT_EQ(api.counts("POST /token")["requests"], 1);
  const auto used = sent("/projects/t/clone", "Authorization");
  EXPECT_EQ(used, strings(5, "Bearer first-token"));
  EXPECT_EQ(shown()["auth"], "oauth2");
  EXPECT_TRUE(shown()["token"]["valid"]);
  EXPECT_TRUE(shown()["token"]["valid_until"].is_string());
  EXPECT_EQ(shown()["breaker"], "closed");
}

TEST_F(ConnectionTest, RenewsATokenThatIsRefusedUncounted) {
  connection["auth"] = oauth2();
  script(on("/token", token("first-token"), token("second-token")),
         on("/projects/t/clone", status(401), ok),
         on("/projects/*/s1", status(401), ok));
  start();
  const auto job = accept_job();
  // The second token is refused for a sub-action, and there is a third.
  const auto record = service->wait_for_job(job, "succeeded");
  EXPECT_EQ(sent("/projects/t/clone", "Authorization"),
            (strings{"Bearer first-token", "Bearer second-token"}));
  EXPECT_EQ(api.counts("POST /token")["requests"], 3);
}

TEST_F(ConnectionTest, RenewsATokenOnceOnly) {
  connection["auth"] = oauth2();
  script(on("/token", token("first-token")),
         on("/projects/t/clone", status(401)));
  start();
  EXPECT_EQ(post().status, 502);
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 2);
}

TEST_F(ConnectionTest, RenewsATokenWhereTheFlowSaysSo) {
  connection["auth"] = oauth2();
  flow["clone"]["outcome"] = json::array(
    {{{"if", {{"at", "/error"}, {"is", 601}}}, {"then", "refresh"}}});
  script(on("/token", token("first-token"), token("second-token")),
         on("/projects/t/clone",
            json{{"status", 200}, {"body", {{"error", 601}}}}, ok));
  start();
  accept_job();
  EXPECT_EQ(sent("/projects/t/clone", "Authorization"),
            (strings{"Bearer first-token", "Bearer second-token"}));
}

TEST_F(ConnectionTest, WaitsWhileNoTokenCanBeHad) {
  connection["auth"] = oauth2();
  options.ini["deadline"]["limit"] = "500ms";
  script(on("/token", status(503), token("first-token")));
  start();
  const auto answer = post();
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(shown()["waiting"], 1);
  EXPECT_FALSE(shown()["token"]["valid"]);
  EXPECT_EQ(shown()["token"]["last_error"],
            "the token endpoint answered with status 503");
  const auto record =
    service->wait_for_job(answer.json().at("job"), "succeeded");
  EXPECT_EQ(record["clone"]["attempts"].size(), 1U);
  EXPECT_TRUE(shown()["token"]["last_error"].is_null());
}

TEST_F(ConnectionTest, RenewsATokenBeforeItEnds) {
  connection["auth"] = oauth2();
  script(on("/token", token("first-token", 1), token("second-token")));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_TRUE(wait_for_requests("POST /token", 2));
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(sent("/projects/t/clone", "Authorization"),
            (strings{"Bearer first-token", "Bearer second-token"}));
}

// Goal: nobody learns a token. Method: an API that repeats it in its answer, a
// sub-action that makes that answer be kept, and a look at all there is.
TEST_F(ConnectionTest, KeepsTokensToItself) {
  connection["auth"] = oauth2();
  options.ini["log"]["level"] = "\"debug\"";
  flow["sub_actions"][0]["request"]["body"] = {{"echo", "{{clone/echo}}"}};
  script(
    on("/token", token("a-token-of-mine")),
    on("/projects/t/clone",
       json{{"status", 201},
            {"body", {{"id", "p"}, {"echo", "{{header/Authorization}}"}}}}));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  ASSERT_EQ(sent("/projects/t/clone", "Authorization"),
            strings{"Bearer a-token-of-mine"});
  std::string all = service->log();
  for (const auto* path : {"/api/v1/connections", "/api/v1/flows",
                           "/api/v1/supervisor", "/metrics"})
    all += service->admin("GET", path).body;
  all += service->admin("GET", "/api/v1/jobs/" + job + "?requests=1").body;
  all += service->admin("GET", "/api/v1/jobs/" + job).body;
  service->stop();
  for (const auto& each : std::filesystem::recursive_directory_iterator(
         service->directory().path())) {
    if (!each.is_regular_file())
      continue;
    std::ifstream file{each.path(), std::ios::binary};
    all.append(std::istreambuf_iterator<char>{file}, {});
  }
  for (const auto* secret : {"a-token-of-mine", "hush-hush-hush"})
    EXPECT_EQ(all.find(secret), std::string::npos) << secret;
}

TEST_F(ConnectionTest, KeepsARefreshTokenForTheNextStart) {
  connection["auth"] = oauth2();
  connection["auth"].update({{"grant", "refresh_token"},
                             {"refresh_token", "refresh-1"},
                             {"store", (files.path() / "store").string()}});
  const auto next = [](const std::string& number) {
    return json{{"body",
                 {{"access_token", "token-" + number},
                  {"expires_in", 3600},
                  {"refresh_token", "refresh-" + number}}}};
  };
  script(on("/token", next("2"), next("3")));
  start();
  service->wait_for_job(accept_job(), "succeeded");

  struct stat about {};

  ASSERT_EQ(::stat((files.path() / "store").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  service->restart();
  service->wait_for_job(accept_job(), "succeeded");
  const auto asked = api.requests("path=/token");
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_NE(asked[0]["body"].get<std::string>().find("refresh_token=refresh-1"),
            std::string::npos);
  EXPECT_NE(asked[1]["body"].get<std::string>().find("refresh_token=refresh-2"),
            std::string::npos);
}

// Goal: no access token is used whose refresh token is not on the disk, and a
// chain that a crash has broken is told of. Method: the process dies between
// the endpoint's answer and its sync; the endpoint takes each refresh token
// once.
TEST_F(ConnectionTest, TellsOfAChainThatACrashHasBroken) {
  connection["auth"] = oauth2();
  connection["auth"].update({{"grant", "refresh_token"},
                             {"refresh_token", "refresh-1"},
                             {"store", (files.path() / "store").string()}});
  script(
    // Not before the job is in the journal.
    on("/token",
       json{{"delay", "500ms"},
            {"body",
             {{"access_token", "token-2"}, {"refresh_token", "refresh-2"}}}},
       json{{"status", 400}, {"body", {{"error", "invalid_grant"}}}}));
  options.environment["HANDOFF_CRASH_AT"] = "before-token-store:1";
  start();
  try {
    service->post("setup", {{"template", "t"}});
  } catch (const std::exception&) {
    // It has no answer.
  }
  service->program().wait(std::chrono::seconds{20});
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 0);
  service->set_environment({});
  service->restart();
  EXPECT_TRUE(wait_for_requests("POST /token", 2));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (shown()["token"]["chain_lost"] != true
         && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_EQ(shown()["token"]["chain_lost"], true);
  EXPECT_NE(
    service->admin("GET", "/metrics")
      .body.find("handoff_connection_chain_lost{connection=\"graph\"} 1"),
    std::string::npos);
  EXPECT_NE(service->log().find("lost its chain"), std::string::npos);
  // A person gets a new one.
  connection["auth"]["refresh_token"] = "refresh-9";
  script(on("/token", json{{"body",
                            {{"access_token", "token-10"},
                             {"refresh_token", "refresh-10"}}}}));
  write_connections({{"graph", connection}});
  EXPECT_EQ(service->admin("POST", "/api/v1/flows/reload").status, 200);
  EXPECT_TRUE(wait_for_requests("POST /projects/t/clone", 1));
  EXPECT_EQ(sent("/projects/t/clone", "Authorization"),
            strings{"Bearer token-10"});
}

TEST_F(ConnectionTest, TakesARotatedSecretToJobsUnderWay) {
  files.write("secret", "first-secret");
  connection["auth"] = {
    {"type", "bearer"},
    {"token", "${file:" + (files.path() / "secret").string() + "}"}};
  flow["clone"]["request"]["headers"] = {
    {"X-Key", "${file:" + (files.path() / "key").string() + "}"}};
  files.write("key", "first-key-of-all");
  flow["clone"]["retry"] = {{"max_attempts", 5}, {"first", "300ms"}};
  script(on("/projects/t/clone", status(503), ok));
  start();
  const auto job =
    service->post("setup", {{"template", "t"}}, {{"Prefer", "respond-async"}})
      .json()
      .at("job")
      .get<std::string>();
  ASSERT_TRUE(wait_for_requests("POST /projects/t/clone", 1));
  files.write("secret", "second-secret");
  files.write("key", "second-key-of-all");
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(sent("/projects/t/clone", "Authorization"),
            (strings{"Bearer first-secret", "Bearer second-secret"}));
  EXPECT_EQ(sent("/projects/t/clone", "X-Key"),
            (strings{"first-key-of-all", "second-key-of-all"}));
}

TEST_F(ConnectionTest, IsReloadedWithTheFlowsAllOrNothing) {
  flow["sub_actions"][0]["retry"] = {{"max_attempts", 20}, {"max", "100ms"}};
  connection["headers"] = {{"X-Tenant", "first"}};
  script(on("/projects/*/s1", status(503)));
  start();
  const auto job = accept_job();
  ASSERT_TRUE(wait_for_requests("POST /projects/p-1/s1", 1));
  write_connections({{"grap", connection}});
  const auto refused = service->admin("POST", "/api/v1/flows/reload");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("names no connection"), std::string::npos)
    << refused.body;
  connection["headers"] = {{"X-Tenant", "second"}};
  write_connections({{"graph", connection}});
  EXPECT_EQ(service->admin("POST", "/api/v1/flows/reload").status, 200);
  script(on("/projects/*/s1", ok));
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(sent("/projects/p-1/s1", "X-Tenant").back(), "second");
}

// Goal: an upstream that names another host gets nobody's credentials there.
TEST_F(ConnectionTest, SendsItsCredentialsToItsOwnHostOnly) {
  fake_api other;
  other.set_script(json::array(
    {on("/jobs/7", json{{"body", {{"status", "done"}, {"id", "p"}}}})}));
  connection["headers"] = {{"X-Tenant", "acme"}};
  connection["auth"] = {{"type", "bearer"}, {"token", "only-for-the-host"}};
  flow["clone"]["poll"] = {
    {"request",
     {{"method", "GET"}, {"connection", "graph"}, {"url", "{{accepted/at}}"}}},
    {"hosts", {"127.0.0.1:" + std::to_string(other.port())}},
    {"until", {{"at", "/status"}, {"is", "done"}}},
    {"every", "10ms"}};
  script(on("/projects/t/clone",
            json{{"status", 202}, {"body", {{"at", other.url("/jobs/7")}}}}));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(sent("/projects/t/clone", "Authorization"),
            strings{"Bearer only-for-the-host"});
  const auto polls = other.requests();
  ASSERT_EQ(polls.size(), 1U);
  EXPECT_EQ(polls[0].dump().find("only-for-the-host"), std::string::npos);
  EXPECT_EQ(polls[0].dump().find("acme"), std::string::npos);
}

TEST_F(ConnectionTest, RetriesAConnectionThatIsGone) {
  flow["clone"]["retry"] = {{"max_attempts", 2}, {"first", "300ms"}};
  script(on("/projects/t/clone", status(503), ok));
  start();
  const auto job =
    service->post("setup", {{"template", "t"}}, {{"Prefer", "respond-async"}})
      .json()
      .at("job")
      .get<std::string>();
  ASSERT_TRUE(wait_for_requests("POST /projects/t/clone", 1));
  // The flow goes with its connection; the job stays.
  write_connections(json::object());
  const auto other = json{{"name", "other"}, {"clone", flow["clone"]}};
  auto without = other;
  without["clone"]["request"] = {{"method", "POST"}, {"url", api.url("/a")}};
  service->directory().write("flows/setup.json", without.dump());
  ASSERT_EQ(service->admin("POST", "/api/v1/flows/reload").status, 200);
  const auto record = service->wait_for_job(job, "failed");
  const auto why = record["clone"]["attempts"][1]["error"].dump();
  EXPECT_NE(why.find("there is no connection"), std::string::npos) << why;
}

TEST_F(ConnectionTest, PausesForAllWhereOneCallIsThrottled) {
  options.ini["retry"]["throttled"] = "30s";
  script(on("/projects/t/clone", ok, ok),
         on("/projects/p-1/s1",
            json{{"status", 429}, {"headers", {{"Retry-After", "1"}}}}, ok));
  start();
  const auto first = accept_job();
  ASSERT_TRUE(wait_for_requests("POST /projects/p-1/s1", 1));
  const auto begin = std::chrono::steady_clock::now();
  // In the beginning of its pause the connection takes no other call either.
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  const auto second = post();
  EXPECT_EQ(second.status, 200) << second.body;
  EXPECT_GE(std::chrono::steady_clock::now() - begin,
            std::chrono::milliseconds{700});
  service->wait_for_job(first, "succeeded");
}

TEST_F(ConnectionTest, GoesThroughAProxyToAHostOfAPrivateAuthority) {
  const auto authority = test::make_authority("Private CA");
  const auto client = test::issue(authority, "client");
  test::tls_server host{
    {test::issue(authority, "api.internal"), TLS1_3_VERSION,
     [](const std::string&, int) {
       return std::string{"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n"
                          "{\"id\":\"p\"}"};
     },
     authority.certificate}};
  const test::connect_proxy proxy{host.port()};
  files.write("ca.pem", authority.pem());
  files.write("client.pem", client.pem());
  files.write("client.key", client.key_pem());
  const auto file = [&](const std::string& name) {
    return "${file:" + (files.path() / name).string() + "}";
  };
  connection = {{"url", "https://api.internal"},
                {"ca", file("ca.pem")},
                {"certificate", file("client.pem")},
                {"key", file("client.key")},
                {"auth", {{"type", "bearer"}, {"token", "only-for-the-host"}}},
                {"proxy", "http://127.0.0.1:" + std::to_string(proxy.port())}};
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_GE(host.requests(), 2);
  const auto heads = proxy.heads();
  ASSERT_FALSE(heads.empty());
  for (const auto& each : heads) {
    EXPECT_TRUE(each.starts_with("CONNECT api.internal:443 ")) << each;
    EXPECT_EQ(each.find("only-for-the-host"), std::string::npos);
  }
}

} // namespace handoff::support

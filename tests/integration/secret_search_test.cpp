// Goal: no secret is to be read anywhere but where it is kept. Method: a
// different secret in each place that takes one, jobs that succeed, fail and
// end ambiguous, an upstream that repeats what it was sent, configurations that
// are wrong because of a secret; then every answer, log, file and command's
// output is searched for each of them, also as base64 and hex.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <openssl/evp.h>

namespace handoff::support {

using ::testing::AnyOf;
using ::testing::HasSubstr;

namespace {

std::string base64_of(const std::string& text) {
  std::string made(4 * ((text.size() + 2) / 3) + 1, '\0');
  made.resize(static_cast<std::size_t>(
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(made.data()),
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()))));
  return made;
}

std::string hex_of(const std::string& text) {
  std::string made;
  for (const char each : text) {
    made += "0123456789abcdef"[static_cast<unsigned char>(each) >> 4];
    made += "0123456789abcdef"[static_cast<unsigned char>(each) & 15];
  }
  return made;
}

} // namespace

class SecretSearchTest : public ServiceTest {
protected:
  /// What a run gave away, by where it stands.
  using traces = std::map<std::string, std::string>;

  SecretSearchTest() {
    for (const std::string name :
         {"VERIFY", "API", "BODY", "URL", "DEFAULT", "CALLBACK_URL", "ADMIN"})
      options.environment["S_" + name] = secret(name);
    // With everything in it that JSON, a URL and a shell write otherwise.
    options.environment["S_ODD"] = odd;
    options.environment["S_CALLBACK"] = "whsec_" + base64_of(secret("KEY"));
    options.ini["log"] = {{"level", "\"trace\""}, {"format", "\"json\""}};
    options.ini["upstream"]["breaker-failures"] = "0";
    // Not in the INI, so that the fixture does not use it.
    options.arguments = {"--admin.token=${env:S_ADMIN}"};
    describe_flow();
  }

  static std::string secret(const std::string& place) {
    return "k7Q" + place + "w2Zp9";
  }

  void describe_flow() {
    std::ofstream{files_.path() / "file-secret"} << secret("FILE") << '\n';
    flow["verify"] = {{"scheme", "bearer"},
                      {"secrets", {"${env:S_VERIFY}", secret("LITERAL")}}};
    flow["clone"]["timeout"] = "400ms";
    auto& request = flow["clone"]["request"];
    request["url"] =
      api.url("/projects/{{body/template}}/clone?key=${env:S_URL}");
    request["headers"] = {
      {"Authorization", "Bearer ${env:S_API}"},
      {"X-Default", "{{body/none ?? \"${env:S_DEFAULT}\"}}"}};
    request["body"] = {{"key", "${env:S_BODY}"},
                       {"odd", "${env:S_ODD}"},
                       {"file", "${file:" + file_secret() + "}"}};
    flow["sub_actions"] = json::array({sub_action("s1"), sub_action("s2")});
    auto& first = flow["sub_actions"][0];
    first["request"]["headers"] = {{"X-Key", "${env:S_API}"}};
    first["retry"] = {{"max_attempts", 2}};
    // The clone's answer is journaled where it is referred to.
    first["request"]["body"] = {{"told", "{{clone/echo ?? \"\"}}"}};
    // Nobody is there: what libcurl says of it may name the URL.
    auto& second = flow["sub_actions"][1];
    second["request"]["url"] = "http://127.0.0.1:1/?key=${env:S_URL}";
    second["retry"] = {{"max_attempts", 1}};
    flow["callback"] = {{"url", api.url("/done?key=${env:S_CALLBACK_URL}")},
                        {"secret", "${env:S_CALLBACK}"},
                        {"on", {"cloned", "succeeded", "failed"}}};
  }

  std::string file_secret() const {
    return (files_.path() / "file-secret").string();
  }

  http_response send(const std::string& project, const std::string& token) {
    return request(service->port(), "POST",
                   "/hooks/setup?token=" + secret("QUERY") + "&plain=1",
                   {{"Authorization", "Bearer " + token},
                    {"Cookie", "session=" + secret("COOKIE")},
                    {"X-Api-Key", secret("OWN")}},
                   json{{"template", project}}.dump());
  }

  http_response ask(std::string_view method, const std::string& path,
                    const std::string& token, std::string_view body = {}) {
    return request(service->admin_port(), method, path,
                   {{"Authorization", "Bearer " + token}}, body);
  }

  /// A command with the admin token in its environment, whatever it ends with.
  std::string run(std::vector<std::string> arguments,
                  std::map<std::string, std::string> environment) {
    process command{handoff_binary(),
                    {.arguments = std::move(arguments),
                     .environment = std::move(environment),
                     .working_directory = {}}};
    if (!command.wait(std::chrono::seconds{30}))
      ADD_FAILURE() << "the command does not end";
    return command.standard_output() + command.standard_error();
  }

  void expect_no_secret_in(const traces& found) const {
    std::map<std::string, std::string> secrets{
      {"odd", odd}, {"odd in JSON", json(odd).dump().substr(1, 12)}};
    for (const std::string place :
         {"VERIFY", "LITERAL", "API", "BODY", "URL", "DEFAULT", "CALLBACK_URL",
          "ADMIN", "KEY", "FILE", "QUERY", "COOKIE", "OWN", "WRONG",
          "WRONG_ADMIN", "INI"}) {
      secrets[place] = secret(place);
      secrets[place + " in base64"] = base64_of(secret(place)).substr(0, 14);
      secrets[place + " in hex"] = hex_of(secret(place));
    }
    for (const auto& [where, text] : found)
      for (const auto& [what, wanted] : secrets)
        EXPECT_EQ(text.find(wanted), std::string::npos)
          << what << " is in " << where;
  }

  static void add_files(traces& to, const std::filesystem::path& folder) {
    for (const auto& each :
         std::filesystem::recursive_directory_iterator(folder)) {
      // The flow has a literal secret in it, which is where it is kept.
      if (!each.is_regular_file() || each.path().extension() == ".json")
        continue;
      std::ifstream stream{each.path(), std::ios::binary};
      to[each.path().filename()] = {std::istreambuf_iterator<char>{stream}, {}};
    }
  }

  const std::string odd = "k7Q\"o\\d/d é%20&w2Zp9";
  temp_directory files_;
};

TEST_F(SecretSearchTest, FindsNoneAfterJobsOfEveryOutcome) {
  const json echo = {{"id", "p1"},
                     {"echo", "{{header/Authorization}} {{query/key}} "
                              "{{body/key}} {{body/odd}} {{body/file}}"}};
  script(on("/projects/good/clone", json{{"body", echo}}),
         on("/projects/bad/clone", json{{"status", 422}, {"body", echo}}),
         on("/projects/odd/clone", json{{"body", {{"echo", echo}}}}),
         on("/projects/lost/clone", reset),
         on("/projects/*/s1", json{{"status", 500}, {"body", echo}},
            json{{"status", 400}, {"body", echo}}, ok));
  start();
  traces found;
  std::vector<std::string> jobs;
  for (const std::string project : {"good", "bad", "odd", "lost", "good"}) {
    const auto answer = send(project, secret("VERIFY"));
    EXPECT_THAT(answer.status, AnyOf(200, 202, 502)) << answer.body;
    found["answer to " + project] = answer.body;
    jobs.push_back(answer.json().at("job").get<std::string>());
  }
  found["answer 401"] = send("good", secret("WRONG")).body;
  found["answer 401 of the admin side"] =
    ask("GET", "/api/v1/jobs", secret("WRONG_ADMIN")).body;
  const auto is_final = [&](const std::string& job) {
    const auto shown = ask("GET", "/api/v1/jobs/" + job, secret("ADMIN"));
    const auto status = shown.json().at("status").get<std::string>();
    return status != "cloning" && status != "running";
  };
  for (const auto& job : jobs) {
    for (int i = 0; i < 500 && !is_final(job); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    ASSERT_TRUE(is_final(job));
  }
  // Callbacks come last.
  ASSERT_TRUE(wait_for_requests("POST /done", 4));
  for (const std::string path :
       {"/", "/livez", "/readyz", "/metrics", "/openapi.json", "/nope",
        "/api/v1/jobs", "/api/v1/flows", "/api/v1/supervisor",
        "/api/v1/jobs?flow=setup&status=nope"})
    found["admin " + path] = ask("GET", path, secret("ADMIN")).body;
  const std::map<std::string, std::string> as_admin{
    {"HANDOFF_ADMIN_TOKEN", secret("ADMIN")}};
  const auto url =
    "--url=http://127.0.0.1:" + std::to_string(service->admin_port());
  found["handoff jobs"] = run({"jobs", url}, as_admin);
  for (const auto& job : jobs) {
    const auto path = "/api/v1/jobs/" + job;
    found["admin job " + job] = ask("GET", path, secret("ADMIN")).body;
    found["handoff show " + job] = run({"show", url, job}, as_admin);
    found["handoff show --json " + job] =
      run({"show", "--json", url, job}, as_admin);
    found["admin retry " + job] =
      ask("POST", path + "/retry", secret("ADMIN")).body;
    found["sender's view " + job] =
      request(service->port(), "GET", "/hooks/setup/jobs/" + job).body;
  }
  EXPECT_THAT(found["handoff jobs"], HasSubstr(jobs[0]));
  EXPECT_THAT(found["admin job " + jobs[3]], HasSubstr("ambiguous"));
  // They did go where they are for, or the search would prove nothing.
  const auto sent = api.requests().dump();
  for (const std::string place :
       {"API", "BODY", "URL", "DEFAULT", "FILE", "CALLBACK_URL"})
    EXPECT_THAT(sent, HasSubstr(secret(place)));
  // The log of SQLite, too: it is gone after an ordinary stop.
  add_files(found, service->directory().path());
  EXPECT_THAT(found["handoff.db-wal"] + found["handoff.db"],
              HasSubstr(jobs[0]));
  EXPECT_EQ(service->stop(), 0);
  found["the log"] = service->log();
  found["the standard output"] = service->program().standard_output();
  EXPECT_THAT(found["the log"], HasSubstr(jobs[0]));
  traces files;
  add_files(files, service->directory().path());
  expect_no_secret_in(found);
  expect_no_secret_in(files);
}

TEST_F(SecretSearchTest, FindsNoneInWhatIsSaidOfAWrongConfiguration) {
  const auto& folder = files_.path();
  std::filesystem::create_directories(folder / "flows");
  const auto check = [&](const std::string& ini, const json& wrong) {
    std::ofstream{folder / "handoff.ini"}
      << "[flows]\ndirectory = \"flows\"\n" + ini;
    std::ofstream{folder / "flows" / "setup.json"} << wrong.dump();
    auto environment = options.environment;
    environment["S_URL"] = "ftp://x/" + secret("URL");
    environment["S_API"] = secret("API") + "\r\nX: y";
    environment["S_ADMIN"] = secret("ADMIN") + " with a blank";
    const auto file = "--config-file=" + (folder / "handoff.ini").string();
    return run({"check", file}, environment)
         + run({"check", "--json", file}, environment)
         + run({"serve", file}, environment);
  };
  const auto with = [this](const std::string& pointer, const json& value) {
    auto changed = flow;
    changed[json::json_pointer{pointer}] = value;
    return changed;
  };
  const std::pair<std::string, json> changes[] = {
    {"/clone/request/url", "${env:S_URL}"},
    {"/clone/request/url", "http://${env:S_VERIFY}@h/"},
    {"/clone/request/url", "http://h:${env:S_VERIFY}/"},
    {"/clone/request/headers/X", "${env:S_API}"},
    {"/clone/request/method", "${env:S_VERIFY}"},
    {"/clone/uid", "${env:S_VERIFY}"},
    {"/clone/timeout", "${env:S_VERIFY}"},
    {"/callback/secret", "${env:S_ODD}"},
    {"/callback/url", "${env:S_VERIFY}"},
    {"/callback/on", {"${env:S_VERIFY}"}},
    {"/verify/scheme", "${env:S_VERIFY}"},
    {"/verify/secret", "${env:S_VERIFY}"},
    {"/name", "${env:S_VERIFY}"},
    {"/idempotency/key", "{{${env:S_VERIFY}}}"},
    {"/sub_actions/0/after", {"${env:S_VERIFY}"}},
    {"/reply/headers/Location", "${env:S_VERIFY}"}};
  traces found;
  for (const auto& [pointer, value] : changes) {
    const auto where = pointer + " " + value.dump();
    found[where] = check("", with(pointer, value));
    EXPECT_THAT(found[where], HasSubstr("setup.json: /")) << where;
  }
  for (const std::string ini : {"[admin]\ntoken = \"${env:S_ADMIN}\"\n",
                                "[admin]\nport = \"${env:S_VERIFY}\"\n",
                                "[journal]\nuri = \"${env:S_VERIFY}\"\n",
                                "[log]\nlevel = \"${env:S_VERIFY}\"\n",
                                "[deadline]\nlimit = \"${env:S_VERIFY}\"\n"}) {
    found[ini] = check(ini, flow);
    EXPECT_THAT(found[ini], HasSubstr("handoff.ini: ")) << ini;
  }
  const auto literal = "[admin]\ntoken = \"" + secret("INI") + " blank\"\n";
  found[literal.substr(0, 7)] = check(literal, flow);
  expect_no_secret_in(found);
}

} // namespace handoff::support

// What operators can see and do beside a job's states: what was sent and what
// was answered, names of jobs, flows, the journal's copy and its check.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace handoff::support {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class OperatorViewTest : public ServiceTest {
protected:
  std::optional<int> run(std::vector<std::string> words,
                         std::map<std::string, std::string> environment = {}) {
    process::options chosen;
    chosen.arguments = std::move(words);
    chosen.environment = std::move(environment);
    process program{handoff_binary(), chosen};
    const auto code = program.wait(std::chrono::seconds{30});
    output = program.standard_output();
    errors = program.standard_error();
    return code;
  }

  std::optional<int> ask(std::vector<std::string> words) {
    words.push_back("--url=http://127.0.0.1:"
                    + std::to_string(service->admin_port()));
    return run(std::move(words));
  }

  json shown(const std::string& path) const {
    const auto answer = service->admin("GET", path);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }

  static json answer(int code, const json& body) {
    return {{"status", code}, {"body", body}};
  }

  fs::path journal() const {
    for (const auto& each : fs::directory_iterator{service->directory().path()})
      if (each.path().extension() == ".db")
        return each.path();
    ADD_FAILURE() << "no journal";
    return {};
  }

  std::string output;
  std::string errors;
};

TEST_F(OperatorViewTest, KeepsWhatWasAnsweredWhereAnAttemptFailed) {
  options.environment["API_TOKEN"] = "t0k/n-of-the-api";
  flow["clone"]["request"]["headers"] = {
    {"Authorization", "Bearer ${env:API_TOKEN}"}};
  script(
    on("/projects/*/clone", answer(422, {{"code", "no_template"},
                                         {"message", "no template t"},
                                         {"sent", "Bearer t0k/n-of-the-api"},
                                         {"access_token", "theirs"}})));
  start();
  const auto told = post();
  EXPECT_EQ(told.status, 502) << told.body;
  EXPECT_EQ(told.json().at("upstream_status"), 422);
  EXPECT_THAT(told.json().at("upstream_answer").get<std::string>(),
              HasSubstr("no template t"));
  const auto job = told.json().at("job").get<std::string>();

  const auto look = [&] {
    const auto attempts = service->job(job).at("clone").at("attempts");
    const auto& response = attempts.at(0).at("response");
    EXPECT_THAT(response.at("content_type").get<std::string>(),
                HasSubstr("application/json"));
    const auto body = response.at("body").get<std::string>();
    EXPECT_THAT(body, HasSubstr("no_template"));
    EXPECT_THAT(body, Not(HasSubstr("t0k/n-of-the-api")));
    EXPECT_THAT(body, Not(HasSubstr("theirs")));
    EXPECT_EQ(response.at("truncated"), false);
  };
  look();
  // Lines are written by a thread of their own.
  for (int tries = 0;
       tries < 500 && service->log().find("no template t") == std::string::npos;
       ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_THAT(service->log(), HasSubstr("no template t"));
  service->restart();
  look();
}

TEST_F(OperatorViewTest, KeepsTheFirstTwoKibibytesOfAnAnswer) {
  script(
    on("/projects/*/s1", answer(404, {{"text", std::string(5'000, 'x')}})));
  start();
  const auto job = accept_job();
  const auto record = service->wait_for_job(job, "failed");
  const auto& response =
    record.at("sub_actions").at(0).at("attempts").at(0).at("response");
  EXPECT_EQ(response.at("body").get<std::string>().size(), 2'048u);
  EXPECT_EQ(response.at("truncated"), true);
  for (const auto& each : record.at("sub_actions").at(1).at("attempts"))
    EXPECT_FALSE(each.contains("response"));
}

TEST_F(OperatorViewTest, HidesWhatProvesTheSenderInEachCall) {
  const std::string token = "proof-of-the-sender";
  options.environment["PROOF"] = token;
  flow["verify"] = {{"scheme", "token"},
                    {"value", "{{body/proof}}"},
                    {"secret", "${env:PROOF}"}};
  auto& request = flow["sub_actions"][0]["request"];
  request["url"] = api.url("/projects/{{uid}}/s1?t={{body/proof}}");
  request["headers"] = {{"X-All", "{{body/proof}}"}};
  request["body"] = "{{body}}";
  start();
  const auto accepted = service->post("setup", {{"template", "t"},
                                                {"name", "n"},
                                                {"proof", token},
                                                {"api_key", "named-as-one"}});
  const auto job = accepted.json().at("job").get<std::string>();
  service->wait_for_job(job, "succeeded");
  const auto seen = shown("/api/v1/jobs/" + job + "?requests=1").dump();
  EXPECT_THAT(seen, Not(HasSubstr(token)));
  EXPECT_THAT(seen, Not(HasSubstr("named-as-one")));
}

TEST_F(OperatorViewTest, ShowsEachCallAsItIsRendered) {
  options.environment["API_TOKEN"] = "t0ken-of-the-api";
  flow["sub_actions"][0]["request"]["headers"] = {
    {"X-Plain", "{{body/name}}"}, {"X-Key", "${env:API_TOKEN}"}};
  flow["sub_actions"][0]["request"]["body"] = {{"with", "{{body/name}}"},
                                               {"hidden", "${env:API_TOKEN}"}};
  // What a form encodes is the same secret, and a name can tell of one.
  options.environment["ODD"] = "tok+en/with=chars";
  auto& encoded = flow["sub_actions"][1]["request"];
  encoded.erase("body");
  encoded["form"] = {{"k", "${env:ODD}"}, {"password", "{{body/name}}"}};
  encoded["url"] = api.url("/projects/{{uid}}/s2?q=${env:ODD}");
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  EXPECT_FALSE(service->job(job).at("clone").contains("request"));
  const auto record = shown("/api/v1/jobs/" + job + "?requests=1");
  const auto& clone = record.at("clone").at("request");
  EXPECT_EQ(clone.at("method"), "POST");
  EXPECT_EQ(clone.at("url"), api.url("/projects/t/clone"));
  EXPECT_THAT(clone.at("body").get<std::string>(), HasSubstr(R"("n")"));
  const auto& call = record.at("sub_actions").at(0).at("request");
  const auto uid = record.at("uid").get<std::string>();
  EXPECT_EQ(call.at("url"), api.url("/projects/" + uid + "/s1"));
  std::map<std::string, std::string> fields;
  for (const auto& each : call.at("headers"))
    fields[each.at("name")] = each.at("value");
  EXPECT_EQ(fields["X-Plain"], "n");
  EXPECT_EQ(fields["Idempotency-Key"], job + ".s1");
  const auto& form = record.at("sub_actions").at(1).at("request");
  EXPECT_EQ(form.at("body"), "k=***&password=***");
  EXPECT_EQ(form.at("url"), api.url("/projects/" + uid + "/s2?q=***"));
  EXPECT_THAT(record.dump(), Not(HasSubstr("t0ken-of-the-api")));
  EXPECT_EQ(record.at("can").at("retry"), false);

  EXPECT_EQ(service->admin("GET", "/api/v1/jobs/" + job + "?requests=x").status,
            400);
  EXPECT_EQ(ask({"show", "--verbose", job}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("POST " + api.url("/projects/t/clone")));
  EXPECT_THAT(output, Not(HasSubstr("t0ken-of-the-api")));
}

TEST_F(OperatorViewTest, ShowsCallsThroughAConnectionWithoutItsSecrets) {
  temp_directory files;
  files.write(
    "connections.json",
    json{{"projects",
          {{"url", api.url("/v1")},
           {"headers", {{"X-Tenant", "acme"}}},
           {"auth", {{"type", "bearer"}, {"token", "of-the-connection"}}}}}}
      .dump());
  options.ini["flows"]["connections"] =
    '"' + (files.path() / "connections.json").string() + '"';
  auto through = sub_action("s1");
  through["request"] = {{"method", "POST"},
                        {"connection", "projects"},
                        {"path", "/projects/{{uid}}/s1"}};
  flow["sub_actions"] = json::array({through});
  script(on("/v1/projects/*/s1",
            answer(403, {{"message", "of-the-connection may not"}})));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "failed");
  const auto record = shown("/api/v1/jobs/" + job + "?requests=1");
  const auto& step = record.at("sub_actions").at(0);
  const auto& call = step.at("request");
  EXPECT_EQ(call.at("connection"), "projects");
  EXPECT_EQ(
    call.at("url"),
    api.url("/v1/projects/" + record.at("uid").get<std::string>() + "/s1"));
  EXPECT_THAT(call.dump(), HasSubstr("acme"));
  EXPECT_THAT(call.dump(), HasSubstr("Authorization"));
  EXPECT_THAT(step.at("attempts").at(0).at("response").dump(),
              HasSubstr("*** may not"));
  EXPECT_THAT(record.dump(), Not(HasSubstr("of-the-connection")));
  EXPECT_THAT(service->log(), Not(HasSubstr("of-the-connection")));
}

TEST_F(OperatorViewTest, ShowsTheCallOfEachElement) {
  auto repeated = sub_action("invite");
  repeated["for_each"] = "{{body/members}}";
  repeated["request"]["body"] = {{"who", "{{item/name}}"}};
  flow["sub_actions"] = json::array({repeated});
  start();
  const auto job =
    service
      ->post("setup", {{"template", "t"},
                       {"members", {{{"name", "Ada"}}, {{"name", "Bob"}}}}})
      .json()
      .at("job")
      .get<std::string>();
  service->wait_for_job(job, "succeeded");
  const auto steps =
    shown("/api/v1/jobs/" + job + "?requests=1").at("sub_actions");
  ASSERT_EQ(steps.size(), 2u);
  for (const auto& [at, who] : {std::pair{0, "Ada"}, {1, "Bob"}})
    EXPECT_THAT(steps.at(static_cast<std::size_t>(at))
                  .at("request")
                  .at("body")
                  .get<std::string>(),
                HasSubstr(who));
}

TEST_F(OperatorViewTest, TellsWhatACallBeforeTheCloneWasAnswered) {
  flow["prepare"] = json::array(
    {{{"name", "order"},
      {"request", {{"method", "GET"}, {"url", api.url("/orders/1")}}}}});
  script(on("/orders/1", answer(404, {{"message", "no such order"}})));
  start();
  const auto told = post();
  EXPECT_EQ(told.status, 502) << told.body;
  EXPECT_THAT(told.body, HasSubstr("no such order"));
}

TEST_F(OperatorViewTest, CallsAJobByItsTitle) {
  flow["title"] = "Copy of {{body/name}}";
  script(on("/projects/*/s2", answer(404, {{"message", "gone"}})));
  start();
  const auto send = [&](const std::string& name) {
    return service->post("setup", {{"template", "t"}, {"name", name}})
      .json()
      .at("job")
      .get<std::string>();
  };
  const auto first = send("Berlin");
  const auto second = send(std::string(300, 'y'));
  service->wait_for_job(first, "failed");
  service->wait_for_job(second, "failed");
  EXPECT_EQ(service->job(first).at("title"), "Copy of Berlin");
  EXPECT_EQ(service->job(second).at("title").get<std::string>().size(), 200u);
  const auto listed = shown("/api/v1/jobs?search=berlin").at("jobs");
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed.at(0).at("title"), "Copy of Berlin");
  EXPECT_THAT(listed.at(0).at("error").get<std::string>(), HasSubstr("s2: "));
  const auto by_id =
    shown("/api/v1/jobs?search=" + first.substr(10)).at("jobs");
  EXPECT_EQ(by_id.size(), 1u);
  EXPECT_THAT(shown("/api/v1/jobs?search=nowhere").at("jobs"), IsEmpty());
  EXPECT_EQ(ask({"jobs", "--search=Berlin"}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("Copy of Berlin"));
  service->restart();
  EXPECT_EQ(service->job(first).at("title"), "Copy of Berlin");
}

TEST_F(OperatorViewTest, PagesThroughWhatItFinds) {
  flow["title"] = "{{body/name}}";
  flow["sub_actions"] = json::array();
  start();
  std::vector<std::string> jobs;
  for (int i = 0; i < 3; ++i)
    jobs.push_back(accept_job());
  const auto first = shown("/api/v1/jobs?search=n&limit=2");
  ASSERT_EQ(first.at("jobs").size(), 2u);
  const auto rest = shown("/api/v1/jobs?search=n&limit=2&cursor="
                          + first.at("next").get<std::string>());
  ASSERT_EQ(rest.at("jobs").size(), 1u);
  EXPECT_EQ(rest.at("jobs").at(0).at("job"), jobs[0]);
  EXPECT_TRUE(rest.at("next").is_null());
}

/// Goal: who searches far back can go on, though a page has found nothing.
TEST_F(OperatorViewTest, TellsWhereASearchGoesOnThatHasFoundNothing) {
  const std::string cursor = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  script(on("/api/v1/jobs",
            answer(200, {{"jobs", json::array()}, {"next", cursor}}),
            answer(200, {{"jobs", json::array()}, {"next", nullptr}})));
  const std::vector<std::string> words{"jobs", "--search=x",
                                       "--url=" + api.url("")};
  EXPECT_EQ(run(words), 0) << errors;
  EXPECT_THAT(output, Not(HasSubstr("no such jobs")));
  EXPECT_THAT(output, HasSubstr("goes on with: handoff jobs --search=x"));
  EXPECT_THAT(output, HasSubstr("--cursor=" + cursor + "\n"));
  EXPECT_EQ(run(words), 0) << errors;
  EXPECT_EQ(output, "no such jobs\n");
}

/// Goal: who looks at a job that waits sees how often it was asked for and what
/// was answered last, before anything of it is journaled.
TEST_F(OperatorViewTest, ShowsWhatAJobAsksWhileItWaits) {
  script(on("/projects/*/clone", answer(202, {{"id", 7}})),
         on("/made/7",
            answer(200, {{"status", "busy"}, {"token", "of-the-upstream"}})));
  flow["clone"]["uid"] = "/project/id";
  flow["clone"]["poll"] = {
    {"request", {{"method", "GET"}, {"url", api.url("/made/{{accepted/id}}")}}},
    {"until", {{"at", "/status"}, {"is", "done"}}},
    {"every", "20ms"}};
  start();
  const auto job =
    post({{"Prefer", "respond-async"}}).json().at("job").get<std::string>();
  ASSERT_TRUE(wait_for_requests("GET /made/7", 3));
  const auto path = "/api/v1/jobs/" + job + "?requests=1";
  auto found = shown(path).at("clone").at("inquiries");
  // A busy machine may have sent the third, and not taken its answer yet.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while ((found.empty() || found.at(0).at("count") < 3)
         && std::chrono::steady_clock::now() < end)
    found = shown(path).at("clone").at("inquiries");
  ASSERT_EQ(found.size(), 1u);
  const auto& poll = found.at(0);
  EXPECT_EQ(poll.at("name"), "poll");
  EXPECT_GE(poll.at("count"), 3);
  EXPECT_EQ(poll.at("finding"), "not-yet");
  EXPECT_EQ(poll.at("http_status"), 200);
  EXPECT_EQ(poll.at("response").at("body"),
            R"({"status":"busy","token":"***"})");
  EXPECT_EQ(poll.at("request").at("url"), api.url("/made/7"));
  // As it went out: under the span that its upstream was told of.
  EXPECT_THAT(poll.at("request").at("headers").dump(),
              HasSubstr(poll.at("span_id").get<std::string>()));
  EXPECT_EQ(ask({"show", job, "--verbose"}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("clone: poll"));
  EXPECT_THAT(output, HasSubstr("not-yet"));
  EXPECT_THAT(output, HasSubstr("GET " + api.url("/made/7")));
}

TEST_F(OperatorViewTest, TellsOfEachFlow) {
  flow["verify"] = {{"scheme", "bearer"}, {"secret", "a-literal-secret"}};
  flow["callback"] = {{"url", api.url("/done")},
                      {"secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}};
  flow["sub_actions"] = json::array();
  options.ini["http"]["public-url"] = "\"https://hooks.example/\"";
  start();
  const auto job = post({{"Authorization", "Bearer a-literal-secret"}})
                     .json()
                     .at("job")
                     .get<std::string>();
  service->wait_for_job(job, "succeeded");
  const auto flows = shown("/api/v1/flows?definitions=1");
  const auto& one = flows.at("flows").at(0);
  EXPECT_EQ(one.at("url"), "https://hooks.example/hooks/setup");
  EXPECT_EQ(one.at("verify"), "bearer");
  EXPECT_TRUE(one.at("last_webhook").is_string());
  EXPECT_EQ(one.at("last_hour").at("accepted"), 1);
  EXPECT_EQ(one.at("last_hour").at("succeeded"), 1);
  EXPECT_TRUE(one.at("last_hour").at("clone_ms").at("p95").is_number());
  EXPECT_TRUE(one.at("definition").at("clone").is_object());
  EXPECT_THAT(flows.dump(), Not(HasSubstr("a-literal-secret")));
  EXPECT_THAT(flows.dump(), Not(HasSubstr("whsec_")));
  EXPECT_EQ(ask({"flows"}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("setup"));
}

TEST_F(OperatorViewTest, ReloadsFlowsByACommand) {
  start();
  EXPECT_EQ(ask({"reload"}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("1 flow in force"));
  for (const auto& each :
       fs::recursive_directory_iterator{service->directory().path()})
    if (each.path().filename() == "setup.json")
      std::ofstream{each.path()} << R"({"name": "setup"})";
  EXPECT_EQ(ask({"reload"}), 1);
  EXPECT_THAT(errors, HasSubstr("clone"));
  EXPECT_EQ(ask({"reload", "--json"}), 1);
  EXPECT_THAT(json::parse(output).at("errors"), Not(IsEmpty()));
}

TEST_F(OperatorViewTest, TellsInJsonWhatIsWrong) {
  EXPECT_EQ(run({"jobs", "--json", "--url=http://127.0.0.1:1"}), 1);
  EXPECT_EQ(json::parse(output).at("type"), "/problems/connect-failed");
  EXPECT_EQ(run({"show", "--json", "nonsense"}), 2);
  EXPECT_THAT(json::parse(output).at("detail").get<std::string>(),
              HasSubstr("nonsense"));
}

TEST_F(OperatorViewTest, FindsTheServiceInAnIniThatIsNotAllRight) {
  start();
  const auto ini = service->directory().path() / "client.ini";
  std::ofstream{ini} << "[admin]\naddress = \"127.0.0.1\"\nport = "
                     << service->admin_port()
                     << "\ntoken = \"${env:NOT_SET_HERE}\"\n[retry]\n"
                        "max-attempts = \"many\"\n";
  EXPECT_EQ(run({"jobs", "--config-file=" + ini.string()}), 0) << errors;
  std::ofstream{ini} << "[admin]\nport = \"many\"\n";
  EXPECT_EQ(run({"jobs", "--config-file=" + ini.string()}), 2);
  EXPECT_THAT(errors, HasSubstr("admin.port"));
}

/// Goal: a copy made under load has every job that was answered before, whole.
TEST_F(OperatorViewTest, CopiesTheJournalWhileItRuns) {
  flow["sub_actions"] = json::array();
  start();
  std::vector<std::string> before;
  for (int i = 0; i < 5; ++i)
    before.push_back(accept_job());
  std::atomic<bool> stop{false};
  std::thread load{[&] {
    while (!stop)
      post();
  }};
  const auto file = service->directory().path() / "copy.backup";
  const auto source = "--journal.uri=sqlite:" + journal().string();
  EXPECT_EQ(run({"journal", "backup", file.string(), source}), 0) << errors;
  stop = true;
  load.join();
  EXPECT_EQ(fs::status(file).permissions() & fs::perms::all,
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(run({"journal", "check", file.string(), "--json"}), 0) << errors;
  const auto found = json::parse(output);
  EXPECT_EQ(found.at("ok"), true);
  EXPECT_GE(found.at("jobs"), 5);
  EXPECT_FALSE(fs::exists(file.string() + "-wal"));
  EXPECT_EQ(run({"journal", "check", source}), 0) << errors;
  EXPECT_EQ(run({"journal", "backup", file.string(), source}), 2);
  EXPECT_THAT(errors, HasSubstr("there already"));

  const auto place = journal();
  service->stop();
  for (const auto* suffix : {"", "-wal", "-shm", ".lock"})
    fs::remove(place.string() + suffix);
  fs::copy_file(file, place);
  service->restart();
  for (const auto& each : before)
    EXPECT_EQ(service->job(each).at("status"), "succeeded");
  EXPECT_THAT(service->log(), Not(HasSubstr("write-ahead log")));
}

TEST_F(OperatorViewTest, FindsWhatIsDamagedInAJournal) {
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  const auto file = service->directory().path() / "copy.backup";
  ASSERT_EQ(run({"journal", "backup", file.string(),
                 "--journal.uri=sqlite:" + journal().string()}),
            0)
    << errors;
  std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
  // Cells stand at the ends of pages.
  const auto pages = static_cast<int>(fs::file_size(file) / 4096);
  for (int page = 1; page < pages; ++page) {
    bytes.seekp(page * 4096 + 3'500);
    bytes << std::string(596, '\xa5');
  }
  bytes.close();
  EXPECT_EQ(run({"journal", "check", file.string()}), 1) << output;
  EXPECT_EQ(run({"journal", "check", file.string() + ".none"}), 2);
  std::ofstream{file} << "no journal at all";
  EXPECT_EQ(run({"journal", "check", "sqlite:" + file.string()}), 1);
}

TEST_F(OperatorViewTest, WarnsOfAJournalWithoutItsLog) {
  start();
  accept_job();
  const auto place = journal();
  service->restart();
  EXPECT_THAT(service->log(), Not(HasSubstr("write-ahead log")));
  accept_job();
  service->kill();
  fs::remove(place.string() + "-wal");
  service->restart();
  EXPECT_THAT(service->log(), HasSubstr("no write-ahead log"));
}

TEST_F(OperatorViewTest, WarnsOfAJournalThatIsGone) {
  start();
  accept_job();
  const auto place = journal();
  service->stop();
  fs::remove(place);
  service->restart();
  EXPECT_THAT(service->log(), HasSubstr("there was one in its place before"));
}

TEST_F(OperatorViewTest, NamesTheUpstreamOfAnAttemptInTheLog) {
  options.ini["log"] = {{"format", "\"json\""}};
  script(on("/projects/*/s1", answer(404, {{"message", "no such thing"}})));
  start();
  service->wait_for_job(accept_job(), "failed");
  // A thread of its own writes the log: at the end it is all there.
  service->stop();
  std::istringstream lines{service->log()};
  bool is_told = false;
  for (std::string line; std::getline(lines, line);) {
    const auto read = json::parse(line, nullptr, false);
    if (!read.is_object() || read.value("step", "") != "s1"
        || !read.contains("http_status"))
      continue;
    EXPECT_EQ(read.at("attempt"), 1);
    EXPECT_EQ(read.at("http_status"), 404);
    EXPECT_THAT(api.url(""),
                ::testing::StartsWith(read.at("upstream").get<std::string>()));
    is_told |= read.at("msg").get<std::string>().find("no such thing")
            != std::string::npos;
  }
  EXPECT_TRUE(is_told) << service->log();
}

} // namespace handoff::support

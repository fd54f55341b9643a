// Who may see what: the admin side with and without its token, and jobs by
// their ids.

#include "tests/integration/command_test.hpp"
#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace handoff::support {

using ::testing::HasSubstr;

class AdminTest : public ServiceTest {
protected:
  http_response ask(const std::string& path, handoff::headers fields = {}) {
    return request(service->admin_port(), "GET", path, std::move(fields));
  }
};

TEST_F(AdminTest, WantsItsToken) {
  options.ini["admin"]["token"] = "\"s3cret\"";
  start();
  const auto path = "/api/v1/jobs/" + accept_job();
  for (const std::string given :
       {"", "Bearer", "Bearer ", "Bearer wrong", "Bearer s3cre",
        "Bearer s3crets", "Bearer s3crets3cret", "Basic s3cret", "s3cret"}) {
    handoff::headers fields;
    if (!given.empty())
      fields.push_back({"Authorization", given});
    const auto answer = ask(path, fields);
    EXPECT_EQ(answer.status, 401) << given;
    EXPECT_THAT(answer.header("WWW-Authenticate"), HasSubstr("Bearer"));
    EXPECT_EQ(answer.json().at("status"), 401);
    EXPECT_EQ(answer.body.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(ask("/api/v1/nothing").status, 401);
  EXPECT_EQ(ask(path, {{"Authorization", "Bearer s3cret"}}).status, 200);
  EXPECT_EQ(ask(path, {{"authorization", "bearer s3cret"}}).status, 200)
    << "the scheme has no case (RFC 9110, section 11.1)";
}

TEST_F(AdminTest, TellsProbesWithoutToken) {
  options.ini["admin"]["token"] = "\"s3cret\"";
  start();
  for (const std::string path : {"/livez", "/readyz"})
    EXPECT_EQ(ask(path).status, 200) << path;
}

TEST_F(AdminTest, RefusesWhatIsNotItsMethodOrRoute) {
  start();
  EXPECT_EQ(service->admin("POST", "/livez").status, 405);
  EXPECT_EQ(ask("/nope").status, 404);
  EXPECT_EQ(ask("/api/v1/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV").status, 404);
  EXPECT_EQ(ask("/api/v1/jobs/x").status, 404);
}

TEST_F(AdminTest, ShowsNoCredentialOfTheRequest) {
  start();
  const auto answer = post({{"Authorization", "Bearer of-the-sender"},
                            {"X-Api-Key", "of-the-sender"},
                            {"Cookie", "a=of-the-sender"},
                            {"X-Plain", "plain"}});
  const auto job = answer.json().at("job").get<std::string>();
  const auto shown = service->job(job).at("request").dump();
  EXPECT_EQ(shown.find("of-the-sender"), std::string::npos) << shown;
  EXPECT_THAT(shown, HasSubstr("plain"));
}

TEST_F(AdminTest, OnOtherAddressWithoutTokenStopsTheStart) {
  for (const std::string address :
       {"0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1"}) {
    const auto ended = run_handoff(
      {"serve", "--http.port=0", "--admin.address=\"" + address + "\""});
    EXPECT_EQ(ended.code, 2) << address << ended.error;
    EXPECT_THAT(ended.error, HasSubstr("token")) << address;
  }
}

// DNS rebinding: a page of evil.example whose name now points here sends its
// own name as Host, and could read all jobs.
TEST_F(AdminTest, AnswersNoHostThatSomebodyCouldPointHere) {
  start();
  const auto path = "/api/v1/jobs/" + accept_job();
  for (const std::string host :
       {"evil.example", "evil.example:8081", "localhost.evil.example",
        "127.0.0.1.evil.example", "2130706433", "0x7f.1", "127.1", "[::1",
        "localhost:x", ""}) {
    const auto answer = ask(path, {{"Host", host}});
    EXPECT_EQ(answer.status, 421) << host << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_THAT(answer.json().at("detail").get<std::string>(),
                HasSubstr("localhost"));
  }
  for (const std::string host :
       {"127.0.0.1", "127.0.0.1:9", "localhost", "LOCALHOST:8081", "[::1]:8081",
        "10.1.2.3:8081"})
    EXPECT_EQ(ask(path, {{"Host", host}}).status, 200) << host;
  for (const std::string probe : {"/livez", "/readyz"})
    EXPECT_EQ(ask(probe, {{"Host", "10.1.2.3:8081"}}).status, 200);
}

// Without a token nothing but this stands between a page and the buttons.
TEST_F(AdminTest, DoesNothingForAPageOfAnotherSite) {
  flow["clone"]["timeout"] = "300ms";
  script(on("/projects/*/clone", hang));
  start();
  ASSERT_EQ(post().status, 202);
  const auto job = job_of_last_clone();
  const auto path = "/api/v1/jobs/" + job + "/resolve";
  const auto resolve = [&](handoff::headers fields) {
    fields.push_back({"Host", "localhost:8081"});
    return request(service->admin_port(), "POST", path, std::move(fields),
                   R"({"uid":"u"})");
  };
  for (const std::string origin :
       {"http://evil.example", "null", "http://localhost:9999",
        "http://localhost", "ftp://localhost:8081", "localhost:8081",
        "http://localhost:8081.evil.example", ""}) {
    const auto answer = resolve({{"Origin", origin}});
    EXPECT_EQ(answer.status, 403) << origin << answer.body;
    EXPECT_EQ(answer.json().at("type"), "/problems/cross-origin");
  }
  for (const std::string site : {"cross-site", "same-site", "new-word"})
    EXPECT_EQ(resolve({{"Sec-Fetch-Site", site}}).status, 403) << site;
  EXPECT_EQ(resolve({{"Origin", "http://localhost:8081"},
                     {"Sec-Fetch-Site", "cross-site"}})
              .status,
            403);
  EXPECT_EQ(service->job(job).at("status"), "ambiguous");
  const auto own = resolve(
    {{"Origin", "http://localhost:8081"}, {"Sec-Fetch-Site", "same-origin"}});
  EXPECT_EQ(own.status, 200) << own.body;
}

TEST_F(AdminTest, TellsBrowsersToTrustNothing) {
  options.ini["admin"]["token"] = "\"s3cret\"";
  start();
  const auto job = accept_job();
  const handoff::headers known{{"Authorization", "Bearer s3cret"}};
  http_connection malformed{service->admin_port()};
  malformed.send("GET / HTTP/1.1\r\n\r\n");
  for (const auto& answer :
       {ask("/livez"), ask("/nope"), ask("/api/v1/jobs", known),
        ask("/api/v1/jobs/" + job, known), ask("/", {{"Host", "evil.example"}}),
        malformed.read_response()}) {
    SCOPED_TRACE(answer.status);
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(answer.header("Cache-Control"), "no-store");
    EXPECT_EQ(answer.header("Cross-Origin-Resource-Policy"), "same-origin");
    EXPECT_EQ(answer.header("X-Frame-Options"), "DENY");
    EXPECT_THAT(answer.header("Content-Security-Policy"),
                HasSubstr("default-src 'none'"));
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "");
  }
}

TEST_F(AdminTest, KeepsTheJobsOfFlowsApart) {
  auto other = flow;
  other["name"] = "other";
  options.flows = {flow, other};
  service = std::make_unique<handoff_service>(options);
  const auto job = accept_job();
  const auto seen = [&](const std::string& in) {
    return request(service->port(), "GET", "/hooks/" + in + "/jobs/" + job)
      .status;
  };
  EXPECT_EQ(seen("setup"), 200);
  EXPECT_EQ(seen("other"), 404);
  EXPECT_EQ(seen("nope"), 404);
}

TEST_F(AdminTest, KnowsJobsByIdsThatSortByTimeAndCannotBeGuessed) {
  flow["sub_actions"] = json::array();
  start();
  constexpr std::size_t time_characters = 10;
  std::vector<std::string> times;
  std::set<std::string> chances;
  std::vector<std::set<char>> at_place(16);
  for (int i = 0; i < 200; ++i) {
    const auto job = accept_job();
    ASSERT_EQ(job.size(), 26u) << job;
    times.push_back(job.substr(0, time_characters));
    const auto chance = job.substr(time_characters);
    chances.insert(chance);
    for (std::size_t at = 0; at < chance.size(); ++at)
      at_place[at].insert(chance[at]);
  }
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_EQ(chances.size(), 200u);
  // 80 bits are 16 characters of five: none of them stands still. That one of
  // 32 takes fewer than 16 values in 200 draws does not happen.
  for (const auto& values : at_place)
    EXPECT_GE(values.size(), 16u);
}

} // namespace handoff::support

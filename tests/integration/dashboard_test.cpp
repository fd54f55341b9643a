// What the dashboard is made of, as the admin side serves it. What it does in a
// browser is tested in tests/page.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <regex>
#include <thread>

namespace handoff::support {

using ::testing::HasSubstr;
using ::testing::Not;

class DashboardTest : public ServiceTest {
protected:
  http_response ask(const std::string& path, handoff::headers fields = {},
                    const std::string& method = "GET") {
    return request(service->admin_port(), method, path, std::move(fields));
  }
};

TEST_F(DashboardTest, NeedsNoTokenForItsCodeButForWhatItShows) {
  options.ini["admin"]["token"] = "\"s3cret\"";
  start();
  const auto page = ask("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  const std::regex asset{R"x((?:href|src)="(assets/[^"]+)")x"};
  std::sregex_iterator at{page.body.begin(), page.body.end(), asset};
  ASSERT_NE(at, std::sregex_iterator{});
  for (; at != std::sregex_iterator{}; ++at) {
    const auto found = ask("/" + (*at)[1].str());
    EXPECT_EQ(found.status, 200) << (*at)[1];
    EXPECT_THAT(found.body, Not(HasSubstr("s3cret")));
  }
  for (const std::string path :
       {"/api/v1/overview", "/api/v1/jobs", "/api/v1/supervisor",
        "/assets/nope.js", "/assets/", "/assets/../admin.cpp"})
    EXPECT_EQ(ask(path).status, 401) << path;
}

TEST_F(DashboardTest, LetsAPageRunNothingButItsOwnFiles) {
  start();
  for (const std::string path : {"/", "/assets/app.js", "/assets/style.css"}) {
    const auto policy = ask(path).header("Content-Security-Policy");
    for (const std::string part :
         {"default-src 'none'", "script-src 'self'", "style-src 'self'",
          "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
          "form-action 'none'"})
      EXPECT_THAT(policy, HasSubstr(part)) << path;
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  }
  const auto page = ask("/").body;
  EXPECT_THAT(page, Not(HasSubstr("style=")));
  EXPECT_THAT(page, Not(HasSubstr("://")));
}

TEST_F(DashboardTest, TellsBrowsersWhatTheyHaveAlready) {
  start();
  const auto first = ask("/assets/app.js");
  EXPECT_EQ(first.header("Content-Type"), "text/javascript; charset=utf-8");
  const auto tag = first.header("ETag");
  ASSERT_FALSE(tag.empty());
  for (const auto& known : {tag, "\"other\", W/" + tag, std::string{"*"}}) {
    const auto again = ask("/assets/app.js", {{"If-None-Match", known}});
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(again.header("ETag"), tag);
    EXPECT_EQ(again.body, "");
  }
  EXPECT_EQ(ask("/assets/app.js", {{"If-None-Match", "\"other\""}}).status,
            200);
  const auto refused = ask("/", {}, "POST");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("Allow"), "GET, HEAD");
}

TEST_F(DashboardTest, CountsTheLastHour) {
  script(on("/projects/*/s1", status(503), ok),
         on("/projects/*/s2", status(422)));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "failed");
  ASSERT_TRUE(wait_for_requests("POST /projects/p-1/s1", 2));
  // What is counted comes after the commit that it counts.
  json sums;
  for (int tries = 0; tries < 500; ++tries) {
    const auto minutes =
      service->admin("GET", "/api/v1/overview").json().at("minutes");
    ASSERT_EQ(minutes.size(), 60u);
    sums = json::object();
    for (const auto& minute : minutes)
      for (const auto& [name, value] : minute.items())
        if (value.is_number())
          sums[name] = sums.value(name, 0) + value.get<int>();
    if (sums.at("failed") == 1)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  EXPECT_EQ(sums.at("accepted"), 1) << sums;
  EXPECT_EQ(sums.at("answered"), 1) << sums;
  EXPECT_EQ(sums.at("late"), 0) << sums;
  EXPECT_EQ(sums.at("retries"), 1) << sums;
  EXPECT_EQ(sums.at("failed"), 1) << sums;
  EXPECT_EQ(sums.at("succeeded"), 0) << sums;
}

} // namespace handoff::support

// Goal: nothing that a sender can send takes the service down or starts a job
// that it should not. Method: each bad input once, then a good webhook.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace {

constexpr std::size_t body_bytes_max = 2'048;

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

std::string nested_objects(std::size_t depth) {
  std::string text;
  for (std::size_t at = 0; at < depth; ++at)
    text += R"({"a":)";
  return text + "1" + std::string(depth, '}');
}

struct bad_input {
  const char* what;
  const char* method;
  const char* path;
  std::string body;
  int status;
};

const bad_input table[] = {
  {"not JSON", "POST", "/hooks/setup", "{\"a\":", 400},
  {"empty", "POST", "/hooks/setup", "", 400},
  {"NUL behind it", "POST", "/hooks/setup", std::string{"{}\0x", 4}, 400},
  {"two values", "POST", "/hooks/setup", "{} {}", 400},
  {"not UTF-8", "POST", "/hooks/setup", "{\"a\":\"\xff\xfe\"}", 400},
  {"overlong UTF-8", "POST", "/hooks/setup", "{\"a\":\"\xc0\xaf\"}", 400},
  {"too deep", "POST", "/hooks/setup", nested(101), 400},
  {"too deep by far", "POST", "/hooks/setup", std::string(2'000, '['), 400},
  {"too large", "POST", "/hooks/setup",
   '"' + std::string(body_bytes_max, 'x') + '"', 413},
  {"unknown flow", "POST", "/hooks/nope", "{}", 404},
  {"unknown route", "POST", "/nope", "{}", 404},
  {"flow missing", "POST", "/hooks/", "{}", 404},
  {"climbing path", "POST", "/hooks/../hooks/nope", "{}", 404},
  {"not POST", "GET", "/hooks/setup", "", 405},
  {"not POST either", "DELETE", "/hooks/setup", "", 405},
  {"PUT", "PUT", "/hooks/setup", "{}", 405},
  {"PATCH", "PATCH", "/hooks/setup", "{}", 405},
  {"OPTIONS", "OPTIONS", "/hooks/setup", "", 405},
  {"bad escape", "POST", "/hooks/%zz", "{}", 404},
  {"UTF-16", "POST", "/hooks/setup", std::string{"\xff\xfe{\0}\0", 6}, 400},
  {"half of a surrogate", "POST", "/hooks/setup", R"({"a":"\ud800"})", 400},
  {"UTF-8 of a surrogate", "POST", "/hooks/setup", "\"\xed\xa0\x80\"", 400},
  {"NaN", "POST", "/hooks/setup", "NaN", 400},
  {"comment", "POST", "/hooks/setup", "{} // x", 400},
  {"trailing comma", "POST", "/hooks/setup", "[1,]", 400},
  {"control character", "POST", "/hooks/setup", "\"\x01\"", 400},
  {"deep objects", "POST", "/hooks/setup", nested_objects(101), 400},
};

} // namespace

class BadInputTest : public ServiceTest {
protected:
  BadInputTest() {
    options.ini["http"]["max-body"] = std::to_string(body_bytes_max);
    flow["clone"]["request"]["url"] = api.url("/projects/t/clone");
    flow["clone"]["request"].erase("body");
    flow["sub_actions"] = json::array({sub_action("s1")});
  }

  void expect_served() {
    const auto answer = service->post("setup", json::object());
    EXPECT_EQ(answer.status, 200) << answer.body << service->log();
    ++served_;
    // Only the good ones have become jobs.
    EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], served_);
  }

private:
  int served_ = 0;
};

TEST_F(BadInputTest, IsRefusedWithProblemAndTheNextIsServed) {
  start();
  for (const auto& bad : table) {
    SCOPED_TRACE(bad.what);
    const auto answer =
      request(service->port(), bad.method, bad.path,
              {{"Content-Type", "application/json"}}, bad.body);
    EXPECT_EQ(answer.status, bad.status) << answer.body;
    EXPECT_THAT(answer.header("Content-Type"),
                StartsWith("application/problem+json"));
    if (bad.status == 405) {
      EXPECT_THAT(answer.header("Allow"), HasSubstr("POST"));
    }
    const auto problem = json::parse(answer.body, nullptr, false);
    EXPECT_EQ(problem.value("status", 0), bad.status) << answer.body;
    for (const auto* member : {"type", "title", "detail"})
      EXPECT_TRUE(problem.contains(member)) << member << answer.body;
    expect_served();
  }
}

TEST_F(BadInputTest, IsRefusedOnConnectionThatStaysUsable) {
  start();
  http_connection connection{service->port()};
  const handoff::headers fields{{"Content-Type", "application/json"}};
  EXPECT_EQ(connection.request("POST", "/hooks/setup", fields, "{").status,
            400);
  EXPECT_EQ(connection.request("POST", "/hooks/nope", fields, "{}").status,
            404);
  EXPECT_EQ(connection.request("POST", "/hooks/setup", fields, "{}").status,
            200);
}

TEST_F(BadInputTest, AcceptsWhatIsJustWithinTheLimits) {
  start();
  for (const auto& body :
       {nested(100), '"' + std::string(body_bytes_max - 2, 'x') + '"',
        std::string{"null"}, std::string{"{\"\xc3\xa4\":1e3}"}}) {
    const auto answer = service->post("setup", body);
    EXPECT_EQ(answer.status, 200) << body << answer.body;
  }
}

TEST_F(BadInputTest, OfHeadIsRefusedWithoutBody) {
  start();
  http_connection connection{service->port()};
  const auto answer = connection.request("HEAD", "/hooks/setup");
  EXPECT_EQ(answer.status, 405);
  EXPECT_THAT(answer.header("Allow"), HasSubstr("POST"));
  // A body would be taken for the next answer.
  EXPECT_EQ(connection.request("POST", "/hooks/setup", {}, "{}").status, 200);
}

TEST_F(BadInputTest, WithoutLengthIsAnEmptyBody) {
  start();
  http_connection connection{service->port()};
  connection.send("POST /hooks/setup HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = connection.read_response();
  EXPECT_THAT(answer.status, AnyOf(400, 411)) << answer.body;
  EXPECT_THAT(answer.header("Content-Type"),
              StartsWith("application/problem+json"));
  expect_served();
}

TEST_F(BadInputTest, IsReadFromChunksAsFromOneBody) {
  start();
  const auto post_chunks = [&](const std::string& chunks) {
    http_connection connection{service->port()};
    connection.send("POST /hooks/setup HTTP/1.1\r\nHost: x\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n"
                    + chunks);
    return connection.read_response().status;
  };
  EXPECT_EQ(post_chunks("1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), 200);
  EXPECT_EQ(post_chunks("1\r\n{\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(post_chunks("0\r\n\r\n"), 400);
  EXPECT_EQ(post_chunks("801\r\n" + std::string(0x801, ' ')), 413);
  EXPECT_EQ(post_chunks("ffffffffffffffff\r\n{}"), 413);
  EXPECT_EQ(post_chunks("fffffffffffffffff\r\n{}"), 413);
  EXPECT_EQ(post_chunks("zz\r\n"), 400);
  const auto answer = service->post("setup", json::object());
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 2);
}

TEST_F(BadInputTest, IsShownToOperatorsWhereTheFrontDoorRefusesIt) {
  start();
  http_connection connection{service->port()};
  connection.send("POST /hooks/setup HTTP/1.1\r\nHost: x\r\n"
                  "Content-Length: 99999\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 413);
  const auto shown = service->admin("GET", "/api/v1/webhooks").json();
  ASSERT_EQ(shown.at("webhooks").size(), 1u) << shown;
  EXPECT_EQ(shown["webhooks"][0]["outcome"], "refused");
  EXPECT_EQ(shown["webhooks"][0]["flow"], "setup");
  EXPECT_EQ(shown["webhooks"][0]["status"], 413);
  EXPECT_THAT(
    service->admin("GET", "/metrics").body,
    HasSubstr(R"(handoff_webhooks_total{flow="setup",status="413"} 1)"));
  EXPECT_THAT(service->log(), HasSubstr("413"));
}

TEST_F(BadInputTest, SurvivesWhatIsNotHttp) {
  start();
  const std::string streams[] = {
    "\x16\x03\x01\x02\x01\x01\xfc\x03\x03",
    "GET\r\n\r\n",
    "POST /hooks/setup HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST /hooks/setup HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{}",
    "POST /hooks/setup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    "\r\nzz\r\n",
    "POST /hooks/setup HTTP/1.1\r\nX: " + std::string(100'000, 'x'),
    std::string(1'000, '\0'),
  };
  for (const auto& stream : streams) {
    try {
      http_connection connection{service->port()};
      connection.send(stream);
      connection.shut_down_sending();
      connection.close();
    } catch (const http_client_error&) {
      // To be cut off while sending such a thing is as good as an answer.
    }
    expect_served();
  }
}

} // namespace handoff::support

// What clients that speak HTTP in less common ways get: each of these has been
// seen in the field, and is allowed by the RFC that is named.

#include "tests/http/front_door/raw_client.hpp"
#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace handoff::support {

using test::raw_client;
using ::testing::HasSubstr;
using ::testing::Not;

class FrontDoorServiceTest : public ServiceTest {
protected:
  static constexpr const char* body = R"({"template":"t"})";

  static std::string webhook(const std::string& target,
                             const std::string& fields = {}) {
    return "POST " + target + " HTTP/1.1\r\nHost: sender.example\r\n" + fields
         + "Content-Length: " + std::to_string(std::string{body}.size())
         + "\r\n\r\n" + body;
  }

  test::raw_answer answer_to(std::uint16_t port, const std::string& bytes) {
    raw_client sender{port};
    EXPECT_TRUE(sender.send(bytes));
    return sender.read_answer().value_or(test::raw_answer{});
  }
};

// RFC 9110, 7.8: curl --http2 and clients that always offer it.
TEST_F(FrontDoorServiceTest, ServesASenderThatOffersAnUpgrade) {
  start();
  for (const std::string fields :
       {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Upgrade: h2c\r\n"}) {
    const auto answer =
      answer_to(service->port(), webhook("/hooks/setup", fields));
    EXPECT_EQ(answer.status, 200) << fields << answer.body;
    EXPECT_EQ(answer.fields.count("upgrade"), 0u);
  }
}

// RFC 9112, 3.2.2.
TEST_F(FrontDoorServiceTest, ServesTargetsInAbsoluteForm) {
  start();
  const auto answer = answer_to(
    service->port(), webhook("http://handoff.example:8080/hooks/setup?a=b"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.fields.at("location").find("/hooks/setup/jobs/"), 0u);
  const auto admin_answer = [&](const std::string& target) {
    return answer_to(service->admin_port(), "GET " + target
                                              + " HTTP/1.1\r\nHost: localhost"
                                                "\r\n\r\n");
  };
  EXPECT_EQ(admin_answer("http://127.0.0.1:8081/api/v1/jobs").status, 200);
  EXPECT_EQ(admin_answer("http://evil.example/api/v1/jobs").status, 421)
    << "the host of the target counts, not that of the field";
}

// RFC 9112, 9.6.
TEST_F(FrontDoorServiceTest, AnswersASenderThatHasClosedItsSide) {
  script(on("/projects/t/clone", json{{"delay", "300ms"}}));
  start();
  raw_client sender{service->port()};
  ASSERT_TRUE(sender.send(webhook("/hooks/setup")));
  sender.end_sending();
  const auto answer = sender.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->fields.at("connection"), "close");
  EXPECT_TRUE(sender.at_end());
  raw_client operator_side{service->admin_port()};
  ASSERT_TRUE(operator_side.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n"
                                 "\r\n"));
  operator_side.end_sending();
  EXPECT_EQ(operator_side.read_answer()->status, 200);
}

TEST_F(FrontDoorServiceTest, Gives413ToASenderThatSendsFirst) {
  options.ini["http"]["max-body"] = "1000";
  start();
  raw_client sender{service->port()};
  ASSERT_TRUE(sender.send("POST /hooks/setup HTTP/1.1\r\nHost: h\r\n"
                          "Content-Length: 5000000\r\n\r\n"));
  ASSERT_TRUE(sender.send(std::string(5'000'000, 'x')));
  EXPECT_EQ(sender.read_answer()->status, 413);
  EXPECT_TRUE(sender.at_end());
}

// An answer larger than what the socket and a worker keep for it.
TEST_F(FrontDoorServiceTest, GivesALargeAnswerToASlowReader) {
  options.ini["http"]["max-body"] = "\"8MiB\"";
  flow["clone"]["request"]["url"] = api.url("/projects/t/clone");
  flow["reply"]["body"] = json::array({"{{body}}", "{{body}}", "{{body}}"});
  start();
  const std::string large = '"' + std::string(7'000'000, 'x') + '"';
  raw_client sender{service->port()};
  ASSERT_TRUE(sender.send(test::post("/hooks/setup", large)));
  EXPECT_THAT(sender.read_head(), HasSubstr("200 OK"));
  // Others are served meanwhile, and it can take its time.
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  EXPECT_EQ(post().status, 200);
  const auto length = 3 * large.size() + std::string{"[,,]"}.size();
  EXPECT_EQ(sender.skip(length), length);
}

TEST_F(FrontDoorServiceTest, KeepsConnectionsForAsLongAsItIsTold) {
  options.ini["http"]["keep-alive"] = "1s";
  start();
  for (const auto port : {service->port(), service->admin_port()}) {
    raw_client sender{port};
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(sender.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    ASSERT_TRUE(sender.read_answer());
    EXPECT_TRUE(sender.at_end());
    const auto kept = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(kept, std::chrono::milliseconds{900});
    EXPECT_LT(kept, std::chrono::seconds{10});
  }
}

TEST_F(FrontDoorServiceTest, AnswersProbesByTheNamesThatItIsGiven) {
  options.ini["admin"]["token"] = "\"s3cret\"";
  options.ini["admin"]["hosts"] = "[\"handoff-admin\", \"handoff.internal\"]";
  start();
  const auto status_of = [&](const std::string& host, const char* path) {
    return request(service->admin_port(), "GET", path,
                   {{"Host", host}, {"Authorization", "Bearer s3cret"}})
      .status;
  };
  for (const auto* path : {"/readyz", "/api/v1/jobs"}) {
    EXPECT_EQ(status_of("handoff-admin:8081", path), 200);
    EXPECT_EQ(status_of("Handoff.Internal", path), 200);
    EXPECT_EQ(status_of("other.internal", path), 421);
  }
}

TEST_F(FrontDoorServiceTest, ShowsAndKeepsNoSecretOfAQuery) {
  flow["sub_actions"] = json::array({sub_action("s1")});
  flow["sub_actions"][0]["request"]["headers"] = {{"X-Sig", "{{query/sig}}"}};
  start();
  const auto answer = request(
    service->port(), "POST",
    "/hooks/setup?key=sEcret1&sig=sEcret2&auth=sEcret3&pwd=sEcret4"
    "&code=sEcret5&session=sEcret6&api_key=sEcret7&X-Amz-Signature=sEcret8"
    "&country_code=de",
    {}, body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto job = answer.json().at("job").get<std::string>();
  service->wait_for_job(job, "succeeded");
  const auto shown = service->job(job).dump();
  EXPECT_THAT(shown, Not(HasSubstr("sEcret")));
  EXPECT_THAT(shown, HasSubstr("country_code"));
  // What the flow refers to is there for it.
  EXPECT_THAT(api.requests("path=/projects/*/s1")[0].dump(),
              HasSubstr("sEcret2"));
}

TEST_F(FrontDoorServiceTest, AnswersWithTheContentTypeOfTheFlow) {
  flow["reply"] = {{"headers", {{"content-type", "text/plain"}}},
                   {"body", "made {{uid}}"}};
  start();
  const auto answer = post();
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.header("Content-Type"), "text/plain");
  EXPECT_EQ(std::count_if(answer.headers.begin(), answer.headers.end(),
                          [](const auto& each) {
                            return lower_case(each.name) == "content-type";
                          }),
            1);
  EXPECT_THAT(answer.body, ::testing::StartsWith("made "));
}

TEST_F(FrontDoorServiceTest, SendsATextThatIsNoJsonAsItIs) {
  flow["sub_actions"] =
    json::array({sub_action("s1"), sub_action("s2"), sub_action("s3")});
  const auto set = [&](std::size_t at, const char* type, const char* text) {
    auto& wanted = flow["sub_actions"][at]["request"];
    wanted["body"] = text;
    if (type != nullptr)
      wanted["headers"] = {{"content-type", type}};
  };
  set(0, "application/x-www-form-urlencoded", "id={{uid}}&a=b");
  set(1, "application/vnd.api+json; charset=utf-8", "quoted");
  set(2, nullptr, "quoted");
  start();
  service->wait_for_job(accept_job(), "succeeded");
  const auto sent = [&](const char* path) {
    return api.requests(std::string{"path=/projects/*/"} + path)[0]["body"]
      .get<std::string>();
  };
  EXPECT_THAT(sent("s1"), ::testing::StartsWith("id="));
  EXPECT_THAT(sent("s1"), ::testing::EndsWith("&a=b"));
  EXPECT_EQ(sent("s2"), "\"quoted\"");
  EXPECT_EQ(sent("s3"), "\"quoted\"");
}

} // namespace handoff::support

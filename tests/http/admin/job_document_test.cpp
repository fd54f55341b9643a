#include "config/flow_loader.hpp"
#include "http/admin/job_document.hpp"
#include "http/admin/request_document.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;

/// An attempt that began so long after the webhook had come.
attempt made(std::uint32_t number, std::chrono::milliseconds after,
             std::chrono::milliseconds waited,
             std::chrono::milliseconds duration) {
  attempt one;
  one.number = number;
  one.started = wall_time{100s + after};
  one.waited = waited;
  one.duration = duration;
  one.ended = true;
  return one;
}

job answered(std::vector<attempt> clone) {
  job record;
  record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.hook.received = wall_time{100s};
  record.deadline = wall_time{109s + 500ms};
  record.clone.attempts = std::move(clone);
  record.reply = reply_record{wall_time{106s + 600ms}, 200, true};
  return record;
}

TEST(JobDocumentTest, TellsWhatTheBudgetWentInto) {
  const auto reply =
    job_document(answered({made(1, 20ms, 30ms, 2s), made(2, 3s, 0ms, 3s)}))
      .at("reply");
  EXPECT_EQ(reply.at("after_ms"), 6600);
  EXPECT_EQ(reply.at("limit_ms"), 9500);
  EXPECT_EQ(reply.at("clone_ms"), 5000);
}

TEST(JobDocumentTest, CountsOfACloneOnlyWhatWasBeforeTheReply) {
  const auto clone_ms = [](std::vector<attempt> clone) {
    return job_document(answered(std::move(clone))).at("reply").at("clone_ms");
  };
  EXPECT_EQ(clone_ms({}), 0);
  EXPECT_EQ(clone_ms({made(1, 1s, 0ms, 20s)}), 5600);
  EXPECT_EQ(clone_ms({made(1, 1s, 0ms, 1s), made(2, 8s, 0ms, 1s)}), 1000);
  auto open = made(1, 1s, 0ms, 0s);
  open.ended = false;
  EXPECT_EQ(clone_ms({made(1, 1s, 0ms, 1s), open}), nullptr);
}

TEST(JobDocumentTest, TellsHowLongAnAttemptWaited) {
  auto open = made(2, 3s, 0ms, 0s);
  open.ended = false;
  const auto attempts = job_document(answered({made(1, 20ms, 30ms, 2s), open}))
                          .at("clone")
                          .at("attempts");
  EXPECT_EQ(attempts.at(0).at("waiting_ms"), 30);
  EXPECT_EQ(attempts.at(0).at("duration_ms"), 2000);
  EXPECT_EQ(attempts.at(1).at("waiting_ms"), nullptr);
  EXPECT_NE(attempts.at(0).at("span_id"), attempts.at(1).at("span_id"));
}

inquiry poll(std::uint32_t number, const std::string& finding) {
  inquiry made{"poll", {}, {}, finding};
  made.last.number = number;
  made.last.http_status = 200;
  return made;
}

TEST(JobDocumentTest, ShowsWhatWasAskedBesideItsAttempts) {
  auto record = answered({});
  record.clone.inquiries = {poll(3, "not-yet")};
  const auto shown = [&](const std::vector<step_inquiry>& open) {
    return job_document(record, {}, {}, open).at("clone").at("inquiries").at(0);
  };
  EXPECT_EQ(shown({}).at("name"), "poll");
  EXPECT_EQ(shown({}).at("count"), 3);
  EXPECT_EQ(shown({}).at("finding"), "not-yet");
  // What is in memory is newer than what was journaled, or the same.
  EXPECT_EQ(shown({{std::nullopt, poll(9, "gone")}}).at("count"), 9);
  EXPECT_EQ(shown({{std::nullopt, poll(2, "gone")}}).at("count"), 3);
}

TEST(JobDocumentTest, ShowsTheBodyAsItsBytesCame) {
  auto record = answered({});
  record.hook.body =
    webhook_body{"{ \"b\" : 1.50,\n  \"a\" : 12345678901234567890123,"
                 " \"password\" : \"pw\", \"c\": \"state-secret\" }"};
  const auto request =
    job_document(record, {}, {{"state-secret", {}, false}}).at("request");
  EXPECT_EQ(request.at("raw"),
            "{ \"b\" : 1.50,\n  \"a\" : 12345678901234567890123,"
            " \"password\" : \"***\", \"c\": \"***\" }");
  EXPECT_FALSE(request.contains("truncated"));
}

TEST(JobDocumentTest, ShowsAFormAndWhatIsNoTextAsTheyCame) {
  auto record = answered({});
  record.hook.body =
    webhook_body{"b=1&token=t&a=%C3%A4+x\xff", body_format{true, {}}};
  EXPECT_EQ(job_document(record).at("request").at("raw"),
            "b=1&token=***&a=%C3%A4+x\xef\xbf\xbd");
}

TEST(JobDocumentTest, CutsAVeryLongBody) {
  auto record = answered({});
  record.hook.body = webhook_body::of(std::string(100'000, 'x'));
  const auto request = job_document(record).at("request");
  EXPECT_EQ(request.at("raw").get<std::string>().size(), 64u * 1024);
  EXPECT_EQ(request.at("truncated"), true);
}

TEST(JobDocumentTest, HasNoReplyBeforeThereIsOne) {
  auto record = answered({});
  record.reply.reset();
  EXPECT_EQ(job_document(record).at("reply"), nullptr);
}

TEST(JobDocumentTest, MasksWhatProvesASenderWhereverTheWebhookHasIt) {
  auto record = answered({});
  record.hook.headers = {{"X-State", "state-secret"}, {"X-Other", "shown"}};
  record.hook.query = {{"s", "state-secret"}};
  record.hook.body = webhook_body::of(
    {{"value", {{{"clientState", "state-secret"}, {"id", "shown"}}}}});
  const auto request =
    job_document(record, {}, {{"state-secret", {}, false}}).at("request");
  EXPECT_EQ(request.dump().find("state-secret"), std::string::npos);
  EXPECT_EQ(request.at("body").at("value").at(0).at("clientState"), "***");
  EXPECT_EQ(request.at("body").at("value").at(0).at("id"), "shown");
}

TEST(JobDocumentTest, MasksACredentialThatTheFlowSendsOnUnderAnotherName) {
  const auto loaded = read_flow(
    nlohmann::json::parse(R"({"name": "a", "clone": {"uid": "/id", "request":
      {"method": "POST", "url": "http://a/?x={{query/access_token}}",
       "headers": {"X-Acme": "{{header/X-Api-Key}}"},
       "body": {"key": "{{header/X-Api-Key}}", "name": "{{header/X-Name}}"}}}})"),
    {}, "a.json");
  ASSERT_TRUE(loaded.errors.empty());
  auto record = answered({});
  record.hook.headers = {{"X-Api-Key", "key-of-sender"}, {"X-Name", "shown"}};
  record.hook.query = {{"access_token", "token-of-sender"}};
  auto document = job_document(record);
  add_requests(document, record, *loaded.flow,
               [](const std::string&) { return nullptr; });
  const auto request = document.at("clone").at("request").dump();
  EXPECT_EQ(request.find("key-of-sender"), std::string::npos) << request;
  EXPECT_EQ(request.find("token-of-sender"), std::string::npos) << request;
  EXPECT_NE(request.find("shown"), std::string::npos) << request;
}

} // namespace
} // namespace handoff

// Which webhooks get past the endpoint, and what of them goes on: the order
// that the root supervisor would get is taken in its place.

#include "http/admin/job_document.hpp"
#include "job/allocation.hpp"
#include "job/standard_webhook.hpp"
#include "tests/http/ingress/ingress_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace handoff::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class IngressTest : public ingress_fixture {};

TEST_F(IngressTest, AsksForTheTokenBeforeItLooksAtTheBody) {
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}});
  for (const auto& fields :
       {headers{}, headers{{"Authorization", "Bearer hunter3"}}}) {
    const auto answer = post(fields, "no JSON");
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(json::parse(answer.body)["type"], "/problems/unauthorized");
    const auto* challenge = find_header(answer.headers, "WWW-Authenticate");
    ASSERT_NE(challenge, nullptr);
    EXPECT_EQ(*challenge, "Bearer");
  }
  EXPECT_EQ(post({{"Authorization", "Bearer hunter2"}}, "no JSON").status, 400);
  EXPECT_EQ(options_.admission->held.taken(), 0u);
  EXPECT_THAT(*taken_, IsEmpty());
  EXPECT_EQ(post({{"Authorization", "Bearer hunter2"}}).status, 0);
  EXPECT_THAT(*taken_, SizeIs(1));
}

TEST_F(IngressTest, ChecksTheBytesAsTheyCame) {
  load({{"verify", {{"scheme", "github"}, {"secret", "s"}}}});
  // Parsed and written again, it would be another text.
  const std::string body = "{ \"b\":1.0,\n\"a\":\"\\u00e4\" }";
  const auto mac = hmac_sha256("s", body).value();
  std::string hex;
  for (const unsigned char each : mac) {
    hex += "0123456789abcdef"[each >> 4];
    hex += "0123456789abcdef"[each & 15];
  }
  EXPECT_EQ(post({{"X-Hub-Signature-256", "sha256=" + hex}}, body).status, 0);
  const auto answer =
    post({{"X-Hub-Signature-256", "sha256=" + hex}}, body + " ");
  EXPECT_EQ(answer.status, 401);
  ASSERT_NE(find_header(answer.headers, "WWW-Authenticate"), nullptr);
  EXPECT_EQ(*find_header(answer.headers, "WWW-Authenticate"),
            "Signature realm=\"setup\"");
  EXPECT_THAT(answer.body, HasSubstr("signature does not match"));
}

TEST_F(IngressTest, GivesOnNoCredentialOfTheSender) {
  load({{"verify",
         {{"scheme", "hmac-sha256"},
          {"secret", "s"},
          {"header", "X-Acme-Mac"},
          {"encoding", "base64"}}}});
  const auto mac = "FDyo1Re6GxgQJdcysc8nXZAQT8pXuwKlZVQpeKoYxLY=";
  post({{"x-acme-mac", mac},
        {"AUTHORIZATION", "Basic a"},
        {"Proxy-Authorization", "Basic b"},
        {"cookie", "c=d"},
        {"X-Hub-Signature", "sha1=e"},
        {"X-Gitlab-Token", "f"},
        {"X-Client-Secret", "g"},
        {"Api-Key", "h"},
        {"X-Request-Id", "i"},
        {"webhook-id", "j"},
        {"Idempotency-Key", "k"}},
       "{}", "access_token=l&page=m");
  if (taken_->empty())
    FAIL() << "the signature of the test is wrong";
  for (const auto* name :
       {"x-acme-mac", "Authorization", "Proxy-Authorization", "Cookie",
        "X-Hub-Signature", "X-Gitlab-Token", "X-Client-Secret", "Api-Key"})
    EXPECT_EQ(kept(name), "***") << name;
  EXPECT_EQ(kept("X-Request-Id"), "i");
  EXPECT_EQ(kept("webhook-id"), "j");
  EXPECT_EQ(kept("Idempotency-Key"), "k");
  EXPECT_EQ(hook_of_order().query,
            (std::vector<std::pair<std::string, std::string>>{
              {"access_token", "***"}, {"page", "m"}}));
}

TEST_F(IngressTest, GivesOnCredentialsThatTheFlowRefersTo) {
  load({{"clone",
         {{"request",
           {{"url", "http://127.0.0.1:9/?t={{query/token}}"},
            {"headers", {{"Authorization", "{{header/authorization}}"}}}}}}}});
  post({{"Authorization", "Bearer for-upstream"}, {"X-Token", "x"}}, "{}",
       "token=q&Token=r");
  EXPECT_EQ(kept("Authorization"), "Bearer for-upstream");
  EXPECT_EQ(kept("X-Token"), "***");
  EXPECT_EQ(hook_of_order().query,
            (std::vector<std::pair<std::string, std::string>>{
              {"token", "q"}, {"Token", "***"}}));
  // Not even those are shown.
  EXPECT_THAT(job_document(taken_->at(0)->record).dump(),
              ::testing::Not(HasSubstr("for-upstream")));
}

TEST_F(IngressTest, OffersTheWebhookIdAsIdempotencyKey) {
  load({{"verify", {{"scheme", "standard-webhooks"}, {"secret", "czNjcmV0"}}},
        {"idempotency", {{"key", "{{header/webhook-id}}"}}}});
  const auto now = std::chrono::system_clock::now();
  const auto signature =
    std::get<std::string>(sign_standard_webhook("czNjcmV0", "m-1", now, "{}"));
  const auto seconds =
    std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  post({{"Webhook-Id", "m-1"},
        {"Webhook-Timestamp", std::to_string(seconds.count())},
        {"Webhook-Signature", signature}});
  const auto& order = *taken_->at(0);
  template_context context;
  context.hook = &order.record.hook;
  EXPECT_EQ(std::get<std::string>(order.definition->idempotency_key.render(
              context, template_place::text)),
            "m-1");
  EXPECT_EQ(kept("Webhook-Signature"), "***");
}

TEST_F(IngressTest, RefusesWhatThereIsNoRoomForBeforeItAsksWhoSentIt) {
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}});
  options_.admission = std::make_shared<admission_counts>(1);
  auto taken = options_.admission->held.take();
  const auto answer = post({}, "no JSON");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(find_header(answer.headers, "Retry-After"), nullptr);
  EXPECT_THAT(answer.body, HasSubstr("max-held"));
  taken->leave();
  EXPECT_EQ(post({}, "no JSON").status, 401);
  EXPECT_EQ(options_.admission->held.taken(), 0u)
    << "an unknown sender has no place";
}

TEST_F(IngressTest, RefusesACodingThatItDoesNotKnow) {
  load(json::object());
  EXPECT_EQ(post({{"Content-Encoding", "br"}}).status, 400);
  EXPECT_EQ(post({{"Content-Encoding", "gzip"}}).status, 400) << "it is none";
  EXPECT_THAT(*taken_, IsEmpty());
  EXPECT_EQ(post({{"Content-Encoding", "identity"}}).status, 0);
}

TEST_F(IngressTest, KeepsWhatBecameNoJobForOperators) {
  options_.log = std::make_shared<webhook_log>();
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}});
  const headers known{{"Authorization", "Bearer hunter2"},
                      {"X-Forwarded-For", "198.51.100.1, 203.0.113.7"}};
  post({{"Authorization", "Bearer hunter3"}}, R"({"token":"t"})");
  post(known, "no JSON");
  EXPECT_EQ(post(known).status, 0);
  const auto seen = options_.log->document({}).at("webhooks");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[0].at("outcome"), "malformed");
  EXPECT_EQ(seen[0].at("remote"), "203.0.113.7");
  EXPECT_EQ(seen[0].at("status"), 400);
  EXPECT_EQ(seen[0].at("body"), "no JSON");
  EXPECT_EQ(seen[1].at("outcome"), "bad-signature");
  EXPECT_EQ(seen[1].at("body"), R"({"token":"***"})");
  EXPECT_THAT(seen.dump(), ::testing::Not(HasSubstr("hunter")));
}

// Nothing may be made of a webhook whose sender gave up before it was there.
TEST_F(IngressTest, RefusesAWebhookThatCameOnlyAfterItsDeadline) {
  options_.log = std::make_shared<webhook_log>();
  load({{"deadline", {{"limit", "2s"}}}});
  took_to_come_ = std::chrono::seconds{3};
  const auto answer = post({});
  EXPECT_EQ(answer.status, 408);
  EXPECT_THAT(answer.body, HasSubstr("only after its deadline"));
  EXPECT_THAT(*taken_, ::testing::IsEmpty());
  const auto seen = options_.log->document({}).at("webhooks");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].at("outcome"), "refused");
  took_to_come_ = {};
  EXPECT_EQ(post({}).status, 0);
}

TEST_F(IngressTest, KeepsWhatTheFrontDoorRefusedForOperators) {
  options_.log = std::make_shared<webhook_log>();
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}});
  const auto told = ingress(options_).refused;
  http_request request;
  request.method = "POST";
  request.headers = {{"Authorization", "Bearer hunter2"},
                     {"X-Forwarded-For", "203.0.113.7"}};
  request.arrived = std::chrono::steady_clock::now();
  for (const auto* path :
       {"/hooks/setup/jobs/1", "/", "/hooks/other", "/hooks/setup"}) {
    request.path = path;
    told(request, {error_kind::payload_too_large, "The body is too large."});
  }
  const auto seen = options_.log->document({}).at("webhooks");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[0].at("flow"), "setup");
  EXPECT_EQ(seen[0].at("outcome"), "refused");
  EXPECT_EQ(seen[0].at("status"), 413);
  EXPECT_EQ(seen[0].at("detail"), "The body is too large.");
  EXPECT_EQ(seen[0].at("remote"), "203.0.113.7");
  EXPECT_EQ(seen[0].at("body"), "");
  EXPECT_EQ(seen[1].at("flow"), "") << "there is no such flow";
  EXPECT_THAT(seen.dump(), ::testing::Not(HasSubstr("hunter")));
}

TEST_F(IngressTest, ChargesAWebhookForItsMemoryAsLongAsItsBodyIsKept) {
  load({{"idempotency", {{"key", "{{body/a}}"}}}});
  limit(10, 1'000'000);
  const auto body =
    "{\"a\": \"b\", \"c\": \"" + std::string(20'000, 'x') + "\"}";
  EXPECT_EQ(post({}, body).status, 0);
  ASSERT_THAT(*taken_, SizeIs(1));
  const auto charged = options_.admission->bytes.taken();
  EXPECT_GT(charged, body.size() + job_overhead_bytes);
  EXPECT_LT(charged,
            allocated_for(body.size() + 1) + job_overhead_bytes + 2'000)
    << "what is not referred to is text";
  EXPECT_EQ(hook_of_order().body.bytes(), body);
  EXPECT_EQ(*hook_of_order().parts, (json{{"a", "b"}}));
  taken_->clear();
  EXPECT_EQ(options_.admission->bytes.taken(), 0u);
}

TEST_F(IngressTest, KeepsOnlyTheTextOfALargeBody) {
  load({{"idempotency", {{"key", "{{body}}"}}}});
  const auto body = "\"" + std::string(30'000, 'x') + '"';
  EXPECT_EQ(post({}, body).status, 0);
  EXPECT_EQ(hook_of_order().parts, nullptr);
  EXPECT_EQ(hook_of_order().body.bytes(), body);
}

TEST_F(IngressTest, RefusesWhatItHasNoMemoryForBeforeItIsLookedAt) {
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}});
  limit(10, 60'000);
  const auto answer =
    post({{"Authorization", "Bearer hunter2"}}, std::string(20'000, '['));
  EXPECT_EQ(answer.status, 503);
  ASSERT_NE(find_header(answer.headers, "Retry-After"), nullptr);
  EXPECT_THAT(answer.body, HasSubstr("max-bytes"));
  EXPECT_EQ(post({{"Authorization", "Bearer hunter2"}}, "[").status, 400);
  EXPECT_EQ(options_.admission->bytes.taken(), 0u);
}

TEST_F(IngressTest, ReadsFormsWhereTheFlowSaysSo) {
  load({{"input", {{"type", "auto"}}},
        {"idempotency", {{"key", "{{body/text}}"}}}});
  EXPECT_EQ(post({{"Content-Type", "application/x-www-form-urlencoded"}},
                 "text=a+b&user=c")
              .status,
            0);
  EXPECT_EQ(*hook_of_order().parts, (json{{"text", "a b"}, {"user", "c"}}));
  EXPECT_TRUE(hook_of_order().body.format().is_form);
  taken_->clear();
  EXPECT_EQ(
    post({{"Content-Type", "application/json"}}, R"({"text":"x"})").status, 0);
  EXPECT_EQ(*hook_of_order().parts, (json{{"text", "x"}}));
  EXPECT_EQ(post({{"Content-Type", "application/x-www-form-urlencoded"}},
                 R"({"text":"x"})")
              .status,
            400);
  load({{"input", {{"type", "form"}}}});
  EXPECT_EQ(post({{"Content-Type", "application/json"}}, "{}").status, 400);
}

TEST_F(IngressTest, AnswersHandshakesAndWhatIsNotWanted) {
  options_.log = std::make_shared<webhook_log>();
  const json hello{{"verified", false},
                   {"when", {{"value", "{{body/type}}"}, {"is", "hello"}}},
                   {"reply", {{"text", "{{body/challenge}}"}}}};
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}},
        {"handshake", json::array({hello})},
        {"when", {{"value", "{{body/type}}"}, {"is", "wanted"}}}});
  const headers known{{"Authorization", "Bearer hunter2"}};
  EXPECT_EQ(post({}, R"({"type":"hello","challenge":"c"})").body, "c");
  EXPECT_EQ(post(known, R"({"type":"hello","challenge":"c"})").body, "c");
  EXPECT_EQ(post({}, R"({"type":"wanted"})").status, 401);
  EXPECT_THAT(post(known, R"({"type":"other"})").body, HasSubstr("ignored"));
  EXPECT_THAT(*taken_, IsEmpty());
  EXPECT_EQ(post(known, R"({"type":"wanted"})").status, 0);
  EXPECT_THAT(*taken_, SizeIs(1));
  const auto seen = options_.log->document({}).at("webhooks");
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].at("outcome"), "ignored");
  EXPECT_EQ(seen[1].at("outcome"), "bad-signature");
  EXPECT_EQ(seen[2].at("outcome"), "handshake");
}

TEST_F(IngressTest, TellsMethodsThatNoRuleNamesFromRulesThatDoNotHold) {
  const json rule{{"method", "GET"},
                  {"verified", false},
                  {"when", {{"value", "{{query/t}}"}, {"is", "secret"}}},
                  {"reply", {{"text", "{{query/c}}"}}}};
  options_.log = std::make_shared<webhook_log>();
  load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}},
        {"handshake", json::array({rule})}});
  const auto answer = ask("GET", "t=secret&c=%3Cb%3E");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "<b>");
  EXPECT_EQ(*find_header(answer.headers, "Content-Type"),
            "text/plain; charset=utf-8");
  EXPECT_EQ(*find_header(answer.headers, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(ask("GET", "t=other&c=x").status, 404);
  const auto other = ask("PUT", "t=secret&c=x");
  EXPECT_EQ(other.status, 405);
  EXPECT_EQ(*find_header(other.headers, "Allow"), "POST, GET");
  EXPECT_THAT(other.body, HasSubstr("allowed here: POST, GET"));
  // Nothing is wrong with the requests: the flow does not take them.
  const auto seen = options_.log->document({}).at("webhooks");
  EXPECT_EQ(seen.at(0).at("status"), 405);
  EXPECT_EQ(seen.at(0).at("outcome"), "refused");
  EXPECT_EQ(seen.at(1).at("status"), 404);
  EXPECT_EQ(seen.at(1).at("outcome"), "refused");
  EXPECT_EQ(post({}).status, 401);
  EXPECT_THAT(*taken_, IsEmpty());
}

TEST_F(IngressTest, DecodesMembersAndRefusesWhatDoesNotDecode) {
  const auto decoded = [this](const char* as, const json& value) {
    load({{"input", {{"decode", {{{"at", "/m/data"}, {"as", as}}}}}},
          {"idempotency", {{"key", "{{body/m/data/id}}"}}}});
    taken_->clear();
    const auto status = post({}, json{{"m", {{"data", value}}}}.dump()).status;
    return status != 0 ? std::to_string(status)
                       : taken_->at(0)->record.claim->key;
  };
  EXPECT_EQ(decoded("json", R"({"id":"k"})"), "k");
  EXPECT_EQ(decoded("base64-json", "eyJpZCI6ImsifQ=="), "k");
  EXPECT_EQ(decoded("json", 7), "400");
  EXPECT_EQ(decoded("json", "no JSON"), "400");
  EXPECT_EQ(decoded("base64-json", "e"), "400");
  EXPECT_EQ(decoded("base64-json", "bm8gSlNPTg=="), "400");
  taken_->clear();
  EXPECT_EQ(post({}, R"({"m":{}})").status, 0) << "it is left alone";
}

TEST_F(IngressTest, MakesArraysOfRepeatedFieldsAndKeepsBrackets) {
  load({{"input", {{"type", "form"}}}});
  EXPECT_EQ(post({}, "a=1&a=2&b%5B0%5D=x+y&c").status, 0);
  EXPECT_EQ(std::get<json>(hook_of_order().body.read()),
            (json{{"a", {"1", "2"}}, {"b[0]", "x y"}, {"c", ""}}));
  EXPECT_EQ(post({}, "a=%zz").status, 400);
  EXPECT_EQ(post({}, "a=%ff").status, 400) << "no UTF-8";
}

} // namespace
} // namespace handoff::test

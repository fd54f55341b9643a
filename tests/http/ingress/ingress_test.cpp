// Which webhooks get past the endpoint, and what of them goes on: the order
// that the root supervisor would get is taken in its place.

#include "config/flow_loader.hpp"
#include "http/admin/job_document.hpp"
#include "http/ingress/ingress.hpp"
#include "job/standard_webhook.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using orders = std::vector<clone_order_ptr>;

intake_actor::behavior_type order_taker(intake_actor::pointer,
                                        std::shared_ptr<orders> taken) {
  return {
    [taken](const clone_order_ptr& order) { taken->push_back(order); },
    [](again_atom, const clone_order_ptr&) {},
  };
}

class kept_answer : public responder {
public:
  bool answer(reply what) override {
    given.push_back(std::move(what));
    return true;
  }

  void answer_by(time_point, reply) override {}

  void on_outcome(std::function<void(const reply_outcome&)>) override {}

  std::vector<reply> given;
};

class IngressTest : public ::testing::Test {
protected:
  IngressTest() {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    options_.admission = std::make_shared<admission_counts>();
    options_.draining = std::make_shared<std::atomic<bool>>(false);
    options_.intake = system_->spawn(order_taker, taken_);
  }

  ~IngressTest() override {
    caf::anon_send_exit(options_.intake, caf::exit_reason::user_shutdown);
    run();
    options_.intake = nullptr;
  }

  /// The flow is called "setup"; `more` is merged into it.
  void load(json more) {
    json definition{
      {"name", "setup"},
      {"clone",
       {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
        {"uid", "/id"}}}};
    definition.merge_patch(more);
    auto loaded = read_flow(definition, flow_defaults{}, "setup.json");
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << each.what;
    options_.flows = std::make_shared<flow_registry>(
      flows_in_force{flow_set{{"setup", loaded.flow}}});
  }

  /// The answer; status 0 where an order was given instead.
  reply post(headers fields, std::string body = "{}", std::string query = "") {
    const auto responder = std::make_shared<kept_answer>();
    http_request request;
    request.method = "POST";
    request.path = "/hooks/setup";
    request.query = std::move(query);
    request.headers = std::move(fields);
    request.body = std::move(body);
    request.arrived = std::chrono::steady_clock::now();
    ingress(options_)(std::move(request), responder);
    run();
    return responder->given.empty() ? reply{0, {}, {}}
                                    : responder->given.front();
  }

  const webhook& hook_of_order() {
    EXPECT_THAT(*taken_, SizeIs(1));
    return taken_->at(0)->record.hook;
  }

  std::string kept(std::string_view field) {
    const auto* found = find_header(hook_of_order().headers, field);
    return found != nullptr ? *found : "none";
  }

  std::shared_ptr<orders> taken_ = std::make_shared<orders>();
  ingress_options options_;

private:
  void run() {
    dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler()).run();
  }

  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
};

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

} // namespace
} // namespace handoff::test

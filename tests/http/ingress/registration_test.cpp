// Goal: a flow that names its sender can be registered there. Method: for each
// preset with a handshake, the request by which that sender asks whether the
// endpoint is the right one, and what it takes for a yes.

#include "http/ingress/signer.hpp"
#include "job/base64.hpp"
#include "job/hex.hpp"
#include "tests/http/ingress/ingress_fixture.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace handoff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* secret = "8f742231b10e8888abcd99yyyzzz85a5";

std::string hmac_sha256(std::string_view text) {
  unsigned char made[32];
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), secret, static_cast<int>(std::strlen(secret)),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), made,
         &size);
  return {reinterpret_cast<const char*>(made), size};
}

class RegistrationTest : public ingress_fixture {
protected:
  RegistrationTest() {
    options_.shown = std::make_shared<shown_values>(
      [] { return std::chrono::system_clock::now(); });
  }

  void name_sender(const char* name, json more = json::object()) {
    json of{{"name", name}, {"secret", secret}};
    of.merge_patch(more);
    load({{"sender", of}});
  }

  /// Signed as the flow's sender signs.
  reply post_signed(const std::string& body, headers fields = {}) {
    signed_request request;
    request.path = "/hooks/setup";
    request.body = body;
    request.fields = std::move(fields);
    const auto flow = options_.flows->current()->at("setup");
    const auto failed =
      sign(flow->verify, request, std::chrono::system_clock::now(), "setup");
    EXPECT_FALSE(failed) << failed->detail;
    return ask("POST", request.query, request.fields, request.body);
  }

  static std::string type_of(const reply& answer) {
    const auto* type = find_header(answer.headers, "Content-Type");
    return type != nullptr ? *type : "none";
  }
};

TEST_F(RegistrationTest, AnswersSlack) {
  name_sender("slack-events");
  const json question{
    {"token", "Jhj5dZrVaK7ZwHHjRyZWjbDl"},
    {"challenge", "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvF"},
    {"type", "url_verification"}};
  const auto answer = post_signed(question.dump());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body)["challenge"], question["challenge"]);
  EXPECT_EQ(ask("POST", "", {}, question.dump()).status, 401);
  EXPECT_THAT(*taken_, IsEmpty());
  const json event{{"type", "event_callback"}, {"event_id", "Ev1"}};
  EXPECT_EQ(post_signed(event.dump()).status, 0);
  EXPECT_EQ(taken_->at(0)->record.claim->key, "Ev1");
}

TEST_F(RegistrationTest, AnswersMonday) {
  load({{"sender", {{"name", "monday"}}}});
  const auto answer = ask("POST", "", {}, R"({"challenge":"3eZbrw1a-Bm2_r"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), (json{{"challenge", "3eZbrw1a-Bm2_r"}}));
  EXPECT_THAT(*taken_, IsEmpty());
}

TEST_F(RegistrationTest, AnswersZoomWithTheHmacOfItsToken) {
  name_sender("zoom");
  const auto answer_to = [this](const std::string& token) {
    return ask("POST", "", {},
               json{{"payload", {{"plainToken", token}}},
                    {"event_ts", 1654503849680},
                    {"event", "endpoint.url_validation"}}
                 .dump());
  };
  const std::string token = "qgg8vlvZRS6UYooatFL8Aw";
  const auto answer = answer_to(token);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body),
            (json{{"plainToken", token},
                  {"encryptedToken", encode_hex(hmac_sha256(token))}}));
  EXPECT_EQ(answer_to(std::string(256, 'a')).status, 200);
  EXPECT_EQ(answer_to(std::string(257, 'a')).status, 400);
  EXPECT_EQ(answer_to("v0:1654503849:{}").status, 400)
    << "nobody has a webhook signed";
}

TEST_F(RegistrationTest, SignsNoWebhookForAnybody) {
  load({{"verify",
         {{"scheme", "hmac"},
          {"secret", secret},
          {"signature", "{{header/X-Signature}}"}}},
        {"handshake",
         {{{"verified", false},
           {"when", {{"value", "{{body/token}}"}, {"exists", true}}},
           {"reply", {{"text", "{{hmac/body/token}}"}}}},
          {{"method", "GET"}, {"reply", {{"text", "of the sender"}}}}}}});
  const auto mac_of = [this](const std::string& word) {
    return ask("POST", "", {}, json{{"token", word}}.dump());
  };
  for (const std::string word : {"12345", "1e5", "true", "null"}) {
    EXPECT_EQ(mac_of(word).status, 400) << word;
    // As it is, whose signature it would be.
    EXPECT_EQ(
      post({{"X-Signature", encode_hex(hmac_sha256(word))}}, word).status, 0);
  }
  EXPECT_EQ(mac_of("").status, 400);
  EXPECT_EQ(ask("GET", "", {{"X-Signature", encode_hex(hmac_sha256(""))}}).body,
            "of the sender");
  const auto answer = mac_of("qgg8vlvZRS6UYooatFL8Aw");
  EXPECT_EQ(answer.body, encode_hex(hmac_sha256("qgg8vlvZRS6UYooatFL8Aw")));
  EXPECT_EQ(
    post({{"X-Signature", answer.body}}, "qgg8vlvZRS6UYooatFL8Aw").status, 400);
}

TEST_F(RegistrationTest, AnswersMetaOnlyWithItsToken) {
  name_sender("meta", {{"with", {{"verify_token", "meatyhamhock"}}}});
  const std::string question = "hub.mode=subscribe&hub.challenge=1158201444";
  const auto answer = ask("GET", question + "&hub.verify_token=meatyhamhock");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "1158201444");
  EXPECT_EQ(type_of(answer), "text/plain; charset=utf-8");
  EXPECT_EQ(ask("GET", question + "&hub.verify_token=other").status, 404);
  EXPECT_EQ(ask("GET", question).status, 404);
  const auto other = ask("DELETE", "");
  EXPECT_EQ(other.status, 405);
  EXPECT_EQ(*find_header(other.headers, "Allow"), "POST, GET");
}

TEST_F(RegistrationTest, AnswersMicrosoftGraph) {
  name_sender("microsoft-graph");
  const auto answer = ask(
    "POST", "validationToken=Validation%3A+Testing+client+%3Ca%3E",
    {{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Length", "0"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "Validation: Testing client <a>");
  EXPECT_EQ(type_of(answer), "text/plain; charset=utf-8");
  EXPECT_EQ(*find_header(answer.headers, "X-Content-Type-Options"), "nosniff");
}

TEST_F(RegistrationTest, AnswersDropbox) {
  name_sender("dropbox");
  const auto answer = ask("GET", "challenge=abc123");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "abc123");
  EXPECT_EQ(type_of(answer), "text/plain; charset=utf-8");
  EXPECT_EQ(*find_header(answer.headers, "X-Content-Type-Options"), "nosniff");
}

TEST_F(RegistrationTest, AnswersTrello) {
  name_sender("trello");
  EXPECT_EQ(ask("HEAD", "").status, 200);
  EXPECT_EQ(ask("GET", "").status, 405);
  EXPECT_EQ(post_signed(R"({"action":{"id":"a"}})").status, 0);
}

TEST_F(RegistrationTest, TakesTheSecretOfAsanaOnlyByItsHandshake) {
  load({{"sender", {{"name", "asana"}}}});
  const auto answer = ask(
    "POST", "", {{"X-Hook-Secret", "b537207f20cbfa02357cf448134da559"}}, "{}");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(*find_header(answer.headers, "X-Hook-Secret"),
            "b537207f20cbfa02357cf448134da559");
  const auto shown = options_.shown->of("setup");
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0]["value"], "b537207f20cbfa02357cf448134da559");
  const std::string events = R"({"events":[]})";
  EXPECT_EQ(ask("POST", "",
                {{"X-Hook-Signature", encode_hex(hmac_sha256(events))}}, events)
              .status,
            401)
    << "the secret is not known yet";
  name_sender("asana");
  EXPECT_EQ(ask("POST", "",
                {{"X-Hook-Signature", encode_hex(hmac_sha256(events))}}, events)
              .status,
            0);
}

TEST_F(RegistrationTest, AnswersSmartsheet) {
  load({{"sender", {{"name", "smartsheet"}}}});
  const std::string challenge = "d78dd1d3-01ce-4481-81de-92b4f3aa5ab1";
  const auto answer =
    ask("POST", "", {{"Smartsheet-Hook-Challenge", challenge}},
        json{{"challenge", challenge}, {"webhookId", 5}}.dump());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body),
            (json{{"smartsheetHookResponse", challenge}}));
}

TEST_F(RegistrationTest, StartsAJobForWhatIsWantedOfGitHubOnly) {
  load({{"sender", {{"name", "github"}, {"secret", secret}}},
        {"when", {{"value", "{{body/action}}"}, {"is", "opened"}}}});
  EXPECT_EQ(post_signed(R"({"zen":"Design for failure."})",
                        {{"X-GitHub-Event", "ping"}})
              .status,
            200);
  const headers issue{{"X-GitHub-Event", "issues"},
                      {"X-GitHub-Delivery", "72d3162e"}};
  const auto closed = post_signed(R"({"action":"closed"})", issue);
  EXPECT_EQ(closed.status, 200);
  EXPECT_EQ(json::parse(closed.body), (json{{"status", "ignored"}}));
  EXPECT_THAT(*taken_, IsEmpty());
  EXPECT_EQ(post_signed(R"({"action":"opened"})", issue).status, 0);
  EXPECT_THAT(*taken_, SizeIs(1));
}

} // namespace
} // namespace handoff::test

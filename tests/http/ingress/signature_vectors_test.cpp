// Goal: what senders sign is taken, and nothing else. Method: published vectors
// (each row names its source; "computed" ones were made with Python's hmac and
// cryptography modules), as they are, with each kind of byte changed, and
// stale.

#include "config/verify_reader.hpp"
#include "http/ingress/verifier.hpp"
#include "job/hex.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdint>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using ::testing::HasSubstr;

struct vector_row {
  std::string name;
  json verify;
  std::string public_url = {};
  std::string path = "/hooks/setup";
  std::string query = {};
  headers fields = {};
  std::string body = {};
  /// Seconds since 1970 at which it was sent.
  std::int64_t sent = 1'700'000'000;
  /// Whether another body makes it another request.
  bool covers_body = true;
};

const std::string slack_body =
  "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
  "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name="
  "roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
  "hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
  "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
  "803a0bc887a14d10d2c447fce8b6703c";

const json twilio{{"scheme", "hmac"},
                  {"secret", "12345"},
                  {"algorithm", "sha1"},
                  {"signature", "{{header/X-Twilio-Signature}}"},
                  {"encoding", "base64"},
                  {"signed", "{{url}}{{form}}"},
                  {"digest", {{"value", "{{query/bodySHA256}}"}}}};

json hubspot_hash(const std::string& content) {
  return {{"scheme", "hash"},
          {"secret", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"},
          {"signature", "{{header/X-HubSpot-Signature}}"},
          {"signed", content}};
}

json key_rule(const std::string& algorithm, const std::string& form,
              const std::string& key, const std::string& encoding) {
  return {{"scheme", "public-key"},
          {"algorithm", algorithm},
          {"key", form},
          {"secret", key},
          {"encoding", encoding},
          {"signature", "{{header/X-Signature}}"},
          {"signed", "{{timestamp}}{{raw}}"},
          {"timestamp", {{"value", "{{header/X-Timestamp}}"}}}};
}

const std::string p256_key =
  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExyVnj7rcnK+v3eNTuLheFJomDQZT1WYUif0pf0"
  "FvE163kmt2o2btjiD5Cx2AHlx3sB3u0JdAyN5wuHmbeaY80g==";

const std::string rsa_key =
  "-----BEGIN PUBLIC KEY-----\n"
  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2jKkyldh2G4oz26zxNa8\n"
  "EAlZP9OFTReyVLHeZ1DdQbQqR4JMEeWqp+DpqmQYu5kNsLCcSamJlHsdn6Z9eh2l\n"
  "3Mm5qQH6IaCefrz0/dyVEOHVgTb/ev0T2rtFTdLQxbxqOMDVQFLk3/LfBqkX/Prj\n"
  "ZSPbik8aRgLVIGO+pyTJOKnHXYzzVuE4eXcqkNxdRxyy/8/TByECR8gt2mGnW9hX\n"
  "gYwUe4YMUnodL7+A1DmTjpUtY+8pQGgcL8b+Rq9GZt7tRBZzxFapVQWa5BYeuhaO\n"
  "w8NTc638Ea2pKhWACDSX97zTFNqN1WaDILBfZF6QHqhB9YYD9XXEY2H7X4+ZPz/2\n"
  "KQIDAQAB\n"
  "-----END PUBLIC KEY-----\n";

const std::string adyen_item = "body/notificationItems/0/"
                               "NotificationRequestItem";

std::vector<vector_row> vectors() {
  const std::string form_type = "application/x-www-form-urlencoded";
  return {
    // docs.slack.dev, "Verifying requests from Slack".
    {.name = "Slack",
     .verify = {{"scheme", "hmac"},
                {"secret", "8f742231b10e8888abcd99yyyzzz85a5"},
                {"signature", "{{header/X-Slack-Signature}}"},
                {"prefix", "v0="},
                {"signed", "v0:{{timestamp}}:{{raw}}"},
                {"timestamp",
                 {{"value", "{{header/X-Slack-Request-Timestamp}}"}}}},
     .fields = {{"Content-Type", form_type},
                {"X-Slack-Request-Timestamp", "1531420618"},
                {"X-Slack-Signature",
                 "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd275196"
                 "66489c69b503"}},
     .body = slack_body,
     .sent = 1'531'420'618},
    // twilio-node, spec/validation.spec.js.
    {.name = "Twilio, form",
     .verify = twilio,
     .public_url = "https://mycompany.com",
     .path = "/myapp.php",
     .query = "foo=1&bar=2",
     .fields = {{"Content-Type", form_type + "; charset=UTF-8"},
                {"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
     .body = "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309"
             "&Digits=1234&From=%2B14158675309"},
    {.name = "Twilio, several values",
     .verify = twilio,
     .public_url = "https://mycompany.com/",
     .path = "/myapp.php",
     .query = "foo=1&bar=2",
     .fields = {{"Content-Type", form_type},
                {"X-Twilio-Signature", "IK+Dwps556ElfBT0I3Rgjkr1wJU="}},
     .body = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234"},
    {.name = "Twilio, JSON",
     .verify = twilio,
     .public_url = "https://mycompany.com",
     .path = "/myapp.php",
     .query = "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283"
              "a80c7cf19632632f96e6620",
     .fields = {{"Content-Type", "application/json"},
                {"X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4="}},
     .body = R"({"property": "value", "boolean": true})"},
    // hubspot-api-nodejs, test/unit/signature.spec.ts.
    {.name = "HubSpot v1",
     .verify = hubspot_hash("{{secret}}{{raw}}"),
     .fields = {{"X-HubSpot-Signature",
                 "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f48"
                 "17de"}},
     .body =
       R"([{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}])"},
    {.name = "HubSpot v2",
     .verify = hubspot_hash("{{secret}}{{method}}{{url}}{{raw}}"),
     .public_url = "https://www.example.com",
     .path = "/webhook_uri",
     .fields = {{"X-HubSpot-Signature",
                 "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af"
                 "7900"}},
     .body = R"({"example_field":"example_value"})"},
    // Computed by the formula of the same SDK.
    {.name = "HubSpot v3",
     .verify = {{"scheme", "hmac"},
                {"secret", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"},
                {"signature", "{{header/X-HubSpot-Signature-v3}}"},
                {"encoding", "base64"},
                {"signed", "{{method}}{{url}}{{raw}}{{timestamp}}"},
                {"timestamp",
                 {{"value", "{{header/X-HubSpot-Request-Timestamp}}"},
                  {"unit", "ms"}}}},
     .public_url = "https://www.example.com",
     .path = "/webhook_uri",
     .fields = {{"X-HubSpot-Request-Timestamp", "1700000000000"},
                {"X-HubSpot-Signature-v3",
                 "rQEKkaNUiu+1qGF//O/pw4BCzstSqO1PyUnGICmf+7o="}},
     .body = R"({"example_field":"example_value"})"},
    // adyen-node-api-library, hmacValidator.spec.ts.
    {.name = "Adyen",
     .verify = {{"scheme", "hmac"},
                {"secret",
                 "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624"
                 "C8F6A3EAAB00"},
                {"key", "hex"},
                {"encoding", "base64"},
                {"signature",
                 "{{" + adyen_item + "/additionalData/hmacSignature}}"},
                {"signed", "{{" + adyen_item + "/pspReference}}:{{" + adyen_item
                             + "/originalReference ?? \"\"}}:{{" + adyen_item
                             + "/merchantAccountCode}}:{{" + adyen_item
                             + "/merchantReference}}:{{" + adyen_item
                             + "/amount/value}}:{{" + adyen_item
                             + "/amount/currency}}:{{" + adyen_item
                             + "/eventCode}}:{{" + adyen_item + "/success}}"}},
     .body =
       R"({"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRE="},"amount":{"currency":"EUR","value":1000},"eventCode":"REPORT_AVAILABLE","merchantAccountCode":"merchantAccount","merchantReference":"reference","originalReference":"originalReference","pspReference":"pspReference","success":"true"}}]})",
     .covers_body = false},
    // svix-webhooks, rust/src/webhooks.rs.
    {.name = "Svix",
     .verify = {{"scheme", "hmac"},
                {"secret", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
                {"key", "base64"},
                {"strip", "whsec_"},
                {"signature", "{{header/svix-signature}}"},
                {"part", {{"name", "v1"}, {"between", " "}, {"after", ","}}},
                {"encoding", "base64"},
                {"signed", "{{header/svix-id}}.{{timestamp}}.{{raw}}"},
                {"timestamp", {{"value", "{{header/svix-timestamp}}"}}}},
     .fields = {{"svix-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"},
                {"svix-timestamp", "1649367553"},
                {"svix-signature",
                 "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="}},
     .body = R"({"email":"test@example.com","username":"test_user"})",
     .sent = 1'649'367'553},
    // Atlassian's documentation of webhooks.
    {.name = "Atlassian",
     .verify = {{"scheme", "hmac"},
                {"secret", "It's a Secret to Everybody"},
                {"signature", "{{header/X-Hub-Signature}}"},
                {"prefix", "sha256="}},
     .fields = {{"X-Hub-Signature",
                 "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f29"
                 "37e133263c9"}},
     .body = "Hello World!"},
    // Computed.
    {.name = "Stripe",
     .verify = {{"scheme", "hmac"},
                {"secret", "whsec_test_secret"},
                {"signature", "{{header/Stripe-Signature}}"},
                {"part", {{"name", "v1"}}},
                {"signed", "{{timestamp}}.{{raw}}"},
                {"timestamp",
                 {{"value", "{{part/t}}"}, {"tolerance", "5min"}}}},
     .fields = {{"Stripe-Signature",
                 "t=1700000000,v1=" + std::string(64, '0')
                   + ", v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb16"
                     "18b9bf8ea9c9a,v0=ab"}},
     .body = R"({"id":"evt_1"})"},
    {.name = "Zendesk",
     .verify = {{"scheme", "hmac"},
                {"secret", "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="},
                {"signature", "{{header/X-Zendesk-Webhook-Signature}}"},
                {"encoding", "base64"},
                {"signed", "{{timestamp}}{{raw}}"},
                {"timestamp",
                 {{"value", "{{header/X-Zendesk-Webhook-Signature-Timestamp}}"},
                  {"unit", "rfc3339"}}}},
     .fields = {{"X-Zendesk-Webhook-Signature-Timestamp",
                 "2023-11-14T22:13:20Z"},
                {"X-Zendesk-Webhook-Signature",
                 "eD5xQv+rqt0xcMQ1fSRYENLnLHAT4/jPjD8XE6y2kxA="}},
     .body = R"({"ticket":1})"},
    {.name = "SHA-512",
     .verify = {{"scheme", "hmac"},
                {"secret", "k512"},
                {"algorithm", "sha512"},
                {"signature", "{{query/mac}}"}},
     .query = "mac=02ad7df2854d1ef1a6cba8cf501a8b974367e311a82591dedaad80836982"
              "05394cb7ef3eee67edcb42c8705f1c7035c509ff65a2038517a0995905dd86e"
              "fb136",
     .body = R"({"a":1})"},
    // RFC 8032, section 7.1, test 2.
    {.name = "Ed25519",
     .verify = {{"scheme", "public-key"},
                {"algorithm", "ed25519"},
                {"key", "hex"},
                {"secret", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0c"
                           "d55f12af4660c"},
                {"signature", "{{header/X-Signature-Ed25519}}"}},
     .fields = {{"X-Signature-Ed25519",
                 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb"
                 "69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d2916"
                 "12bb0c00"}},
     .body = "r"},
    // Computed.
    {.name = "ECDSA, DER",
     .verify = key_rule("ecdsa-p256-sha256", "spki", p256_key, "base64"),
     .fields = {{"X-Timestamp", "1700000000"},
                {"X-Signature",
                 "MEQCID15e8tUrDbdzdShnPpRxNMc4j8bxGNnBGoHMavUl+TbAiBWCoqtMSYH9"
                 "IBdEawgeeeKZpO+dEx0O69SC06elIWniQ=="}},
     .body = R"({"a":1})"},
    {.name = "ECDSA, two numbers",
     .verify = key_rule("ecdsa-p256-sha256", "spki", p256_key, "hex"),
     .fields =
       {{"X-Timestamp", "1700000000"},
        {"X-Signature",
         "3d797bcb54ac36ddcdd4a19cfa51c4d31ce23f1bc46367046a0731abd497e4"
         "db560a8aad312607f4805d11ac2079e78a6693be744c743baf520b4e9e9485"
         "a789"}},
     .body = R"({"a":1})"},
    {.name = "RSA",
     .verify = key_rule("rsa-sha256", "pem", rsa_key, "base64"),
     .fields = {{"X-Timestamp", "1700000000"},
                {"X-Signature",
                 "0DpSA+05Bk+Vfl6VIckJ6WrqsXZQ9mmg/qxTHQxFDjJqTavHm2FVRo/Zr1H9+"
                 "kwhje5LlQzv2JCVJ46hJoAv6wINvNTjMtxBCQ5pxL3PfFcHqqJKdOvN7D5AOQ"
                 "QfUUsKrruQWap3aimgpl5CKQdW5kywFLmqOrlV0DQ/Sq6/UhpU+ezyEORpQL+"
                 "Deou7JsLYuXmnjK1Y0B4IW1j2pncrVBHbTof2OOQJGjZWlgzZu475o8ETFh5L"
                 "dKdUkyT1BuMArVCYiugV5DQd8S2qgRxdWv7Kmu4cw6XRdxB67nqhGKGuEeW0v"
                 "zhzklZmPD4HGHueowNC6R5k2f5GFv3Y1+zLSg=="}},
     .body = R"({"a":1})"},
    // RFC 7617, section 2.
    {.name = "basic",
     .verify = {{"scheme", "basic"},
                {"user", "Aladdin"},
                {"secret", "open sesame"}},
     .fields = {{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
     .covers_body = false},
    {.name = "token in a header",
     .verify = {{"scheme", "token"},
                {"value", "{{header/X-Gitlab-Token}}"},
                {"secrets", {"other", "t0ken"}}},
     .fields = {{"X-Gitlab-Token", "t0ken"}},
     .covers_body = false},
    {.name = "token in the body",
     .verify = {{"scheme", "token"},
                {"value", "{{body/value/0/clientState}}"},
                {"secret", "t0ken"}},
     .body = R"({"value":[{"clientState":"t0ken"}]})",
     .covers_body = false},
  };
}

class VectorTest : public ::testing::TestWithParam<vector_row> {
protected:
  VectorTest() : row{GetParam()} {
    flow_report report{"test", reference_resolver{""}};
    rule = read_verify(report, row.verify, nlohmann::json::json_pointer{},
                       {row.public_url, false, false});
    for (const auto& each : report.errors)
      ADD_FAILURE() << to_string(each);
  }

  std::optional<error> sent(std::int64_t later = 0) const {
    return verify(rule, {"POST", row.path, row.query, row.fields, row.body,
                         wall_time{std::chrono::seconds{row.sent + later}}});
  }

  vector_row row;
  verify_rule rule;
};

TEST_P(VectorTest, IsTaken) {
  const auto wrong = sent();
  EXPECT_EQ(wrong ? wrong->detail : "", "");
}

TEST_P(VectorTest, IsRefusedWithAByteOfTheBodyChanged) {
  if (!row.covers_body)
    GTEST_SKIP() << "it does not cover the body";
  for (std::size_t at = 0; at < row.body.size(); ++at) {
    const auto kept = row.body[at];
    row.body[at] = kept == 'x' ? 'y' : 'x';
    EXPECT_TRUE(sent()) << at;
    row.body[at] = kept;
  }
  row.body += "&x=1";
  EXPECT_TRUE(sent());
}

TEST_P(VectorTest, IsRefusedWithAByteOfASignedFieldChanged) {
  const auto all = row.fields;
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (all[at].name == "Content-Type" || all[at].name == "Stripe-Signature")
      continue;
    row.fields = all;
    auto& value = row.fields[at].value;
    auto& changed = value[value.size() - 3];
    changed = changed == '0' ? '1' : '0';
    EXPECT_TRUE(sent()) << all[at].name;
    row.fields = all;
    row.fields.push_back(all[at]);
    EXPECT_TRUE(sent()) << all[at].name;
  }
}

TEST_P(VectorTest, IsRefusedWithoutAFieldThatItNeeds) {
  const auto all = row.fields;
  for (std::size_t at = 0; at < all.size(); ++at) {
    row.fields = all;
    row.fields.erase(row.fields.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_TRUE(sent() || all[at].name == "Content-Type") << all[at].name;
  }
}

TEST_P(VectorTest, IsRefusedWhenStale) {
  if (!rule.timestamp)
    GTEST_SKIP() << "it has no timestamp";
  EXPECT_FALSE(sent(300));
  EXPECT_FALSE(sent(-300));
  EXPECT_EQ(sent(301)->kind, error_kind::unauthorized);
  EXPECT_EQ(sent(-301)->kind, error_kind::unauthorized);
}

TEST_P(VectorTest, IsRefusedAtAnotherUrlWhereThatIsSigned) {
  if (!rule.content.uses(verify_template::source::url))
    GTEST_SKIP() << "it does not sign the URL";
  row.query += "&a=1";
  EXPECT_TRUE(sent());
  row.query = GetParam().query;
  row.path += "/";
  EXPECT_TRUE(sent());
}

TEST_P(VectorTest, IsOneOfSeveralSecrets) {
  auto verify = row.verify;
  if (!verify.contains("secret") || verify["scheme"] == "public-key")
    GTEST_SKIP() << "it has several, or public keys";
  const std::string other =
    verify.value("key", "") == "hex" ? "ab" : "b3RoZXI=";
  verify["secrets"] = {other, verify["secret"]};
  verify.erase("secret");
  flow_report report{"test", reference_resolver{""}};
  rule = read_verify(report, verify, nlohmann::json::json_pointer{},
                     {row.public_url, false, false});
  EXPECT_FALSE(sent());
  verify["secrets"] = {other};
  rule = read_verify(report, verify, nlohmann::json::json_pointer{},
                     {row.public_url, false, false});
  EXPECT_TRUE(sent());
}

INSTANTIATE_TEST_SUITE_P(Published, VectorTest, ::testing::ValuesIn(vectors()),
                         [](const auto& made) {
                           std::string name;
                           for (const char c : made.param.name)
                             if (std::isalnum(static_cast<unsigned char>(c))
                                 != 0)
                               name += c;
                           return name;
                         });

class VerifyTest : public ::testing::Test {
protected:
  void use(const json& verify, std::string public_url = {}) {
    flow_report report{"test", reference_resolver{""}};
    rule = read_verify(report, verify, nlohmann::json::json_pointer{},
                       {std::move(public_url), false, false});
    for (const auto& each : report.errors)
      ADD_FAILURE() << to_string(each);
  }

  std::optional<error> sent(const headers& fields, std::string_view body,
                            verify_notes* notes = nullptr) const {
    return verify(rule,
                  {"POST", "/hooks/setup", query, fields, body,
                   wall_time{std::chrono::seconds{1'700'000'000}}, "setup"},
                  notes);
  }

  verify_rule rule;
  std::string query;
};

// A signature of a URL alone would fit any other body.
TEST_F(VerifyTest, RefusesABodyThatASignedFormDoesNotCover) {
  const auto mac = message_mac(hash_algorithm::sha1, "12345",
                               "https://mycompany.com/hooks/setup");
  ASSERT_TRUE(mac);
  use(json{{"scheme", "hmac"},
           {"secret", "12345"},
           {"algorithm", "sha1"},
           {"signature", "{{header/X-Twilio-Signature}}"},
           {"signed", "{{url}}{{form}}"}},
      "https://mycompany.com");
  const headers fields{{"X-Twilio-Signature", encode_hex(*mac)},
                       {"Content-Type", "application/json"}};
  EXPECT_FALSE(sent(fields, ""));
  const auto wrong = sent(fields, R"({"amount":1000000})");
  ASSERT_TRUE(wrong);
  EXPECT_THAT(wrong->detail, HasSubstr("covers forms only"));
  EXPECT_EQ(wrong->kind, error_kind::unauthorized);
}

TEST_F(VerifyTest, SaysThatABodyWhoseMembersItNeedsIsNoJson) {
  use({{"scheme", "token"}, {"value", "{{body/token}}"}, {"secret", "s"}});
  EXPECT_EQ(sent({}, "{")->kind, error_kind::invalid_request);
  EXPECT_EQ(sent({}, "{}")->kind, error_kind::unauthorized);
  EXPECT_EQ(sent({}, R"({"token": ["s"]})")->kind, error_kind::unauthorized);
  EXPECT_FALSE(sent({}, R"({"token": "s"})"));
}

// A body that came compressed is signed as it came and read as it is.
TEST_F(VerifyTest, ReadsMembersOfADecodedBody) {
  use({{"scheme", "token"}, {"value", "{{body/token}}"}, {"secret", "s"}});
  const headers none;
  verify_request request{"POST", "/hooks/setup", "",
                         none,   "\x1f\x8b",     wall_time{}};
  EXPECT_EQ(verify(rule, request)->kind, error_kind::invalid_request);
  request.decoded_body = R"({"token": "s"})";
  EXPECT_FALSE(verify(rule, request));
}

TEST_F(VerifyTest, TakesAnyOfSeveralSignatures) {
  use({{"scheme", "hmac"},
       {"secret", "k512"},
       {"algorithm", "sha512"},
       {"signature", {"{{header/X-Sign-1}}", "{{header/X-Sign-2}}"}}});
  const std::string good =
    "02ad7df2854d1ef1a6cba8cf501a8b974367e311a82591dedaad8083698205394cb7ef3eee"
    "67edcb42c8705f1c7035c509ff65a2038517a0995905dd86efb136";
  const std::string body = R"({"a":1})";
  EXPECT_FALSE(sent({{"X-Sign-1", good}}, body));
  EXPECT_FALSE(sent({{"X-Sign-2", good}}, body));
  EXPECT_FALSE(
    sent({{"X-Sign-1", std::string(128, '0')}, {"x-sign-2", good}}, body));
  EXPECT_TRUE(sent({{"X-Sign-1", std::string(128, '0')}}, body));
  EXPECT_TRUE(sent({}, body));
}

TEST_F(VerifyTest, SaysWhichBytesWereSignedAndNeverTheSecret) {
  use(hubspot_hash("{{secret}}|{{raw}}"));
  verify_notes notes;
  EXPECT_TRUE(
    sent({{"X-HubSpot-Signature", std::string(64, 'a')}}, "body", &notes));
  EXPECT_EQ(notes.content, "|body");
  for (const auto& step : notes.steps)
    EXPECT_THAT(step.detail, ::testing::Not(HasSubstr("yyyyyyyy")));
  EXPECT_FALSE(notes.steps.back().passed);
}

TEST_F(VerifyTest, RefusesAQueryParameterThatAppearsTwice) {
  use({{"scheme", "token"}, {"value", "{{query/token}}"}, {"secret", "s"}});
  query = "token=s";
  EXPECT_FALSE(sent({}, ""));
  query = "token=s&token=t";
  EXPECT_THAT(sent({}, "")->detail, HasSubstr("appears twice"));
}

TEST_F(VerifyTest, ChallengesByItsScheme) {
  use({{"scheme", "bearer"}, {"secret", "s"}});
  EXPECT_EQ(challenge_of(rule, "setup"), "Bearer");
  use({{"scheme", "basic"}, {"user", "u"}, {"secret", "s"}});
  EXPECT_EQ(challenge_of(rule, "setup"),
            "Basic realm=\"setup\", charset=\"UTF-8\"");
  use({{"scheme", "github"}, {"secret", "s"}});
  EXPECT_EQ(challenge_of(rule, "setup"), "Signature realm=\"setup\"");
}

} // namespace
} // namespace handoff::test

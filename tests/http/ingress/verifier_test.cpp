#include "config/verify_reader.hpp"
#include "http/ingress/verifier.hpp"
#include "job/base64.hpp"
#include "job/hex.hpp"
#include "job/standard_webhook.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

using json = nlohmann::json;

std::string hex(const std::optional<std::string>& bytes) {
  return encode_hex(bytes.value_or(""));
}

/// The rule that a flow's `verify` gives, which has no error.
verify_rule rule_of(const json& verify) {
  flow_report report{"test", reference_resolver{""}};
  auto made = read_verify(report, verify, json::json_pointer{"/verify"}, {});
  for (const auto& each : report.errors)
    ADD_FAILURE() << to_string(each);
  return made;
}

wall_time at(std::int64_t second) {
  return wall_time{seconds{second}};
}

/// "" where the webhook is let in.
std::string said(const std::optional<error>& wrong) {
  if (wrong) {
    EXPECT_EQ(wrong->kind, error_kind::unauthorized);
  }
  return wrong ? wrong->detail : "";
}

// RFC 4231, section 4: test cases 1, 2, 6 and 7.
TEST(HmacTest, GivesWhatTheRfcGives) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b"
            "881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c7"
            "5a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key "
                            "First")),
            "60e431591ee0b67f0d8a26aacbf5b77f"
            "8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac_sha256(
              std::string(131, '\xaa'),
              "This is a test using a larger than block-size key and a larger "
              "than block-size data. The key needs to be hashed before being "
              "used by the HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944"
            "bfdc63644f0713938a7f51535c3a35e2");
}

// RFC 4648, section 10.
TEST(Base64Test, GivesWhatTheRfcGives) {
  const std::pair<std::string, std::string> table[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe", "//4="}};
  for (const auto& [bytes, text] : table) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

TEST(Base64Test, RefusesWhatItWouldNotWrite) {
  for (const auto* text :
       {"Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm9=", "Zg==Zm9v", "Zm 9v",
        "Zm9v\n", "_-8=", "Z===", "=A=="})
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

class StandardWebhookTest : public ::testing::Test {
protected:
  StandardWebhookTest() { use({{"secret", "whsec_" + secret}}); }

  void use(json more) {
    more["scheme"] = "standard-webhooks";
    rule = rule_of(more);
  }

  std::string posted(const headers& fields, wall_time now) {
    return said(verify(rule, {"POST", "/hooks/setup", "", fields, body, now}));
  }

  std::string sent(std::string_view signature, wall_time now = at(1614265330)) {
    return posted({{"Webhook-Id", id},
                   {"webhook-timestamp", timestamp},
                   {"webhook-signature", std::string{signature}}},
                  now);
  }

  // The example of the reference libraries.
  const std::string secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  std::string timestamp = "1614265330";
  std::string body = R"({"test": 2432232314})";
  verify_rule rule;
};

TEST_F(StandardWebhookTest, TakesThePublishedExample) {
  EXPECT_EQ(sent(good), "");
  use({{"secret", secret}});
  EXPECT_EQ(sent(good), "");
}

TEST_F(StandardWebhookTest, SignsThePublishedExample) {
  for (const auto& key : {secret, "whsec_" + secret})
    EXPECT_EQ(std::get<std::string>(
                sign_standard_webhook(key, id, at(1614265330), body)),
              good);
}

TEST_F(StandardWebhookTest, SignsWithNothingThatReceiversWouldRefuse) {
  const auto kind_of = [](const result<std::string>& made) {
    return std::get<error>(made).kind;
  };
  EXPECT_EQ(kind_of(sign_standard_webhook("no base64", id, at(1), body)),
            error_kind::invalid_request);
  EXPECT_EQ(kind_of(sign_standard_webhook(secret, "a.b", at(1), body)),
            error_kind::invalid_request);
  EXPECT_EQ(kind_of(sign_standard_webhook(secret, "", at(1), body)),
            error_kind::invalid_request);
}

TEST_F(StandardWebhookTest, TakesAnyOfSeveralSignaturesAndSecrets) {
  const std::string other = "v1," + encode_base64(std::string(32, 'x'));
  EXPECT_EQ(sent(other + " v1a,AAAA v2,what== " + good), "");
  EXPECT_EQ(sent(good + " " + other), "");
  EXPECT_EQ(sent("v1,AAAA  " + good), "");
  use({{"secrets", {"b3RoZXI=", secret, "dGhpcmQ="}}});
  EXPECT_EQ(sent(good), "");
  use({{"secrets", {"b3RoZXI=", "dGhpcmQ="}}});
  EXPECT_THAT(sent(good), HasSubstr("does not match"));
}

TEST_F(StandardWebhookTest, LeavesOutOtherVersions) {
  const auto value = good.substr(good.find(','));
  for (const auto& list : {"v1a" + value, "v2" + value, "V1" + value,
                           value.substr(1), std::string{"v1"}})
    EXPECT_THAT(sent(list), HasSubstr("has no part \"v1\"")) << list;
}

TEST_F(StandardWebhookTest, RefusesWhatWasChanged) {
  auto changed = good;
  changed[5] = 'A';
  EXPECT_THAT(sent(changed), HasSubstr("does not match"));
  id += "x";
  EXPECT_THAT(sent(good), HasSubstr("does not match"));
  id.pop_back();
  timestamp.back() = '1';
  EXPECT_THAT(sent(good), HasSubstr("does not match"));
  timestamp.back() = '0';
  body += " ";
  EXPECT_THAT(sent(good), HasSubstr("does not match"));
}

// The signed content would be the same, with a part of the body as timestamp.
TEST_F(StandardWebhookTest, RefusesAnIdThatHoldsAnotherTimestamp) {
  body = "1614265330.5";
  const auto signature = std::get<std::string>(
    sign_standard_webhook(secret, id, at(1000000000), body));
  id += ".1000000000";
  body = "5";
  EXPECT_THAT(sent(signature), HasSubstr("full stop"));
}

TEST_F(StandardWebhookTest, HoldsToTheToleranceInBothDirections) {
  EXPECT_EQ(sent(good, at(1614265330 + 300)), "");
  EXPECT_EQ(sent(good, at(1614265330 - 300)), "");
  EXPECT_EQ(sent(good, at(1614265330 + 400)),
            "the timestamp is 400 s old; 300 s are allowed");
  EXPECT_EQ(sent(good, at(1614265330 - 301)),
            "the timestamp is 301 s ahead; 300 s are allowed");
  use({{"secret", secret}, {"tolerance", "500s"}});
  EXPECT_EQ(sent(good, at(1614265330 + 400)), "");
}

TEST_F(StandardWebhookTest, RefusesATimestampThatIsNone) {
  for (const auto* text : {"-1", "+1614265330", "1614265330.0", "0x6037bcb2",
                           "now", "1614265330 ", "99999999999999999999"}) {
    timestamp = text;
    EXPECT_THAT(sent(good), HasSubstr("not a number of seconds")) << text;
  }
}

TEST_F(StandardWebhookTest, NamesTheHeaderThatIsMissingOrAppearsTwice) {
  const headers all{{"webhook-id", id},
                    {"webhook-timestamp", timestamp},
                    {"webhook-signature", good}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto fields = all;
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(posted(fields, at(1614265330)),
              "the header " + all[i].name + " is missing");
    fields = all;
    fields.push_back(all[i]);
    fields.back().name[0] = 'W';
    EXPECT_EQ(posted(fields, at(1614265330)),
              "the header " + all[i].name + " appears twice");
    fields = all;
    fields[i].value.clear();
    EXPECT_EQ(posted(fields, at(1614265330)),
              "the header " + all[i].name + " is empty");
  }
}

TEST_F(StandardWebhookTest, TellsNeitherSecretNorSignature) {
  const auto expected = good.substr(good.find(',') + 1);
  body = "{}";
  const auto fit = std::get<std::string>(
    sign_standard_webhook(secret, id, at(1614265330), body));
  for (const auto& answer :
       {sent(good), sent("v1,AAAA"), sent(good, at(0)), sent("")}) {
    EXPECT_NE(answer, "");
    for (const auto& hidden : {secret, expected, fit.substr(3)})
      EXPECT_THAT(answer, Not(HasSubstr(hidden)));
  }
}

class BodySignatureTest : public ::testing::Test {
protected:
  std::string sent(const headers& fields, std::string_view body) {
    return said(
      verify(rule, {"POST", "/hooks/setup", "", fields, body, at(0)}));
  }

  verify_rule rule;
};

// The example of GitHub's "Validating webhook deliveries".
TEST_F(BodySignatureTest, TakesGitHubsExample) {
  rule =
    rule_of({{"scheme", "github"}, {"secret", "It's a Secret to Everybody"}});
  const std::string name = "X-Hub-Signature-256";
  const std::string good =
    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const std::string body = "Hello, World!";
  EXPECT_EQ(sent({{name, "sha256=" + good}}, body), "");
  EXPECT_EQ(sent({{"x-hub-signature-256", "sha256=" + good}}, body), "");
  EXPECT_THAT(sent({{name, "sha256=" + good}}, "Hello, World"),
              HasSubstr("does not match"));
  for (const auto& value : {good, "sha1=" + good, "SHA256=" + good})
    EXPECT_EQ(sent({{name, value}}, body),
              "the signature does not begin with \"sha256=\"");
  for (const auto& value :
       {"sha256=" + good.substr(2), "sha256=" + good + "00",
        "sha256=g" + good.substr(1), std::string{"sha256="}})
    EXPECT_EQ(sent({{name, value}}, body),
              "the signature is not hex of 32 bytes");
  EXPECT_EQ(sent({{"X-Hub-Signature", "sha1=00"}}, body),
            "the header X-Hub-Signature-256 is missing");
  EXPECT_EQ(sent({{name, "sha256=" + good}, {name, "sha256=00"}}, body),
            "the header X-Hub-Signature-256 appears twice");
  rule = rule_of({{"scheme", "github"},
                  {"secrets", {"another", "It's a Secret to Everybody"}}});
  EXPECT_EQ(sent({{name, "sha256=" + good}}, body), "");
  rule = rule_of({{"scheme", "github"}, {"secret", "another"}});
  EXPECT_THAT(sent({{name, "sha256=" + good}}, body),
              HasSubstr("does not match"));
}

// RFC 4231, section 4.3.
TEST_F(BodySignatureTest, TakesTheHeaderAndEncodingOfTheRule) {
  const auto use = [&](const std::string& encoding) {
    rule = rule_of({{"scheme", "hmac-sha256"},
                    {"secret", "Jefe"},
                    {"header", "X-Acme-Mac"},
                    {"encoding", encoding}});
  };
  use("hex");
  const std::string body = "what do ya want for nothing?";
  std::string good =
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  EXPECT_EQ(sent({{"x-acme-mac", good}}, body), "");
  EXPECT_EQ(sent({{"x-acme-mac", "sha256=" + good}}, body), "");
  EXPECT_EQ(sent({{"x-acme-mac", "5BDCC146" + good.substr(8)}}, body), "");
  EXPECT_EQ(sent({{"X-Other", good}}, body),
            "the header X-Acme-Mac is missing");
  const auto base64 = encode_base64(*hmac_sha256("Jefe", body));
  EXPECT_EQ(sent({{"x-acme-mac", base64}}, body),
            "the signature is not hex of 32 bytes");
  use("base64");
  EXPECT_EQ(sent({{"x-acme-mac", base64}}, body), "");
  EXPECT_EQ(sent({{"x-acme-mac", "sha256=" + base64}}, body), "");
  EXPECT_EQ(sent({{"x-acme-mac", good}}, body),
            "the signature is not base64 of 32 bytes");
}

TEST_F(BodySignatureTest, ComparesTheBearerToken) {
  rule =
    rule_of({{"scheme", "bearer"}, {"secrets", {"old-token", "new-token"}}});
  const auto with = [&](const std::string& value) {
    return sent({{"authorization", value}}, "{}");
  };
  EXPECT_EQ(with("Bearer old-token"), "");
  EXPECT_EQ(with("bearer  new-token"), "");
  for (const auto* token : {"new-toke", "new-token2", "NEW-TOKEN", "\""})
    EXPECT_EQ(with("Bearer " + std::string{token}),
              "the bearer token is wrong");
  for (const auto* value : {"Basic new-token", "new-token", "Bearer",
                            "Bearer  ", "Bearernew-token"})
    EXPECT_EQ(with(value), "the header Authorization has no Bearer credentials")
      << value;
  EXPECT_EQ(sent({}, "{}"), "the header Authorization is missing");
  EXPECT_EQ(
    sent({{"Authorization", "Bearer old-token"}, {"Authorization", "Bearer x"}},
         "{}"),
    "the header Authorization appears twice");
}

TEST_F(BodySignatureTest, AsksNobodyWithoutAScheme) {
  EXPECT_EQ(sent({}, ""), "");
}

TEST_F(BodySignatureTest, SaysWhatARequestLacksInTheSendersWords) {
  const std::pair<const char*, const char*> rows[] = {
    {"{{query/t}}", "the query parameter t is missing"},
    {"{{header/X-T}}", "the header X-T is missing"},
    {"{{body/a/t}}", "the body has no /a/t"}};
  for (const auto& [value, lack] : rows) {
    rule =
      rule_of({{"scheme", "token"}, {"value", value}, {"secret", "hunter2h"}});
    EXPECT_EQ(sent({}, "{}"), lack);
  }
}

// What no loader lets through: nobody may get in by a rule without secrets.
TEST_F(BodySignatureTest, LetsNobodyInWithoutASecret) {
  const auto mac = "sha256=" + hex(hmac_sha256("", "{}"));
  for (const auto& verify :
       {json{{"scheme", "bearer"}}, json{{"scheme", "github"}},
        json{{"scheme", "standard-webhooks"}},
        json{{"scheme", "basic"}, {"user", "u"}},
        json{{"scheme", "token"}, {"value", "{{header/X}}"}},
        json{{"scheme", "hmac"}, {"signature", "{{header/X}}"}}}) {
    flow_report report{"test", reference_resolver{""}};
    auto with_none = verify;
    with_none["secrets"] = json::array();
    rule = read_verify(report, with_none, nlohmann::json::json_pointer{},
                       {"", true, true});
    ASSERT_TRUE(report.errors.empty()) << to_string(report.errors[0]);
    EXPECT_NE(sent({{"Authorization", "Bearer "},
                    {"X", mac.substr(7)},
                    {"X-Hub-Signature-256", mac},
                    {"webhook-id", "a"},
                    {"webhook-timestamp", "0"},
                    {"webhook-signature",
                     "v1," + encode_base64(*hmac_sha256("", "a.0.{}"))}},
                   "{}"),
              "")
      << verify;
  }
}

} // namespace
} // namespace handoff::test

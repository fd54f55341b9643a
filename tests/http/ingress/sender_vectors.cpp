// What senders send, a row for each preset. Published vectors name their
// source; the others were made with Python's hmac and cryptography modules.

#include "tests/http/ingress/sender_vectors.hpp"

namespace handoff::test {

const std::vector<sender_vector>& sender_vectors() {
  static const std::vector<sender_vector> table{
    // Adyen-node-api-library, hmacValidator.spec.ts.
    {.sender = "adyen",
     .secret = "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EA"
               "AB00",
     .body =
       "{\"live\":\"false\",\"notificationItems\":[{\"NotificationRequestIt"
       "em\":{\"additionalData\":{\"hmacSignature\":\"ZNBPtI+oDyyRrLyD1Xir"
       "kKnQgIAlFc07Vj27TeHsDRE=\"},\"amount\":{\"currency\":\"EUR\",\"value"
       "\":1000},\"eventCode\":\"REPORT_AVAILABLE\",\"merchantAccountCode\""
       ":\"merchantAccount\",\"merchantReference\":\"reference\",\"original"
       "Reference\":\"originalReference\",\"pspReference\":\"pspReference\""
       ",\"success\":\"true\"}}]}",
     .sent = 1700000000,
     .covers_body = false},
    // Computed.
    {.sender = "airtable",
     .secret = "c2VjcmV0LWtleQ==",
     .fields = {{"X-Airtable-Content-MAC",
                 "hmac-sha256=825ee4354dc6cdaae1d1f6c9fa25595e45c03257330f6f66"
                 "7858646ebc78878f"}},
     .body = "{\"base\":{\"id\":\"app1\"}}",
     .sent = 1700000000},
    // Computed.
    {.sender = "asana",
     .secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae5"
               "3e81",
     .fields = {{"X-Hook-Signature",
                 "10468027b67df18c739cc4794c6fc2d2806dcaaf2259fc3e1ed9d2643365"
                 "9853"}},
     .body = "{\"events\":[]}",
     .sent = 1700000000},
    // Computed.
    {.sender = "aws-sns",
     .secret = "open sesame",
     .fields = {{"Authorization", "Basic c25zOm9wZW4gc2VzYW1l"}},
     .body = "{}",
     .sent = 1700000000,
     .covers_body = false},
    // Atlassian's documentation.
    {.sender = "bitbucket",
     .secret = "It's a Secret to Everybody",
     .fields = {{"X-Hub-Signature",
                 "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f29"
                 "37e133263c9"}},
     .body = "Hello World!",
     .sent = 1700000000},
    // Computed.
    {.sender = "calendly",
     .secret = "cal-key",
     .fields = {{"Calendly-Webhook-Signature",
                 "t=1700000000,v1=58f70d7ad0d19e0e359b9cf5b83f6da8a3f9e4bc03eb"
                 "641c0f30071f42bd3285"}},
     .body = "{\"event\":\"invitee.created\"}",
     .sent = 1700000000},
    // Computed.
    {.sender = "contentful",
     .secret = "t0ken",
     .fields = {{"Authorization", "Bearer t0ken"}},
     .body = "{}",
     .sent = 1700000000,
     .covers_body = false},
    // Computed with the key of RFC 8032, section 7.1, test 2.
    {.sender = "discord",
     .secret = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4"
               "660c",
     .fields = {{"X-Signature-Timestamp", "1700000000"},
                {"X-Signature-Ed25519",
                 "b0c551ae81358ba8b0bf708f6e853281b14205486569df4ffced30348eaa"
                 "e73f47b1d48f754c8fecf663be8c085be3b5eb264738aab406fd74288679"
                 "6f2b6e03"}},
     .body = "{\"type\":2,\"id\":\"1\"}",
     .sent = 1700000000},
    // Computed.
    {.sender = "docusign",
     .secret = "ds-key",
     .fields = {{"X-DocuSign-Signature-1",
                 "yb/A3YmZMft8K7hS4g4LQaPRWoBZpMWqk9S5sg8grBQ="},
                {"X-DocuSign-Signature-2",
                 "jAu08iu6CDc4djOBysD0HOU8g7Uk84li+CwGvJODcgs="}},
     .body = "{\"event\":\"envelope-completed\",\"retryCount\":0}",
     .sent = 1700000000},
    // Computed.
    {.sender = "dropbox",
     .secret = "app-secret",
     .fields = {{"X-Dropbox-Signature",
                 "aaddfecae6dd472298c539eab9d8a7a9c1d392ee25c05ac0a5b6eb51d86c"
                 "592d"}},
     .body = "{\"list_folder\":{\"accounts\":[\"a\"]}}",
     .sent = 1700000000},
    // GitHub's documentation.
    {.sender = "github",
     .secret = "It's a Secret to Everybody",
     .fields = {{"X-Hub-Signature-256",
                 "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f43"
                 "79c8b043e17"}},
     .body = "Hello, World!",
     .sent = 1700000000},
    // Computed.
    {.sender = "gitlab",
     .secret = "t0ken",
     .fields = {{"X-Gitlab-Token", "t0ken"}},
     .body = "{}",
     .sent = 1700000000,
     .covers_body = false},
    // The libraries of Standard Webhooks.
    {.sender = "gitlab",
     .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     .fields = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                {"webhook-timestamp", "1614265330"},
                {"webhook-signature",
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     .body = "{\"test\": 2432232314}",
     .sent = 1614265330},
    // Computed.
    {.sender = "google-pubsub",
     .secret = "t0ken",
     .query = "token=t0ken",
     .body = "{}",
     .sent = 1700000000,
     .covers_body = false},
    // Computed by the SDK's formula.
    {.sender = "hubspot",
     .secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
     .fields = {{"X-HubSpot-Request-Timestamp", "1700000000000"},
                {"X-HubSpot-Signature-v3",
                 "YLuP+bokT58IUPaio8zP/Z0YG0BJ8TMxhcttAMEqy6Q="}},
     .body = "{\"example_field\":\"example_value\"}",
     .sent = 1700000000},
    // Computed by the SDK's formula.
    {.sender = "hubspot-workflows",
     .secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
     .fields = {{"X-HubSpot-Signature",
                 "bdcd58d4da340ba18cd6012e38eedcd2b16ca04338897c891f7c913b5aa6"
                 "215e"}},
     .body = "{\"example_field\":\"example_value\"}",
     .sent = 1700000000},
    // Computed.
    {.sender = "intercom",
     .secret = "client-secret",
     .fields = {{"X-Hub-Signature",
                 "sha1=bda82fd93ca78737ce7c1e5ad52b95b04df70695"}},
     .body =
       "{\"type\":\"notification_event\",\"id\":\"notif_1\",\"delivery_attemp"
       "ts\":1}",
     .sent = 1700000000},
    // Atlassian's documentation.
    {.sender = "jira",
     .secret = "It's a Secret to Everybody",
     .fields = {{"X-Hub-Signature",
                 "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f29"
                 "37e133263c9"}},
     .body = "Hello World!",
     .sent = 1700000000},
    // Computed.
    {.sender = "linear",
     .secret = "lin_wh_s",
     .fields = {{"Linear-Signature",
                 "05316a36d95c1f6adf3310998fcb53220e35d5276a4ab7da89369d13f3f0"
                 "aaa1"}},
     .body = "{\"action\":\"create\",\"webhookTimestamp\":1700000000000}",
     .sent = 1700000000},
    // Computed.
    {.sender = "mailgun",
     .secret = "key-1",
     .body =
       "{\"signature\":{\"timestamp\":\"1700000000\",\"token\":\"tok123\",\"sig"
       "nature\":\"a4af4af38e68fad2795f8e211808241e466c1b7099af10c5cff"
       "d318cd1bed22c\"},\"event-data\":{\"id\":\"e1\"}}",
     .sent = 1700000000,
     .covers_body = false},
    // Computed.
    {.sender = "meta",
     .secret = "app-secret",
     .fields = {{"X-Hub-Signature-256",
                 "sha256=e6e9d7a842a48e17f43a34d6125d0d933e2aab92ee37f0993a4d4"
                 "93b50e3d438"}},
     .body = "{\"object\":\"page\",\"entry\":[]}",
     .sent = 1700000000},
    // Computed.
    {.sender = "microsoft-graph",
     .secret = "t0ken",
     .body = "{\"value\":[{\"id\":\"n1\",\"clientState\":\"t0ken\"}]}",
     .sent = 1700000000,
     .covers_body = false},
    // Computed.
    {.sender = "monday",
     .secret = "t0ken",
     .query = "token=t0ken",
     .body = "{\"event\":{}}",
     .sent = 1700000000,
     .covers_body = false},
    // Computed.
    {.sender = "notion",
     .secret = "secret_tok",
     .fields = {{"X-Notion-Signature",
                 "sha256=1c6a58ed982536348cc1f6e0a841a11ea9accc6106d23ff073aa1"
                 "12b2d689e38"}},
     .body = "{\"id\":\"n1\",\"attempt_number\":1}",
     .sent = 1700000000},
    // Computed.
    {.sender = "paddle",
     .secret = "pdl_ntfset_1",
     .fields = {{"Paddle-Signature",
                 "ts=1700000000;h1=38dab6f84cd140027af0f6b9b86a4cf1e042d68abf2"
                 "252b0c68e972fe51fe5db"}},
     .body = "{\"event_id\":\"evt_1\"}",
     .sent = 1700000000},
    // Computed.
    {.sender = "shopify",
     .secret = "hush",
     .fields = {{"X-Shopify-Hmac-SHA256",
                 "qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I="}},
     .body = "{\"id\":820982911946154508}",
     .sent = 1700000000},
    // Docs.slack.dev.
    {.sender = "slack-events",
     .secret = "8f742231b10e8888abcd99yyyzzz85a5",
     .fields = {{"X-Slack-Request-Timestamp", "1531420618"},
                {"X-Slack-Signature",
                 "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489"
                 "c69b503"}},
     .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain"
             "=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_i"
             "d=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&"
             "text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%"
             "2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigge"
             "r_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b670"
             "3c",
     .sent = 1531420618},
    // Docs.slack.dev.
    {.sender = "slack-commands",
     .secret = "8f742231b10e8888abcd99yyyzzz85a5",
     .fields = {{"X-Slack-Request-Timestamp", "1531420618"},
                {"X-Slack-Signature",
                 "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489"
                 "c69b503"}},
     .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain"
             "=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_i"
             "d=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&"
             "text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%"
             "2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigge"
             "r_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b670"
             "3c",
     .sent = 1531420618},
    // Docs.slack.dev.
    {.sender = "slack-interactivity",
     .secret = "8f742231b10e8888abcd99yyyzzz85a5",
     .fields = {{"X-Slack-Request-Timestamp", "1531420618"},
                {"X-Slack-Signature",
                 "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489"
                 "c69b503"}},
     .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain"
             "=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_i"
             "d=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&"
             "text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%"
             "2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigge"
             "r_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b670"
             "3c",
     .sent = 1531420618},
    // Computed.
    {.sender = "smartsheet",
     .secret = "shared",
     .fields = {{"Smartsheet-Hmac-SHA256",
                 "cc465a097dcb7deb2f1f402534d46a412d2f4982b0054a0cdad967d8e2ba"
                 "7ea7"}},
     .body = "{\"events\":[]}",
     .sent = 1700000000},
    // The libraries of Standard Webhooks.
    {.sender = "standard-webhooks",
     .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     .fields = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                {"webhook-timestamp", "1614265330"},
                {"webhook-signature",
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     .body = "{\"test\": 2432232314}",
     .sent = 1614265330},
    // Computed.
    {.sender = "stripe",
     .secret = "whsec_test_secret",
     .fields = {{"Stripe-Signature",
                 "t=1700000000,v1=00000000000000000000000000000000000000000000"
                 "00000000000000000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29"
                 "b710fa26df9fb1618b9bf8ea9c9a,v0=ab"}},
     .body = "{\"id\":\"evt_1\"}",
     .sent = 1700000000},
    // Svix-webhooks, rust/src/webhooks.rs.
    {.sender = "svix",
     .secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
     .fields = {{"svix-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"},
                {"svix-timestamp", "1649367553"},
                {"svix-signature",
                 "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="}},
     .body = "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
     .sent = 1649367553},
    // Computed.
    {.sender = "trello",
     .secret = "ts",
     .fields = {{"X-Trello-Webhook", "hn4wH/XfXWh8I/BcQ2u3LZksm7w="}},
     .body = "{\"action\":{\"id\":\"a1\"}}",
     .sent = 1700000000},
    // Computed.
    {.sender = "twilio",
     .secret = "12345",
     .fields = {{"Content-Type", "application/x-www-form-urlencoded"},
                {"X-Twilio-Signature", "Z0QbsM5Nm148ql0Y2vtKGV0rfPc="}},
     .body = "MessageSid=SM1&Body=Hi",
     .sent = 1700000000},
    // Computed.
    {.sender = "typeform",
     .secret = "tf",
     .fields = {{"Typeform-Signature",
                 "sha256=ypmG6i2KMLCqmGLvAxTc6OKIxjyYnUG4Gqtc5LpOr8A="}},
     .body = "{\"event_id\":\"e1\"}",
     .sent = 1700000000},
    // Computed.
    {.sender = "webflow",
     .secret = "wf",
     .fields = {{"x-webflow-timestamp", "1700000000000"},
                {"x-webflow-signature",
                 "0897d3831dae29582e0b458adcdf3cf4cfa5392a9bf5c0bfc53752c09b24"
                 "0e86"}},
     .body = "{\"triggerType\":\"form_submission\"}",
     .sent = 1700000000},
    // Computed.
    {.sender = "zendesk",
     .secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
     .fields = {{"X-Zendesk-Webhook-Signature-Timestamp",
                 "2023-11-14T22:13:20Z"},
                {"X-Zendesk-Webhook-Signature",
                 "eD5xQv+rqt0xcMQ1fSRYENLnLHAT4/jPjD8XE6y2kxA="}},
     .body = "{\"ticket\":1}",
     .sent = 1700000000},
    // Computed.
    {.sender = "zoom",
     .secret = "zs",
     .fields = {{"x-zm-request-timestamp", "1700000000"},
                {"x-zm-signature",
                 "v0=4870edde03287d5ef22efdaf253343b51e64ff5bded2507bf5463fc5c"
                 "3842066"}},
     .body = "{\"event\":\"meeting.started\",\"event_ts\":1}",
     .sent = 1700000000},
  };
  return table;
}

} // namespace handoff::test

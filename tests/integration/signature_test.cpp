// Goal: only whoever knows a secret gets a job, and no secret is ever to be
// read anywhere. Method: each scheme against the real service with secrets from
// its environment, signed here with libcrypto and not with our own code; then
// everything that a run leaves behind is searched.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace handoff::support {

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

using bytes = std::array<unsigned char, 32>;

bytes hmac(const std::string& key, const std::string& message) {
  bytes digest{};
  unsigned int length = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(),
         digest.data(), &length);
  return digest;
}

std::string hex(const bytes& digest) {
  std::string made;
  for (const auto each : digest) {
    made += "0123456789abcdef"[each >> 4];
    made += "0123456789abcdef"[each & 15];
  }
  return made;
}

std::string base64(const unsigned char* data, std::size_t size) {
  std::string made(4 * ((size + 2) / 3) + 1, '\0');
  const auto length =
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(made.data()), data,
                      static_cast<int>(size));
  made.resize(static_cast<std::size_t>(length));
  return made;
}

std::string base64(const bytes& digest) {
  return base64(digest.data(), digest.size());
}

std::string whsec(const std::string& key) {
  return "whsec_"
       + base64(reinterpret_cast<const unsigned char*>(key.data()), key.size());
}

std::string seconds_from_now(int seconds) {
  return std::to_string(
    std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())
    + seconds);
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

} // namespace

class SignatureTest : public ServiceTest {
protected:
  SignatureTest() {
    flow["sub_actions"] = json::array({sub_action("s1")});
    options.environment = {{"OLD_SECRET", "old-Qk3-secret"},
                           {"NEW_SECRET", "new-Zx7-secret"}};
  }

  void verify_with(const std::string& scheme, json more = json::object()) {
    more["scheme"] = scheme;
    more["secrets"] = {"${env:OLD_SECRET}", "${env:NEW_SECRET}"};
    flow["verify"] = more;
    start();
  }

  http_response send(handoff::headers fields) {
    return service->post("setup", body, std::move(fields));
  }

  void expect_taken(handoff::headers fields) {
    const auto answer = send(std::move(fields));
    EXPECT_EQ(answer.status, 200) << answer.body << service->log();
    ++taken_;
    EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], taken_);
  }

  void expect_refused(handoff::headers fields, const std::string& why) {
    const auto answer = send(std::move(fields));
    EXPECT_EQ(answer.status, 401) << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_THAT(answer.body, HasSubstr(why));
    EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], taken_);
  }

  /// Not as a JSON library would write it.
  const std::string body = "{ \"template\":\"t\",\n  \"name\": \"\\u0061\" }";

private:
  int taken_ = 0;
};

TEST_F(SignatureTest, TakesBearerTokens) {
  verify_with("bearer");
  expect_taken({{"Authorization", "Bearer old-Qk3-secret"}});
  expect_taken({{"Authorization", "Bearer new-Zx7-secret"}});
  expect_refused({{"Authorization", "Bearer old-Qk3-secreT"}}, "bearer token");
  expect_refused({}, "Authorization is missing");
  EXPECT_EQ(send({}).header("WWW-Authenticate"), "Bearer");
}

TEST_F(SignatureTest, TakesStandardWebhooks) {
  options.environment = {{"OLD_SECRET", whsec("old-Qk3")},
                         {"NEW_SECRET", whsec("new-Zx7")}};
  verify_with("standard-webhooks");
  const auto fields = [this](const std::string& key, int seconds) {
    const auto timestamp = seconds_from_now(seconds);
    return handoff::headers{
      {"webhook-id", "m1"},
      {"webhook-timestamp", timestamp},
      {"webhook-signature",
       "v1a,AAAA v1," + base64(hmac(key, "m1." + timestamp + "." + body))}};
  };
  expect_taken(fields("old-Qk3", 0));
  expect_taken(fields("new-Zx7", -200));
  expect_refused(fields("other", 0), "signature does not match");
  expect_refused(fields("new-Zx7", -400), " s old; 300 s are allowed");
  expect_refused(fields("new-Zx7", 400), " s ahead; 300 s are allowed");
  auto without = fields("new-Zx7", 0);
  without.pop_back();
  expect_refused(without, "the header webhook-signature is missing");
}

TEST_F(SignatureTest, TakesGitHubsSignature) {
  verify_with("github");
  const std::string name = "X-Hub-Signature-256";
  for (const auto* key : {"old-Qk3-secret", "new-Zx7-secret"})
    expect_taken({{name, "sha256=" + hex(hmac(key, body))}});
  expect_refused({{name, "sha256=" + hex(hmac("other", body))}},
                 "signature does not match");
  expect_refused({{name, "sha256=" + hex(hmac("new-Zx7-secret", body + " "))}},
                 "signature does not match");
  expect_refused({}, "the header X-Hub-Signature-256 is missing");
}

TEST_F(SignatureTest, TakesHmacInTheHeaderOfTheFlow) {
  verify_with("hmac-sha256",
              {{"header", "X-Acme-Mac"}, {"encoding", "base64"}});
  for (const auto* key : {"old-Qk3-secret", "new-Zx7-secret"})
    expect_taken({{"x-acme-mac", base64(hmac(key, body))}});
  expect_refused({{"x-acme-mac", base64(hmac("other", body))}},
                 "signature does not match");
  expect_refused({{"x-acme-mac", hex(hmac("new-Zx7-secret", body))}},
                 "is not base64 of 32 bytes");
  expect_refused({}, "the header X-Acme-Mac is missing");
}

TEST_F(SignatureTest, ChecksBodyThatCameInChunks) {
  verify_with("github");
  const auto half = body.size() / 2;
  const auto chunk = [](const std::string& part) {
    std::array<char, 16> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", part.size());
    return size.data() + part + "\r\n";
  };
  http_connection connection{service->port()};
  connection.send("POST /hooks/setup HTTP/1.1\r\nHost: x\r\n"
                  "Transfer-Encoding: chunked\r\n"
                  "Content-Type: application/json\r\n"
                  "X-Hub-Signature-256: sha256="
                  + hex(hmac("new-Zx7-secret", body)) + "\r\n\r\n"
                  + chunk(body.substr(0, half)) + chunk(body.substr(half))
                  + "0\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 200);
}

class SecretsTest : public SignatureTest {
protected:
  SecretsTest() {
    options.ini["log"]["level"] = "\"trace\"";
    options.environment["API_TOKEN"] = api_token;
    auto& request = flow["clone"]["request"];
    request["headers"] = {{"Authorization", "Bearer ${env:API_TOKEN}"}};
    flow["sub_actions"][0]["request"]["body"] = {{"key", "${env:API_TOKEN}"}};
    flow["sub_actions"][0]["retry"] = {{"max_attempts", 2}};
  }

  /// Everything to be read of a run, by where it stands.
  std::map<std::string, std::string> traces(const std::string& job) {
    std::map<std::string, std::string> found;
    found["the admin API"] = service->admin("GET", "/api/v1/jobs/" + job).body;
    found["the job as senders see it"] =
      request(service->port(), "GET", "/hooks/setup/jobs/" + job).body;
    EXPECT_EQ(service->stop(), 0);
    found["the log"] = service->log();
    found["the standard output"] = service->program().standard_output();
    for (const auto& each : std::filesystem::recursive_directory_iterator(
           service->directory().path()))
      if (each.is_regular_file())
        found[each.path().filename().string()] = content_of(each.path());
    return found;
  }

  const std::string api_token = "up-W9p-token";
};

TEST_F(SecretsTest, AreNowhereToBeReadAfterARun) {
  // The upstream tells what it was sent, in its answers and its errors.
  const json echo = {{"id", "p1"}, {"you_sent", api_token}};
  script(on("/projects/*/clone", json{{"body", echo}}),
         on("/projects/*/s1", json{{"status", 500}, {"body", echo}},
            json{{"status", 400}, {"body", echo}}));
  verify_with("bearer");
  send({{"Authorization", "Bearer wrong-Hh2-token"}});
  const auto answer = send({{"Authorization", "Bearer new-Zx7-secret"},
                            {"Cookie", "session=cook-Lm4-ie"},
                            {"X-Api-Key", "own-Vb8-key"}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto job = answer.json().at("job").get<std::string>();
  service->wait_for_job(job, "failed");
  // It did get there, or the search would prove nothing.
  EXPECT_THAT(api.requests().dump(), HasSubstr(api_token));
  const auto found = traces(job);
  EXPECT_THAT(found.at("handoff.db"), HasSubstr(job));
  for (const auto& [where, text] : found)
    for (const auto& secret : {api_token, std::string{"Qk3"},
                               std::string{"Zx7"}, std::string{"wrong-Hh2"},
                               std::string{"cook-Lm4"}, std::string{"own-Vb8"}})
      EXPECT_THAT(text, Not(HasSubstr(secret))) << where;
}

} // namespace handoff::support

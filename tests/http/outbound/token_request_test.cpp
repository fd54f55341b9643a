#include "config/pem_text.hpp"
#include "http/outbound/token_request.hpp"
#include "http/outbound/token_store.hpp"
#include "job/base64.hpp"
#include "tests/config/files.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <future>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

namespace handoff {
namespace {

using nlohmann::json;
using test::temporary_folder;

connection with(connection_auth auth) {
  connection made;
  auth.type = connection_auth::kind::oauth2;
  auth.token_url = "https://login.example/token";
  made.auth = std::move(auth);
  return made;
}

outbound_call request_of(const connection& through,
                         const std::string& refresh = {}) {
  const auto made = token_request(through, refresh, {});
  EXPECT_TRUE(std::holds_alternative<outbound_call>(made));
  return std::get<outbound_call>(made);
}

std::string from_url_base64(std::string text) {
  for (auto& each : text)
    each = each == '-' ? '+' : each == '_' ? '/' : each;
  while (text.size() % 4 != 0)
    text += '=';
  return decode_base64(text).value_or("");
}

std::shared_ptr<EVP_PKEY> key_of(bool is_rsa) {
  return {is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free};
}

std::string pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, int (*)(BIO*)> to{BIO_new(BIO_s_mem()), BIO_free};
  PEM_write_bio_PrivateKey(to.get(), key, nullptr, nullptr, 0, nullptr,
                           nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(to.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

bool is_signed(EVP_PKEY* key, const std::string& text, std::string signature) {
  if (EVP_PKEY_base_id(key) == EVP_PKEY_EC) {
    auto* numbers = ECDSA_SIG_new();
    const auto* bytes =
      reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG_set0(numbers, BN_bin2bn(bytes, 32, nullptr),
                   BN_bin2bn(bytes + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const auto size = i2d_ECDSA_SIG(numbers, &der);
    signature.assign(reinterpret_cast<const char*>(der),
                     static_cast<std::size_t>(size));
    OPENSSL_free(der);
    ECDSA_SIG_free(numbers);
  }
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{
    EVP_MD_CTX_new(), EVP_MD_CTX_free};
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
  return EVP_DigestVerify(
           context.get(),
           reinterpret_cast<const unsigned char*>(signature.data()),
           signature.size(),
           reinterpret_cast<const unsigned char*>(text.data()), text.size())
      == 1;
}

} // namespace

TEST(TokenRequestTest, AsksAsAClient) {
  connection_auth auth;
  auth.client_id = "me";
  auth.client_secret = "a b&c";
  auth.scope = "read write";
  auth.audience = "https://api.example";
  const auto made = request_of(with(auth));
  EXPECT_EQ(made.method, "POST");
  EXPECT_EQ(made.url, "https://login.example/token");
  EXPECT_EQ(
    made.body,
    "grant_type=client_credentials&client_id=me&client_secret=a%20b%26c&"
    "scope=read%20write&audience=https%3A%2F%2Fapi.example");
  EXPECT_EQ(*find_header(made.headers, "Content-Type"),
            "application/x-www-form-urlencoded");
}

TEST(TokenRequestTest, ProvesTheClientInAHeaderWhereThatIsWanted) {
  connection_auth auth;
  auth.client_id = "me";
  auth.client_secret = "a:b";
  auth.is_client_basic = true;
  const auto made = request_of(with(auth));
  EXPECT_EQ(made.body, "grant_type=client_credentials");
  EXPECT_EQ(*find_header(made.headers, "Authorization"),
            "Basic " + encode_base64("me:a%3Ab"));
}

TEST(TokenRequestTest, AsksWithARefreshToken) {
  connection_auth auth;
  auth.grant = connection_auth::grant_kind::refresh_token;
  EXPECT_EQ(request_of(with(auth), "r/1").body,
            "grant_type=refresh_token&refresh_token=r%2F1");
}

TEST(TokenRequestTest, SignsAssertions) {
  for (const bool is_rsa : {true, false}) {
    const auto key = key_of(is_rsa);
    connection_auth auth;
    auth.grant = connection_auth::grant_kind::jwt_bearer;
    auth.client_id = "me";
    auth.alg = is_rsa ? "RS256" : "ES256";
    auth.key = pem_of(key.get());
    auth.claims = {{"sub", "user"}, {"aud", "https://other.example"}};
    EXPECT_TRUE(can_sign(auth.key, auth.alg));
    EXPECT_FALSE(can_sign(auth.key, is_rsa ? "ES256" : "RS256"));
    const auto body = request_of(with(auth)).body;
    const std::string before =
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"
      "assertion=";
    ASSERT_TRUE(body.starts_with(before)) << body;
    auto assertion = body.substr(before.size());
    assertion = assertion.substr(0, assertion.find('&'));
    const auto first = assertion.find('.');
    const auto second = assertion.rfind('.');
    EXPECT_EQ(json::parse(from_url_base64(assertion.substr(0, first))),
              (json{{"alg", auth.alg}, {"typ", "JWT"}}));
    auto claims = json::parse(
      from_url_base64(assertion.substr(first + 1, second - first - 1)));
    EXPECT_EQ(claims["jti"].get<std::string>().size(), 32U);
    claims.erase("jti");
    EXPECT_EQ(claims, (json{{"iss", "me"},
                            {"sub", "user"},
                            {"aud", "https://other.example"},
                            {"iat", 0},
                            {"exp", 300}}));
    EXPECT_TRUE(is_signed(key.get(), assertion.substr(0, second),
                          from_url_base64(assertion.substr(second + 1))))
      << auth.alg;
  }
}

TEST(TokenStoreTest, KeepsATokenForItsOwnerOnly) {
  const temporary_folder folder;
  const auto file = (folder.path() / "graph.token").string();
  token_store store;
  std::promise<std::optional<error>> told;
  store.save(file, "first", "second",
             [&](std::optional<error> failure) { told.set_value(failure); });
  EXPECT_EQ(told.get_future().get(), std::nullopt);
  EXPECT_EQ(token_store::read(file, "first"), "second");
  EXPECT_EQ(token_store::read(file, "a new chain"), std::nullopt);

  struct stat about {};

  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST(TokenStoreTest, SaysWhyATokenCannotBeKept) {
  const auto failure = token_store::write("/nowhere/graph.token", "{}");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->detail.find("{}"), std::string::npos);
}

} // namespace handoff

#include "http/outbound/token_request.hpp"

#include "job/base64.hpp"
#include "job/hex.hpp"
#include "job/json_text.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::chrono::milliseconds patience{15'000};
constexpr seconds assertion_life{300};
constexpr std::size_t p256_bytes = 32;

struct bio_free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

struct key_free {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

struct context_free {
  void operator()(EVP_MD_CTX* context) const noexcept {
    EVP_MD_CTX_free(context);
  }
};

struct signature_free {
  void operator()(ECDSA_SIG* made) const noexcept { ECDSA_SIG_free(made); }
};

using bytes = std::vector<unsigned char>;

/// Base64 for URLs, without padding (RFC 7515, section 2).
std::string url_base64(std::string_view text) {
  auto made = encode_base64(text);
  while (made.ends_with('='))
    made.pop_back();
  for (auto& each : made)
    each = each == '+' ? '-' : each == '/' ? '_' : each;
  return made;
}

std::string_view text_of(const bytes& from) {
  return {reinterpret_cast<const char*>(from.data()), from.size()};
}

int no_passphrase(char*, int, int, void*) {
  return 0;
}

std::optional<bytes> signature_of(EVP_PKEY* key, std::string_view text) {
  const std::unique_ptr<EVP_MD_CTX, context_free> context{EVP_MD_CTX_new()};
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key)
        != 1
      || EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) != 1)
    return std::nullopt;
  bytes made(size);
  if (EVP_DigestSign(context.get(), made.data(), &size, data, text.size()) != 1)
    return std::nullopt;
  made.resize(size);
  return made;
}

/// The two numbers of an ECDSA signature, one after the other (RFC 7518,
/// section 3.4).
std::optional<bytes> numbers_of(const bytes& der) {
  const auto* at = der.data();
  const std::unique_ptr<ECDSA_SIG, signature_free> made{
    d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()))};
  if (!made)
    return std::nullopt;
  bytes both(2 * p256_bytes);
  constexpr auto size = static_cast<int>(p256_bytes);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(made.get()), both.data(), size) != size
      || BN_bn2binpad(ECDSA_SIG_get0_s(made.get()), both.data() + p256_bytes,
                      size)
           != size)
    return std::nullopt;
  return both;
}

std::string random_id() {
  std::array<unsigned char, 16> made{};
  RAND_bytes(made.data(), static_cast<int>(made.size()));
  return encode_hex({reinterpret_cast<const char*>(made.data()), made.size()});
}

class form_text {
public:
  void add(std::string_view name, std::string_view value) {
    if (value.empty())
      return;
    if (!text_.empty())
      text_ += '&';
    text_ += percent_encoded(name) + '=' + percent_encoded(value);
  }

  std::string take() { return std::move(text_); }

private:
  std::string text_;
};

} // namespace

result<std::string> assertion_of(const connection_auth& auth, wall_time now) {
  const auto since =
    std::chrono::duration_cast<seconds>(now.time_since_epoch()).count();
  json claims{{"iat", since},
              {"exp", since + assertion_life.count()},
              {"aud", auth.token_url},
              {"jti", random_id()}};
  if (!auth.client_id.empty())
    claims["iss"] = auth.client_id;
  claims.update(auth.claims);
  const json head{{"alg", auth.alg}, {"typ", "JWT"}};
  auto text = url_base64(json_text(head)) + '.' + url_base64(json_text(claims));
  const std::unique_ptr<BIO, bio_free> pem{
    BIO_new_mem_buf(auth.key.data(), static_cast<int>(auth.key.size()))};
  const std::unique_ptr<EVP_PKEY, key_free> key{
    PEM_read_bio_PrivateKey(pem.get(), nullptr, &no_passphrase, nullptr)};
  auto made = key ? signature_of(key.get(), text) : std::nullopt;
  if (made && auth.alg == "ES256")
    made = numbers_of(*made);
  ERR_clear_error();
  if (!made)
    return error{error_kind::internal, "the assertion cannot be signed"};
  return text + '.' + url_base64(text_of(*made));
}

result<outbound_call> token_request(const connection& through,
                                    const std::string& refresh_token,
                                    wall_time now) {
  using grant = connection_auth::grant_kind;
  const auto& auth = through.auth;
  form_text form;
  switch (auth.grant) {
  case grant::client_credentials:
    form.add("grant_type", "client_credentials");
    break;
  case grant::jwt_bearer: {
    auto assertion = assertion_of(auth, now);
    if (auto* failed = std::get_if<error>(&assertion))
      return std::move(*failed);
    form.add("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    form.add("assertion", std::get<std::string>(assertion));
    break;
  }
  case grant::refresh_token:
    form.add("grant_type", "refresh_token");
    form.add("refresh_token", refresh_token);
    break;
  }
  outbound_call call;
  // As a clone: on a connection of its own, and never sent again by libcurl.
  call.purpose = call_class::clone;
  call.method = "POST";
  call.url = auth.token_url;
  call.timeout = patience;
  call.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"Accept", "application/json"}};
  if (auth.is_client_basic && !auth.client_id.empty()) {
    call.headers.push_back(
      {"Authorization",
       "Basic "
         + encode_base64(percent_encoded(auth.client_id) + ':'
                         + percent_encoded(auth.client_secret))});
  } else {
    form.add("client_id", auth.client_id);
    form.add("client_secret", auth.client_secret);
  }
  form.add("scope", auth.scope);
  form.add("audience", auth.audience);
  call.body = form.take();
  return call;
}

} // namespace handoff

#include "job/standard_webhook.hpp"

#include "job/base64.hpp"

#include <chrono>
#include <climits>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace handoff {

std::optional<std::string> webhook_key(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  if (secret.starts_with(prefix))
    secret.remove_prefix(prefix.size());
  auto key = decode_base64(secret);
  if (key && key->empty())
    return std::nullopt;
  return key;
}

std::optional<std::string> hmac_sha256(std::string_view key,
                                       std::string_view message) {
  if (key.size() > INT_MAX)
    return std::nullopt;
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  // A null key would mean the one of the call before.
  const auto* made = ::HMAC(
    EVP_sha256(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
    reinterpret_cast<const unsigned char*>(message.data()), message.size(),
    reinterpret_cast<unsigned char*>(digest.data()), &length);
  if (made == nullptr)
    return std::nullopt;
  digest.resize(length);
  return digest;
}

std::string standard_webhook_content(std::string_view id,
                                     std::string_view timestamp,
                                     std::string_view body) {
  std::string content;
  content.reserve(id.size() + timestamp.size() + body.size() + 2);
  content.append(id).append(".").append(timestamp).append(".").append(body);
  return content;
}

result<std::string> sign_standard_webhook(std::string_view secret,
                                          std::string_view id,
                                          wall_time timestamp,
                                          std::string_view body) {
  const auto key = webhook_key(secret);
  if (!key)
    return error{error_kind::invalid_request,
                 "the secret is not base64, with or without whsec_ before it"};
  if (id.empty() || id.find('.') != std::string_view::npos)
    return error{error_kind::invalid_request,
                 "the id of a message is not empty and has no full stop"};
  const auto sent = std::chrono::duration_cast<std::chrono::seconds>(
    timestamp.time_since_epoch());
  const auto digest = hmac_sha256(
    *key, standard_webhook_content(id, std::to_string(sent.count()), body));
  if (!digest)
    return error{error_kind::internal, "the message could not be signed"};
  return "v1," + encode_base64(*digest);
}

} // namespace handoff

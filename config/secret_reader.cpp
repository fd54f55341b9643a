#include "config/secret_reader.hpp"

#include "config/references.hpp"
#include "job/base64.hpp"
#include "job/credential.hpp"
#include "job/standard_webhook.hpp"

#include <string_view>
#include <utility>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;

constexpr std::string_view webhook_key_prefix = "whsec_";

} // namespace

std::optional<std::string> read_secret(flow_report& report, const json& value,
                                       const pointer& at) {
  if (!value.is_string()) {
    report.error(at, "is not a string; allowed: a string");
    return std::nullopt;
  }
  auto secret = read_text(report, value, at);
  if (!secret)
    return std::nullopt;
  if (secret->empty()) {
    report.error(at, "must not be empty");
    return std::nullopt;
  }
  if (!has_reference(value.get_ref<const std::string&>())) {
    report.warning(at, "is a secret in plain text; put it in "
                       "${env:NAME} or ${file:PATH}");
    report.references.remember(*secret, at.to_string());
  }
  return secret;
}

void hide_basic(flow_report& report, const pointer& at, std::string_view user,
                std::string_view password) {
  if (password.empty())
    return;
  auto sent = encode_base64(std::string{user} + ':' + std::string{password});
  sent.erase(sent.find_last_not_of('=') + 1);
  report.references.remember(sent, at.to_string() + " as Basic");
}

void hide_credentials(flow_report& report, const pointer& at,
                      std::string_view name, std::string_view value) {
  if (!is_credential(name))
    return;
  auto sent = std::string{value.substr(value.find(' ') + 1)};
  sent.erase(sent.find_last_not_of('=') + 1);
  // A shorter one proves nothing, and is a word like any other.
  if (sent.size() >= hidden_anywhere_bytes_min)
    report.references.remember(sent, at.to_string() + " as sent");
}

void check_webhook_key(flow_report& report, const pointer& at,
                       const std::string& secret) {
  if (!webhook_key(secret))
    report.error(at, "is not base64; allowed: base64 with or without "
                     "\"whsec_\" before it, as Standard Webhooks has it");
  else if (secret.starts_with(webhook_key_prefix))
    report.references.remember(secret.substr(webhook_key_prefix.size()),
                               at.to_string() + " without its prefix");
}

} // namespace handoff

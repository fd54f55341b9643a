#include "http/ingress/signature.hpp"

#include "http/ingress/same_secret.hpp"
#include "job/base64.hpp"
#include "job/standard_webhook.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <strings.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr auto npos = std::string_view::npos;
constexpr std::size_t digest_bytes = 32;
constexpr std::string_view sha256_prefix = "sha256=";

error refused(std::string detail) {
  return {error_kind::unauthorized, std::move(detail)};
}

error misfit() {
  return refused("no signature fits: the secret or the body is another one");
}

/// The value of the one field of this name.
result<std::string_view> only_field(const headers& fields,
                                    std::string_view name) {
  const std::string wanted{name};
  const header* found = nullptr;
  for (const auto& each : fields) {
    if (::strcasecmp(each.name.c_str(), wanted.c_str()) != 0)
      continue;
    // Two parsers could each take another one.
    if (found != nullptr)
      return refused("the header " + wanted + " stands twice");
    found = &each;
  }
  if (found == nullptr)
    return refused("the header " + wanted + " is missing");
  if (found->value.empty())
    return refused("the header " + wanted + " is empty");
  return std::string_view{found->value};
}

std::optional<std::string> decode_hex(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
  };
  if (text.size() % 2 != 0)
    return std::nullopt;
  std::string made;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const auto high = digit(text[at]);
    const auto low = digit(text[at + 1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    made += static_cast<char>(high * 16 + low);
  }
  return made;
}

/// Whether one of the keys gives one of `signatures`, which are of the length
/// of a digest. All are tried, so that the time does not tell which one fits.
bool any_fits(const std::vector<std::string>& keys,
              const std::vector<std::string>& signatures,
              std::string_view message) {
  bool fits = false;
  for (const auto& key : keys) {
    const auto expected = hmac_sha256(key, message);
    for (const auto& given : signatures)
      if (expected && same_secret(*expected, given))
        fits = true;
  }
  return fits;
}

std::optional<error> verify_bearer(const verify_rule& rule,
                                   const headers& fields) {
  const auto field = only_field(fields, "Authorization");
  if (const auto* wrong = std::get_if<error>(&field))
    return *wrong;
  const auto value = std::get<std::string_view>(field);
  const auto blank = value.find(' ');
  const std::string scheme{value.substr(0, blank)};
  if (blank == npos || ::strcasecmp(scheme.c_str(), "Bearer") != 0)
    return refused("the header Authorization has no bearer token");
  const auto start = value.find_first_not_of(' ', blank);
  const auto token = start == npos ? std::string_view{} : value.substr(start);
  bool fits = false;
  for (const auto& secret : rule.secrets)
    if (same_secret(token, secret))
      fits = true;
  if (!fits)
    return refused("the bearer token is another one");
  return std::nullopt;
}

/// Whole seconds since 1970, and nothing but digits. None if it is not that, or
/// is past what a year of five digits would need.
std::optional<seconds> read_timestamp(std::string_view text) {
  constexpr std::size_t digits_max = 12;
  if (text.empty() || text.size() > digits_max
      || text.find_first_not_of("0123456789") != npos)
    return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return seconds{count};
}

std::optional<error> check_age(const verify_rule& rule, seconds sent,
                               wall_time now) {
  const auto age = duration_cast<seconds>(now.time_since_epoch()) - sent;
  const auto distance = age < seconds{0} ? -age : age;
  if (distance <= rule.tolerance)
    return std::nullopt;
  return refused(
    "the timestamp is " + std::to_string(distance.count())
    + (age < seconds{0} ? " s ahead; " : " s old; ")
    + std::to_string(duration_cast<seconds>(rule.tolerance).count())
    + " s are allowed");
}

/// The "v1" signatures of a space-separated list. What cannot be one is left
/// out, as other versions are.
std::vector<std::string> read_signatures(std::string_view list) {
  constexpr std::string_view version = "v1,";
  std::vector<std::string> found;
  while (!list.empty()) {
    const auto end = list.find(' ');
    const auto each = list.substr(0, end);
    list = end == npos ? std::string_view{} : list.substr(end + 1);
    if (!each.starts_with(version))
      continue;
    auto bytes = decode_base64(each.substr(version.size()));
    if (bytes && bytes->size() == digest_bytes)
      found.push_back(std::move(*bytes));
  }
  return found;
}

std::optional<error> verify_standard(const verify_rule& rule,
                                     const headers& fields,
                                     std::string_view raw_body, wall_time now) {
  std::array<std::string_view, 3> values;
  constexpr std::array<std::string_view, 3> names{
    "webhook-id", "webhook-timestamp", "webhook-signature"};
  for (std::size_t at = 0; at < names.size(); ++at) {
    const auto field = only_field(fields, names[at]);
    if (const auto* wrong = std::get_if<error>(&field))
      return *wrong;
    values[at] = std::get<std::string_view>(field);
  }
  const auto [id, timestamp, list] = values;
  if (id.find('.') != npos)
    return refused("the header webhook-id has a full stop in it");
  const auto sent = read_timestamp(timestamp);
  if (!sent)
    return refused(
      "the header webhook-timestamp is no number of seconds since 1970");
  if (auto wrong = check_age(rule, *sent, now))
    return wrong;
  const auto signatures = read_signatures(list);
  if (signatures.empty())
    return refused("the header webhook-signature has no \"v1,\" and base64 of "
                   "32 bytes in it");
  std::vector<std::string> keys;
  for (const auto& secret : rule.secrets)
    if (auto key = webhook_key(secret))
      keys.push_back(std::move(*key));
  if (!any_fits(keys, signatures,
                standard_webhook_content(id, timestamp, raw_body)))
    return misfit();
  return std::nullopt;
}

std::optional<error> verify_body(const verify_rule& rule, const headers& fields,
                                 std::string_view name, bool base64,
                                 std::string_view raw_body,
                                 bool prefix_needed) {
  const auto field = only_field(fields, name);
  if (const auto* wrong = std::get_if<error>(&field))
    return *wrong;
  auto value = std::get<std::string_view>(field);
  const bool prefixed = value.starts_with(sha256_prefix);
  if (prefixed)
    value.remove_prefix(sha256_prefix.size());
  auto given = base64 ? decode_base64(value) : decode_hex(value);
  if (!given || given->size() != digest_bytes || (prefix_needed && !prefixed))
    return refused("the header " + std::string{name} + " is not "
                   + (prefix_needed ? "\"sha256=\" and " : "")
                   + (base64 ? "base64" : "hex") + " of 32 bytes");
  if (!any_fits(rule.secrets, {std::move(*given)}, raw_body))
    return misfit();
  return std::nullopt;
}

} // namespace

std::optional<error> verify(const verify_rule& rule, const headers& fields,
                            std::string_view raw_body, wall_time now) {
  switch (rule.scheme) {
  case verify_scheme::none:
    return std::nullopt;
  case verify_scheme::bearer:
    return verify_bearer(rule, fields);
  case verify_scheme::standard_webhooks:
    return verify_standard(rule, fields, raw_body, now);
  case verify_scheme::github:
    return verify_body(rule, fields, "X-Hub-Signature-256", false, raw_body,
                       true);
  case verify_scheme::hmac_sha256:
    return verify_body(rule, fields, rule.header, rule.encoding == "base64",
                       raw_body, false);
  }
  return refused("the flow's scheme is not known");
}

} // namespace handoff

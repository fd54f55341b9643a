#include "job/token.hpp"

#include "job/json_reader.hpp"
#include "job/json_seconds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr double longest_life_s = 10.0 * 365 * 24 * 3600;

const json* member(const json& object, const char* name) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const json& object, const char* name) {
  const auto* value = member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>()
                                                : std::string{};
}

/// A number of seconds; some write it as a text.
std::optional<milliseconds> life_of(const json& answer) {
  const auto seconds = seconds_in(member(answer, "expires_in"));
  if (!seconds || *seconds == 0)
    return std::nullopt;
  return milliseconds{std::llround(std::min(*seconds, longest_life_s) * 1000)};
}

/// What is wrong, of the codes that there are (RFC 6749, section 5.2); empty if
/// it is none of them.
std::string_view code_of(const json& answer) {
  constexpr std::array<std::string_view, 8> codes{
    "invalid_request",     "invalid_client",         "invalid_grant",
    "unauthorized_client", "unsupported_grant_type", "invalid_scope",
    "server_error",        "temporarily_unavailable"};
  const auto text = text_of(answer, "error");
  const auto found = std::find(codes.begin(), codes.end(), text);
  return found == codes.end() ? std::string_view{} : *found;
}

bool can_be_sent(const std::string& token) {
  return !token.empty() && token.size() <= token_bytes_max
      && std::all_of(token.begin(), token.end(), [](unsigned char each) {
           return each > ' ' && each < 0x7f;
         });
}

error refused_by(int status, std::string_view code) {
  auto why =
    "the token endpoint answered with status " + std::to_string(status);
  if (!code.empty())
    why += ", " + std::string{code};
  const bool is_lost = code == "invalid_grant";
  return {is_lost ? error_kind::unauthorized : error_kind::token_missing,
          std::move(why)};
}

void hide_in(std::string& text, const std::string& token) {
  for (auto at = text.find(token); at != std::string::npos;
       at = text.find(token, at + 3))
    text.replace(at, token.size(), "***");
}

} // namespace

result<token_answer> read_token_answer(const exchange& done) {
  if (done.failure)
    return error{error_kind::token_missing,
                 "the token endpoint: " + done.failure->detail};
  const auto read = parse_answer(done.body);
  const auto* answer = std::get_if<json>(&read);
  const auto code = answer != nullptr ? code_of(*answer) : std::string_view{};
  if (done.status < 200 || done.status >= 300 || !code.empty())
    return refused_by(done.status, code);
  if (answer == nullptr)
    return error{error_kind::token_missing,
                 "the token endpoint's answer is not JSON"};
  token_answer made{text_of(*answer, "access_token"), life_of(*answer),
                    text_of(*answer, "refresh_token")};
  if (!can_be_sent(made.access_token))
    return error{error_kind::token_missing,
                 "the token endpoint's answer has no usable access_token"};
  return made;
}

milliseconds token_backoff(std::uint32_t failed,
                           std::optional<milliseconds> retry_after) {
  constexpr milliseconds first{1'000};
  constexpr milliseconds longest{30'000};
  constexpr milliseconds asked_longest{600'000};
  const auto doubled = first * (1 << std::min(std::max(failed, 1u) - 1u, 5u));
  return std::max(
    std::min(doubled, longest),
    std::min(retry_after.value_or(milliseconds{0}), asked_longest));
}

bool was_token_refused(const std::vector<attempt>& attempts) {
  const auto last = std::find_if(attempts.rbegin(), attempts.rend(),
                                 [](const auto& each) { return each.ended; });
  return last != attempts.rend() && last->failure
      && last->failure->kind == error_kind::token_refused;
}

void judge_token(answer_reading& reading, const exchange& done,
                 const std::vector<int>& refresh_on, bool again) {
  const bool may_renew = !done.failure && done.token != 0 && !again;
  if (!reading.rule) {
    if (may_renew
        && std::find(refresh_on.begin(), refresh_on.end(), done.status)
             != refresh_on.end())
      reading.rule = ruling{ruled::refresh, std::nullopt, {}};
  } else if (reading.rule->then == ruled::refresh && !may_renew) {
    reading.rule->then = ruled::fail;
  }
}

void hide_token(exchange& done, const std::string& token) {
  // A shorter one would garble the answer, and no endpoint gives one.
  if (token.size() < 8)
    return;
  hide_in(done.body, token);
  for (auto& each : done.headers)
    hide_in(each.value, token);
}

} // namespace handoff

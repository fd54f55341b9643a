// What anybody may have answered before a signature is looked at: the method
// and the target in the first line, then the body. Promises: the answer is
// short, is no page and splits no header; and the HMAC of a value is never the
// signature of a webhook.

#include "config/flow_loader.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/handshake.hpp"
#include "http/ingress/verifier.hpp"
#include "job/webhook_body.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>
#include <vector>

namespace handoff::fuzz {
namespace {

using json = nlohmann::json;

constexpr const char* rules = R"([
  { "method": "GET", "verified": false,
    "when": { "value": "{{query/c}}", "exists": true },
    "reply": { "text": "{{query/c}}", "headers": { "X-Hook": "{{query/h ?? \"\"}}" } },
    "show": "{{query/c}}" },
  { "verified": false, "when": { "value": "{{body/challenge}}", "exists": true },
    "reply": { "status": 201, "body": { "challenge": "{{body/challenge}}" } } },
  { "verified": false, "when": { "value": "{{body/word}}", "exists": true },
    "reply": { "body": { "word": "{{body/word}}", "hex": "{{hmac/body/word}}" } } } ])";

flow_ptr flow_that_signs(const json& signed_text) {
  json definition{
    {"name", "f"},
    {"verify",
     {{"scheme", "hmac"},
      {"secret", "who-knows-this"},
      {"signature", "{{header/X-Signature}}"},
      {"timestamp",
       {{"value", "{{header/X-Time}}"}, {"unit", "s"}, {"tolerance", "5min"}}},
      {"signed", signed_text}}},
    {"handshake", json::parse(rules)},
    {"clone",
     {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
      {"uid", "/id"}}}};
  auto loaded = read_flow(definition, flow_defaults{}, "f.json");
  expect(loaded.flow != nullptr, "the flow of this target loads");
  return loaded.flow;
}

std::string value_of(const reply& answer, const char* member) {
  return json::parse(answer.body).at(member).get<std::string>();
}

/// Tries the HMAC of `word` as the signature of webhooks of which `word` may be
/// what is signed.
void expect_no_webhook(const flow& definition, const std::string& word,
                       const std::string& mac, wall_time now) {
  const auto seconds =
    std::to_string(now.time_since_epoch() / std::chrono::seconds{1});
  for (std::size_t cut = 0; cut <= word.size(); ++cut) {
    const auto time = cut == 0 ? seconds : word.substr(0, cut);
    const auto body = word.substr(cut);
    const headers fields{{"X-Signature", mac}, {"X-Time", time}};
    const bool is_taken =
      !verify(definition.verify,
              {"POST", "/hooks/f", {}, fields, body, now, "f"})
      && std::holds_alternative<json>(webhook_body{body}.read());
    expect(!is_taken, "the HMAC of a value signs no webhook");
  }
}

void ask(const flow& definition, std::string_view method, const webhook& hook,
         const json& document) {
  const auto answered = handshake(definition, method, hook, document, false);
  const auto* answer = std::get_if<std::optional<handshake_answer>>(&answered);
  if (answer == nullptr || !*answer)
    return;
  const auto& made = (*answer)->reply;
  auto bytes = made.body.size();
  bool is_harmless = false;
  for (const auto& [name, value] : made.headers) {
    bytes += name.size() + value.size();
    expect(value.find_first_of("\r\n") == std::string::npos,
           "a value splits no header");
    is_harmless =
      is_harmless || (name == "X-Content-Type-Options" && value == "nosniff");
  }
  expect(is_harmless, "an answer for anybody is taken for what it says it is");
  expect(bytes <= unverified_answer_bytes_max + 64, "an answer is short");
  const auto* type = find_header(made.headers, "Content-Type");
  expect(type != nullptr
           && (*type == "application/json" || type->starts_with("text/plain")),
         "an answer for anybody is no page");
  if (*type != "application/json")
    return;
  expect(made.body.find_first_of("<>&") == std::string::npos,
         "JSON has nothing that looks like a tag");
  if (json::parse(made.body).contains("hex"))
    expect_no_webhook(definition, value_of(made, "word"), value_of(made, "hex"),
                      hook.received);
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  static const std::vector<flow_ptr> flows{
    fuzz::flow_that_signs("{{raw}}"),
    fuzz::flow_that_signs("{{timestamp}}{{raw}}"),
    fuzz::flow_that_signs("v0:{{timestamp}}:{{raw}}")};
  auto rest = fuzz::text_of(data, size);
  auto target = fuzz::take_until(rest, '\n');
  const auto method = fuzz::take_until(target, ' ');
  webhook hook;
  hook.received = wall_time{std::chrono::seconds{1'700'000'000}};
  hook.query = query_pairs(target);
  for (const auto& each : flows) {
    hook.body = webhook_body{std::string{rest}};
    const auto read = hook.body.read();
    const auto* document = std::get_if<nlohmann::json>(&read);
    if (document == nullptr && !rest.empty())
      continue;
    fuzz::ask(*each, method, hook,
              document != nullptr ? *document : nlohmann::json{});
  }
  return 0;
}

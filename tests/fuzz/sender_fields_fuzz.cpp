// What a sender writes into the head of a webhook: lines of "Name: value", an
// empty line, and the body. Promise: without its secret no signature fits.

#include "http/admin/origin_check.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/json_body.hpp"
#include "http/ingress/prefer.hpp"
#include "http/ingress/signature.hpp"
#include "job/trace.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace handoff::fuzz {
namespace {

verify_rule rule_of(verify_scheme scheme, std::string encoding) {
  verify_rule rule;
  rule.scheme = scheme;
  rule.secrets = {"d2hvLWtub3dzLXRoaXMtc2VjcmV0", "YW5vdGhlci1zZWNyZXQ="};
  rule.header = "X-Signature";
  rule.encoding = std::move(encoding);
  return rule;
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  auto rest = fuzz::text_of(data, size);
  http_request request;
  request.method = "POST";
  while (!rest.empty()) {
    auto line = fuzz::take_until(rest, '\n');
    if (line.empty())
      break;
    const auto field = fuzz::take_until(line, ':');
    request.headers.push_back({std::string{field}, std::string{line}});
  }
  const wall_time now{std::chrono::seconds{1'800'000'000}};
  for (const auto scheme :
       {verify_scheme::bearer, verify_scheme::standard_webhooks,
        verify_scheme::github, verify_scheme::hmac_sha256})
    for (const auto* encoding : {"hex", "base64"})
      fuzz::expect(
        verify(fuzz::rule_of(scheme, encoding), request.headers, rest, now)
          .has_value(),
        "who does not know the secret is refused");
  (void)read_preferences(request.headers);
  (void)origin_check{"127.0.0.1"}.refuse(request);
  for (const auto& each : request.headers) {
    const auto trace = continue_trace(
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", {each.value});
    fuzz::expect(trace.state.size() <= tracestate_bytes_max,
                 "a tracestate that is passed on is short");
    fuzz::expect(
      make_traceparent(continue_trace(each.value), make_span_id()).size() == 55,
      "a traceparent is one");
    (void)path_segments("/" + each.value);
    (void)query_pairs(each.value);
  }
  const auto body = parse_json_body(rest);
  if (const auto* parsed = std::get_if<nlohmann::json>(&body))
    (void)parsed->dump(); // which throws for what is not UTF-8
  return 0;
}

// What it costs to refuse a webhook whose signature is wrong: processor time of
// the check alone, for each sender that has a preset. Not a test: it prints.
//
//   verify_bench [COUNT]

#include "config/senders.hpp"
#include "config/verify_reader.hpp"
#include "http/ingress/signer.hpp"
#include "http/ingress/verifier.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

using namespace handoff;
using nlohmann::json;

double cpu_seconds() {
  std::timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec)
       + static_cast<double>(now.tv_nsec) / 1e9;
}

verify_rule rule_of(const sender_preset& preset) {
  json with = json::object();
  for (const auto& [name, meaning] : preset.with)
    with[name] = "t";
  const auto& verify = preset.flow.at("verify");
  const std::string secret =
    verify.at("scheme") == "public-key"
      ? "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    : verify.value("key", "") == "hex" ? "9b24c3e8"
                                       : "c2VjcmV0";
  flow_report report{"bench", reference_resolver{""}};
  const auto expanded = expand_sender(
    {{"sender", {{"name", preset.name}, {"secret", secret}, {"with", with}}}},
    std::chrono::seconds{10}, report);
  return read_verify(
    report, expanded.definition.at("verify"), json::json_pointer{},
    {"https://hooks.example", expanded.from_preset, expanded.secret_may_lack});
}

/// Microseconds of processor time for one refusal; 0 if it cannot be signed
/// here, so that there is nothing to forge.
double cost_us(const verify_rule& rule, std::size_t body_bytes, int count) {
  const auto now = std::chrono::system_clock::now();
  json body{{"text", std::string(body_bytes, 'x')},
            {"signature", json::object()}};
  signed_request request{.path = "/hooks/bench",
                         .fields = {{"Content-Type", "application/json"},
                                    {"User-Agent", "bench"},
                                    {"Host", "hooks.example"}},
                         .body = body.dump()};
  if (sign(rule, request, now, "bench"))
    return 0;
  for (auto& field : request.fields)
    if (rule.credential_headers.contains(lower_case(field.name)))
      for (auto& c : field.value)
        c = c == 'a' ? 'b' : c == '1' ? '2' : c;
  std::size_t refused = 0;
  const auto before = cpu_seconds();
  for (int i = 0; i < count; ++i)
    refused += verify(rule, {"POST", request.path, request.query,
                             request.fields, request.body, now, "bench"})
               ? 1
               : 0;
  const auto spent = cpu_seconds() - before;
  return refused > 0 ? spent * 1e6 / count : 0;
}

} // namespace

int main(int count, char** words) {
  const int times = count > 1 ? std::atoi(words[1]) : 20'000;
  std::printf("us of CPU for one refusal      1 KiB    64 KiB\n");
  for (const auto& preset : sender_presets()) {
    const auto rule = rule_of(preset);
    std::printf("%-26s %9.1f %9.1f\n", preset.name.c_str(),
                cost_us(rule, 1'024, times), cost_us(rule, 65'536, times / 20));
  }
}

// What proves a sender: the target, lines of "Name: value", an empty line, and
// the body, against the rule of each preset. Promise: who does not know the
// secret is refused, whatever he sends.

#include "config/senders.hpp"
#include "config/verify_reader.hpp"
#include "http/ingress/verifier.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace handoff::fuzz {
namespace {

std::vector<verify_rule> all_rules() {
  std::vector<verify_rule> rules;
  flow_report report{"fuzz", reference_resolver{""}};
  const auto add = [&](const nlohmann::json& definition) {
    const auto expanded =
      expand_sender(definition, std::chrono::seconds{10}, report);
    auto verify = expanded.definition.at("verify");
    rules.push_back(read_verify(report, verify, nlohmann::json::json_pointer{},
                                {"https://hooks.example", true, true}));
  };
  for (const auto& preset : sender_presets()) {
    const auto& verify = preset.flow.at("verify");
    const auto key = verify.value("key", "text");
    // None that a fuzzer would hit upon, or that signed one of the seeds.
    const char* secret =
      verify.at("scheme") == "public-key"
        ? "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
      : key == "hex" ? "9b24c3e843895a92b70aa74d1b7ebc9c"
                     : "d2hvLWtub3dzLXRoaXMtc2VjcmV0";
    nlohmann::json with = nlohmann::json::object();
    for (const auto& [name, meaning] : preset.with)
      with[name] = "t";
    add({{"sender",
          {{"name", preset.name}, {"secret", secret}, {"with", with}}}});
  }
  return rules;
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  static const auto rules = fuzz::all_rules();
  auto rest = fuzz::text_of(data, size);
  auto target = fuzz::take_until(rest, '\n');
  const auto path = fuzz::take_until(target, '?');
  headers fields;
  while (!rest.empty()) {
    auto line = fuzz::take_until(rest, '\n');
    if (line.empty())
      break;
    const auto field = fuzz::take_until(line, ':');
    fields.push_back({std::string{field}, std::string{line}});
  }
  const wall_time now{std::chrono::seconds{1'700'000'000}};
  for (const auto& rule : rules) {
    verify_notes notes;
    fuzz::expect(
      verify(rule, {"POST", path, target, fields, rest, now, "f"}, &notes)
        .has_value(),
      "who does not know the secret is refused");
  }
  return 0;
}

// The text of a flow's file. Promise: what loads also loads from the definition
// that the journal keeps.

#include "config/flow_loader.hpp"
#include "config/strict_json.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  const auto parsed =
    parse_strict_json("f.json", fuzz::text_of(data, size), 100);
  const auto* definition = std::get_if<nlohmann::json>(&parsed);
  if (definition == nullptr) {
    (void)to_string(std::get<problem>(parsed));
    return 0;
  }
  const auto loaded = read_flow(*definition, {}, "f.json");
  for (const auto* list : {&loaded.errors, &loaded.warnings})
    for (const auto& each : *list)
      (void)to_string(each);
  fuzz::expect((loaded.flow == nullptr) == !loaded.errors.empty(),
               "a flow or an error");
  if (loaded.flow) {
    const auto again = compile_flow(loaded.flow->definition, {});
    fuzz::expect(std::holds_alternative<flow_ptr>(again),
                 "a journaled definition compiles");
  }
  return 0;
}

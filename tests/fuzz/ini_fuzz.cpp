// The text of an INI, and behind a NUL byte an override of the command line.

#include "config/settings_loader.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  auto rest = fuzz::text_of(data, size);
  const auto text = fuzz::take_until(rest, '\0');
  std::vector<std::string> overrides;
  if (!rest.empty())
    overrides.emplace_back(rest);
  const auto loaded = read_settings("f.ini", text, "", overrides);
  for (const auto* list : {&loaded.errors, &loaded.warnings})
    for (const auto& each : *list)
      (void)to_string(each);
  return 0;
}

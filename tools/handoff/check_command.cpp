#include "config/check.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <iostream>

namespace handoff {
namespace {

constexpr const char* help =
  R"(Usage: handoff check [--config-file=FILE] [--json] [--SECTION.KEY=VALUE ...]

Validates the INI and the flows that it points to, without starting anything.
Everything that is wrong is told at once, a line each:

  FILE: key-or-pointer: what is wrong, what is allowed

Ends with 0 if all is well, else with 2.

  --config-file=FILE     the INI; without one, the defaults
  --json                 the result as one JSON object
  --SECTION.KEY=VALUE    overrides a key of the INI
)";

nlohmann::json list_of(const problems& found) {
  auto list = nlohmann::json::array();
  for (const auto& each : found)
    list.push_back(
      {{"file", each.file}, {"where", each.where}, {"what", each.what}});
  return list;
}

void print_json(const checked_configuration& checked) {
  auto flows = nlohmann::json::array();
  for (const auto& [name, definition] : checked.flows)
    flows.push_back({{"name", name}, {"version", definition->version}});
  std::cout << nlohmann::json{{"ok", checked.errors.empty()},
                              {"errors", list_of(checked.errors)},
                              {"warnings", list_of(checked.warnings)},
                              {"flows", flows}}
                 .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
            << '\n';
}

void print_text(const checked_configuration& checked) {
  for (const auto& each : checked.errors)
    std::cerr << to_string(each) << '\n';
  for (const auto& each : checked.warnings)
    std::cerr << "warning: " << to_string(each) << '\n';
  if (!checked.errors.empty())
    return;
  std::cout << "the configuration is valid; " << checked.flows.size()
            << (checked.flows.size() == 1 ? " flow" : " flows");
  const char* before = ": ";
  for (const auto& [name, definition] : checked.flows) {
    std::cout << before << name << " (" << definition->sub_actions.size()
              << " sub-actions)";
    before = ", ";
  }
  std::cout << '\n';
}

} // namespace

int check_command(const command_words& words) {
  const auto given = read_arguments("check", words);
  if (given.error || given.positional.size() > 1) {
    std::cerr << "handoff check: "
              << given.error.value_or("takes one INI at the most") << '\n'
              << help;
    return exit_usage;
  }
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  std::optional<std::filesystem::path> ini;
  if (!given.positional.empty())
    ini = given.positional[0];
  if (const auto file = given.value("config-file"))
    ini = *file;
  const auto checked = check(ini, given.overrides);
  if (given.has("json"))
    print_json(checked);
  else
    print_text(checked);
  return checked.errors.empty() ? exit_done : exit_usage;
}

} // namespace handoff

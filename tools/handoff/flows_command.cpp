#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <iostream>
#include <string>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* flows_help = R"(Usage: handoff flows [OPTIONS]

Lists the flows that are in force.

  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the flows were listed; with 1 if the service refuses or does not
answer, with 2 if it was called wrongly.
)";

constexpr const char* reload_help = R"(Usage: handoff reload [OPTIONS]

Makes the service read its flows again and put them in force, all or none, as
SIGHUP does. Jobs keep the flow that they started with.

  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the flows are in force; with 1 if one is wrong (those that were
in force stay so), or if the service refuses or does not answer; with 2 if it
was called wrongly.
)";

void expect_options_only(const arguments& given, std::string& failed) {
  if (!given.positional.empty())
    failed = "takes options only";
}

/// The names in a list of texts or of objects with a name.
std::string names_in(const json& list) {
  std::string names;
  for (const auto& each : list) {
    const auto name = each.is_object() ? text_at(each, "name")
                    : each.is_string()
                      ? printable(each.get_ref<const std::string&>())
                      : std::string{};
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

void print_flows(const arguments&, const json& answer) {
  const auto& flows = list_at(answer, "flows");
  if (flows.empty()) {
    std::cout << "no flows\n";
    return;
  }
  std::size_t width = 4;
  for (const auto& each : flows)
    width = std::max(width, columns_of(text_at(each, "name")));
  std::cout << padded("FLOW", width) << "  VERSION   FILE, SUB-ACTIONS\n";
  for (const auto& each : flows) {
    const auto subs = names_in(list_at(each, "sub_actions"));
    std::cout << padded(text_at(each, "name"), width) << "  "
              << text_at(each, "version").substr(0, 8) << "  "
              << text_at(each, "file") << (subs.empty() ? "" : ": " + subs)
              << '\n';
  }
}

void print_reload(const arguments&, const json& answer) {
  const auto count = list_at(answer, "flows").size();
  std::cout << "reloaded, " << count << (count == 1 ? " flow" : " flows")
            << " in force";
  for (const auto* change : {"added", "changed", "removed"})
    if (const auto names = names_in(list_at(answer, change)); !names.empty())
      std::cout << "; " << change << ' ' << names;
  std::cout << '\n';
}

} // namespace

int flows_command(const command_words& words) {
  const auto read = [](const arguments& given, std::string& failed) {
    expect_options_only(given, failed);
    return admin_request{"GET", {}, {}, "flows"};
  };
  return run({"flows", flows_help, "flows", read, print_flows}, words);
}

int reload_command(const command_words& words) {
  const auto read = [](const arguments& given, std::string& failed) {
    expect_options_only(given, failed);
    return admin_request{"POST", "/reload", {}, "flows"};
  };
  return run({"reload", reload_help, "flows", read, print_reload}, words);
}

} // namespace handoff

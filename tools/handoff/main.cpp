#include "config/nearest_name.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using run_command = int (*)(const command_words&);

int version_command(const command_words& words) {
  const auto given = read_arguments("version", words);
  if (given.error || !given.positional.empty()) {
    std::cerr << "handoff version: takes nothing but --json\n";
    return exit_usage;
  }
  if (given.has("help"))
    std::cout << "Usage: handoff version [--json]\n\nPrints the version.\n\n"
                 "  --json                 as JSON\n"
                 "  --help                 the options\n";
  else if (given.has("json"))
    std::cout << "{\"name\":\"handoff\",\"version\":\"" HANDOFF_VERSION "\"}\n";
  else
    std::cout << "handoff " HANDOFF_VERSION "\n";
  return exit_done;
}

run_command command_of(std::string_view name) {
  const std::pair<std::string_view, run_command> all[] = {
    {"serve", serve_command},
    {"check", check_command},
    {"send", send_command},
    {"jobs", jobs_command},
    {"show", show_command},
    {"watch", watch_command},
    {"retry", retry_order},
    {"cancel", cancel_order},
    {"resolve", resolve_order},
    {"simulate", simulate_command},
    {"senders", senders_command},
    {"verify", verify_command},
    {"completion", completion_command},
    {"version", version_command},
  };
  for (const auto& [known, run] : all)
    if (known == name)
      return run;
  return nullptr;
}

void print_usage(std::ostream& out) {
  out << "handoff answers a webhook in time and finishes the work "
         "afterwards.\n\nUsage: handoff COMMAND [OPTIONS]\n\nCommands:\n";
  for (const auto& each : command_table())
    out << "  " << each.name << std::string(12 - each.name.size(), ' ')
        << each.purpose << '\n';
  out << "\nhandoff COMMAND --help tells more.\n";
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) {
    print_usage(std::cerr);
    return exit_usage;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_usage(std::cout);
    return exit_done;
  }
  const auto wanted = words[0] == "--version" ? "version" : words[0];
  if (const auto run_it = command_of(wanted))
    return run_it({words.begin() + 1, words.end()});
  std::vector<std::string_view> names;
  for (const auto& each : command_table())
    names.push_back(each.name);
  std::cerr << "handoff: unknown command \"" << wanted << '"'
            << did_you_mean(wanted, names)
            << "\nhandoff --help lists the commands.\n";
  return exit_usage;
}

} // namespace
} // namespace handoff

int main(int count, char** words) {
  try {
    return handoff::run({words + 1, words + count});
  } catch (const std::exception& failed) {
    std::cerr << "handoff: " << failed.what() << '\n';
    return handoff::exit_failed;
  }
}

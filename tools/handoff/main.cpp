#include "config/nearest_name.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {
namespace {

struct command {
  std::string_view name;
  std::string_view purpose;
  std::function<int(const command_words&)> run;
};

int version_command(const command_words& words) {
  if (words == command_words{"--json"}) {
    std::cout << "{\"name\":\"handoff\",\"version\":\"" HANDOFF_VERSION "\"}\n";
    return exit_done;
  }
  if (!words.empty()) {
    std::cerr << "handoff version: takes nothing but --json\n";
    return exit_usage;
  }
  std::cout << "handoff " HANDOFF_VERSION "\n";
  return exit_done;
}

const std::vector<command>& commands() {
  static const std::vector<command> all{
    {"serve", "run the service", serve_command},
    {"check", "validate the INI and the flows without starting", check_command},
    {"send", "send a webhook to a running service", send_command},
    {"jobs", "list jobs", jobs_command},
    {"show", "draw a job's timeline", show_command},
    {"watch", "show jobs while they run", watch_command},
    {"retry", "make once more what failed of a job", retry_order},
    {"cancel", "let a job begin nothing more", cancel_order},
    {"resolve", "settle an ambiguous clone", resolve_order},
    {"version", "print the version", version_command},
  };
  return all;
}

void print_usage(std::ostream& out) {
  out << "handoff answers a webhook in time and finishes the work "
         "afterwards.\n\nUsage: handoff COMMAND [OPTIONS]\n\nCommands:\n";
  for (const auto& each : commands())
    out << "  " << each.name << std::string(10 - each.name.size(), ' ')
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
  std::vector<std::string_view> names;
  for (const auto& each : commands()) {
    if (each.name == wanted)
      return each.run({words.begin() + 1, words.end()});
    names.push_back(each.name);
  }
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

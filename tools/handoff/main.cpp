#include "config/nearest_name.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using run_command = int (*)(const command_words&);

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
    {"flows", flows_command},
    {"reload", reload_command},
    {"nodes", nodes_command},
    {"journal", journal_command},
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

/// Where a descriptor below 3 is closed, the next file that is opened would get
/// its number, and what is told there: the journal, say.
void open_standard_descriptors() {
  for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(each, F_GETFD) < 0 && errno == EBADF
        && ::open("/dev/null", each == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
      return;
}

/// Whether all that was printed has been taken. Who closes a pipe has read what
/// he wanted; all else that goes wrong is told.
bool flush_output() {
  if (std::cout.flush())
    return true;
  pollfd output{STDOUT_FILENO, 0, 0};
  const bool has_gone =
    ::poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
  if (!has_gone)
    std::cerr << "handoff: the output could not be written\n";
  return false;
}

} // namespace
} // namespace handoff

int main(int count, char** words) {
  handoff::open_standard_descriptors();
  // A reader that has gone is an error of a write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const int code = handoff::run({words + 1, words + count});
    return handoff::flush_output() ? code : handoff::exit_failed;
  } catch (const std::exception& failed) {
    std::cerr << "handoff: " << failed.what() << '\n';
    return handoff::exit_failed;
  }
}

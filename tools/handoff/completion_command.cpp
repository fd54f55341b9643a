#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/completion.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/terminal.hpp"

#include <iostream>

namespace handoff {
namespace {

constexpr const char* help = R"(Usage: handoff completion SHELL

Prints what completes commands and options in bash, zsh or fish:

  bash   source <(handoff completion bash)
  zsh    source <(handoff completion zsh)
  fish   handoff completion fish | source

  --help                 the options

Ends with 0, or with 2 if it was called wrongly.
)";

} // namespace

int completion_command(const command_words& words) {
  const auto given = read_arguments("completion", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  auto failed = given.error.value_or("");
  if (failed.empty() && given.positional.size() != 1)
    failed = "needs one of bash, zsh and fish";
  if (failed.empty()) {
    if (const auto text = completion_for(given.positional[0])) {
      std::cout << *text;
      return exit_done;
    }
    failed = "\"" + given.positional[0]
           + "\" is not a shell that it knows; bash, zsh and fish are";
  }
  std::cerr << "handoff completion: " << printable(failed)
            << "\nhandoff completion --help tells more.\n";
  return exit_usage;
}

} // namespace handoff

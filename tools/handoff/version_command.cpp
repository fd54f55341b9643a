#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace handoff {
namespace {

constexpr bool has_crash_points =
#ifdef HANDOFF_CRASH_POINTS
  true;
#else
  false;
#endif

/// What somebody wants to know who looks for a fault, or for what a package was
/// built with.
nlohmann::ordered_json facts() {
  return {{"name", "handoff"},
          {"version", HANDOFF_VERSION},
          {"build",
           {{"type", HANDOFF_BUILD_TYPE},
            {"compiler", HANDOFF_COMPILER},
            {"processor", HANDOFF_PROCESSOR},
            {"hardened", HANDOFF_IS_HARDENED != 0},
            {"sanitizers", HANDOFF_SANITIZERS},
            {"crash_points", has_crash_points}}}};
}

} // namespace

int version_command(const command_words& words) {
  const auto given = read_arguments("version", words);
  if (given.error || !given.positional.empty())
    return complain("version", words,
                    {error_kind::invalid_request, "takes nothing but --json"},
                    exit_usage);
  if (given.has("help"))
    std::cout << "Usage: handoff version [--json]\n\nPrints the version.\n\n"
                 "  --json                 as JSON, and how it was built\n"
                 "  --help                 the options\n";
  else if (given.has("json"))
    std::cout << facts().dump() << '\n';
  else
    std::cout << "handoff " HANDOFF_VERSION "\n";
  return exit_done;
}

} // namespace handoff

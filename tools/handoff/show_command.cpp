#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"
#include "tools/handoff/timeline.hpp"

#include <iostream>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* help = R"(Usage: handoff show JOB [OPTIONS]

Draws a job's timeline: a row for each attempt of the clone, for the reply and
for each attempt of each sub-action, on one time axis.

  = succeeded   x failed   > under way   ? nobody knows how it ended
  . waits       ^ reply    : deadline

  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the whole job as JSON

The token is taken from HANDOFF_ADMIN_TOKEN. COLUMNS sets the width; NO_COLOR
asks for no colours.

Ends with 0 if the job was shown, whatever its status; with 1 if the service
refuses or does not answer, with 2 if it was called wrongly.
)";

/// What a person may do about the job; empty if it needs nobody.
std::string advice(const json& document) {
  const auto status = text_at(document, "status");
  const auto job = text_at(document, "job");
  if (status == "ambiguous")
    return "Look whether the clone happened, then one of\n  handoff resolve "
         + job + " --uid=UID\n  handoff resolve " + job + " --clone-again";
  if (status == "failed" || status == "cancelled")
    return "handoff retry " + job + " makes once more what did not succeed.";
  return {};
}

void print(const arguments&, const json& document) {
  timeline_options options;
  options.width = terminal_width();
  options.colour = wants_colour();
  for (const auto& line :
       draw_timeline(document, std::chrono::system_clock::now(), options))
    std::cout << line << '\n';
  if (const auto text = advice(document); !text.empty())
    std::cout << '\n' << text << '\n';
}

} // namespace

int show_command(const command_words& words) {
  const auto read = [](const arguments& given, std::string& failed) {
    return admin_request{"GET", '/' + job_of(given, failed), {}};
  };
  return run({"show", help, "job", read, print}, words);
}

} // namespace handoff

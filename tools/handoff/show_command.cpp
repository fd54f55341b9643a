#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"
#include "tools/handoff/timeline.hpp"

#include <chrono>
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
  // Without a UID, a cancelled clone may have been sent: it is not retried.
  const bool has_uid = !text_at(document, "uid").empty();
  if (status == "failed" || (status == "cancelled" && has_uid))
    return "handoff retry " + job + " makes once more what did not succeed.";
  return {};
}

/// Who waits for its turn at an upstream, and since when.
void print_waiting(const json& document,
                   std::chrono::system_clock::time_point now) {
  for (const auto& each : list_at(document, "waiting")) {
    std::cout << text_at(each, "step") << " waits for "
              << printable(text_at(each, "upstream"));
    if (const auto since = time_at(each, "since"))
      std::cout << " since " << text_at(each, "since") << " ("
                << duration_text(
                     std::chrono::duration_cast<std::chrono::milliseconds>(
                       now - *since))
                << ')';
    std::cout << '\n';
  }
}

void print(const arguments&, const json& document) {
  const auto now = std::chrono::system_clock::now();
  timeline_options options;
  options.width = terminal_width();
  options.colour = wants_colour();
  for (const auto& line : draw_timeline(document, now, options))
    std::cout << line << '\n';
  print_waiting(document, now);
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

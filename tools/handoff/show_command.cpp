#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"
#include "tools/handoff/timeline.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* help = R"(Usage: handoff show JOB [OPTIONS]

Draws a job's timeline: a row for each attempt of the clone, for the reply and
for each attempt of each sub-action, on one time axis.

  = succeeded   x failed   > under way   ? nobody knows how it ended
  . waits       ^ reply    : deadline

  --verbose              after it, the call of each step as it is rendered, and
                         what was answered to each attempt that did not succeed
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
         + job
         + " --uid=UID [--answer=JSON, where the flow uses the clone's "
           "answer]\n  handoff resolve "
         + job + " --clone-again\n  handoff resolve " + job
         + " --poll-again, if the upstream had accepted it";
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

/// Each line of `text` behind a margin.
void print_block(const std::string& text) {
  std::size_t from = 0;
  while (from < text.size()) {
    const auto to = std::min(text.find('\n', from), text.size());
    std::cout << "    " << printable(text.substr(from, to - from)) << '\n';
    from = to + 1;
  }
}

std::string plain_text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string{};
}

void print_call(const std::string& name, const json& step) {
  const auto& request = object_at(step, "request");
  std::cout << '\n' << name << '\n';
  if (const auto why = text_at(request, "error"); !why.empty()) {
    std::cout << "  cannot be rendered now: " << why << '\n';
  } else if (!request.empty()) {
    std::cout << "  " << text_at(request, "method") << ' '
              << text_at(request, "url") << '\n';
    for (const auto& each : list_at(request, "headers"))
      std::cout << "  " << text_at(each, "name") << ": "
                << text_at(each, "value") << '\n';
    print_block(plain_text(request, "body"));
  }
  for (const auto& each : list_at(step, "attempts")) {
    const auto& response = object_at(each, "response");
    const auto why = text_at(each, "error");
    const auto called = text_at(each, "called");
    if (why.empty() && response.empty() && called.empty())
      continue;
    const auto status = text_at(each, "http_status");
    std::cout << "  "
              << (called.empty() ? "attempt " + text_at(each, "number")
                                 : called)
              << ": " << (status.empty() ? std::string{"no answer"} : status)
              << ' ' << text_at(response, "content_type") << '\n';
    if (!why.empty())
      std::cout << "    (" << why << ")\n";
    print_block(plain_text(response, "body"));
    if (text_at(response, "truncated") == "true")
      std::cout << "    ...\n";
  }
}

/// The calls beside the attempts of a step: those before the clone, probes,
/// polls, and looks for what it waits for.
void print_inquiries(const std::string& name, const json& step) {
  for (const auto& each : list_at(step, "inquiries")) {
    auto last = each;
    last["number"] = each.value("count", json());
    last["called"] =
      "last of " + text_at(each, "count") + ", " + text_at(each, "finding");
    print_call(name + ": " + text_at(each, "name"),
               {{"request", object_at(each, "request")},
                {"attempts", json::array({std::move(last)})}});
  }
}

/// What was sent and what was answered, step by step.
void print_calls(const json& document) {
  const auto print = [](const std::string& name, const json& step) {
    print_call(name, step);
    print_inquiries(name, step);
  };
  print("clone", object_at(document, "clone"));
  for (const auto& each : steps_in(document))
    print(each.name, each.document);
}

void print(const arguments& given, const json& document) {
  const auto now = std::chrono::system_clock::now();
  timeline_options options;
  options.width = terminal_width();
  options.colour = wants_colour();
  for (const auto& line : draw_timeline(document, now, options))
    std::cout << line << '\n';
  print_waiting(document, now);
  if (given.has("verbose"))
    print_calls(document);
  if (const auto text = advice(document); !text.empty())
    std::cout << '\n' << text << '\n';
}

} // namespace

int show_command(const command_words& words) {
  const auto read = [](const arguments& given, std::string& failed) {
    return admin_request{"GET",
                         '/' + job_of(given, failed)
                           + (given.has("verbose") ? "?requests=1" : ""),
                         {}};
  };
  return run({"show", help, "job", read, print}, words);
}

} // namespace handoff

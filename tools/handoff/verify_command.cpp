#include "job/rfc3339.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/flow_choice.hpp"
#include "tools/handoff/rehearsed_answer.hpp"
#include "tools/handoff/request_file.hpp"
#include "tools/handoff/terminal.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* help =
  R"(Usage: handoff verify FLOW --request=FILE [OPTIONS]

Proves a flow against a recorded request: says what the service would do with
it, which steps passed or failed, and which bytes were signed. No service is
asked, and no secret shown.

  --request=FILE         the bytes of the HTTP request; - is standard input
  --at=TIME              as if it came then (RFC 3339); by default, now
  --config-file=FILE     the INI, with the flows that it points to
  --json                 the outcome, the steps and the signed bytes as one
                         JSON object

Ends with 0 if the request is taken: as a job, by a rule of "handshake", or
ignored because "when" does not hold. Ends with 1 if the service refuses it,
with 2 if it was called wrongly.
)";

struct proof {
  flow_ptr definition;
  recorded_request request;
  wall_time at;
  std::size_t body_bytes_max = 0;
};

std::optional<std::string> read_all(const std::string& path) {
  if (path == "-")
    return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

proof read_proof(const arguments& given, std::string& failed) {
  proof wanted;
  wanted.at = std::chrono::system_clock::now();
  const auto path = given.value("request");
  if (given.positional.size() != 1 || !path) {
    failed = "needs the name of one flow and --request=FILE";
    return wanted;
  }
  if (const auto text = given.value("at")) {
    const auto parsed = parse_rfc3339(*text);
    if (!parsed) {
      failed = "--at needs a time such as 2026-11-28T18:45:00Z";
      return wanted;
    }
    wanted.at = wall_time_at(*parsed);
  }
  const auto bytes = read_all(*path);
  if (!bytes) {
    failed = "cannot read " + *path;
    return wanted;
  }
  auto request = read_recorded_request(*bytes);
  if (auto* wrong = std::get_if<error>(&request)) {
    failed = *path + " is not an HTTP request: " + wrong->detail;
    return wanted;
  }
  wanted.request = std::get<recorded_request>(std::move(request));
  const auto checked = given_configuration(given);
  wanted.body_bytes_max = checked.settings.http.max_body;
  wanted.definition = chosen_flow(checked, given.positional[0], failed);
  return wanted;
}

void print_json(bool taken, const rehearsed_answer& done) {
  auto steps = json::array();
  for (const auto& each : done.notes.steps)
    steps.push_back(
      {{"step", each.name}, {"passed", each.passed}, {"detail", each.detail}});
  const auto& content = done.notes.content;
  std::cout << json{{"ok", taken},
                    {"outcome", name(done.outcome)},
                    {"status", done.status != 0 ? json(done.status) : json()},
                    {"steps", steps},
                    {"signed", content ? json(*content) : json()}}
                 .dump(2, ' ', false, json::error_handler_t::replace)
            << '\n';
}

std::string verdict_of(bool taken, const rehearsed_answer& done) {
  const auto status = std::to_string(done.status);
  switch (done.outcome) {
  case request_outcome::job:
    return "The request is taken.";
  case request_outcome::ignored:
    return "The request is taken, but ignored: \"when\" does not hold, and the "
           "answer is "
         + status + ".";
  case request_outcome::handshake:
    return std::string{"The request is "} + (taken ? "" : "not ")
         + "taken: a rule of \"handshake\" answers it with " + status + ".";
  case request_outcome::refused:
    break;
  }
  return "The request is not taken: the answer is " + status + ", "
       + printable(done.why) + ".";
}

void print_text(bool taken, const rehearsed_answer& done) {
  for (const auto& each : done.notes.steps)
    std::cout << (each.passed ? "passed  " : "FAILED  ")
              << padded(each.name, 12) << printable(each.detail) << '\n';
  if (const auto& content = done.notes.content)
    std::cout << "\nsigned, " << content->size()
              << (content->size() == 1 ? " byte" : " bytes") << ":\n"
              << printable(*content) << '\n';
  std::cout << '\n' << verdict_of(taken, done) << '\n';
}

} // namespace

int verify_command(const command_words& words) {
  const auto given = read_arguments("verify", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  auto failed = given.error.value_or("");
  proof wanted;
  if (failed.empty())
    wanted = read_proof(given, failed);
  if (!failed.empty())
    return complain("verify", words, {error_kind::invalid_request, failed},
                    exit_usage);
  const auto done = rehearse(wanted.definition, wanted.request, wanted.at,
                             wanted.body_bytes_max);
  const bool taken =
    done.outcome != request_outcome::refused && done.status < 400;
  if (given.has("json"))
    print_json(taken, done);
  else
    print_text(taken, done);
  return taken ? exit_done : exit_failed;
}

} // namespace handoff

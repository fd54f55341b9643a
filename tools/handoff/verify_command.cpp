#include "config/settings.hpp"
#include "http/ingress/verifier.hpp"
#include "http/ingress/webhook_reader.hpp"
#include "job/rfc3339.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/flow_choice.hpp"
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

Proves a flow against a recorded request: says which step of "verify" passed or
failed, and which bytes were signed. No service is asked, and no secret shown.

  --request=FILE         the bytes of the HTTP request; - is standard input
  --at=TIME              as if it came then (RFC 3339); by default, now
  --config-file=FILE     the INI, with the flows that it points to
  --json                 the steps and the signed bytes as one JSON object

Ends with 0 if the request is taken, with 1 if it is not, with 2 if it was
called wrongly.
)";

struct proof {
  flow_ptr definition;
  recorded_request request;
  wall_time at;
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
  wanted.definition =
    chosen_flow(given_configuration(given), given.positional[0], failed);
  return wanted;
}

std::string count_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

verify_notes::step request_step(const recorded_request& request) {
  if (request.missing > 0)
    return {"request", false,
            "the body lacks " + count_of(request.missing, "byte")
              + " of what Content-Length says: it was cut off"};
  return {"request", true,
          request.method + " " + request.path + ", "
            + count_of(request.headers.size(), "header field") + ", body of "
            + count_of(request.body.size(), "byte")};
}

void print_json(bool taken, const verify_notes& notes) {
  auto steps = json::array();
  for (const auto& each : notes.steps)
    steps.push_back(
      {{"step", each.name}, {"passed", each.passed}, {"detail", each.detail}});
  std::cout << json{{"ok", taken},
                    {"steps", steps},
                    {"signed",
                     notes.content ? json(*notes.content) : json(nullptr)}}
                 .dump(2, ' ', false, json::error_handler_t::replace)
            << '\n';
}

void print_text(bool taken, const verify_notes& notes) {
  for (const auto& each : notes.steps)
    std::cout << (each.passed ? "passed  " : "FAILED  ")
              << padded(each.name, 12) << printable(each.detail) << '\n';
  if (notes.content)
    std::cout << "\nsigned, " << count_of(notes.content->size(), "byte")
              << ":\n"
              << printable(*notes.content) << '\n';
  std::cout << (taken ? "\nThe request is taken.\n"
                      : "\nThe request is not taken.\n");
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
  if (!failed.empty()) {
    std::cerr << "handoff verify: " << printable(failed)
              << "\nhandoff verify --help tells more.\n";
    return exit_usage;
  }
  const auto& request = wanted.request;
  verify_notes notes;
  notes.steps.push_back(request_step(request));
  verify_request asked{request.method,         request.path, request.query,
                       request.headers,        request.body, wanted.at,
                       wanted.definition->name};
  asked.is_form = is_read_as_form(wanted.definition->input, request.headers);
  asked.body = [&]() -> result<json> {
    auto read = read_body(request.body, request.headers, *wanted.definition,
                          http_settings{}.max_body);
    if (auto* failed_to_read = std::get_if<error>(&read))
      return std::move(*failed_to_read);
    return std::get<read_webhook>(std::move(read)).document;
  };
  const auto wrong = verify(wanted.definition->verify, asked, &notes);
  for (auto& each : notes.steps)
    each.detail = masked(*wanted.definition, std::move(each.detail));
  if (notes.content)
    notes.content = masked(*wanted.definition, std::move(*notes.content));
  const bool taken = !wrong && request.missing == 0;
  if (given.has("json"))
    print_json(taken, notes);
  else
    print_text(taken, notes);
  return taken ? exit_done : exit_failed;
}

} // namespace handoff

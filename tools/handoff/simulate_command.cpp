#include "config/masked_call.hpp"
#include "http/admin/job_document.hpp"
#include "job/json_text.hpp"
#include "tools/fake_api/script_reader.hpp"
#include "tools/handoff/client.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/flow_choice.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/rehearsal_command.hpp"
#include "tools/handoff/simulation.hpp"
#include "tools/handoff/terminal.hpp"
#include "tools/handoff/timeline.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* help = R"(Usage: handoff simulate FLOW [OPTIONS]
       handoff simulate [FLOW] --jobs=N [--seed=S] [OPTIONS]

Plays a flow through and shows what would happen: the clone, the answer to the
sender, every attempt and retry. No API is called, nothing is written, and time
is virtual, so that hours of retries take a moment. The APIs answer as fake_api
does, with the same scripts (docs/fake_api.md).

  --script=FILE          how the APIs behave; without one, well
  --data=JSON            the body of the webhook; @FILE reads a file (default {})
  --header="NAME: VALUE" a header field of the webhook; may come several times
  --async                as if sent with "Prefer: respond-async"
  --config-file=FILE     the INI, with the flows that it points to
  --json                 the answer, the calls and the whole job as JSON

handoff simulate [FLOW] --jobs=N runs the whole service instead: senders,
upstreams that fail, crashes and operators, all of it drawn from a seed, and
checks what docs/guarantees.md promises. Without a flow it takes some of its own.

  --jobs=N               webhooks that are sent
  --seed=S               what is drawn from (default 1); the same seed is the
                         same run
  --crashes=N            how often the process dies (default: one in 100 webhooks)
  --commands=N           retry, cancel and resolve (default: one in 10 webhooks)
  --faults=LIST          what else happens: upstreams,journal,actors,senders,
                         slow,drains,reloads,clocks, or none (default: all)

Ends with 0 if the job succeeded, or every promise was kept; with 1 if not; with
2 if it was called wrongly.
)";

std::string read_file(const std::string& path, std::string& failed) {
  std::ifstream file{path, std::ios::binary};
  if (!file)
    failed = "cannot read " + path;
  return {std::istreambuf_iterator<char>{file},
          std::istreambuf_iterator<char>{}};
}

fake_api::script read_script(const std::string& path, std::string& failed) {
  const auto text = read_file(path, failed);
  if (!failed.empty())
    return {};
  try {
    return fake_api::script{fake_api::parse_script(text)};
  } catch (const std::exception& wrong) {
    failed = path + ": " + wrong.what();
    return {};
  }
}

read_webhook read_data(const std::string& data,
                       const simulation_options& options, std::string& failed) {
  auto text = data.starts_with('@') ? read_file(data.substr(1), failed) : data;
  if (!failed.empty())
    return {};
  auto read = read_body(std::move(text), options.headers, *options.definition,
                        options.settings.http.max_body);
  if (const auto* wrong = std::get_if<error>(&read)) {
    failed = "--data: " + wrong->detail;
    return {};
  }
  return std::get<read_webhook>(std::move(read));
}

headers read_fields(const arguments& given, std::string& failed) {
  headers fields;
  for (const auto& each : given.values("header")) {
    const auto colon = each.find(':');
    if (colon == std::string::npos) {
      failed = "--header needs \"NAME: VALUE\"";
      return {};
    }
    const auto value = each.find_first_not_of(" \t", colon + 1);
    fields.push_back({each.substr(0, colon), value == std::string::npos
                                               ? std::string{}
                                               : each.substr(value)});
  }
  return fields;
}

simulation_options options_of(const arguments& given, std::string& failed) {
  simulation_options options;
  if (given.positional.size() != 1) {
    failed = "needs the name of one flow";
    return options;
  }
  const auto checked = given_configuration(given);
  options.settings = checked.settings;
  options.connections = checked.connections;
  options.definition = chosen_flow(checked, given.positional[0], failed);
  if (failed.empty())
    options.headers = read_fields(given, failed);
  if (failed.empty())
    options.posted = read_data(
      given.value("data").value_or(
        is_read_as_form(options.definition->input, options.headers) ? ""
                                                                    : "{}"),
      options, failed);
  if (const auto script = given.value("script"); script && failed.empty())
    options.script = read_script(*script, failed);
  options.respond_async = given.has("async");
  return options;
}

json text_or_json(const std::string& text) {
  auto parsed = service_document(text);
  return parsed.is_discarded() ? json(text) : parsed;
}

/// The call as people see it.
outbound_call shown_call(const simulated_call& made, const flow& definition) {
  outbound_call call;
  call.method = made.method;
  call.url = made.url;
  call.headers = made.headers;
  call.body = made.body;
  return masked(definition.hidden, std::move(call));
}

json fields_of(const headers& shown) {
  auto fields = json::array();
  for (const auto& each : shown)
    fields.push_back({{"name", each.name}, {"value", each.value}});
  return fields;
}

void print_json(const simulation& done, const flow& definition) {
  auto calls = json::array();
  for (const auto& each : done.calls) {
    const auto shown = shown_call(each, definition);
    calls.push_back(
      {{"at_ms", each.at.count()},
       {"method", shown.method},
       {"url", shown.url},
       {"headers", fields_of(shown.headers)},
       {"body", shown.body},
       {"idempotency_key", each.key},
       {"duration_ms", each.duration.count()},
       {"http_status", each.status != 0 ? json(each.status) : json(nullptr)},
       {"error",
        each.failure ? json(name(each.failure->kind)) : json(nullptr)}});
  }
  json answer;
  if (done.answer)
    answer = {{"status", done.answer->status},
              {"after_ms", done.answered.count()},
              {"body", text_or_json(done.answer->body)}};
  std::cout << json_text(
    {{"answer", answer},
     {"calls", calls},
     {"job", done.record ? job_document(*done.record) : json(nullptr)},
     {"is_over", done.is_over}},
    {2, is_terminal()})
            << '\n';
}

void print_calls(const simulation& done, const flow& definition) {
  for (const auto& each : done.calls) {
    const auto shown = shown_call(each, definition);
    std::cout << "\nafter " << duration_text(each.at) << ": " << shown.method
              << ' ' << printable(shown.url) << '\n';
    for (const auto& field : shown.headers)
      std::cout << "  " << printable(field.name) << ": "
                << printable(field.value) << '\n';
    if (!shown.body.empty())
      std::cout << "  " << printable(shown.body) << '\n';
  }
}

void print_text(const simulation& done, const flow& definition) {
  if (done.answer)
    std::cout << "the sender gets " << done.answer->status << " after "
              << duration_text(done.answered) << ": "
              << printable(done.answer->body) << "\n\n";
  if (done.record) {
    timeline_options options;
    options.width = terminal_width();
    options.colour = wants_colour();
    for (const auto& line :
         draw_timeline(job_document(*done.record), done.end, options))
      std::cout << line << '\n';
  }
  print_calls(done, definition);
  if (!done.is_over)
    std::cout << "\nIt goes on for more than a week; that is all of it that is "
                 "shown.\n";
}

} // namespace

int simulate_command(const command_words& words) {
  const auto given = read_arguments("simulate", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  auto failed = given.error.value_or("");
  if (failed.empty() && given.has("jobs"))
    return rehearse_command(given);
  for (const auto* each : {"seed", "crashes", "commands", "faults"})
    if (failed.empty() && given.has(each))
      failed = "--" + std::string{each} + " needs --jobs=N beside it";
  simulation_options options;
  if (failed.empty())
    options = options_of(given, failed);
  if (!failed.empty())
    return complain("simulate", words, {error_kind::invalid_request, failed},
                    exit_usage);
  const auto definition = options.definition;
  const auto done = simulate(std::move(options));
  if (given.has("json"))
    print_json(done, *definition);
  else
    print_text(done, *definition);
  return done.record && done.record->status == job_status::succeeded
         ? exit_done
         : exit_failed;
}

} // namespace handoff

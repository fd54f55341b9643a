#include "tools/handoff/admin_command.hpp"

#include "job/job_id.hpp"
#include "job/json_text.hpp"
#include "tools/handoff/client.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <optional>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

void print_json(const json& document) {
  // What JSON need not escape, such as C1 controls, a terminal may obey.
  std::cout << json_text(document, {2, is_terminal()}) << '\n';
}

bool is_problem(const exchange& done, const json& document) {
  const auto* type = find_header(done.headers, "Content-Type");
  return type != nullptr && type->starts_with("application/problem+json")
      && document.is_object();
}

/// What to do about a call that brought no answer.
std::string no_answer_hint(const error& why, bool is_order) {
  switch (why.kind) {
  case error_kind::connect_failed:
    return "is it running? \"handoff serve\" starts it; --url or --config-file "
           "says where it is";
  case error_kind::name_not_resolved:
    return "is --url right?";
  case error_kind::attempt_timed_out:
  case error_kind::connection_lost:
    return is_order ? "it may have been done nevertheless: \"handoff show\" "
                      "tells"
                    : "try again, or look at the log of the service";
  default:
    return {};
  }
}

/// What to do about an answer that says no.
std::string refusal_hint(const exchange& done, const std::string& type) {
  if (done.status == 401)
    return admin_credentials().empty()
           ? "set HANDOFF_ADMIN_TOKEN to the token of [admin]"
           : "HANDOFF_ADMIN_TOKEN is not the token of [admin]";
  if (type.ends_with(name(error_kind::unknown_job)))
    return "\"handoff jobs\" lists the jobs";
  if (type.ends_with(name(error_kind::unknown_route)))
    return "is that the admin side of handoff, and of this version?";
  if (done.status == 409)
    return "\"handoff show\" tells what became of the job";
  if (done.status == 503)
    return "try again when the service is ready";
  return {};
}

std::string refusal(const exchange& done, const json& document,
                    const std::string& url) {
  constexpr std::size_t shown_max = 200;
  if (!is_problem(done, document))
    return url + " answers " + std::to_string(done.status) + " "
         + clipped(printable(done.body), shown_max)
         + "\nis that the admin side of handoff?";
  const auto hint = refusal_hint(done, text_at(document, "type"));
  auto text = text_at(document, "title") + ": " + text_at(document, "detail");
  for (const auto& each : list_at(document, "errors"))
    if (each.is_string())
      text += "\n  " + printable(each.get_ref<const std::string&>());
  return text + (hint.empty() ? "" : "\n" + hint);
}

outbound_call call_of(admin_request wanted, const std::string& url) {
  outbound_call call;
  call.method = std::move(wanted.method);
  call.url = url + "/api/v1/" + wanted.things + wanted.path;
  call.headers = admin_credentials();
  call.headers.push_back({"Accept", "application/json"});
  if (!wanted.body.empty())
    call.headers.push_back({"Content-Type", "application/json"});
  call.body = std::move(wanted.body);
  call.timeout = 30s;
  return call;
}

int ask(const admin_command& command, const arguments& given,
        admin_request wanted, const std::string& url) {
  const auto complain = [&](const std::string& what) {
    std::cerr << "handoff " << command.name << ": " << what << '\n';
    return exit_failed;
  };
  const auto is_json = given.has("json");
  const bool is_order = wanted.method != "GET";
  const auto done = service_client{}.call(call_of(std::move(wanted), url));
  if (done.failure) {
    const auto hint = no_answer_hint(*done.failure, is_order);
    const auto why = no_answer(url, *done.failure);
    if (is_json)
      print_json(problem_of({done.failure->kind, why}));
    return complain(printable(why) + (hint.empty() ? "" : "\n" + hint));
  }
  const auto document = service_document(done.body);
  if (is_json && !document.is_discarded())
    print_json(document);
  else if (is_json)
    print_json(problem_of(
      {error_kind::answer_malformed, "the answer of " + url + " is not JSON"}));
  if (done.status < 200 || done.status > 299
      || !document.contains(command.member))
    return complain(refusal(done, document, printable(url)));
  if (!is_json)
    command.print(given, document);
  std::cout.flush();
  return std::cout ? exit_done : complain("cannot write the answer");
}

/// What a header cannot carry would only fail later, and say less.
bool has_fit_token() {
  const auto fields = admin_credentials();
  return fields.empty()
      || std::all_of(fields[0].value.begin(), fields[0].value.end(),
                     [](char each) { return each >= ' ' && each <= '~'; });
}

} // namespace

int run(const admin_command& command, const command_words& words) {
  const auto given = read_arguments(command.name, words);
  if (given.has("help")) {
    std::cout << command.help;
    return exit_done;
  }
  auto failed = given.error.value_or("");
  admin_request wanted;
  std::optional<std::string> url;
  if (failed.empty())
    wanted = command.read(given, failed);
  if (failed.empty() && !has_fit_token())
    failed = "HANDOFF_ADMIN_TOKEN has a character that no header can carry";
  if (failed.empty())
    url = service_url(given, service_side::admin, failed);
  if (!url)
    return complain(command.name, words, {error_kind::invalid_request, failed},
                    exit_usage);
  return ask(command, given, std::move(wanted), *url);
}

std::string job_of(const arguments& given, std::string& failed) {
  if (given.positional.size() != 1)
    failed = "needs the id of one job";
  else if (!is_job_id(given.positional[0]))
    failed = '"' + given.positional[0]
           + "\" is not a job id; one looks like 01ARZ3NDEKTSV4RRFFQ69G5FAV";
  else
    return given.positional[0];
  return {};
}

std::string
query_of(const std::vector<std::pair<std::string, std::string>>& parameters) {
  constexpr std::string_view unreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string query;
  for (const auto& [name, value] : parameters) {
    query += (query.empty() ? '?' : '&') + name + '=';
    for (const char each : value) {
      std::array<char, 4> escaped{each};
      if (unreserved.find(each) == std::string_view::npos)
        std::snprintf(escaped.data(), escaped.size(), "%%%02X",
                      static_cast<unsigned>(static_cast<unsigned char>(each)));
      query += escaped.data();
    }
  }
  return query;
}

void print_order(const json& answer) {
  const auto job = text_at(answer, "job");
  const auto status = text_at(answer, "status");
  std::cout << job << " is " << status << '\n';
  if (status == "cancelling")
    std::cout << "What is under way is let end; nothing more begins.\n";
  if (status == "running" || status == "cloning" || status == "cancelling")
    std::cout << "handoff watch " << job << " follows it.\n";
}

} // namespace handoff

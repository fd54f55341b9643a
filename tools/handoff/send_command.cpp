#include "http/ingress/signer.hpp"
#include "job/json_reader.hpp"
#include "job/json_text.hpp"
#include "tools/handoff/client.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/flow_choice.hpp"
#include "tools/handoff/terminal.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace handoff {
namespace {

using std::chrono::milliseconds;

constexpr const char* help = R"(Usage: handoff send FLOW [OPTIONS]

Sends a webhook to a running service and prints its answer.

  --data=BODY            the body; @FILE reads a file, - standard input
                         (default {}, of a form nothing)
  --header="NAME: VALUE" a further header field; may come several times
  --async                sends "Prefer: respond-async"
  --sign                 signs it as the flow's sender would, with the secret of
                         the flow that the INI leads to; warns where the flow
                         has no "verify"
  --url=URL              the service; by default, the [http] address of the INI
  --config-file=FILE     the INI
  --timeout=SECONDS      how long to wait for the answer (default 30)
  --json                 the answer with its status as one JSON object

Ends with 0 if the answer is 2xx, else with 1; with 2 if it was called wrongly.
)";

/// What the words ask for, or what is wrong with them.
struct wanted_call {
  outbound_call call;
  std::string error;
};

std::string read_all(std::istream& from) {
  return {std::istreambuf_iterator<char>{from},
          std::istreambuf_iterator<char>{}};
}

std::optional<std::string> read_body(const std::string& data,
                                     std::string& failed) {
  if (data == "-")
    return read_all(std::cin);
  if (!data.starts_with('@'))
    return data;
  std::ifstream file{data.substr(1), std::ios::binary};
  if (!file) {
    failed = "cannot read " + data.substr(1);
    return std::nullopt;
  }
  return read_all(file);
}

/// Whether the flow's sender would send this as a form; `data` is null where
/// nothing is said of it. JSON where the flow is not known here.
bool is_form_for(const flow_ptr& definition, const std::string* data) {
  if (!definition || definition->input.type == input_type::json)
    return false;
  return definition->input.type == input_type::form
      || (data != nullptr
          && std::holds_alternative<json_problem>(read_json(*data)));
}

/// Gives the call its body, and the content type that the flow's sender would
/// say, unless a header says another.
void put_body(outbound_call& call, const flow_ptr& definition,
              std::optional<std::string> body) {
  const bool is_form = is_form_for(definition, body ? &*body : nullptr);
  call.body = std::move(body).value_or(is_form ? "" : "{}");
  if (find_header(call.headers, "Content-Type") == nullptr)
    call.headers.push_back(
      {"Content-Type",
       is_form ? "application/x-www-form-urlencoded" : "application/json"});
}

/// Signs the call by the flow's own rule; sets `failed` if it cannot be.
void sign_call(const flow_ptr& definition, outbound_call& call,
               const std::string& base, std::string& failed) {
  if (definition->verify.scheme == verify_scheme::none)
    std::cerr << "handoff send: warning: the flow \"" << definition->name
              << "\" has no \"verify\": the webhook is sent unsigned\n";
  signed_request request{
    call.method, call.url.substr(base.size()), {}, call.headers, call.body};
  if (const auto wrong =
        sign(definition->verify, request, std::chrono::system_clock::now(),
             definition->name)) {
    failed = "--sign: " + wrong->detail;
    return;
  }
  call.url =
    base + request.path + (request.query.empty() ? "" : "?" + request.query);
  call.headers = std::move(request.fields);
  call.body = std::move(request.body);
}

wanted_call read_call(const arguments& given) {
  wanted_call wanted;
  auto& call = wanted.call;
  if (given.positional.size() != 1) {
    wanted.error = "needs the name of one flow";
    return wanted;
  }
  const auto url = service_url(given, service_side::ingress, wanted.error);
  if (!url)
    return wanted;
  std::optional<std::string> body;
  if (const auto data = given.value("data"))
    if (body = read_body(*data, wanted.error); !body)
      return wanted;
  call.method = "POST";
  call.url = *url + "/hooks/" + given.positional[0];
  if (given.has("async"))
    call.headers.push_back({"Prefer", "respond-async"});
  for (const auto& each : given.values("header")) {
    const auto colon = each.find(':');
    if (colon == std::string::npos) {
      wanted.error = "--header needs \"NAME: VALUE\"";
      return wanted;
    }
    const auto value = each.find_first_not_of(" \t", colon + 1);
    call.headers.push_back({each.substr(0, colon), value == std::string::npos
                                                     ? std::string{}
                                                     : each.substr(value)});
  }
  // Without --sign, the flow may be known to the service alone.
  std::string unknown;
  const auto definition =
    chosen_flow(given_configuration(given), given.positional[0], unknown);
  put_body(call, definition, std::move(body));
  if (given.has("sign") && !definition)
    wanted.error = unknown;
  else if (given.has("sign"))
    sign_call(definition, call, *url, wanted.error);
  if (!wanted.error.empty())
    return wanted;
  int seconds = 30;
  if (const auto text = given.value("timeout")) {
    std::istringstream number{*text};
    if (!(number >> seconds) || !number.eof() || seconds < 1
        || seconds > 3600) {
      wanted.error = "--timeout needs a whole number from 1 to 3600";
      return wanted;
    }
  }
  call.timeout = std::chrono::seconds{seconds};
  return wanted;
}

void print_json(const exchange& done) {
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& each : done.headers)
    fields[each.name] = each.value;
  const auto body = service_document(done.body);
  std::cout << json_text(
    {{"status", done.status},
     {"elapsed_ms", done.duration.count()},
     {"headers", fields},
     {"body", body.is_discarded() ? nlohmann::json(done.body) : body}},
    {2}) << '\n';
}

void print_text(const exchange& done) {
  std::cout << done.status << " after " << done.duration.count() << " ms\n";
  if (const auto* location = find_header(done.headers, "Location"))
    std::cout << "Location: " << *location << '\n';
  std::cout << done.body << '\n';
}

} // namespace

int send_command(const command_words& words) {
  const auto given = read_arguments("send", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  auto wanted = given.error ? wanted_call{{}, *given.error} : read_call(given);
  if (!wanted.error.empty())
    return complain("send", words, {error_kind::invalid_request, wanted.error},
                    exit_usage);
  const auto url = wanted.call.url.substr(0, wanted.call.url.find("/hooks/"));
  const auto done = service_client{}.call(std::move(wanted.call));
  // Of a name or a field that no request can have.
  if (done.failure && done.failure->kind == error_kind::template_failed)
    return complain("send", words,
                    {error_kind::invalid_request, done.failure->detail},
                    exit_usage);
  if (done.failure) {
    complain("send", words, {done.failure->kind, no_answer(url, *done.failure)},
             exit_failed);
    if (done.failure->kind == error_kind::connect_failed)
      std::cerr << "is it running? \"handoff serve\" starts it; --url or "
                   "--config-file says where it is\n";
    return exit_failed;
  }
  if (given.has("json"))
    print_json(done);
  else
    print_text(done);
  return done.status >= 200 && done.status < 300 ? exit_done : exit_failed;
}

} // namespace handoff

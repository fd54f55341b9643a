#include "config/flow_compiler.hpp"

#include "config/clone_reader.hpp"
#include "config/duration.hpp"
#include "config/flow_uses.hpp"
#include "config/flow_warnings.hpp"
#include "config/request_reader.hpp"
#include "config/senders.hpp"
#include "config/sha256.hpp"
#include "config/sub_action_reader.hpp"
#include "config/verify_reader.hpp"
#include "job/json_text.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source_kind = template_expression::source_kind;
using std::chrono::milliseconds;

constexpr milliseconds longest_deadline{3'600'000};
constexpr milliseconds longest_keep{400LL * 24 * 3'600'000};

void read_idempotency(object_reader& top, flow& made) {
  made.idempotency_key = std::get<text_template>(
    text_template::compile("{{header/Idempotency-Key}}"));
  const auto* value = top.find("idempotency");
  if (value == nullptr)
    return;
  auto& report = top.report();
  object_reader object{report, *value, top.at("idempotency"), "idempotency"};
  if (const auto* key = object.find("key"))
    if (auto compiled = read_template(report, *key, object.at("key"))) {
      // A job's id is another one each time: no webhook would ever be known
      // again by it.
      check_text_expressions(report, object.at("key"), *compiled,
                             {{source_kind::body, source_kind::header,
                               source_kind::query, source_kind::flow},
                              {},
                              {}});
      made.idempotency_key = std::move(*compiled);
    }
  made.idempotency_keep =
    object.duration("keep", milliseconds{1000}, longest_keep)
      .value_or(made.idempotency_keep);
  static const std::vector<std::string_view> bodies{"same", "any"};
  static const std::vector<std::string_view> after_failure{"replay", "again"};
  made.any_body = object.choice("body", bodies).value_or(0) == 1;
  made.again_after_failure =
    object.choice("failed", after_failure).value_or(0) == 1;
}

void read_title(object_reader& top, flow& made) {
  const auto* value = top.find("title");
  if (value == nullptr)
    return;
  auto compiled = read_template(top.report(), *value, top.at("title"));
  if (!compiled)
    return;
  check_text_expressions(
    top.report(), top.at("title"), *compiled,
    {{source_kind::body, source_kind::header, source_kind::query,
      source_kind::job, source_kind::flow, source_kind::received},
     {},
     {}});
  made.title = std::move(*compiled);
}

void read_deadline(object_reader& top, const flow_defaults& defaults,
                   bool journaled, flow& made) {
  made.deadline_limit = defaults.deadline_limit;
  const auto* value = top.find("deadline");
  if (value == nullptr)
    return;
  object_reader object{top.report(), *value, top.at("deadline"), "deadline"};
  const auto limit =
    object.duration("limit", milliseconds{1}, longest_deadline);
  if (!limit)
    return;
  const auto shown_limit = shown(*object.find("limit"));
  if (*limit > defaults.deadline_limit && !journaled)
    object.error(
      "limit",
      shown_limit
        + " is longer than deadline.limit of the settings; allowed: up to "
        + format_duration(defaults.deadline_limit));
  if (*limit <= defaults.deadline_margin && !journaled)
    object.error("limit", shown_limit
                            + " is not longer than deadline.margin of the "
                              "settings; allowed: more than "
                            + format_duration(defaults.deadline_margin));
  made.deadline_limit = std::min(*limit, defaults.deadline_limit);
}

/// Visits every request of a flow.
template <class Visitor>
void each_request(const flow& made, Visitor visit) {
  const auto visit_if = [&](const auto& request) {
    if (request)
      visit(*request);
  };
  for (const auto& each : made.prepare)
    visit(each.request);
  visit(made.clone.request);
  visit_if(made.clone.compensate);
  if (made.clone.probe)
    visit(made.clone.probe->request);
  if (made.clone.poll)
    visit(made.clone.poll->request);
  for (const auto& each : made.sub_actions) {
    visit(each.request);
    visit_if(each.compensate);
  }
}

/// Hides the secrets of the connections that the flow's requests name, too.
void hide_connections(const connection_set& connections, flow& made) {
  const auto hide = [&](const request_template& request) {
    const auto known = connections.find(request.connection);
    if (known == connections.end())
      return;
    for (const auto& each : known->second->hidden)
      if (std::none_of(
            made.hidden.begin(), made.hidden.end(),
            [&](const auto& other) { return other.name == each.name; }))
        made.hidden.push_back(each);
  };
  each_request(made, hide);
}

/// Where the clone is asked for by HTTPS, its upstream cannot have the poll
/// made in the clear, which would show the address to others: a host without a
/// port is that of HTTPS then.
void keep_poll_secret(const flow_defaults& defaults, clone_template& made) {
  if (!made.poll || !made.poll->request.address)
    return;
  auto& address = *made.poll->request.address;
  auto url = made.request.url.literals().front();
  if (!made.request.connection.empty() && defaults.connections != nullptr)
    if (const auto through =
          defaults.connections->find(made.request.connection);
        through != defaults.connections->end())
      url = through->second->url;
  if (!lower_case(url).starts_with("https://")
      || lower_case(address.base).starts_with("http://"))
    return;
  for (auto& each : address.hosts)
    if (each.port == 0)
      each.port = 443;
}

/// The text at `member` of the object at `object`; empty if there is none.
std::string text_in(const json& definition, const char* object,
                    const char* member) {
  const auto* found = find_at(definition, pointer{} / object / member);
  return found != nullptr && found->is_string() ? found->get<std::string>()
                                                : std::string{};
}

} // namespace

flow compile_definition(const json& written, const flow_defaults& defaults,
                        bool journaled, flow_report& report) {
  static const connection_set none;
  if (!journaled)
    report.connections =
      defaults.connections != nullptr ? defaults.connections.get() : &none;
  // What proves a sender is not journaled with the flow.
  report.references.journal(false);
  const auto expanded = expand_sender(written, defaults.deadline_limit, report);
  const auto& definition = expanded.definition;
  flow made;
  made.sender = text_in(written, "sender", "name");
  made.verify_scheme = text_in(definition, "verify", "scheme");
  object_reader top{report, definition, pointer{}, "flow"};
  if (auto name = top.text("name")) {
    if (!is_flow_name(*name))
      top.error("name", shown(*top.find("name"))
                          + " is not a name of a flow; allowed: "
                          + std::string{flow_name_rule});
    made.name = std::move(*name);
  }
  if (const auto* schema = top.find("$schema");
      schema != nullptr && !schema->is_string())
    top.error("$schema", "must be a string, but is " + described(*schema));
  if (const auto* value = top.find("verify"))
    made.verify = read_verify(
      report, *value, top.at("verify"),
      {defaults.public_url, expanded.from_preset, expanded.secret_may_lack,
       pointer{expanded.secret_from_sender ? "/sender" : "/verify"}});
  made.handshake = read_handshake(top, journaled || expanded.secret_may_lack
                                         || !made.verify.keys.empty());
  report.references.journal(true);
  read_title(top, made);
  read_idempotency(top, made);
  read_deadline(top, defaults, journaled, made);
  name_set prepared;
  if (const auto* value = top.find("prepare"))
    made.prepare = read_prepare(report, *value, prepared);
  made.prepare_retry = defaults.retry;
  made.prepare_retry.retry_on = sub_action_retry_on();
  if (const auto* value = top.find("clone"))
    made.clone = read_clone(report, *value, top.at("clone"), defaults.retry,
                            prepared, journaled);
  keep_poll_secret(defaults, made.clone);
  const auto may_lack = journaled ? "" : why_clone_lacks(made.clone);
  auto reply_scope = scope_of(after_clone, prepared);
  reply_scope.clone_may_lack = may_lack;
  read_sender_side(top, made, reply_scope);
  if (const auto* value = top.find("sub_actions")) {
    auto scope = scope_of(everything, prepared);
    scope.clone_may_lack = may_lack;
    made.sub_actions =
      read_sub_actions(report, *value, defaults.retry, std::move(scope));
  }
  if (const auto* value = top.find("callback"))
    made.callback =
      read_callback(report, *value, top.at("callback"), defaults.retry);
  warn_of_flow(report, made);
  note_uses(made);
  made.hidden = report.references.secrets();
  made.files = report.references.files();
  if (defaults.connections != nullptr)
    hide_connections(*defaults.connections, made);
  for (const auto& doubt : report.references.doubts())
    report.warning(pointer{}, doubt);
  if (report.errors.empty()) {
    made.definition = definition;
    // A job that goes on asks nobody who he is; what stands in there as it is
    // shall not be journaled.
    for (const auto* of_senders : {"verify", "handshake"})
      made.definition.erase(of_senders);
    made.version = sha256_hex(json_text(made.definition));
  }
  return made;
}

} // namespace handoff

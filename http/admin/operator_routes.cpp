#include "http/admin/operator_routes.hpp"

#include "actors/replies.hpp"
#include "http/admin/bulk_retry.hpp"
#include "http/admin/job_document.hpp"
#include "http/admin/query_values.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/json_body.hpp"
#include "job/job_id.hpp"
#include "job/timestamp.hpp"

#include <caf/send.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace handoff {
namespace {

using json = nlohmann::json;

reply unknown_job() {
  return problem_reply(
    {error_kind::unknown_job, "there is no job with this id"});
}

error invalid(std::string detail) {
  return {error_kind::invalid_request, std::move(detail)};
}

/// Sets what one parameter says; gives what is wrong with it.
std::optional<error> read_parameter(const std::string& name,
                                    const std::string& value,
                                    job_query& query) {
  if (name == "flow") {
    query.flow = value;
  } else if (name == "uid") {
    query.uid = value;
  } else if (name == "status") {
    query.status = job_status_from(value);
    if (!query.status && !value.empty())
      return invalid("\"status\" has to be cloning, running, succeeded, "
                     "failed, cancelled or ambiguous");
  } else if (name == "since") {
    query.since = read_time(value);
    if (!query.since)
      return invalid("\"since\" has to be a time in UTC such as "
                     "2026-01-31T12:00:00Z, or seconds since 1970");
  } else if (name == "limit") {
    const auto limit = read_limit(value);
    if (!limit)
      return invalid("\"limit\" has to be a whole number from 1 to 1000");
    query.limit = *limit;
  } else if (name == "cursor") {
    query.before = value;
    if (!is_job_id(value))
      return invalid("\"cursor\" has to be the \"next\" of another page");
  } else {
    return invalid("\"" + name
                   + "\" is not known; flow, status, uid, since, limit and "
                     "cursor are");
  }
  return std::nullopt;
}

json summary_document(const job_summary& each) {
  return {{"job", each.id},
          {"flow", each.flow},
          {"status", name(each.status)},
          {"uid", each.uid},
          {"received", timestamp(each.received)},
          {"finished",
           each.finished ? json(timestamp(*each.finished)) : json(nullptr)}};
}

result<job_command> read_resolve(const http_request& request) {
  auto parsed = parse_json_body(request.body);
  if (auto* failed = std::get_if<error>(&parsed))
    return std::move(*failed);
  const auto& body = std::get<json>(parsed);
  if (body == json{{"clone", "again"}})
    return job_command{resolve_command{}};
  if (body == json{{"poll", "again"}})
    return job_command{resolve_command{nullptr, nullptr, true}};
  const bool has_answer = body.is_object() && body.contains("answer");
  if (body.is_object() && body.size() == (has_answer ? 2u : 1u)
      && body.contains("uid") && !body["uid"].is_null())
    return job_command{resolve_command{
      body["uid"], has_answer ? body["answer"] : json(nullptr)}};
  return invalid("the body has to be {\"uid\": …}, with \"answer\" beside it "
                 "where the flow refers to the clone's answer, "
                 "{\"clone\": \"again\"} or {\"poll\": \"again\"}");
}

result<job_command> read_command(const std::string& verb,
                                 const http_request& request) {
  if (verb == "cancel")
    return job_command{cancel_command{}};
  if (verb == "resolve")
    return read_resolve(request);
  if (verb != "retry")
    return error{error_kind::unknown_route,
                 "a job knows retry, cancel and resolve"};
  retry_command wanted;
  for (const auto& [name, value] : query_pairs(request.query)) {
    if (name == "sub_action")
      wanted.sub_action = value;
    else if (name != "definition")
      return invalid("\"" + name
                     + "\" is not known; sub_action and definition are");
    else if (value != "current")
      return invalid("\"definition\" must be \"current\"");
    else
      wanted.current_definition = true;
  }
  return job_command{wanted};
}

/// The definition that the job started with.
result<flow_ptr> definition_of(journal_reader& reader,
                               const operator_options& options,
                               const job& record) {
  auto stored = reader.flow_definition(record.flow_version);
  if (auto* failed = std::get_if<error>(&stored))
    return std::move(*failed);
  const auto& text = std::get<std::optional<json>>(stored);
  if (!text)
    return error{error_kind::internal,
                 "the journal does not have the flow of this job"};
  return options.compile(*text);
}

} // namespace

job_order order_for(journal_reader& reader, const operator_options& options,
                    const job& record, job_command command,
                    responder_ptr responder) {
  const auto* retry = std::get_if<retry_command>(&command);
  flow_ptr current;
  if (retry != nullptr && retry->current_definition && options.flows) {
    const auto flows = options.flows->current();
    if (const auto found = flows->find(record.flow); found != flows->end())
      current = found->second;
  }
  return {record.id, std::move(command), definition_of(reader, options, record),
          std::move(current), std::move(responder)};
}

operator_routes::operator_routes(operator_options options)
    : options_{std::move(options)} {}

void operator_routes::list(const http_request& request,
                           const responder_ptr& responder) const {
  job_query query;
  for (const auto& [name, value] : query_pairs(request.query))
    if (auto failed = read_parameter(name, value, query)) {
      responder->answer(problem_reply(*failed));
      return;
    }
  options_.views.ask(
    responder, [query](journal_reader& reader) -> std::optional<reply> {
      const auto found = reader.list(query);
      if (const auto* failed = std::get_if<error>(&found))
        return problem_reply(*failed);
      const auto& page = std::get<job_page>(found);
      auto jobs = json::array();
      for (const auto& each : page.jobs)
        jobs.push_back(summary_document(each));
      return json_reply(
        200, {{"jobs", std::move(jobs)},
              {"next", page.next ? json(*page.next) : json(nullptr)}});
    });
}

void operator_routes::show(const std::string& job,
                           const responder_ptr& responder) const {
  if (!is_job_id(job)) {
    responder->answer(unknown_job());
    return;
  }
  options_.views.ask(
    responder,
    [job, waiting =
            options_.waiting](journal_reader& reader) -> std::optional<reply> {
      const auto found = reader.find(job);
      if (const auto* failed = std::get_if<error>(&found))
        return problem_reply(*failed);
      const auto& record = std::get<std::optional<handoff::job>>(found);
      if (!record)
        return unknown_job();
      return json_reply(
        200, job_document(*record, waiting ? waiting->of(job)
                                           : std::vector<waiting_step>{}));
    });
}

void operator_routes::command(const std::string& job, const std::string& verb,
                              const http_request& request,
                              const responder_ptr& responder) const {
  auto read = read_command(verb, request);
  if (const auto* failed = std::get_if<error>(&read)) {
    responder->answer(problem_reply(*failed));
    return;
  }
  if (!is_job_id(job)) {
    responder->answer(unknown_job());
    return;
  }
  options_.views.ask(
    responder,
    [options = options_, job, responder,
     wanted = std::get<job_command>(std::move(read))](
      journal_reader& reader) -> std::optional<reply> {
      const auto found = reader.find(job);
      if (const auto* failed = std::get_if<error>(&found))
        return problem_reply(*failed);
      const auto& record = std::get<std::optional<handoff::job>>(found);
      if (!record)
        return unknown_job();
      auto order = order_for(reader, options, *record, wanted, responder);
      const auto* retry = std::get_if<retry_command>(&order.command);
      if (retry != nullptr && retry->current_definition && !order.current)
        return problem_reply(
          {error_kind::conflict,
           "no flow is called \"" + record->flow + "\" any more"},
          job);
      caf::anon_send(options.root,
                     std::make_shared<const job_order>(std::move(order)));
      return std::nullopt;
    });
}

void operator_routes::retry_many(const http_request& request,
                                 const responder_ptr& responder) const {
  bulk_retry_options wanted;
  wanted.query.status = job_status::failed;
  for (const auto& [name, value] : query_pairs(request.query)) {
    std::optional<error> failed;
    if (name == "definition" && value == "current")
      wanted.current_definition = true;
    else if (name == "dry_run" && (value == "true" || value == "false"))
      wanted.dry_run = value == "true";
    else if (name == "flow" || name == "status" || name == "since")
      failed = read_parameter(name, value, wanted.query);
    else if (name == "definition")
      failed = invalid("\"definition\" must be \"current\"");
    else if (name == "dry_run")
      failed = invalid("\"dry_run\" must be true or false");
    else
      failed = invalid("\"" + name
                       + "\" is not known; flow, status, since, definition "
                         "and dry_run are");
    if (failed) {
      responder->answer(problem_reply(*failed));
      return;
    }
  }
  bulk_retry(options_, std::move(wanted), responder);
}

} // namespace handoff

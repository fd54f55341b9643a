#include "http/admin/operator_routes.hpp"

#include "actors/replies.hpp"
#include "http/admin/bulk_retry.hpp"
#include "http/admin/job_document.hpp"
#include "http/admin/possible_commands.hpp"
#include "http/admin/query_values.hpp"
#include "http/admin/request_document.hpp"
#include "http/front_door/target.hpp"
#include "job/job_id.hpp"
#include "job/json_body.hpp"
#include "job/json_text.hpp"
#include "job/timestamp.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
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
                   + "\" is not known; flow, status, uid, search, since, "
                     "limit and cursor are");
  }
  return std::nullopt;
}

/// A job in a list: what the journal lists of it, and what its record says.
json summary_document(const job_summary& each, const job* record) {
  const auto why = record != nullptr ? trouble_of(*record) : std::nullopt;
  return {{"job", each.id},
          {"flow", each.flow},
          {"status", name(each.status)},
          {"title", record != nullptr && !record->title.empty()
                      ? json(record->title)
                      : json(nullptr)},
          {"error", why ? json(*why) : json(nullptr)},
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

char lower(char each) {
  return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a')
                                    : each;
}

/// Whether `part` is in `text`, whatever the case of ASCII letters.
bool contains(std::string_view text, std::string_view part) {
  return std::search(
           text.begin(), text.end(), part.begin(), part.end(),
           [](char left, char right) { return lower(left) == lower(right); })
      != text.end();
}

bool is_found(const job_summary& each, const job& record,
              std::string_view part) {
  const auto uid = each.uid.is_string() ? each.uid.get<std::string>()
                 : each.uid.is_null()   ? std::string{}
                                        : json_text(each.uid);
  return contains(each.id, part) || contains(record.title, part)
      || contains(uid, part);
}

/// A page of the jobs that `query` selects and whose id, UID or title has
/// `search` in it. Of a search at most `searched_max` jobs are looked at;
/// "next" goes on with it.
reply list_reply(journal_reader& reader, job_query query,
                 const std::string& search) {
  constexpr std::size_t searched_max = 2'000;
  const auto wanted = query.limit;
  if (!search.empty())
    query.limit = std::size_t{200};
  auto jobs = json::array();
  for (std::size_t looked = 0;;) {
    const auto found = reader.list(query);
    if (const auto* failed = std::get_if<error>(&found))
      return problem_reply(*failed);
    const auto& page = std::get<job_page>(found);
    for (std::size_t at = 0; at < page.jobs.size(); ++at) {
      const auto& each = page.jobs[at];
      const auto read = reader.find(each.id);
      if (const auto* failed = std::get_if<error>(&read))
        return problem_reply(*failed);
      const auto& record = std::get<std::optional<job>>(read);
      const bool fits =
        search.empty() || (record && is_found(each, *record, search));
      if (fits)
        jobs.push_back(summary_document(each, record ? &*record : nullptr));
      const bool is_more = at + 1 < page.jobs.size() || page.next;
      if (jobs.size() == wanted && is_more && !search.empty())
        return json_reply(200, {{"jobs", std::move(jobs)}, {"next", each.id}});
    }
    looked += page.jobs.size();
    if (search.empty() || !page.next || looked >= searched_max)
      return json_reply(
        200, {{"jobs", std::move(jobs)},
              {"next", page.next ? json(*page.next) : json(nullptr)}});
    query.before = *page.next;
  }
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

/// The job's flow as it is now; null if there is none of that name.
flow_ptr current_of(const operator_options& options, const job& record) {
  if (!options.flows)
    return nullptr;
  const auto flows = options.flows->current();
  const auto found = flows->find(record.flow);
  return found != flows->end() ? found->second : nullptr;
}

} // namespace

job_order order_for(journal_reader& reader, const operator_options& options,
                    const job& record, job_command command,
                    responder_ptr responder) {
  const auto* retry = std::get_if<retry_command>(&command);
  flow_ptr current;
  if (retry != nullptr && retry->current_definition)
    current = current_of(options, record);
  return {record.id, std::move(command), definition_of(reader, options, record),
          std::move(current), std::move(responder)};
}

operator_routes::operator_routes(operator_options options)
    : options_{std::move(options)} {}

void operator_routes::list(const http_request& request,
                           const responder_ptr& responder) const {
  job_query query;
  std::string search;
  for (const auto& [name, value] : query_pairs(request.query)) {
    if (name == "search") {
      search = value;
    } else if (auto failed = read_parameter(name, value, query)) {
      responder->answer(problem_reply(*failed));
      return;
    }
  }
  options_.views.ask(responder, [query, search](journal_reader& reader) {
    return std::optional{list_reply(reader, query, search)};
  });
}

void operator_routes::show(const std::string& job, const http_request& request,
                           const responder_ptr& responder) const {
  bool wants_requests = false;
  for (const auto& [name, value] : query_pairs(request.query)) {
    const bool is_known = name == "requests" && (value == "1" || value == "0");
    if (!is_known) {
      responder->answer(problem_reply(invalid(
        name == "requests" ? "\"requests\" must be 1 or 0"
                           : "\"" + name + "\" is not known; requests is")));
      return;
    }
    wants_requests = value == "1";
  }
  if (!is_job_id(job)) {
    responder->answer(unknown_job());
    return;
  }
  options_.views.ask(
    responder,
    [job, options = options_,
     wants_requests](journal_reader& reader) -> std::optional<reply> {
      const auto found = reader.find(job);
      if (const auto* failed = std::get_if<error>(&found))
        return problem_reply(*failed);
      const auto& record = std::get<std::optional<handoff::job>>(found);
      if (!record)
        return unknown_job();
      // What proves its sender is known to the flow as it is now alone.
      const auto current = current_of(options, *record);
      auto document =
        job_document(*record,
                     options.waiting ? options.waiting->of(job)
                                     : std::vector<waiting_step>{},
                     current ? current->hidden : secrets{},
                     options.inquiries ? options.inquiries->of(job)
                                       : std::vector<step_inquiry>{});
      if (wants_requests) {
        const auto definition = definition_of(reader, options, *record);
        if (const auto* failed = std::get_if<error>(&definition))
          add_requests(document, *failed);
        else
          add_requests(document, *record, *std::get<flow_ptr>(definition),
                       [&](const std::string& name) {
                         return options.connections
                                ? options.connections->find(name)
                                : nullptr;
                       });
        document["can"] = possible_commands(*record, definition, current,
                                            std::chrono::system_clock::now());
      }
      return json_reply(200, document);
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

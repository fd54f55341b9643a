#include "actors/replies.hpp"

#include "actors/call_builder.hpp"
#include "job/excerpt.hpp"
#include "job/json_text.hpp"

#include <string>
#include <utility>

namespace handoff {
namespace {

using json = nlohmann::json;

void add_location(reply& to, const job& record, std::string_view preference) {
  to.headers.push_back(
    {"Location", "/hooks/" + record.flow + "/jobs/" + record.id});
  if (!preference.empty())
    to.headers.push_back({"Preference-Applied", std::string{preference}});
}

/// A content type of the flow's own replaces the usual one; a text that it says
/// is something other than JSON goes out as it is.
void add_content(reply& to, const json& body) {
  const auto* type = find_header(to.headers, "Content-Type");
  const bool is_plain =
    body.is_string() && type != nullptr && !names_json(*type);
  to.body = is_plain ? body.get<std::string>() : json_text(body);
  if (type == nullptr)
    to.headers.push_back({"Content-Type", "application/json"});
}

result<reply> rendered_reply(const flow& definition,
                             const reply_template& wanted, const job& record) {
  const auto context = context_of(definition, record);
  auto body = wanted.body.render(context);
  if (auto* failed = std::get_if<error>(&body))
    return std::move(*failed);
  reply made{wanted.status, {}, {}};
  for (const auto& [name, value] : wanted.headers) {
    auto text = value.render(context, template_place::header);
    if (auto* failed = std::get_if<error>(&text))
      return std::move(*failed);
    made.headers.push_back({name, std::get<std::string>(std::move(text))});
  }
  // 204 and 304 have no content (RFC 9110, section 6.4.1).
  if (wanted.status != 204 && wanted.status != 304)
    add_content(made, std::get<json>(body));
  return made;
}

} // namespace

reply json_reply(int status, const json& body) {
  return {status, {{"Content-Type", "application/json"}}, json_text(body)};
}

reply problem_reply(const error& what, std::string_view job, json extras) {
  extras["type"] = "/problems/" + std::string{name(what.kind)};
  extras["title"] = title(what.kind);
  extras["status"] = http_status(what.kind);
  extras["detail"] = what.detail;
  if (!job.empty())
    extras["job"] = job;
  return {http_status(what.kind),
          {{"Content-Type", "application/problem+json"}},
          json_text(extras)};
}

reply overloaded_reply(std::string detail, std::chrono::seconds later) {
  auto made = problem_reply({error_kind::overloaded, std::move(detail)});
  made.headers.push_back({"Retry-After", std::to_string(later.count())});
  return made;
}

reply accepted_reply(const job& record, std::string_view preference_applied) {
  auto made = json_reply(202, {{"job", record.id}, {"status", "cloning"}});
  add_location(made, record, preference_applied);
  return made;
}

reply cloned_reply(const flow& definition, const job& record,
                   std::string_view preference_applied) {
  auto made = json_reply(
    200,
    {{"job", record.id}, {"uid", record.clone.uid}, {"status", "running"}});
  if (definition.reply) {
    auto own = rendered_reply(definition, *definition.reply, record);
    if (auto* good = std::get_if<reply>(&own))
      made = std::move(*good);
  }
  add_location(made, record, preference_applied);
  return made;
}

reply settled_reply(const job& record) {
  // Not an error: an answer that invites to send it again would make a second
  // clone of one that may be there.
  if (record.status == job_status::ambiguous) {
    auto made =
      json_reply(202, {{"job", record.id}, {"status", name(record.status)}});
    add_location(made, record, {});
    return made;
  }
  auto extras = json::object();
  const auto& attempts = record.clone.attempts;
  if (!attempts.empty() && attempts.back().http_status != 0)
    extras["upstream_status"] = attempts.back().http_status;
  if (!attempts.empty() && attempts.back().response)
    if (auto line = headline(*attempts.back().response); !line.empty())
      extras["upstream_answer"] = std::move(line);
  return problem_reply(record.clone.failure.value_or(error{
                         error_kind::cancelled, "somebody cancelled the job"}),
                       record.id, std::move(extras));
}

reply replayed_reply(const flow& definition, const job& record) {
  auto made = record.status == job_status::cloning ? accepted_reply(record, {})
            : !record.clone.uid.is_null() ? cloned_reply(definition, record, {})
                                          : settled_reply(record);
  made.headers.push_back({"Idempotency-Replayed", "true"});
  return made;
}

reply command_reply(std::string_view job, std::string_view status) {
  return json_reply(200, {{"job", job}, {"status", status}});
}

reply unknown_command_reply(std::string_view job) {
  auto made = problem_reply(
    {error_kind::journal_unavailable,
     "the journal has not answered in time: it is not known whether the "
     "command was taken; look at the job before you repeat it"},
    job);
  made.headers.push_back({"Retry-After", "5"});
  return made;
}

reply status_reply(const job& record) {
  return json_reply(200, {{"job", record.id},
                          {"status", name(record.status)},
                          {"uid", record.clone.uid}});
}

} // namespace handoff

#include "actors/replies.hpp"

#include "actors/call_builder.hpp"
#include "job/excerpt.hpp"
#include "job/json_text.hpp"

#include <string>
#include <utility>

namespace handoff {
namespace {

using json = nlohmann::json;

constexpr std::string_view problem_type = "application/problem+json";

void add_location(reply& to, const job& record, std::string_view preference) {
  to.headers.push_back(
    {"Location", "/hooks/" + record.flow + "/jobs/" + record.id});
  if (!preference.empty())
    to.headers.push_back({"Preference-Applied", std::string{preference}});
}

/// Adds the content type that goes with the body, unless the flow names one.
void add_content_type(reply& to, std::string_view usual) {
  if (find_header(to.headers, "Content-Type") == nullptr)
    to.headers.push_back({"Content-Type", std::string{usual}});
}

std::optional<error> add_content(reply& to, const reply_template& wanted,
                                 const template_context& context,
                                 const standard_content& standard) {
  // These have no content (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
  if (wanted.status == 204 || wanted.status == 205 || wanted.status == 304)
    return std::nullopt;
  if (wanted.text) {
    auto text = wanted.text->render(context, template_place::text);
    if (auto* failed = std::get_if<error>(&text))
      return std::move(*failed);
    to.body = std::get<std::string>(std::move(text));
    add_content_type(to, "text/plain; charset=utf-8");
    return std::nullopt;
  }
  auto content = standard.body;
  if (wanted.body) {
    auto rendered = wanted.body->render(context);
    if (auto* failed = std::get_if<error>(&rendered))
      return std::move(*failed);
    content = std::get<json>(std::move(rendered));
  }
  const auto* type = find_header(to.headers, "Content-Type");
  // A text that is said to be something other than JSON is sent as it is.
  to.body = type != nullptr && content.is_string() && !names_json(*type)
            ? content.get<std::string>()
            : json_text(content);
  add_content_type(to, wanted.body ? "application/json" : standard.type);
  return std::nullopt;
}

/// The answer that the flow has for this, or else `usual`: an expression that
/// cannot be filled in must not turn what has happened into an error.
reply own_or_usual(const flow& definition,
                   const std::optional<reply_template>& own, const job& record,
                   reply usual, const standard_content& standard) {
  if (!own)
    return usual;
  auto rendered = render_reply(*own, context_of(definition, record), standard);
  auto* good = std::get_if<reply>(&rendered);
  return good != nullptr ? std::move(*good) : std::move(usual);
}

json problem_document(const error& what, std::string_view job, int status,
                      json extras) {
  extras["type"] = "/problems/" + std::string{name(what.kind)};
  extras["title"] = title(what.kind);
  extras["status"] = status;
  extras["detail"] = what.detail;
  if (!job.empty())
    extras["job"] = job;
  return extras;
}

reply problem_with_status(int status, const json& document) {
  return {
    status, {{"Content-Type", std::string{problem_type}}}, json_text(document)};
}

/// Whether the sender was told 202 before the job got this far.
bool was_late(const job& record) {
  return record.reply && record.reply->status == 202;
}

} // namespace

reply json_reply(int status, const json& body) {
  return {status, {{"Content-Type", "application/json"}}, json_text(body)};
}

result<reply> render_reply(const reply_template& wanted,
                           const template_context& context,
                           const standard_content& standard) {
  reply made{wanted.status, {}, {}};
  for (const auto& [name, value] : wanted.headers) {
    auto text = value.render(context, template_place::header);
    if (auto* failed = std::get_if<error>(&text))
      return std::move(*failed);
    made.headers.push_back({name, std::get<std::string>(std::move(text))});
  }
  if (auto failed = add_content(made, wanted, context, standard))
    return std::move(*failed);
  return made;
}

reply problem_reply(const error& what, std::string_view job, json extras,
                    std::chrono::seconds later) {
  const auto status = http_status(what.kind);
  auto made = problem_with_status(
    status, problem_document(what, job, status, std::move(extras)));
  if (status == 503)
    made.headers.push_back({"Retry-After", std::to_string(later.count())});
  return made;
}

reply overloaded_reply(std::string detail, std::chrono::seconds later) {
  return problem_reply({error_kind::overloaded, std::move(detail)}, {},
                       json::object(), later);
}

reply accepted_reply(const flow& definition, const job& record,
                     std::string_view preference_applied) {
  const json standard{{"job", record.id}, {"status", name(record.status)}};
  auto made = own_or_usual(definition, definition.late, record,
                           json_reply(202, standard), {standard});
  add_location(made, record, preference_applied);
  return made;
}

reply cloned_reply(const flow& definition, const job& record,
                   std::string_view preference_applied,
                   std::string_view status) {
  const json standard{
    {"job", record.id}, {"uid", record.clone.uid}, {"status", status}};
  auto made = own_or_usual(definition, definition.reply, record,
                           json_reply(200, standard), {standard});
  add_location(made, record, preference_applied);
  return made;
}

reply settled_reply(const flow& definition, const job& record,
                    std::string_view preference_applied) {
  // Not an error: an answer that invites to send it again would make a second
  // clone of one that may be there.
  // Nor one of what somebody cancelled on purpose.
  if (record.status == job_status::ambiguous
      || record.status == job_status::cancelled)
    return accepted_reply(definition, record, preference_applied);
  const auto failure = record.clone.failure.value_or(
    error{error_kind::clone_failed, "the clone failed"});
  auto extras = json::object();
  const auto& attempts = record.clone.attempts;
  // A clone that was accepted failed by what a poll said.
  if (!attempts.empty() && attempts.back().http_status != 0
      && !record.clone.accepted)
    extras["upstream_status"] = attempts.back().http_status;
  if (!attempts.empty() && attempts.back().response)
    if (auto line = headline(*attempts.back().response); !line.empty())
      extras["upstream_answer"] = std::move(line);
  // Whatever failed, to the sender this is a gateway (RFC 9110,
  // section 15.6.3).
  const auto status = http_status(failure.kind) == 504 ? 504 : 502;
  auto document =
    problem_document(failure, record.id, status, std::move(extras));
  auto usual = problem_with_status(status, document);
  // The document says with which status it comes (RFC 9457, section 3.1.2).
  if (definition.failed)
    document["status"] = definition.failed->status;
  return own_or_usual(definition, definition.failed, record, std::move(usual),
                      {document, problem_type});
}

reply replayed_reply(const flow& definition, const job& record) {
  auto made = record.status == job_status::cloning
              ? accepted_reply(definition, record, {})
            : record.clone.uid.is_null()
              ? settled_reply(definition, record, {})
              : cloned_reply(definition, record, {},
                             was_late(record) ? name(record.status)
                                              : name(job_status::running));
  made.headers.push_back({"Idempotency-Replayed", "true"});
  return made;
}

reply command_reply(std::string_view job, std::string_view status) {
  return json_reply(200, {{"job", job}, {"status", status}});
}

reply unknown_command_reply(std::string_view job) {
  return problem_reply(
    {error_kind::journal_unavailable,
     "the journal has not answered in time: it is not known whether the "
     "command was taken; look at the job before you repeat it"},
    job, json::object(), std::chrono::seconds{5});
}

reply status_reply(const job& record) {
  return json_reply(200, {{"job", record.id},
                          {"status", name(record.status)},
                          {"uid", record.clone.uid}});
}

} // namespace handoff

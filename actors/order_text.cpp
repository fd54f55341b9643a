#include "actors/order_text.hpp"

#include "actors/replies.hpp"
#include "job/json_text.hpp"

#include <nlohmann/json.hpp>

#include <utility>
#include <variant>

namespace handoff {
namespace {

using json = nlohmann::json;

struct command_text {
  json operator()(const retry_command& retry) const {
    json made = {{"do", "retry"}, {"current", retry.current_definition}};
    if (retry.sub_action)
      made["sub_action"] = *retry.sub_action;
    return made;
  }

  json operator()(const cancel_command&) const { return {{"do", "cancel"}}; }

  json operator()(const resolve_command& resolve) const {
    return {{"do", "resolve"},
            {"uid", resolve.uid},
            {"answer", resolve.answer},
            {"poll", resolve.poll}};
  }
};

} // namespace

std::string text_of(const job_command& command) {
  return json_text(std::visit(command_text{}, command));
}

result<job_command> command_from(std::string_view text) {
  const auto told = json::parse(text, nullptr, false);
  const auto verb =
    told.is_object() ? told.value("do", std::string{}) : std::string{};
  if (verb == "cancel")
    return job_command{cancel_command{}};
  if (verb == "retry") {
    retry_command retry;
    retry.current_definition = told.value("current", false);
    if (told.contains("sub_action"))
      retry.sub_action = told["sub_action"].get<std::string>();
    return job_command{std::move(retry)};
  }
  if (verb == "resolve" && told.contains("uid") && told.contains("answer"))
    return job_command{
      resolve_command{told["uid"], told["answer"], told.value("poll", false)}};
  return error{error_kind::invalid_request,
               "the node that works on the job does not know this command"};
}

std::string text_of(const reply& answer) {
  auto fields = json::array();
  for (const auto& each : answer.headers)
    fields.push_back({each.name, each.value});
  return json_text({{"status", answer.status},
                    {"headers", std::move(fields)},
                    {"body", answer.body}});
}

reply reply_from(std::string_view text) {
  try {
    const auto told = json::parse(text);
    reply made;
    made.status = told.at("status").get<int>();
    for (const auto& each : told.at("headers"))
      made.headers.push_back({each.at(0), each.at(1)});
    made.body = told.at("body").get<std::string>();
    return made;
  } catch (const json::exception&) {
    return problem_reply({error_kind::internal,
                          "the node that works on the job gave no answer that "
                          "can be read"});
  }
}

} // namespace handoff

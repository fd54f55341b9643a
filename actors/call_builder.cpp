#include "actors/call_builder.hpp"

#include "job/trace.hpp"

namespace handoff {
namespace {

std::optional<error> add_headers(const request_template& request,
                                 const template_context& context, headers& to) {
  for (const auto& [name, value] : request.headers) {
    auto rendered = value.render(context, template_place::header);
    if (auto* failed = std::get_if<error>(&rendered))
      return std::move(*failed);
    to.push_back({name, std::get<std::string>(std::move(rendered))});
  }
  return std::nullopt;
}

} // namespace

template_context context_of(const job& record) {
  template_context context;
  context.hook = &record.hook;
  if (!record.clone.uid.is_null()) {
    context.uid = &record.clone.uid;
    context.clone_answer = &record.clone.answer;
  }
  context.sub_answer =
    [&record](std::string_view name) -> const nlohmann::json* {
    for (const auto& each : record.sub_actions)
      if (each.name == name && each.status == sub_action_status::succeeded)
        return &each.answer;
    return nullptr;
  };
  return context;
}

result<outbound_call> build_call(const request_template& request,
                                 const retry_policy& policy, const job& record,
                                 std::string_view step, call_class purpose) {
  const auto context = context_of(record);
  outbound_call call;
  call.purpose = purpose;
  call.job = record.id;
  call.method = request.method;
  call.timeout = policy.attempt_timeout;
  call.patience = policy.attempt_timeout;
  auto url = request.url.render(context, template_place::url);
  if (auto* failed = std::get_if<error>(&url))
    return std::move(*failed);
  call.url = std::get<std::string>(std::move(url));
  if (auto failed = add_headers(request, context, call.headers))
    return std::move(*failed);
  if (request.body) {
    auto body = request.body->render(context);
    if (auto* failed = std::get_if<error>(&body))
      return std::move(*failed);
    call.body = std::get<nlohmann::json>(body).dump();
    if (find_header(call.headers, "Content-Type") == nullptr)
      call.headers.push_back({"Content-Type", "application/json"});
  }
  call.headers.push_back(
    {"Idempotency-Key", record.id + '.' + std::string{step}});
  call.headers.push_back({"traceparent", make_traceparent(record.hook.trace)});
  return call;
}

} // namespace handoff

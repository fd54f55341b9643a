#include "http/ingress/admission.hpp"

#include "actors/order.hpp"
#include "actors/replies.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/content_coding.hpp"
#include "http/ingress/handshake.hpp"
#include "http/ingress/verifier.hpp"
#include "job/allocation.hpp"
#include "job/job_id.hpp"

#include <caf/send.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace handoff {
namespace {

using std::chrono::system_clock;

/// Larger bodies are checked on a separate thread, so that they do not delay
/// other connections of the event loop.
constexpr std::size_t loop_body_max = 32'768;

/// What may wait for that thread.
constexpr std::size_t side_tasks_max = 1'024;
constexpr std::size_t side_bytes_max = 67'108'864;

constexpr const char* max_held_reached = "max-held webhooks are being held";
constexpr const char* max_jobs_reached = "max-jobs jobs are unfinished";
constexpr const char* max_bytes_reached =
  "max-bytes of memory are taken by webhooks and jobs";

reply refusal(const error& why, const headers& extra = {}) {
  auto made = problem_reply(why);
  made.headers.insert(made.headers.end(), extra.begin(), extra.end());
  return made;
}

/// What a webhook is told that nobody journaled in time.
const reply& not_journaled() {
  // The same for all, and hardly ever sent, so that it is not made for each.
  static const auto late =
    refusal({error_kind::overloaded,
             "the webhook could not be journaled before the deadline"});
  return late;
}

} // namespace

/// A request on its way in. The body is moved out when it is read.
struct admission::request_context {
  http_request& request;
  const flow_ptr& definition;
  const responder_ptr& responder;
  webhook hook;
  /// The body, once somebody has read it.
  std::optional<read_webhook> read;
};

admission::admission(ingress_options options)
    : options_{std::move(options)},
      refusals_{std::make_unique<refusal_log>()},
      side_{std::make_unique<side_thread>(side_tasks_max, side_bytes_max)} {}

void admission::turn_away(const http_request& request, const std::string& flow,
                          const handoff::flow* definition,
                          const responder_ptr& responder,
                          webhook_outcome outcome, const error& why,
                          const headers& extra) const {
  auto answer = refusal(why, extra);
  tell(request, flow, definition, outcome, answer.status, why);
  responder->answer(std::move(answer));
}

void admission::tell(const http_request& request, const std::string& flow,
                     const handoff::flow* definition, webhook_outcome outcome,
                     int status, const error& why) const {
  if (options_.log) {
    turned_away entry{system_clock::now(),
                      flow,
                      remote_of(request.headers),
                      outcome,
                      status,
                      why.detail,
                      request.headers,
                      request.body.substr(0, webhook_log::body_bytes_taken)};
    options_.log->add(std::move(entry), definition);
  }
  if (const auto line = refusals_->line_of(
        flow, definition != nullptr, outcome, status,
        definition != nullptr ? masked(*definition, why.detail) : why.detail,
        std::chrono::steady_clock::now()))
    spdlog::warn("handoff: {}", *line);
}

void admission::note(const request_context& context, webhook_outcome outcome,
                     int status, std::string detail) const {
  if (!options_.log)
    return;
  const auto body =
    context.read ? context.read->body.bytes() : std::string_view{};
  turned_away entry{system_clock::now(),
                    context.definition->name,
                    remote_of(context.hook.headers),
                    outcome,
                    status,
                    std::move(detail),
                    context.hook.headers,
                    std::string{body.substr(0, webhook_log::body_bytes_taken)}};
  options_.log->add(std::move(entry), context.definition.get());
}

const char* admission::full_limit(std::size_t bytes) const {
  const auto& counts = *options_.admission;
  return counts.held.is_full()       ? max_held_reached
       : counts.jobs.is_full()       ? max_jobs_reached
       : counts.bytes.is_full(bytes) ? max_bytes_reached
                                     : nullptr;
}

std::size_t admission::memory_needed(const http_request& request) const {
  const bool is_coded =
    find_header(request.headers, "Content-Encoding") != nullptr;
  return job_overhead_bytes + head_bytes(request) + kept_parts_bytes_max
       + allocated_for((is_coded
                          ? std::max(options_.max_body, request.body.size())
                          : request.body.size())
                       + 1);
}

void admission::take(http_request request, const flow_ptr& definition,
                     const responder_ptr& responder) const {
  const auto refuse = [&](const error& why, const headers& extra = {}) {
    turn_away(request, definition->name, definition.get(), responder,
              webhook_outcome::refused, why, extra);
  };
  if (options_.draining->load()) {
    refuse(
      {error_kind::draining, "the service is shutting down; send it again"},
      {{"Connection", "close"}});
    return;
  }
  if (auto why = options_.refuses ? options_.refuses() : std::nullopt) {
    refuse(*std::move(why));
    return;
  }
  // A refusal costs nothing more: nobody has looked at the body.
  if (const auto* limit = full_limit(memory_needed(request))) {
    refuse({error_kind::overloaded, limit});
    return;
  }
  const auto answer_by = request.arrived
                       + deadline_limit(*definition, options_.deadline_limit)
                       - options_.deadline_margin;
  if (std::chrono::steady_clock::now() >= answer_by) {
    refuse({error_kind::request_timeout,
            "the whole webhook was there only after its deadline, which counts "
            "from its first byte; nothing was done"});
    return;
  }
  if (request.body.size() <= loop_body_max) {
    look_at(std::move(request), definition, responder);
    return;
  }
  const auto bytes = request.body.size();
  // Whatever becomes of the task: the sender has an answer.
  responder->answer_by(answer_by, not_journaled());
  const auto kept = std::make_shared<http_request>(std::move(request));
  if (!side_->post(bytes, [this, kept, definition, responder] {
        look_at(std::move(*kept), definition, responder);
      }))
    turn_away(
      *kept, definition->name, definition.get(), responder,
      webhook_outcome::refused,
      {error_kind::overloaded, "too many large webhooks wait to be checked"});
}

void admission::look_at(http_request request, const flow_ptr& definition,
                        const responder_ptr& responder) const {
  request_context context{request, definition, responder, {}, {}};
  context.hook.flow = definition->name;
  // Over the bytes as they came: nobody unknown gets as far as the parser,
  // unless the flow's "verify" names members of the body.
  const auto& rule = definition->verify;
  verify_request asked{request.method,  request.path, request.query,
                       request.headers, request.body, system_clock::now(),
                       definition->name};
  asked.is_form = is_read_as_form(definition->input, request.headers);
  asked.body = [&]() -> result<nlohmann::json> {
    auto read =
      read_body(request.body, request.headers, *definition, options_.max_body);
    if (auto* failed = std::get_if<error>(&read))
      return std::move(*failed);
    context.read = std::get<read_webhook>(std::move(read));
    return context.read->document;
  };
  std::string decoded;
  if (rule.covers_form()) {
    auto made =
      without_content_coding(request.body, request.headers, options_.max_body);
    if (const auto* failed = std::get_if<error>(&made)) {
      turn_away(request, definition->name, definition.get(), responder,
                outcome_of_unread(failed->kind), *failed);
      return;
    }
    decoded = std::get<std::string>(std::move(made));
    asked.decoded_body = decoded;
  }
  if (const auto wrong = verify(rule, asked))
    take_unknown(context, *wrong);
  else
    take_known(context);
}

void admission::take_unknown(request_context& context, const error& why) const {
  const auto& definition = *context.definition;
  auto& request = context.request;
  if (has_handshake(definition, request.method, handshake_kind::unverified)) {
    context.hook.headers = request.headers;
    context.hook.query = query_pairs(request.query);
    if (!context.read && !request.body.empty()) {
      auto read =
        read_body(request.body, request.headers, definition, options_.max_body);
      if (auto* good = std::get_if<read_webhook>(&read))
        context.read = std::move(*good);
    }
    // A question, by GET for example, may have no body.
    if ((context.read || request.body.empty())
        && answer_handshake(context, false))
      return;
    if (request.method != "POST"
        && !has_handshake(definition, request.method,
                          handshake_kind::verified)) {
      refuse_question(context);
      return;
    }
  }
  const bool is_unknown = why.kind == error_kind::unauthorized;
  headers challenge;
  if (is_unknown)
    challenge.push_back(
      {"WWW-Authenticate", challenge_of(definition.verify, definition.name)});
  turn_away(request, definition.name, &definition, context.responder,
            is_unknown ? webhook_outcome::bad_signature
                       : webhook_outcome::malformed,
            why, challenge);
}

void admission::refuse_question(const request_context& context) const {
  turn_away(context.request, context.definition->name, context.definition.get(),
            context.responder, webhook_outcome::refused,
            {error_kind::unknown_route,
             "no rule of the flow's \"handshake\" fits this request"});
}

void admission::take_known(request_context& context) const {
  const auto& definition = *context.definition;
  auto& request = context.request;
  const auto refuse = [&](webhook_outcome outcome, const error& why,
                          const headers& extra = {}) {
    turn_away(request, definition.name, &definition, context.responder, outcome,
              why, extra);
  };
  auto& counts = *options_.admission;
  auto held = counts.held.take();
  auto memory = counts.bytes.take(memory_needed(request));
  if (!held || !memory) {
    refuse(
      webhook_outcome::refused,
      {error_kind::overloaded, held ? max_bytes_reached : max_held_reached});
    return;
  }
  const auto account = std::make_shared<place>(std::move(*memory));
  context.hook.headers = request.headers;
  context.hook.query = query_pairs(request.query);
  // A question may have no body, whatever its method is.
  if (request.body.empty() && answer_handshake(context, true))
    return;
  const bool is_webhook = request.method == "POST";
  if (!context.read && (is_webhook || !request.body.empty())) {
    auto read =
      read_body(request.body, request.headers, definition, options_.max_body);
    if (const auto* failed = std::get_if<error>(&read)) {
      refuse(outcome_of_unread(failed->kind), *failed);
      return;
    }
    context.read = std::get<read_webhook>(std::move(read));
  }
  if (!request.body.empty() && answer_handshake(context, true))
    return;
  if (!is_webhook) {
    refuse_question(context);
    return;
  }
  request.body = {};
  auto& read = *context.read;
  if (auto ignored = ignored_reply(definition, context.hook, read.document)) {
    note(context, webhook_outcome::ignored, ignored->status,
         "the flow's \"when\" does not hold");
    if (options_.counted)
      options_.counted->ignored(definition.name);
    context.responder->answer(std::move(*ignored));
    return;
  }
  context.responder->on_outcome(
    [held = std::make_shared<place>(std::move(*held))](const reply_outcome&) {
      held->leave();
    });
  give_order(context, account);
}

bool admission::answer_handshake(request_context& context,
                                 bool verified) const {
  static const nlohmann::json nothing;
  const auto& definition = *context.definition;
  if (definition.handshake.empty())
    return false;
  auto answered =
    handshake(definition, context.request.method, context.hook,
              context.read ? context.read->document : nothing, verified);
  if (const auto* failed = std::get_if<error>(&answered)) {
    note(context, webhook_outcome::malformed, http_status(failed->kind),
         failed->detail);
    context.responder->answer(problem_reply(*failed));
    return true;
  }
  auto& answer = std::get<std::optional<handshake_answer>>(answered);
  if (!answer)
    return false;
  note(context, webhook_outcome::handshake, answer->reply.status,
       "a rule of \"handshake\" fits");
  if (answer->shown && options_.shown)
    options_.shown->add(definition.name, std::move(*answer->shown));
  context.responder->answer(std::move(answer->reply));
  return true;
}

void admission::give_order(request_context& context,
                           const place_ptr& memory) const {
  const auto now = system_clock::now();
  order_facts facts;
  facts.job = make_job_id(now);
  facts.trace = trace_of(context.hook.headers);
  facts.received = now;
  facts.now = std::chrono::steady_clock::now();
  facts.arrived = context.request.arrived;
  facts.limit = options_.deadline_limit;
  facts.margin = options_.deadline_margin;
  auto made =
    make_order(context.definition,
               {context.hook.headers, std::move(context.hook.query),
                context.read->body, std::move(context.read->document)},
               std::move(facts));
  if (const auto* failed = std::get_if<error>(&made)) {
    note(context, webhook_outcome::malformed, http_status(failed->kind),
         failed->detail);
    context.responder->answer(problem_reply(*failed));
    return;
  }
  auto order = std::get<std::shared_ptr<clone_order>>(std::move(made));
  memory->shrink_to(job_memory(order->record.hook));
  order->bytes_place = memory;
  auto job_place = options_.admission->jobs.take();
  if (!job_place) {
    note(context, webhook_outcome::refused, http_status(error_kind::overloaded),
         max_jobs_reached);
    context.responder->answer(
      refusal({error_kind::overloaded, max_jobs_reached}));
    return;
  }
  order->job_place = std::make_shared<place>(std::move(*job_place));
  order->responder = context.responder;
  // Until the job is journaled, nothing may be promised.
  context.responder->answer_by(order->journal_by, not_journaled());
  caf::anon_send(options_.intake, clone_order_ptr{std::move(order)});
}

} // namespace handoff

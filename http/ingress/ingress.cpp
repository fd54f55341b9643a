#include "http/ingress/ingress.hpp"

#include "actors/replies.hpp"
#include "config/sha256.hpp"
#include "http/front_door/routes.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/json_body.hpp"
#include "http/ingress/prefer.hpp"
#include "http/ingress/verifier.hpp"
#include "job/credential.hpp"
#include "job/job_id.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;
using namespace std::chrono_literals;

constexpr const char* retry_after_seconds = "1";
constexpr const char* hidden = "***";

constexpr std::size_t key_bytes_max = 256;

reply refusal(error_kind kind, std::string detail, headers extra = {}) {
  auto made = problem_reply({kind, std::move(detail)});
  made.headers.insert(made.headers.end(), extra.begin(), extra.end());
  return made;
}

reply unverified(const error& why, const flow& definition) {
  auto made = problem_reply(why);
  if (why.kind == error_kind::unauthorized)
    made.headers.push_back(
      {"WWW-Authenticate", challenge_of(definition.verify, definition.name)});
  return made;
}

/// Takes out what is as good as a password before it goes anywhere, but for
/// what the flow itself refers to.
void hide_credentials(webhook& hook, const flow& definition) {
  const auto& rule = definition.verify;
  for (auto& [name, value] : hook.headers)
    if ((is_credential(name)
         || rule.credential_headers.contains(lower_case(name)))
        && !definition.referenced_headers.contains(lower_case(name)))
      value = hidden;
  for (auto& [name, value] : hook.query)
    if ((is_credential(name) || rule.credential_query.contains(name))
        && !definition.referenced_query.contains(name))
      value = hidden;
}

trace_context trace_of(const headers& fields) {
  const auto* parent = find_header(fields, "traceparent");
  std::vector<std::string_view> states;
  for (const auto& each : fields)
    if (lower_case(each.name) == "tracestate")
      states.push_back(each.value);
  return continue_trace(parent != nullptr ? *parent : "", states);
}

class ingress_routes {
public:
  explicit ingress_routes(ingress_options options)
      : options_{std::move(options)} {}

  void handle(http_request request, const responder_ptr& responder) const {
    const auto segments = path_segments(request.path);
    if (!segments || !has_path(ingress_table(), *segments)) {
      responder->answer(
        refusal(error_kind::unknown_route,
                "only /hooks/{flow} and /hooks/{flow}/jobs/{job} are here"));
      return;
    }
    const auto flows = options_.flows->current();
    const auto found = flows->find((*segments)[1]);
    if (found == flows->end()) {
      responder->answer(
        refusal(error_kind::unknown_flow,
                "no flow is called \"" + (*segments)[1] + "\""));
      return;
    }
    if (segments->size() == 2)
      take(std::move(request), found->second, responder);
    else
      show(request, found->first, (*segments)[3], responder);
  }

private:
  void take(http_request request, const flow_ptr& definition,
            const responder_ptr& responder) const {
    if (options_.counted && request.method == "POST")
      responder->on_outcome(
        [counted = options_.counted, flow = definition->name,
         from = request.arrived,
         limit = limit_of(*definition)](const reply_outcome& outcome) {
          const metrics::seconds held = std::chrono::steady_clock::now() - from;
          counted->answered(
            flow, outcome.status, held,
            std::max(metrics::seconds{0}, metrics::seconds{limit} - held));
        });
    post(std::move(request), definition, responder);
  }

  milliseconds limit_of(const flow& definition) const {
    return std::min(options_.deadline_limit, definition.deadline_limit);
  }

  void post(http_request request, const flow_ptr& definition,
            const responder_ptr& responder) const {
    if (request.method != "POST") {
      responder->answer(refusal(error_kind::method_not_allowed,
                                "a webhook is sent with POST",
                                {{"Allow", "POST"}}));
      return;
    }
    if (options_.draining->load()) {
      responder->answer(refusal(
        error_kind::draining, "the service is shutting down; send it again",
        {{"Retry-After", retry_after_seconds}, {"Connection", "close"}}));
      return;
    }
    // Over the bytes as they came: nobody unknown gets as far as the parser.
    if (const auto wrong =
          verify(definition->verify,
                 {request.method, request.path, request.query, request.headers,
                  request.body, system_clock::now(), definition->name})) {
      responder->answer(unverified(*wrong, *definition));
      return;
    }
    auto body = parse_json_body(request.body);
    if (auto* failed = std::get_if<error>(&body)) {
      responder->answer(problem_reply(*failed));
      return;
    }
    auto job_place = admit(responder);
    if (!job_place)
      return;
    auto order =
      order_for(std::move(request), definition,
                std::get<nlohmann::json>(std::move(body)), responder);
    order->job_place = std::move(job_place);
    // Until the job is journaled, nothing may be promised. The same for all,
    // and hardly ever sent, so that it is not made for each.
    static const auto late =
      refusal(error_kind::overloaded,
              "the webhook could not be journaled before the deadline",
              {{"Retry-After", retry_after_seconds}});
    responder->answer_by(order->journal_by, late);
    caf::anon_send(options_.intake, clone_order_ptr{std::move(order)});
  }

  /// The webhook's claim on an idempotency key, if it has one.
  static std::optional<idempotency_claim> claim_of(const flow& definition,
                                                   const webhook& hook,
                                                   const std::string& body) {
    template_context context;
    context.hook = &hook;
    auto key = definition.idempotency_key.render(context, template_place::text);
    const auto* text = std::get_if<std::string>(&key);
    if (text == nullptr || text->empty())
      return std::nullopt;
    // What is journaled as a key is bounded; equal texts stay equal.
    return idempotency_claim{
      text->size() > key_bytes_max ? sha256_hex(*text) : *text,
      sha256_hex(body), hook.received + definition.idempotency_keep};
  }

  /// Counts the webhook in, and gives the place of its job; or refuses it.
  place_ptr admit(const responder_ptr& responder) const {
    auto held = options_.admission->held.take();
    if (!held) {
      refuse_overload(responder, "max-held webhooks are being held");
      return nullptr;
    }
    auto job = options_.admission->jobs.take();
    if (!job) {
      refuse_overload(responder, "max-jobs jobs are unfinished");
      return nullptr;
    }
    responder->on_outcome([place = std::make_shared<place>(std::move(*held))](
                            const reply_outcome&) { place->leave(); });
    return std::make_shared<place>(std::move(*job));
  }

  static void refuse_overload(const responder_ptr& responder,
                              std::string detail) {
    responder->answer(refusal(error_kind::overloaded, std::move(detail),
                              {{"Retry-After", retry_after_seconds}}));
  }

  std::shared_ptr<clone_order> order_for(http_request request,
                                         const flow_ptr& definition,
                                         nlohmann::json body,
                                         const responder_ptr& responder) const {
    const auto now = system_clock::now();
    const auto limit = limit_of(*definition);
    auto order = std::make_shared<clone_order>();
    order->definition = definition;
    order->responder = responder;
    order->journal_by =
      request.arrived + std::max(limit - options_.deadline_margin, 0ms);
    order->answer_by = order->journal_by;
    prefer(*order, read_preferences(request.headers), limit, request.arrived);
    auto& record = order->record;
    record.id = make_job_id(now);
    record.flow = definition->name;
    record.flow_version = definition->version;
    record.deadline = now
                    + std::chrono::duration_cast<system_clock::duration>(
                        order->answer_by - std::chrono::steady_clock::now());
    record.hook.job = record.id;
    record.hook.flow = definition->name;
    record.hook.received = now;
    record.hook.body = std::move(body);
    record.hook.query = query_pairs(request.query);
    record.hook.trace = trace_of(request.headers);
    record.hook.headers = std::move(request.headers);
    record.claim = claim_of(*definition, record.hook, request.body);
    hide_credentials(record.hook, *definition);
    return order;
  }

  /// What a sender asks for can make its answer come earlier, never later.
  void prefer(clone_order& order, const preferences& preferred,
              milliseconds limit, responder::time_point arrived) const {
    const bool waits = preferred.wait && *preferred.wait < limit;
    if (waits)
      order.answer_by = std::min(
        order.answer_by,
        arrived + std::max(*preferred.wait - options_.deadline_margin, 0ms));
    // With both, the wait comes first (RFC 7240, section 4.3).
    order.respond_async = preferred.respond_async && !preferred.wait;
    if (preferred.respond_async)
      order.preference_applied = "respond-async";
    if (waits)
      order.preference_applied +=
        (preferred.respond_async ? ", wait=" : "wait=")
        + std::to_string(preferred.wait->count());
  }

  void show(const http_request& request, const std::string& flow,
            const std::string& job, const responder_ptr& responder) const {
    if (request.method != "GET" && request.method != "HEAD") {
      responder->answer(refusal(error_kind::method_not_allowed,
                                "a job is read with GET",
                                {{"Allow", "GET, HEAD"}}));
      return;
    }
    const auto unknown =
      refusal(error_kind::unknown_job, "this flow has no job with this id");
    if (!is_job_id(job)) {
      responder->answer(unknown);
      return;
    }
    options_.views.ask(
      responder,
      [flow, job, unknown](journal_reader& reader) -> std::optional<reply> {
        const auto found = reader.find(job);
        if (const auto* failed = std::get_if<error>(&found))
          return problem_reply(*failed);
        const auto& record = std::get<std::optional<handoff::job>>(found);
        // A sender sees the jobs of the flow that it names, and no others.
        return record && record->flow == flow ? status_reply(*record) : unknown;
      });
  }

  ingress_options options_;
};

} // namespace

front_door::handler ingress(ingress_options options) {
  auto routes = std::make_shared<const ingress_routes>(std::move(options));
  return [routes](http_request request, const responder_ptr& responder) {
    routes->handle(std::move(request), responder);
  };
}

} // namespace handoff

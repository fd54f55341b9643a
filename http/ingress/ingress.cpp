#include "http/ingress/ingress.hpp"

#include "actors/order.hpp"
#include "actors/replies.hpp"
#include "http/front_door/routes.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/json_body.hpp"
#include "http/ingress/verifier.hpp"
#include "job/job_id.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using std::chrono::system_clock;

constexpr const char* retry_after_seconds = "1";

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
         limit = deadline_limit(*definition, options_.deadline_limit)](
          const reply_outcome& outcome) {
          const metrics::seconds held = std::chrono::steady_clock::now() - from;
          counted->answered(
            flow, outcome.status, held,
            std::max(metrics::seconds{0}, metrics::seconds{limit} - held));
        });
    post(std::move(request), definition, responder);
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
    auto made = order_for(std::move(request), definition,
                          std::get<nlohmann::json>(std::move(body)));
    if (const auto* failed = std::get_if<error>(&made)) {
      responder->answer(problem_reply(*failed));
      return;
    }
    auto job_place = admit(responder);
    if (!job_place)
      return;
    auto order = std::get<std::shared_ptr<clone_order>>(std::move(made));
    order->responder = responder;
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

  result<std::shared_ptr<clone_order>> order_for(http_request request,
                                                 const flow_ptr& definition,
                                                 nlohmann::json body) const {
    const auto now = system_clock::now();
    order_facts facts;
    facts.job = make_job_id(now);
    facts.trace = trace_of(request.headers);
    facts.received = now;
    facts.now = std::chrono::steady_clock::now();
    facts.arrived = request.arrived;
    facts.limit = options_.deadline_limit;
    facts.margin = options_.deadline_margin;
    return make_order(definition,
                      {std::move(request.headers), query_pairs(request.query),
                       std::move(request.body), std::move(body)},
                      std::move(facts));
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

#include "http/ingress/ingress.hpp"

#include "actors/order.hpp"
#include "actors/replies.hpp"
#include "http/front_door/routes.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/admission.hpp"
#include "http/ingress/handshake.hpp"
#include "job/job_id.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace handoff {
namespace {

reply refusal(error_kind kind, std::string detail, headers extra = {}) {
  auto made = problem_reply({kind, std::move(detail)});
  made.headers.insert(made.headers.end(), extra.begin(), extra.end());
  return made;
}

/// A webhook has been answered that came at `from`.
void count_answer(metrics& counted, const std::string& flow, int status,
                  std::chrono::steady_clock::time_point from,
                  metrics::seconds limit) {
  const metrics::seconds held = std::chrono::steady_clock::now() - from;
  counted.answered(flow, status, held,
                   std::max(metrics::seconds{0}, limit - held));
}

class ingress_routes {
public:
  explicit ingress_routes(ingress_options options)
      : options_{std::move(options)}, admission_{options_} {}

  void handle(http_request request, const responder_ptr& responder) const {
    const auto segments = path_segments(request.path);
    if (!segments || !has_path(ingress_table(), *segments)) {
      responder->answer(
        refusal(error_kind::unknown_route,
                "only /hooks/{flow} and /hooks/{flow}/jobs/{job} are here"));
      return;
    }
    const auto flows = options_.flows->current();
    const auto& name = (*segments)[1];
    // A job outlives its flow.
    if (segments->size() > 2) {
      show(request, name, (*segments)[3], responder);
      return;
    }
    const auto found = flows->find(name);
    if (found == flows->end()) {
      admission_.turn_away(
        request, name, nullptr, responder, webhook_outcome::unknown_flow,
        {error_kind::unknown_flow, "no flow is called \"" + name + "\""});
      return;
    }
    take(std::move(request), found->second, responder);
  }

  /// The front door has answered the request with an error, `why`.
  void refused(const http_request& request, const error& why) const {
    const auto segments = path_segments(request.path);
    if (!segments || segments->size() != 2
        || !has_path(ingress_table(), *segments))
      return;
    const auto flows = options_.flows->current();
    const auto found = flows->find((*segments)[1]);
    const auto* definition =
      found == flows->end() ? nullptr : found->second.get();
    const auto status = http_status(why.kind);
    admission_.tell(request, definition != nullptr ? definition->name : "",
                    definition, outcome_of_unread(why.kind), status, why);
    if (definition != nullptr && options_.counted && request.method == "POST")
      count_answer(*options_.counted, definition->name, status, request.arrived,
                   deadline_limit(*definition, options_.deadline_limit));
  }

private:
  void take(http_request request, const flow_ptr& definition,
            const responder_ptr& responder) const {
    if (request.method != "POST"
        && !has_handshake(*definition, request.method)) {
      admission_.turn_away(request, definition->name, definition.get(),
                           responder, webhook_outcome::refused,
                           {error_kind::method_not_allowed,
                            "allowed here: " + allowed_methods(*definition)},
                           {{"Allow", allowed_methods(*definition)}});
      return;
    }
    if (options_.counted && request.method == "POST")
      responder->on_outcome(
        [counted = options_.counted, flow = definition->name,
         from = request.arrived,
         limit = deadline_limit(*definition, options_.deadline_limit)](
          const reply_outcome& outcome) {
          count_answer(*counted, flow, outcome.status, from, limit);
        });
    admission_.take(std::move(request), definition, responder);
  }

  void show(const http_request& request, const std::string& flow,
            const std::string& job, const responder_ptr& responder) const {
    if (request.method != "GET" && request.method != "HEAD") {
      responder->answer(refusal(error_kind::method_not_allowed,
                                "allowed here: GET, HEAD",
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
        if (std::holds_alternative<error>(found))
          return refusal(error_kind::journal_unavailable,
                         "the journal cannot be read now; try again later");
        const auto& record = std::get<std::optional<handoff::job>>(found);
        // A sender sees the jobs of the flow that it names, and no others.
        return record && record->flow == flow ? status_reply(*record) : unknown;
      });
  }

  ingress_options options_;
  admission admission_;
};

} // namespace

ingress_side ingress(ingress_options options) {
  auto routes = std::make_shared<const ingress_routes>(std::move(options));
  return {[routes](http_request request, const responder_ptr& responder) {
            routes->handle(std::move(request), responder);
          },
          [routes](const http_request& request, const error& why) {
            routes->refused(request, why);
          }};
}

} // namespace handoff

#include "http/ingress/ingress.hpp"

#include "actors/order.hpp"
#include "actors/replies.hpp"
#include "http/front_door/routes.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/content_coding.hpp"
#include "http/ingress/json_body.hpp"
#include "http/ingress/refusal_log.hpp"
#include "http/ingress/side_thread.hpp"
#include "http/ingress/verifier.hpp"
#include "job/job_id.hpp"

#include <caf/send.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using std::chrono::system_clock;

constexpr const char* retry_after_seconds = "1";

/// Larger bodies are looked at on a thread of their own, so that they hold up
/// no other connection of the event loop.
constexpr std::size_t loop_body_max = 32'768;

/// What may wait for that thread.
constexpr std::size_t side_tasks_max = 1'024;
constexpr std::size_t side_bytes_max = 67'108'864;

reply refusal(error_kind kind, std::string detail, headers extra = {}) {
  auto made = problem_reply({kind, std::move(detail)});
  made.headers.insert(made.headers.end(), extra.begin(), extra.end());
  return made;
}

/// Whom the proxy in front names, which adds the address that it sees to the
/// end. Without a proxy the field is the sender's own.
std::string remote_of(const headers& fields) {
  constexpr std::size_t longest = 64;
  const auto* forwarded = find_header(fields, "X-Forwarded-For");
  if (forwarded == nullptr)
    return {};
  const auto comma = forwarded->rfind(',');
  const auto start = forwarded->find_first_not_of(
    " \t", comma == std::string::npos ? 0 : comma + 1);
  return start == std::string::npos ? std::string{}
                                    : forwarded->substr(start, longest);
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
      turn_away(request, (*segments)[1], nullptr, responder,
                webhook_outcome::unknown_flow,
                {error_kind::unknown_flow,
                 "no flow is called \"" + (*segments)[1] + "\""});
      return;
    }
    if (segments->size() == 2)
      take(std::move(request), found->second, responder);
    else
      show(request, found->first, (*segments)[3], responder);
  }

private:
  /// Answers with what is wrong, and keeps the webhook for operators to see.
  /// `definition` is null where there is no such flow.
  void turn_away(const http_request& request, const std::string& flow,
                 const handoff::flow* definition,
                 const responder_ptr& responder, webhook_outcome outcome,
                 const error& why, const headers& extra = {}) const {
    auto answer = refusal(why.kind, why.detail, extra);
    if (options_.log)
      options_.log->add({system_clock::now(), flow, remote_of(request.headers),
                         outcome, answer.status, why.detail, request.headers,
                         request.body.substr(0, webhook_log::body_bytes_max)},
                        definition);
    if (outcome != webhook_outcome::ignored
        && outcome != webhook_outcome::handshake)
      if (const auto line = refusals_->line_of(
            flow, outcome, answer.status,
            definition != nullptr ? masked(*definition, why.detail)
                                  : why.detail,
            std::chrono::steady_clock::now()))
        spdlog::warn("handoff: {}", *line);
    responder->answer(std::move(answer));
  }

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
      turn_away(
        request, definition->name, definition.get(), responder,
        webhook_outcome::refused,
        {error_kind::draining, "the service is shutting down; send it again"},
        {{"Retry-After", retry_after_seconds}, {"Connection", "close"}});
      return;
    }
    // A refusal costs nothing more: nobody has looked at the body.
    if (const auto* limit = full_limit(request.body.size())) {
      refuse_overload(request, *definition, responder, limit);
      return;
    }
    if (request.body.size() <= loop_body_max) {
      look_at(std::move(request), definition, responder);
      return;
    }
    const auto bytes = request.body.size();
    // Whatever becomes of the task: the sender has an answer.
    responder->answer_by(
      request.arrived + deadline_limit(*definition, options_.deadline_limit)
        - options_.deadline_margin,
      not_journaled());
    const auto kept = std::make_shared<http_request>(std::move(request));
    if (!side_->post(bytes, [this, kept, definition, responder] {
          look_at(std::move(*kept), definition, responder);
        }))
      refuse_overload(*kept, *definition, responder,
                      "too many large webhooks wait to be checked");
  }

  /// What a webhook is told that nobody journaled in time.
  static const reply& not_journaled() {
    // The same for all, and hardly ever sent, so that it is not made for each.
    static const auto late =
      refusal(error_kind::overloaded,
              "the webhook could not be journaled before the deadline",
              {{"Retry-After", retry_after_seconds}});
    return late;
  }

  /// Checks who sent it, reads it and hands it on. Takes some time for a large
  /// body.
  void look_at(http_request request, const flow_ptr& definition,
               const responder_ptr& responder) const {
    const auto& rule = definition->verify;
    verify_request asked{request.method,  request.path, request.query,
                         request.headers, request.body, system_clock::now(),
                         definition->name};
    std::optional<std::string> decoded;
    if (rule.names_body || rule.covers_form()) {
      auto made = without_content_coding(request.body, request.headers,
                                         options_.max_body);
      if (const auto* failed = std::get_if<error>(&made)) {
        refuse_malformed(request, *definition, responder, *failed);
        return;
      }
      decoded = std::get<std::string>(std::move(made));
      asked.decoded_body = *decoded;
    }
    // Over the bytes as they came: nobody unknown gets as far as the parser.
    if (const auto wrong = verify(rule, asked)) {
      refuse_unverified(request, *definition, responder, *wrong);
      return;
    }
    auto job_place = admit(request, *definition, responder);
    if (!job_place)
      return;
    if (!decoded) {
      auto made = without_content_coding(std::move(request.body),
                                         request.headers, options_.max_body);
      if (const auto* failed = std::get_if<error>(&made)) {
        refuse_malformed(request, *definition, responder, *failed);
        return;
      }
      decoded = std::get<std::string>(std::move(made));
    }
    request.body = std::move(*decoded);
    give_order(std::move(request), definition, responder, std::move(job_place));
  }

  void give_order(http_request request, const flow_ptr& definition,
                  const responder_ptr& responder, place_ptr job_place) const {
    auto body = parse_json_body(request.body);
    if (auto* failed = std::get_if<error>(&body)) {
      refuse_malformed(request, *definition, responder, *failed);
      return;
    }
    auto made =
      order_for(request, definition, std::get<nlohmann::json>(std::move(body)));
    if (const auto* failed = std::get_if<error>(&made)) {
      refuse_malformed(request, *definition, responder, *failed);
      return;
    }
    auto order = std::get<std::shared_ptr<clone_order>>(std::move(made));
    // Only what was parsed says how much it takes: some hundred times its bytes
    // at the worst. What is beyond the limit is let go of at once.
    auto bytes = options_.admission->bytes.take(job_memory(order->record.hook));
    if (!bytes) {
      refuse_overload(request, *definition, responder, max_bytes_reached);
      return;
    }
    order->bytes_place = std::make_shared<place>(std::move(*bytes));
    order->responder = responder;
    order->job_place = std::move(job_place);
    // Until the job is journaled, nothing may be promised.
    responder->answer_by(order->journal_by, not_journaled());
    caf::anon_send(options_.intake, clone_order_ptr{std::move(order)});
  }

  static constexpr const char* max_held_reached =
    "max-held webhooks are being held";
  static constexpr const char* max_jobs_reached =
    "max-jobs jobs are unfinished";

  static constexpr const char* max_bytes_reached =
    "max-bytes of memory are taken by webhooks and jobs";

  /// The limit that one more webhook of so many bytes would pass; null if there
  /// is room just now.
  const char* full_limit(std::size_t bytes) const {
    const auto& counts = *options_.admission;
    return counts.held.is_full()       ? max_held_reached
         : counts.jobs.is_full()       ? max_jobs_reached
         : counts.bytes.is_full(bytes) ? max_bytes_reached
                                       : nullptr;
  }

  /// Counts the webhook in, and gives the place of its job; or refuses it.
  place_ptr admit(const http_request& request, const flow& definition,
                  const responder_ptr& responder) const {
    auto held = options_.admission->held.take();
    if (!held) {
      refuse_overload(request, definition, responder, max_held_reached);
      return nullptr;
    }
    auto job = options_.admission->jobs.take();
    if (!job) {
      refuse_overload(request, definition, responder, max_jobs_reached);
      return nullptr;
    }
    responder->on_outcome([place = std::make_shared<place>(std::move(*held))](
                            const reply_outcome&) { place->leave(); });
    return std::make_shared<place>(std::move(*job));
  }

  void refuse_overload(const http_request& request, const flow& definition,
                       const responder_ptr& responder,
                       std::string detail) const {
    turn_away(request, definition.name, &definition, responder,
              webhook_outcome::refused,
              {error_kind::overloaded, std::move(detail)},
              {{"Retry-After", retry_after_seconds}});
  }

  void refuse_malformed(const http_request& request, const flow& definition,
                        const responder_ptr& responder,
                        const error& why) const {
    turn_away(request, definition.name, &definition, responder,
              webhook_outcome::malformed, why);
  }

  void refuse_unverified(const http_request& request, const flow& definition,
                         const responder_ptr& responder,
                         const error& why) const {
    if (why.kind != error_kind::unauthorized)
      refuse_malformed(request, definition, responder, why);
    else
      turn_away(request, definition.name, &definition, responder,
                webhook_outcome::bad_signature, why,
                {{"WWW-Authenticate",
                  challenge_of(definition.verify, definition.name)}});
  }

  result<std::shared_ptr<clone_order>> order_for(const http_request& request,
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
                      {request.headers, query_pairs(request.query),
                       request.body, std::move(body)},
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
  std::unique_ptr<refusal_log> refusals_ = std::make_unique<refusal_log>();
  /// Its tasks use all else.
  std::unique_ptr<side_thread> side_ =
    std::make_unique<side_thread>(side_tasks_max, side_bytes_max);
};

} // namespace

front_door::handler ingress(ingress_options options) {
  auto routes = std::make_shared<const ingress_routes>(std::move(options));
  return [routes](http_request request, const responder_ptr& responder) {
    routes->handle(std::move(request), responder);
  };
}

} // namespace handoff

#include "http/admin/admin.hpp"

#include "actors/replies.hpp"
#include "http/admin/flow_document.hpp"
#include "http/admin/node_document.hpp"
#include "http/admin/openapi.hpp"
#include "http/admin/origin_check.hpp"
#include "http/admin/page.hpp"
#include "http/admin/webhook_routes.hpp"
#include "http/front_door/routes.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/same_secret.hpp"
#include "job/job_id.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <string_view>
#include <strings.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using json = nlohmann::json;

class admin_routes {
public:
  explicit admin_routes(admin_options options)
      : options_{std::move(options)},
        origins_{options_.address, options_.hosts},
        jobs_{options_.jobs} {}

  void handle(const http_request& request,
              const responder_ptr& responder) const {
    if (const auto refused = origins_.refuse(request)) {
      responder->answer(problem_reply(*refused));
      return;
    }
    if (auto page = page_reply(request)) {
      responder->answer(std::move(*page));
      return;
    }
    const auto segments = path_segments(request.path);
    if (!segments) {
      responder->answer(
        problem_reply({error_kind::invalid_request,
                       "the path has a \"%\" without two hex digits"}));
      return;
    }
    if (*segments == std::vector<std::string>{"livez"})
      get(request, responder, [&] {
        responder->answer(json_reply(200, {{"status", "alive"}}));
      });
    else if (*segments == std::vector<std::string>{"readyz"})
      get(request, responder, [&] { ready(responder); });
    else if (*segments == std::vector<std::string>{"openapi.json"})
      get(request, responder, [&] {
        responder->answer({200,
                           {{"Content-Type", "application/json"}},
                           std::string{openapi_document()}});
      });
    else if (!is_authorized(request))
      refuse_token(responder);
    else if (!has_path(admin_table(), *segments))
      not_here(responder);
    else if (options_.counted
             && *segments == std::vector<std::string>{"metrics"})
      get(request, responder, [&] { count(responder); });
    else if (segments->size() >= 3 && (*segments)[0] == "api"
             && (*segments)[1] == "v1")
      api(*segments, request, responder);
    else
      not_here(responder);
  }

private:
  template <class Answer>
  static void get(const http_request& request, const responder_ptr& responder,
                  Answer answer) {
    if (request.method == "GET" || request.method == "HEAD") {
      answer();
      return;
    }
    refuse_method(responder, "GET, HEAD");
  }

  static void refuse_method(const responder_ptr& responder,
                            const char* allowed) {
    auto refused = problem_reply({error_kind::method_not_allowed,
                                  std::string{"allowed here: "} + allowed});
    refused.headers.push_back({"Allow", allowed});
    responder->answer(std::move(refused));
  }

  bool is_authorized(const http_request& request) const {
    constexpr std::string_view scheme = "Bearer ";
    if (options_.token.empty())
      return true;
    const auto* field = find_header(request.headers, "Authorization");
    return field != nullptr
        && field->size() >= scheme.size()
        // The scheme has no case (RFC 9110, section 11.1).
        && ::strncasecmp(field->data(), scheme.data(), scheme.size()) == 0
        && same_secret(std::string_view{*field}.substr(scheme.size()),
                       options_.token);
  }

  static void refuse_token(const responder_ptr& responder) {
    auto refused = problem_reply(
      {error_kind::unauthorized,
       "send \"Authorization: Bearer TOKEN\" with the token of [admin]"});
    refused.headers.push_back({"WWW-Authenticate", "Bearer"});
    responder->answer(std::move(refused));
  }

  void count(const responder_ptr& responder) const {
    responder->answer(
      {200,
       {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
        {"Cache-Control", "no-store"}},
       options_.counted->text()});
  }

  void ready(const responder_ptr& responder) const {
    if (options_.draining->load())
      responder->answer(problem_reply(
        {error_kind::draining, "the service takes no new webhooks"}));
    else if (options_.is_open && !options_.is_open())
      responder->answer(problem_reply(
        {error_kind::draining, "the service is starting: it takes no webhooks "
                               "yet"}));
    else if (options_.journal_fails->load())
      responder->answer(problem_reply(
        {error_kind::journal_unavailable, "the journal cannot commit"}));
    else if (auto why =
               options_.not_ready ? options_.not_ready() : std::nullopt)
      responder->answer(problem_reply(*why));
    else if (const auto hangs =
               options_.watched ? options_.watched->longest() : std::nullopt)
      responder->answer(
        problem_reply({error_kind::stalled,
                       hangs->what + " has been under way for "
                         + std::to_string(hangs->under_way.count()) + " ms"}));
    else
      responder->answer(json_reply(200, {{"status", "ready"}}));
  }

  static void not_here(const responder_ptr& responder) {
    responder->answer(
      problem_reply({error_kind::unknown_route, "there is nothing here"}));
  }

  void api(const std::vector<std::string>& segments,
           const http_request& request, const responder_ptr& responder) const {
    if (segments[2] == "jobs")
      jobs(segments, request, responder);
    else if (segments[2] == "events" && segments.size() == 3)
      get(request, responder, [&] { follow(request, responder); });
    else if (segments[2] == "connections" && segments.size() == 3)
      get(request, responder, [&] {
        responder->answer(
          json_reply(200, connection_document(options_.connections)));
      });
    else if (segments[2] == "webhooks" && segments.size() == 3)
      get(request, responder, [&] {
        responder->answer(webhooks_reply(*options_.webhooks, request));
      });
    else if (segments[2] == "overview" && segments.size() == 3)
      get(request, responder, [&] {
        responder->answer(json_reply(
          200, overview_document(*options_.history, options_.measures.get())));
      });
    else if (segments[2] == "nodes" && segments.size() == 3)
      get(request, responder, [&] {
        options_.jobs.views.ask(responder, [](journal_reader& reader) {
          return std::optional{nodes_reply(reader)};
        });
      });
    else if (segments[2] == "supervisor" && segments.size() == 3)
      get(request, responder, [&] { supervisor(responder); });
    else if (segments[2] == "flows" && segments.size() == 3)
      get(request, responder, [&] { flows(request, responder); });
    else if (segments[2] == "flows" && segments.size() == 4
             && segments[3] == "reload")
      reload(request, responder);
    else
      not_here(responder);
  }

  void flows(const http_request& request,
             const responder_ptr& responder) const {
    flow_document_options wanted;
    for (const auto& [name, value] : query_pairs(request.query)) {
      if (name != "definitions" || (value != "1" && value != "0")) {
        responder->answer(
          problem_reply({error_kind::invalid_request,
                         name == "definitions"
                           ? "\"definitions\" must be 1 or 0"
                           : "\"" + name + "\" is not known; definitions is"}));
        return;
      }
      wanted.wants_definitions = value == "1";
    }
    wanted.history = options_.flows_history.get();
    wanted.shown = options_.shown.get();
    if (options_.senders_url)
      wanted.senders_url = options_.senders_url();
    responder->answer(
      json_reply(200, flow_document(*options_.flows->in_force(), wanted)));
  }

  void reload(const http_request& request,
              const responder_ptr& responder) const {
    if (request.method != "POST")
      refuse_method(responder, "POST");
    else if (options_.draining->load())
      responder->answer(problem_reply(
        {error_kind::draining, "the service takes no new webhooks any more"}));
    else
      options_.reloads.ask(responder);
  }

  void follow(const http_request& request,
              const responder_ptr& responder) const {
    std::string job;
    for (const auto& [name, value] : query_pairs(request.query)) {
      if (name != "job" || !is_job_id(value)) {
        responder->answer(problem_reply(
          {error_kind::invalid_request,
           name == "job" ? "\"job\" has to be the id of a job"
                         : "\"" + name + "\" is not known; job is"}));
        return;
      }
      job = value;
    }
    const auto* last = find_header(request.headers, "Last-Event-ID");
    reply made;
    made.headers = {{"Content-Type", "text/event-stream"},
                    // nginx would keep it until there is a page of it.
                    {"X-Accel-Buffering", "no"}};
    made.stream = options_.events->subscribe(
      std::move(job), last ? std::string_view{*last} : std::string_view{});
    if (made.stream)
      responder->answer(std::move(made));
    else if (options_.draining->load())
      responder->answer(
        problem_reply({error_kind::draining, "the service is shutting down"}));
    else
      responder->answer(overloaded_reply("as many as may follow the events do",
                                         std::chrono::seconds{5}));
  }

  void supervisor(const responder_ptr& responder) const {
    // For where the actor that asks gets no turn itself.
    responder->answer_by(
      std::chrono::steady_clock::now() + 2 * supervisor_patience,
      problem_reply({error_kind::overloaded, "no actor answered in time"}));
    caf::anon_send(options_.supervisor, responder);
  }

  void jobs(const std::vector<std::string>& segments,
            const http_request& request, const responder_ptr& responder) const {
    if (segments.size() == 3)
      get(request, responder, [&] { jobs_.list(request, responder); });
    else if (segments.size() == 4 && segments[3] == "retry")
      retry_many(request, responder);
    else if (segments.size() == 4)
      get(request, responder,
          [&] { jobs_.show(segments[3], request, responder); });
    else if (segments.size() == 5 && request.method == "POST")
      jobs_.command(segments[3], segments[4], request, responder);
    else if (segments.size() == 5)
      refuse_method(responder, "POST");
    else
      not_here(responder);
  }

  void retry_many(const http_request& request,
                  const responder_ptr& responder) const {
    if (request.method == "POST")
      jobs_.retry_many(request, responder);
    else
      refuse_method(responder, "POST");
  }

  admin_options options_;
  origin_check origins_;
  operator_routes jobs_;
};

} // namespace

front_door::handler admin(admin_options options) {
  auto routes = std::make_shared<const admin_routes>(std::move(options));
  return [routes](const http_request& request, const responder_ptr& responder) {
    routes->handle(request, responder);
  };
}

} // namespace handoff

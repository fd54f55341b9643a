#include "http/admin.hpp"

#include "actors/replies.hpp"
#include "http/flow_document.hpp"
#include "http/openapi.hpp"
#include "http/origin_check.hpp"
#include "http/routes.hpp"
#include "http/same_secret.hpp"
#include "http/target.hpp"

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
        origins_{options_.address},
        jobs_{options_.jobs} {}

  void handle(const http_request& request,
              const responder_ptr& responder) const {
    if (const auto refused = origins_.refuse(request)) {
      responder->answer(problem_reply(*refused));
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
    refuse_method(responder, "this is read with GET", "GET, HEAD");
  }

  static void refuse_method(const responder_ptr& responder, const char* why,
                            const char* allowed) {
    auto refused = problem_reply({error_kind::method_not_allowed, why});
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
    else if (options_.journal_fails->load())
      responder->answer(problem_reply(
        {error_kind::journal_unavailable, "the journal cannot commit"}));
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
    else if (segments[2] == "supervisor" && segments.size() == 3)
      get(request, responder, [&] { supervisor(responder); });
    else if (segments[2] == "flows" && segments.size() == 3)
      get(request, responder, [&] {
        responder->answer(
          json_reply(200, flow_document(*options_.flows->in_force())));
      });
    else if (segments[2] == "flows" && segments.size() == 4
             && segments[3] == "reload")
      reload(request, responder);
    else
      not_here(responder);
  }

  void reload(const http_request& request,
              const responder_ptr& responder) const {
    if (request.method != "POST")
      refuse_method(responder, "this is done with POST", "POST");
    else if (options_.draining->load())
      responder->answer(problem_reply(
        {error_kind::draining, "the service takes no new webhooks any more"}));
    else
      options_.reloads.ask(responder);
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
    else if (segments.size() == 4)
      get(request, responder, [&] { jobs_.show(segments[3], responder); });
    else if (segments.size() == 5 && request.method == "POST")
      jobs_.command(segments[3], segments[4], request, responder);
    else if (segments.size() == 5)
      refuse_method(responder, "this is done with POST", "POST");
    else
      not_here(responder);
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

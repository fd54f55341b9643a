#include "tools/handoff/rehearsed_answer.hpp"

#include "actors/call_builder.hpp"
#include "actors/order.hpp"
#include "config/duration.hpp"
#include "http/front_door/target.hpp"
#include "http/ingress/content_coding.hpp"
#include "http/ingress/handshake.hpp"
#include "http/ingress/webhook_reader.hpp"
#include "job/job_id.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;

std::string count_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

class rehearsal {
public:
  rehearsal(const flow_ptr& definition, const recorded_request& request,
            wall_time at, std::size_t body_bytes_max)
      : definition_{definition},
        request_{request},
        at_{at},
        body_bytes_max_{body_bytes_max} {
    hook_.flow = definition->name;
    hook_.headers = request.headers;
    hook_.query = query_pairs(request.query);
  }

  rehearsed_answer run() {
    look_at();
    for (auto& each : made_.notes.steps)
      each.detail = masked(*definition_, std::move(each.detail));
    if (made_.notes.content)
      made_.notes.content =
        masked(*definition_, std::move(*made_.notes.content));
    made_.why = masked(*definition_, std::move(made_.why));
    return std::move(made_);
  }

private:
  /// In the order of the service's admission.
  void look_at() {
    if (!look_at_request())
      return;
    verify_request asked{request_.method,  request_.path, request_.query,
                         request_.headers, request_.body, at_,
                         definition_->name};
    asked.is_form = is_read_as_form(definition_->input, request_.headers);
    asked.body = [this]() -> result<json> {
      if (auto failed = read())
        return std::move(*failed);
      return read_->document;
    };
    std::string decoded;
    if (definition_->verify.covers_form()) {
      auto bytes = without_content_coding(request_.body, request_.headers,
                                          body_bytes_max_);
      if (const auto* failed = std::get_if<error>(&bytes)) {
        refuse("body", *failed);
        return;
      }
      decoded = std::get<std::string>(std::move(bytes));
      asked.decoded_body = decoded;
    }
    if (const auto wrong = verify(definition_->verify, asked, &made_.notes))
      take_unknown(*wrong);
    else
      take_known();
  }

  bool look_at_request() {
    if (request_.missing > 0) {
      refuse("request", {error_kind::request_timeout,
                         "the body lacks " + count_of(request_.missing, "byte")
                           + " of what Content-Length says: it was cut off"});
      return false;
    }
    pass("request", request_.method + " " + request_.path + ", "
                      + count_of(request_.headers.size(), "header field")
                      + ", body of " + count_of(request_.body.size(), "byte"));
    if (!is_webhook() && !has_handshake(*definition_, request_.method)) {
      refuse("method", {error_kind::method_not_allowed,
                        "the flow takes " + allowed_methods(*definition_)});
      return false;
    }
    if (request_.body.size() > body_bytes_max_) {
      refuse("body", {error_kind::payload_too_large,
                      "the body is larger than http.max-body ("
                        + format_size(body_bytes_max_) + ")"});
      return false;
    }
    return true;
  }

  void take_unknown(const error& why) {
    if (has_handshake(*definition_, request_.method,
                      handshake_kind::unverified)) {
      if (!request_.body.empty())
        read(); // what cannot be read fits no rule
      if ((read_ || request_.body.empty()) && answer_handshake(false))
        return;
      if (!is_webhook()
          && !has_handshake(*definition_, request_.method,
                            handshake_kind::verified)) {
        refuse_question();
        return;
      }
    }
    // Its step was noted by verify().
    made_.status = http_status(why.kind);
    made_.why = why.detail;
  }

  void take_known() {
    if (request_.body.empty() && answer_handshake(true))
      return;
    if (is_webhook() || !request_.body.empty()) {
      if (const auto failed = read()) {
        refuse("body", *failed);
        return;
      }
      pass("body", "can be read");
    }
    if (!request_.body.empty() && answer_handshake(true))
      return;
    if (!is_webhook()) {
      refuse_question();
      return;
    }
    if (const auto ignored =
          ignored_reply(*definition_, hook_, read_->document)) {
      pass("when", "does not hold");
      made_.outcome = request_outcome::ignored;
      made_.status = ignored->status;
      return;
    }
    if (const auto failed = why_no_job())
      refuse("values", *failed);
    else
      made_.outcome = request_outcome::job;
  }

  bool answer_handshake(bool verified) {
    static const json nothing;
    if (definition_->handshake.empty())
      return false;
    const auto answered =
      handshake(*definition_, request_.method, hook_,
                read_ ? read_->document : nothing, verified);
    if (const auto* failed = std::get_if<error>(&answered)) {
      refuse("handshake", *failed);
      return true;
    }
    const auto& answer = std::get<std::optional<handshake_answer>>(answered);
    if (!answer)
      return false;
    pass("handshake",
         verified ? "a rule fits" : "a rule that needs no signature fits");
    made_.outcome = request_outcome::handshake;
    made_.status = answer->reply.status;
    return true;
  }

  /// What is refused before a job is journaled: a key that cannot be rendered,
  /// and what the first call or a sub-action needs and the webhook lacks.
  std::optional<error> why_no_job() {
    order_facts facts;
    facts.job = make_job_id(at_);
    facts.trace = trace_of(hook_.headers);
    facts.received = at_;
    auto made = make_order(
      definition_, {hook_.headers, hook_.query, read_->body, read_->document},
      std::move(facts));
    if (auto* failed = std::get_if<error>(&made))
      return std::move(*failed);
    const auto& record = std::get<std::shared_ptr<clone_order>>(made)->record;
    const auto& prepare = definition_->prepare;
    const auto& first =
      prepare.empty() ? definition_->clone.request : prepare.front().request;
    auto call = build_call(*definition_, first, retry_policy{}, record,
                           {"clone", 1}, call_class::clone);
    if (const auto* failed = std::get_if<error>(&call))
      return error{error_kind::invalid_request, failed->detail};
    if (auto missing = missing_value(*definition_, record))
      return error{error_kind::invalid_request, std::move(*missing)};
    return std::nullopt;
  }

  std::optional<error> read() {
    if (read_)
      return std::nullopt;
    auto read =
      read_body(request_.body, request_.headers, *definition_, body_bytes_max_);
    if (auto* failed = std::get_if<error>(&read))
      return std::move(*failed);
    read_ = std::get<read_webhook>(std::move(read));
    return std::nullopt;
  }

  void refuse_question() {
    refuse("handshake", {error_kind::unknown_route,
                         "no rule of the flow's \"handshake\" fits"});
  }

  void refuse(const char* step, const error& why) {
    made_.notes.steps.push_back({step, false, why.detail});
    made_.outcome = request_outcome::refused;
    made_.status = http_status(why.kind);
    made_.why = why.detail;
  }

  void pass(const char* step, std::string detail) {
    made_.notes.steps.push_back({step, true, std::move(detail)});
  }

  bool is_webhook() const { return request_.method == "POST"; }

  const flow_ptr& definition_;
  const recorded_request& request_;
  wall_time at_;
  std::size_t body_bytes_max_;
  webhook hook_;
  std::optional<read_webhook> read_;
  rehearsed_answer made_;
};

} // namespace

std::string_view name(request_outcome outcome) noexcept {
  switch (outcome) {
  case request_outcome::job:
    return "job";
  case request_outcome::handshake:
    return "handshake";
  case request_outcome::ignored:
    return "ignored";
  case request_outcome::refused:
    break;
  }
  return "refused";
}

rehearsed_answer rehearse(const flow_ptr& definition,
                          const recorded_request& request, wall_time at,
                          std::size_t body_bytes_max) {
  return rehearsal{definition, request, at, body_bytes_max}.run();
}

} // namespace handoff

#pragma once

#include "http/front_door/front_door.hpp"
#include "http/ingress/ingress.hpp"
#include "http/ingress/refusal_log.hpp"
#include "http/ingress/side_thread.hpp"
#include "http/ingress/webhook_log.hpp"
#include "http/ingress/webhook_reader.hpp"

#include <memory>
#include <string>

namespace handoff {

/// Lets requests to a flow in: refuses what there is no room for, asks who sent
/// it, answers handshakes and what the flow does not want, and hands the rest
/// to the actors as orders.
///
/// An unknown sender takes no place and is parsed nothing of, unless a rule of
/// the flow answers everybody. Large bodies are looked at on a thread of its
/// own, which ends with it. Thread-safe.
class admission {
public:
  explicit admission(ingress_options options);

  void take(http_request request, const flow_ptr& definition,
            const responder_ptr& responder) const;

  /// Answers with an error and keeps the request for operators to see.
  /// `definition` is null where there is no such flow.
  void turn_away(const http_request& request, const std::string& flow,
                 const handoff::flow* definition,
                 const responder_ptr& responder, webhook_outcome outcome,
                 const error& why, const headers& extra = {}) const;

  /// Keeps a request that was answered with an error for operators to see, and
  /// tells the log.
  void tell(const http_request& request, const std::string& flow,
            const handoff::flow* definition, webhook_outcome outcome,
            int status, const error& why) const;

private:
  struct request_context;

  const char* full_limit(std::size_t bytes) const;
  std::size_t memory_needed(const http_request& request) const;
  void look_at(http_request request, const flow_ptr& definition,
               const responder_ptr& responder) const;
  void take_unknown(request_context& context, const error& why) const;
  void take_known(request_context& context) const;
  bool answer_handshake(request_context& context, bool verified) const;
  void refuse_question(const request_context& context) const;
  void give_order(request_context& context, const place_ptr& memory) const;
  void note(const request_context& context, webhook_outcome outcome, int status,
            std::string detail) const;

  ingress_options options_;
  std::unique_ptr<refusal_log> refusals_;
  /// Its tasks use all else.
  std::unique_ptr<side_thread> side_;
};

} // namespace handoff

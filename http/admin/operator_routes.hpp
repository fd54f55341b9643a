#pragma once

#include "actors/handles.hpp"
#include "actors/messages.hpp"
#include "actors/open_inquiries.hpp"
#include "actors/waiting_steps.hpp"
#include "config/connection_registry.hpp"
#include "config/flow.hpp"
#include "http/front_door/front_door.hpp"
#include "http/ingress/flow_registry.hpp"
#include "http/ingress/job_viewer.hpp"
#include "job/command.hpp"

#include <functional>
#include <string>

namespace handoff {

struct operator_options {
  job_views views;
  root_supervisor_actor root;
  /// Compiles a definition that was journaled.
  std::function<result<flow_ptr>(const nlohmann::json&)> compile;
  /// The flows as they are now. May be null, as what follows.
  std::shared_ptr<const flow_registry> flows = nullptr;
  std::shared_ptr<const waiting_steps> waiting = nullptr;
  /// What jobs have asked that is not journaled yet. May be null.
  std::shared_ptr<const open_inquiries> inquiries = nullptr;
  std::shared_ptr<connection_registry> connections = nullptr;
};

/// A command for a job, with what of flows it needs. Reads through `reader`.
job_order order_for(journal_reader& reader, const operator_options& options,
                    const job& record, job_command command,
                    responder_ptr responder);

/// What operators see of jobs and do with them:
///
///     GET  /api/v1/jobs
///     GET  /api/v1/jobs/{job}
///     POST /api/v1/jobs/{job}/retry, …/cancel, …/resolve
///     POST /api/v1/jobs/retry
class operator_routes {
public:
  explicit operator_routes(operator_options options);

  /// A page of the jobs that the query of the request selects.
  void list(const http_request& request, const responder_ptr& responder) const;

  void show(const std::string& job, const http_request& request,
            const responder_ptr& responder) const;

  /// `verb` is the last segment of the path; 404 for one that is not known.
  void command(const std::string& job, const std::string& verb,
               const http_request& request,
               const responder_ptr& responder) const;

  /// Retries all jobs that the query of the request selects.
  void retry_many(const http_request& request,
                  const responder_ptr& responder) const;

private:
  operator_options options_;
};

} // namespace handoff

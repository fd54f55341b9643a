#pragma once

#include "actors/handles.hpp"
#include "config/flow.hpp"
#include "http/front_door/front_door.hpp"
#include "http/ingress/job_viewer.hpp"

#include <functional>
#include <string>

namespace handoff {

struct operator_options {
  job_views views;
  root_supervisor_actor root;
  /// Compiles a definition that was journaled.
  std::function<result<flow_ptr>(const nlohmann::json&)> compile;
};

/// What operators see of jobs and do with them:
///
///     GET  /api/v1/jobs
///     GET  /api/v1/jobs/{job}
///     POST /api/v1/jobs/{job}/retry, …/cancel, …/resolve
class operator_routes {
public:
  explicit operator_routes(operator_options options);

  /// A page of the jobs that the query of the request selects.
  void list(const http_request& request, const responder_ptr& responder) const;

  void show(const std::string& job, const responder_ptr& responder) const;

  /// `verb` is the last segment of the path; 404 for one that is not known.
  void command(const std::string& job, const std::string& verb,
               const http_request& request,
               const responder_ptr& responder) const;

private:
  operator_options options_;
};

} // namespace handoff

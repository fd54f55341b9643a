#include "http/problem.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace handoff {

reply problem(const error& what, std::string_view job) {
  return problem(what, job, nlohmann::json::object());
}

reply problem(const error& what, std::string_view job,
              const nlohmann::json& extras) {
  auto body = extras.is_object() ? extras : nlohmann::json::object();
  body["type"] = "/problems/" + std::string(name(what.kind));
  body["title"] = title(what.kind);
  body["status"] = http_status(what.kind);
  body["detail"] = what.detail;
  if (!job.empty())
    body["job"] = job;
  reply made;
  made.status = http_status(what.kind);
  made.headers.push_back({"Content-Type", "application/problem+json"});
  // A detail may quote what a stranger sent: that must not make dump() throw.
  made.body =
    body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return made;
}

} // namespace handoff

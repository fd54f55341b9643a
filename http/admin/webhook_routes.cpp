#include "http/admin/webhook_routes.hpp"

#include "actors/replies.hpp"
#include "http/admin/query_values.hpp"
#include "http/front_door/target.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace handoff {
namespace {

error invalid(std::string detail) {
  return {error_kind::invalid_request, std::move(detail)};
}

bool is_outcome(const std::string& text) {
  using enum webhook_outcome;
  constexpr std::array all{bad_signature, ignored, handshake,
                           malformed,     refused, unknown_flow};
  return std::any_of(all.begin(), all.end(),
                     [&](webhook_outcome each) { return text == name(each); });
}

std::optional<error> read_parameter(const std::string& name,
                                    const std::string& value,
                                    webhook_log::filter& wanted) {
  if (name == "flow") {
    wanted.flow = value;
  } else if (name == "outcome") {
    if (!is_outcome(value))
      return invalid("\"outcome\" must be bad-signature, ignored, handshake, "
                     "malformed, refused or unknown-flow");
    wanted.outcome = value;
  } else if (name == "since") {
    wanted.since = read_time(value);
    if (!wanted.since)
      return invalid("\"since\" must be a time in UTC such as "
                     "2026-01-31T12:00:00Z, or seconds since 1970");
  } else if (name == "limit") {
    const auto limit = read_limit(value);
    if (!limit)
      return invalid("\"limit\" must be a whole number from 1 to 1000");
    wanted.limit = *limit;
  } else {
    return invalid("\"" + name
                   + "\" is not known; flow, outcome, since and limit are");
  }
  return std::nullopt;
}

} // namespace

reply webhooks_reply(const webhook_log& log, const http_request& request) {
  webhook_log::filter wanted;
  for (const auto& [name, value] : query_pairs(request.query))
    if (const auto failed = read_parameter(name, value, wanted))
      return problem_reply(*failed);
  return json_reply(200, log.document(wanted));
}

} // namespace handoff

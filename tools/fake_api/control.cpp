// The paths under /_fake/: what was seen, and what is to be done next.

#include "job/json_text.hpp"
#include "tools/fake_api/script_reader.hpp"
#include "tools/fake_api/server.hpp"

#include <nlohmann/json.hpp>

namespace fake_api {

using nlohmann::json;

namespace {

constexpr auto json_type = "application/json";

answer problem(const request& incoming, int status, const std::string& what) {
  const json body = {{"error", what}};
  return compose_plain(incoming, status, json_type,
                       handoff::json_text(body) + "\n");
}

} // namespace

answer server::control(const request& incoming) {
  const auto asked = incoming.method + ' ' + incoming.path;
  if (asked == "GET /_fake/requests") {
    try {
      return compose_plain(incoming, 200, json_type,
                           ledger_.requests(incoming.query));
    } catch (const std::invalid_argument& error) {
      return problem(incoming, 400, error.what());
    }
  }
  if (asked == "GET /_fake/counts") {
    const bool summary = query_value(incoming.query, "summary").has_value();
    // Paths and keys come from the wire and need not be UTF-8.
    return compose_plain(incoming, 200, json_type,
                         handoff::json_text(ledger_.counts(summary)));
  }
  if (asked == "PUT /_fake/script")
    return replace_script(incoming);
  if (asked == "POST /_fake/reset") {
    ledger_.reset();
    return compose_plain(incoming, 200, json_type, "{\"ok\":true}");
  }
  if (asked == "POST /_fake/release") {
    const json body = {{"released", release()}};
    return compose_plain(incoming, 200, json_type, handoff::json_text(body));
  }
  return problem(incoming, 404,
                 asked
                   + " is unknown; allowed: GET /_fake/requests, GET "
                     "/_fake/counts, PUT /_fake/script, POST "
                     "/_fake/reset, POST /_fake/release");
}

answer server::replace_script(const request& incoming) {
  try {
    // What is under way goes on with the rules that it began with.
    rules_ = std::make_shared<script>(parse_script(incoming.body));
    return compose_plain(incoming, 200, json_type, "{\"ok\":true}");
  } catch (const json::exception& error) {
    return problem(incoming, 400, error.what());
  } catch (const script_error& error) {
    return problem(incoming, 400, error.what());
  }
}

std::size_t server::release() {
  std::vector<std::uint64_t> numbers{hanging_.begin(), hanging_.end()};
  hanging_.clear();
  for (const auto number : numbers) {
    const auto found = connections_.find(number);
    if (found == connections_.end())
      continue;
    auto& one = *found->second;
    answer_now(one);
    if (one.socket.open())
      advance(one);
  }
  return numbers.size();
}

} // namespace fake_api

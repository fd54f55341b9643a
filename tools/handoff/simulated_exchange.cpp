#include "tools/handoff/simulated_exchange.hpp"

#include <algorithm>
#include <sstream>

namespace handoff {
namespace {

// As the outbound client refuses it.
constexpr std::size_t answer_bytes_max = 1'048'576;

headers fields_of(const std::string& head) {
  headers fields;
  std::istringstream lines{head};
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r'))
      line.pop_back();
    if (const auto colon = line.find(": "); colon != std::string::npos)
      fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  return fields;
}

} // namespace

fake_api::request simulated_request(const outbound_call& call) {
  fake_api::request made;
  made.method = call.method;
  const auto host = call.url.find("//") + 2;
  const auto target =
    call.url.substr(std::min(call.url.find('/', host), call.url.size()));
  const auto question = target.find('?');
  made.path = target.substr(0, question);
  if (question != std::string::npos)
    made.query = target.substr(question + 1);
  made.headers = call.headers;
  made.body = call.body;
  return made;
}

exchange simulated_failure(error_kind kind, const char* why) {
  exchange done;
  done.sent = true;
  done.failure = error{kind, why};
  return done;
}

exchange simulated_exchange(const fake_api::answer& made,
                            const fake_api::step& step) {
  using fake_api::fault_kind;
  switch (step.fault) {
  case fault_kind::reset:
  case fault_kind::close:
  case fault_kind::cut:
    return simulated_failure(error_kind::connection_lost,
                             "the connection was lost");
  case fault_kind::garbage:
    return simulated_failure(error_kind::answer_malformed, "this is not HTTP");
  case fault_kind::none:
  case fault_kind::hang:
  case fault_kind::drip:
  case fault_kind::huge:
    break;
  }
  if (made.body.size() + made.filler_bytes > answer_bytes_max)
    return simulated_failure(error_kind::answer_too_large,
                             "the answer is longer than 1 MiB");
  exchange done;
  done.sent = true;
  done.status = made.status;
  done.headers = fields_of(made.head);
  done.body = made.body;
  return done;
}

outbound_call through_connection(connection_registry& connections,
                                 const outbound_call& call,
                                 const std::string& token) {
  const auto through =
    call.connection.empty() ? nullptr : connections.find(call.connection);
  if (through == nullptr)
    return call;
  auto made = completed(call, *through);
  authorize(made, *through, token);
  return made;
}

std::uint64_t simulated_token(connection_registry& connections,
                              const outbound_call& sent) {
  const auto through =
    sent.connection.empty() ? nullptr : connections.find(sent.connection);
  return through != nullptr && through->auth.wants_token()
          && is_own_host(sent, *through)
         ? 1
         : 0;
}

} // namespace handoff

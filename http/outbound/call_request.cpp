#include "http/outbound/call_request.hpp"

#include "http/outbound/call_check.hpp"
#include "job/text.hpp"

#include <utility>

namespace handoff {

std::string_view authority_of(const transfer& work) {
  const auto* host = find_header(work.call().headers, "Host");
  return host != nullptr ? trimmed(*host) : work.origin().authority;
}

void each_request_field(const transfer& work, const field_taker& take) {
  const auto& call = work.call();
  if (find_header(call.headers, "User-Agent") == nullptr)
    take("User-Agent", work.options().user_agent);
  if (find_header(call.headers, "Accept") == nullptr)
    take("Accept", "*/*");
  if (const auto& credentials = work.origin().credentials;
      !credentials.empty()
      && find_header(call.headers, "Authorization") == nullptr)
    take("Authorization", credentials);
  for (const auto& [name, value] : call.headers)
    if (!belongs_to_client(name) && !is_same_name(name, "Host"))
      take(name, trimmed(value));
  // An empty body of these methods is announced as such (RFC 9110, section
  // 8.6).
  const bool has_length = call.method != "HEAD"
                       && (!call.body.empty() || call.method == "POST"
                           || call.method == "PUT" || call.method == "PATCH");
  if (has_length)
    take("Content-Length", std::to_string(call.body.size()));
}

} // namespace handoff

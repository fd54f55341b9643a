#include "config/masked_call.hpp"

#include "job/credential.hpp"
#include "job/excerpt.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace handoff {
namespace {

std::string masked_url(std::string_view url) {
  const auto question = url.find('?');
  if (question == std::string_view::npos)
    return std::string{url};
  return std::string{url.substr(0, question + 1)}
       + masked_fields(url.substr(question + 1));
}

} // namespace

outbound_call masked(const secrets& hidden, outbound_call call) {
  call.url = masked(hidden, masked_url(call.url));
  const auto* type = find_header(call.headers, "Content-Type");
  call.body = masked(
    hidden, masked_request_body(call.body, type != nullptr ? *type : ""));
  for (auto& each : call.headers)
    each.value = is_credential(each.name)
                 ? std::string{"***"}
                 : masked(hidden, std::move(each.value));
  return call;
}

} // namespace handoff

#include "http/outbound/call_request.hpp"

#include "http/outbound/call_check.hpp"
#include "job/text.hpp"

#include <string_view>
#include <utility>

namespace handoff {

namespace {

std::string part_of_url(const call_target& target, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(target.url.get(), part, &text, 0) != CURLUE_OK)
    return {};
  const curl_text owner{text};
  return text;
}

} // namespace

std::string path_of(const call_target& target) {
  auto path = part_of_url(target, CURLUPART_PATH);
  if (const auto query = part_of_url(target, CURLUPART_QUERY); !query.empty())
    path += "?" + query;
  return path;
}

std::string authority_of(const transfer& work) {
  if (const auto* host = find_header(work.call().headers, "Host"))
    return std::string{trimmed(*host)};
  const auto& host = work.target().host;
  auto authority = host.substr(host.find("://") + 3);
  const std::string_view own_port = work.target().is_tls() ? ":443" : ":80";
  if (authority.ends_with(own_port))
    authority.resize(authority.size() - own_port.size());
  return authority;
}

headers request_fields(const transfer& work) {
  const auto& call = work.call();
  headers fields;
  fields.reserve(call.headers.size() + 3);
  if (find_header(call.headers, "User-Agent") == nullptr)
    fields.push_back({"User-Agent", work.options().user_agent});
  if (find_header(call.headers, "Accept") == nullptr)
    fields.push_back({"Accept", "*/*"});
  for (const auto& [name, value] : call.headers)
    if (!belongs_to_client(name) && lower_case(name) != "host")
      fields.push_back({name, std::string{trimmed(value)}});
  // An empty body of these methods is announced as such (RFC 9110, section
  // 8.6).
  const bool has_length = call.method != "HEAD"
                       && (!call.body.empty() || call.method == "POST"
                           || call.method == "PUT" || call.method == "PATCH");
  if (has_length)
    fields.push_back({"Content-Length", std::to_string(call.body.size())});
  return fields;
}

} // namespace handoff

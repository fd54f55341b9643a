#include "http/outbound/call_request.hpp"

#include "config/connection.hpp"
#include "http/outbound/call_check.hpp"
#include "job/base64.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace handoff {

namespace {

std::string part_of_url(const call_target& target, CURLUPart part,
                        unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(target.url.get(), part, &text, flags) != CURLUE_OK)
    return {};
  const curl_text owner{text};
  return text;
}

/// What a user's name and a password in the URL stand for (RFC 7617); empty
/// where there is none.
std::string basic_credentials_of(const call_target& target) {
  const auto part = [&](CURLUPart which) {
    return part_of_url(target, which, CURLU_URLDECODE);
  };
  const auto user = part(CURLUPART_USER);
  const auto password = part(CURLUPART_PASSWORD);
  return user.empty() && password.empty()
         ? ""
         : "Basic " + encode_base64(user + ":" + password);
}

} // namespace

std::string path_of(const call_target& target) {
  auto path = part_of_url(target, CURLUPART_PATH);
  if (const auto query = part_of_url(target, CURLUPART_QUERY); !query.empty())
    path += "?" + query;
  const auto is_ascii = [](unsigned char each) {
    return each < 0x80;
  };
  if (std::all_of(path.begin(), path.end(), is_ascii))
    return path;
  // A URI has no other letters (RFC 3986, section 2.1).
  std::string encoded;
  for (const auto each : path)
    if (is_ascii(static_cast<unsigned char>(each)))
      encoded += each;
    else
      encoded += percent_encoded({&each, 1});
  return encoded;
}

std::string authority_of(const transfer& work) {
  if (const auto* host = find_header(work.call().headers, "Host"))
    return std::string{trimmed(*host)};
  const auto& to = work.target();
  auto name = to.ascii_name();
  if (name.find(':') != std::string::npos)
    name = "[" + name + "]";
  const auto port = to.port();
  return port == (to.is_tls() ? "443" : "80") ? name : name + ":" + port;
}

headers request_fields(const transfer& work) {
  const auto& call = work.call();
  headers fields;
  fields.reserve(call.headers.size() + 3);
  if (find_header(call.headers, "User-Agent") == nullptr)
    fields.push_back({"User-Agent", work.options().user_agent});
  if (find_header(call.headers, "Accept") == nullptr)
    fields.push_back({"Accept", "*/*"});
  if (find_header(call.headers, "Authorization") == nullptr)
    if (auto credentials = basic_credentials_of(work.target());
        !credentials.empty())
      fields.push_back({"Authorization", std::move(credentials)});
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

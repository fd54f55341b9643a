#include "config/connection.hpp"

#include "job/base64.hpp"
#include "job/clone_traffic.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

constexpr std::string_view default_key_header = "Idempotency-Key";

bool is_absolute(std::string_view url) {
  return !url.empty() && url.front() != '/' && url.front() != '?';
}

/// `path` below a URL, whose slashes at its end are one with that of the path.
/// Without a path the URL is taken as it is.
std::string below(std::string url, std::string_view path) {
  while (path.starts_with('/') && url.ends_with('/'))
    url.pop_back();
  return url.append(path);
}

void add_parameter(std::string& url, std::string_view name,
                   std::string_view value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += percent_encoded(name) + '=' + percent_encoded(value);
}

} // namespace

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
        || c == '~') {
      made += c;
    } else {
      made += '%';
      made += digits[byte >> 4];
      made += digits[byte & 15];
    }
  }
  return made;
}

bool is_own_host(const outbound_call& call, const connection& through) {
  return !is_absolute(call.url)
      || upstream_of(call.url) == upstream_of(through.url);
}

outbound_call completed(outbound_call call, const connection& through) {
  const bool own = is_own_host(call, through);
  if (!is_absolute(call.url))
    call.url = below(through.url, call.url);
  if (through.idempotency_header != default_key_header) {
    const bool is_given =
      find_header(call.headers, through.idempotency_header) != nullptr;
    const auto at = std::find_if(
      call.headers.begin(), call.headers.end(), [](const auto& each) {
        return lower_case(each.name) == lower_case(default_key_header);
      });
    if (at != call.headers.end() && is_given)
      call.headers.erase(at);
    else if (at != call.headers.end())
      at->name = through.idempotency_header;
  }
  if (own) {
    for (const auto& each : through.headers)
      if (find_header(call.headers, each.name) == nullptr)
        call.headers.push_back(each);
  } else {
    // Where an upstream sends us is not told what opens the connection's host.
    std::erase_if(call.headers, [](const auto& each) {
      const auto name = lower_case(each.name);
      return name == "authorization" || name == "cookie";
    });
  }
  return call;
}

void authorize(outbound_call& call, const connection& through,
               std::string_view token) {
  using kind = connection_auth::kind;
  const auto& auth = through.auth;
  if (auth.type == kind::none || !is_own_host(call, through))
    return;
  if (auth.type == kind::query) {
    add_parameter(call.url, auth.name, auth.secret);
    return;
  }
  if (find_header(call.headers, "Authorization") != nullptr)
    return;
  const auto value = auth.type == kind::basic
                     ? "Basic " + encode_base64(auth.name + ':' + auth.secret)
                   : auth.type == kind::bearer ? "Bearer " + auth.secret
                                               : "Bearer " + std::string{token};
  call.headers.push_back({"Authorization", value});
}

} // namespace handoff

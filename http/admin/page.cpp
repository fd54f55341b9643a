#include "http/admin/page.hpp"

#include "actors/replies.hpp"

#include <algorithm>
#include <string>

namespace handoff {
namespace {

// Only what this listener serves, and nothing that stands in the page itself:
// a text that became markup could neither run nor load anything.
constexpr const char* policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; "
  "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
  "frame-ancestors 'none'";

/// Whether one of the tags in `field` is `etag` or "*" (RFC 9110, section
/// 13.1.2: weak comparison).
bool is_known(std::string_view field, std::string_view etag) {
  return field == "*" || field.find(etag) != std::string_view::npos;
}

} // namespace

std::optional<reply> page_reply(const http_request& request) {
  const auto files = page_files();
  const auto found =
    std::find_if(files.begin(), files.end(), [&](const page_file& each) {
      return each.path == request.path;
    });
  if (found == files.end())
    return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    auto refused = problem_reply(
      {error_kind::method_not_allowed, "allowed here: GET, HEAD"});
    refused.headers.push_back({"Allow", "GET, HEAD"});
    return refused;
  }
  reply made;
  made.headers = {{"Content-Type", std::string{found->type}},
                  {"ETag", std::string{found->etag}},
                  // Asked for each time, so that it fits the service.
                  {"Cache-Control", "no-cache"},
                  {"Content-Security-Policy", policy}};
  const auto* known = find_header(request.headers, "If-None-Match");
  if (known != nullptr && is_known(*known, found->etag))
    made.status = 304;
  else
    made.body = found->bytes;
  return made;
}

} // namespace handoff

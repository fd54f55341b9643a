#include "http/front_door/routes.hpp"

#include <algorithm>

namespace handoff {
namespace {

constexpr route of_ingress[] = {
  {"POST", "/hooks/{flow}"},
  {"GET", "/hooks/{flow}"},
  {"GET", "/hooks/{flow}/jobs/{job}"},
};

constexpr route of_admin[] = {
  {"GET", "/"},
  {"GET", "/assets/{file}"},
  {"GET", "/livez"},
  {"GET", "/readyz"},
  {"GET", "/metrics"},
  {"GET", "/openapi.json"},
  {"GET", "/api/v1/jobs"},
  {"GET", "/api/v1/jobs/{job}"},
  {"POST", "/api/v1/jobs/retry"},
  {"POST", "/api/v1/jobs/{job}/retry"},
  {"POST", "/api/v1/jobs/{job}/cancel"},
  {"POST", "/api/v1/jobs/{job}/resolve"},
  {"GET", "/api/v1/flows"},
  {"POST", "/api/v1/flows/reload"},
  {"GET", "/api/v1/supervisor"},
  {"GET", "/api/v1/events"},
  {"GET", "/api/v1/webhooks"},
  {"GET", "/api/v1/connections"},
  {"GET", "/api/v1/overview"},
  {"GET", "/api/v1/nodes"},
};

bool matches(std::string_view path,
             const std::vector<std::string>& segments) noexcept {
  for (const auto& each : segments) {
    if (!path.starts_with('/'))
      return false;
    path.remove_prefix(1);
    const auto wanted = path.substr(0, path.find('/'));
    if (wanted != each && !wanted.starts_with('{'))
      return false;
    path.remove_prefix(wanted.size());
  }
  return path.empty();
}

} // namespace

std::span<const route> ingress_table() noexcept {
  return of_ingress;
}

std::span<const route> admin_table() noexcept {
  return of_admin;
}

bool has_path(std::span<const route> routes,
              const std::vector<std::string>& segments) noexcept {
  return std::any_of(routes.begin(), routes.end(), [&](const route& each) {
    return matches(each.path, segments);
  });
}

} // namespace handoff

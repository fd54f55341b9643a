#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// What a listener answers. A segment of the path in braces stands for any
/// text.
struct route {
  std::string_view method;
  std::string_view path;
};

/// Every route of the side where webhooks come in. What is not in here is not
/// found, and http/admin/openapi.json describes what is.
std::span<const route> ingress_table() noexcept;

/// The same of the admin side.
std::span<const route> admin_table() noexcept;

/// Whether a route has this path, with whatever method.
bool has_path(std::span<const route> routes,
              const std::vector<std::string>& segments) noexcept;

} // namespace handoff

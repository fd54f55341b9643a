#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// A target in absolute-form, "http://HOST/PATH", taken apart.
struct absolute_target {
  std::string host; ///< with the port, if there is one
  std::string path; ///< with the query; starts with "/"
};

/// Takes apart a target with the scheme http or https, in whatever case
/// (RFC 9112, section 3.2.2); nothing where it is not one. The host may be
/// empty or malformed. An empty path is "/".
std::optional<absolute_target> read_absolute_target(std::string_view target);

/// The decoded segments of a path that starts with "/"; nothing where one is
/// malformed. "/a/" has two, the last of them empty.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

/// The decoded `name=value` pairs of a query, in order; what is malformed is
/// taken as it stands.
std::vector<std::pair<std::string, std::string>>
query_pairs(std::string_view query);

} // namespace handoff

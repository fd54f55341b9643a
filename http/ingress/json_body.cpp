#include "http/ingress/json_body.hpp"

#include <string>

namespace handoff {
namespace {

/// How deep `text` nests; strings do not count. Cheap, so that a hostile body
/// is known before anything is built from it.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char each = text[at];
    if (in_string) {
      if (each == '\\')
        ++at;
      else if (each == '"')
        in_string = false;
    } else if (each == '"') {
      in_string = true;
    } else if (each == '[' || each == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((each == ']' || each == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

} // namespace

result<nlohmann::json> parse_json_body(std::string_view body) {
  if (body.empty())
    return error{error_kind::invalid_request,
                 "the body is empty; it has to be JSON"};
  if (depth_of(body) > json_depth_max)
    return error{error_kind::invalid_request, "the body nests deeper than "
                                                + std::to_string(json_depth_max)
                                                + " levels"};
  try {
    return nlohmann::json::parse(body);
  } catch (const nlohmann::json::exception& failed) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string_view why = failed.what();
    if (const auto end = why.find("] "); end != std::string_view::npos)
      why.remove_prefix(end + 2);
    return error{error_kind::invalid_request,
                 "the body is not JSON in UTF-8: " + std::string{why}};
  }
}

} // namespace handoff

#include "job/json_body.hpp"

#include "job/json_reader.hpp"

#include <string>
#include <utility>
#include <variant>

namespace handoff {

result<nlohmann::json> parse_json_body(std::string_view body) {
  if (body.empty())
    return error{error_kind::invalid_request,
                 "the body is empty; it has to be JSON"};
  // How large it may be is [http] max-body's to say.
  json_limits limits;
  limits.bytes_max = body.size();
  auto read = read_json(body, limits);
  if (auto* value = std::get_if<nlohmann::json>(&read))
    return std::move(*value);
  const auto& problem = std::get<json_problem>(read);
  return error{error_kind::invalid_request,
               problem.what.starts_with("a number")
                 ? "the body cannot be read: " + problem.what
               : problem.fault == json_fault::syntax
                 ? "the body is not JSON in UTF-8: " + problem.what
                 : "the body " + to_string(problem)};
}

} // namespace handoff

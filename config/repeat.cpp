#include "config/repeat.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace handoff {

using nlohmann::json;

result<std::vector<json>> elements_of(const repeat_rule& rule,
                                      const template_context& context) {
  const auto& source = rule.elements.expressions().front();
  if (!source.fallback && !has_value(source, context, true))
    return std::vector<json>{};
  auto rendered = rule.elements.render_json(context);
  if (auto* failed = std::get_if<error>(&rendered))
    return std::move(*failed);
  auto& found = std::get<json>(rendered);
  if (found.is_null())
    return std::vector<json>{};
  const auto wrong = [&](const std::string& why) {
    return error{error_kind::template_failed,
                 "\"for_each\": " + source.text + ' ' + why};
  };
  if (!found.is_array())
    return wrong(std::string{"must be an array, but is of the type "}
                 + found.type_name());
  if (found.size() > rule.max)
    return wrong("has " + std::to_string(found.size())
                 + " elements, and \"max\" is " + std::to_string(rule.max));
  auto& all = found.get_ref<json::array_t&>();
  if (rule.batch == 0)
    return std::vector<json>{std::make_move_iterator(all.begin()),
                             std::make_move_iterator(all.end())};
  std::vector<json> batches;
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (at % rule.batch == 0)
      batches.push_back(json::array());
    batches.back().push_back(std::move(all[at]));
  }
  return batches;
}

} // namespace handoff

#include "config/kept_answer.hpp"

#include "config/secrets.hpp"
#include "job/json_text.hpp"

#include <utility>

namespace handoff {
namespace {

using nlohmann::json;

// Sealing closes whatever begins like this.
constexpr const char* body_key = "\x01"
                                 "body";
constexpr const char* fields_key = "\x01"
                                   "fields";

bool has_fields(const json& kept) noexcept {
  return kept.is_object() && kept.size() == 2 && kept.contains(fields_key)
      && kept.contains(body_key);
}

} // namespace

json kept_clone_answer(const flow& definition, json body,
                       const headers& fields) {
  if (!definition.keeps_clone_answer)
    body = nullptr;
  return kept_answer(definition.hidden, std::move(body), fields,
                     definition.clone_headers);
}

json kept_answer(const secrets& hidden, json body, const headers& fields,
                 const std::set<std::string>& names) {
  body = sealed(hidden, std::move(body));
  auto kept = json::object();
  for (const auto& name : names)
    if (const auto* value = find_header(fields, name);
        value != nullptr && is_utf8(*value))
      kept[name] = sealed_text(hidden, *value);
  if (kept.empty())
    return body;
  return {{body_key, std::move(body)}, {fields_key, std::move(kept)}};
}

const json& kept_body(const json& kept) noexcept {
  return has_fields(kept) ? *kept.find(body_key) : kept;
}

const json* kept_field(const json& kept, std::string_view name) {
  if (!has_fields(kept))
    return nullptr;
  const auto& fields = *kept.find(fields_key);
  const auto found = fields.find(lower_case(name));
  return found != fields.end() ? &*found : nullptr;
}

} // namespace handoff

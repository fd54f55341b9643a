#include "config/template_value.hpp"

#include "config/kept_answer.hpp"
#include "config/sha256.hpp"
#include "job/json_text.hpp"
#include "job/timestamp.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using source_kind = template_expression::source_kind;
using value_result = result<template_value>;

const std::string* find_query(const webhook& hook, std::string_view name) {
  const auto it = std::find_if(hook.query.begin(), hook.query.end(),
                               [&](const auto& q) { return q.first == name; });
  return it == hook.query.end() ? nullptr : &it->second;
}

/// A UUID in the form of version 4 (RFC 9562, section 5.4), made of a hash
/// instead of chance: a step that is made again sends the same.
std::string uuid_of(std::string_view job, std::string_view step) {
  auto made = sha256_hex(std::string{job} + '.' + std::string{step});
  made.resize(32);
  made[12] = '4';
  constexpr std::string_view variants = "89ab";
  made[16] = variants[static_cast<std::size_t>(made[16]) % variants.size()];
  for (const auto at : {20, 16, 12, 8})
    made.insert(static_cast<std::size_t>(at), 1, '-');
  return made;
}

/// Borrows `found` if nothing in it is sealed.
value_result opened(const json* found, const secrets& hidden) {
  if (found == nullptr || !is_sealed(*found))
    return template_value{found};
  auto plain = unsealed(hidden, *found);
  if (auto* wrong = std::get_if<error>(&plain))
    return std::move(*wrong);
  return template_value{std::get<json>(std::move(plain))};
}

/// Part of an answer, with what is sealed in it undone.
value_result part_of_answer(const json* answer, const json::json_pointer& at,
                            const secrets* hidden) {
  if (answer == nullptr)
    return template_value{};
  const auto& body = kept_body(*answer);
  return hidden != nullptr ? opened(find_sealed(*hidden, body, at), *hidden)
                           : value_result{template_value{find_at(body, at)}};
}

/// The same value, borrowed from nothing.
value_result owned(value_result found) {
  const auto* value = std::get_if<template_value>(&found);
  if (value == nullptr || value->json() == nullptr)
    return found;
  return template_value{json(*value->json())};
}

value_result field_of_answer(const json* answer, std::string_view name,
                             const secrets* hidden) {
  const auto* found = answer != nullptr ? kept_field(*answer, name) : nullptr;
  return hidden != nullptr ? opened(found, *hidden)
                           : value_result{template_value{found}};
}

value_result within(const json* document, const json::json_pointer& at) {
  return template_value{document != nullptr ? find_at(*document, at) : nullptr};
}

const json* prepared_by(const template_context& context,
                        const std::string& name) {
  if (context.prepared == nullptr)
    return nullptr;
  const auto found = context.prepared->find(name);
  return found != context.prepared->end() ? &*found : nullptr;
}

value_result look_up(const template_expression& expression,
                     const template_context& context) {
  const auto& name = expression.name;
  const auto& at = expression.pointer;
  const auto* hook = context.hook;
  switch (expression.source) {
  case source_kind::uid:
    return template_value{context.uid};
  case source_kind::clone:
    return part_of_answer(context.clone_answer, at, context.hidden);
  case source_kind::sub:
    if (context.sub_elements)
      if (const auto all = context.sub_elements(name))
        return owned(part_of_answer(&*all, at, context.hidden));
    return part_of_answer(context.sub_answer ? context.sub_answer(name)
                                             : nullptr,
                          at, context.hidden);
  case source_kind::clone_header:
    return field_of_answer(context.clone_answer, name, context.hidden);
  case source_kind::sub_header:
    return field_of_answer(context.sub_answer ? context.sub_answer(name)
                                              : nullptr,
                           expression.field, context.hidden);
  case source_kind::accepted:
    return part_of_answer(context.accepted, at, context.hidden);
  case source_kind::accepted_header:
    return field_of_answer(context.accepted, name, context.hidden);
  case source_kind::prepare:
    return part_of_answer(prepared_by(context, name), at, context.hidden);
  case source_kind::prepare_header:
    return field_of_answer(prepared_by(context, name), expression.field,
                           context.hidden);
  case source_kind::item:
    return within(context.item, at);
  case source_kind::index:
    return context.index ? template_value{json(*context.index)}
                         : template_value{};
  default:
    break;
  }
  if (hook == nullptr)
    return template_value{};
  switch (expression.source) {
  case source_kind::job:
    return template_value{&hook->job};
  case source_kind::flow:
    return template_value{&hook->flow};
  case source_kind::body:
    return within(context.body ? context.body(at) : nullptr, at);
  case source_kind::header:
    return template_value{find_header(hook->headers, name)};
  case source_kind::query:
    return template_value{find_query(*hook, name)};
  case source_kind::received:
    return template_value{json(timestamp(hook->received))};
  default: // uuid
    return template_value{json(uuid_of(hook->job, context.step))};
  }
}

/// Whether the source of `expression` is there, without its default; where it
/// is wanted as a text, null is not enough.
bool is_there(const value_result& found, bool as_text) {
  const auto* value = std::get_if<template_value>(&found);
  return value == nullptr
      || (!value->is_missing()
          && !(as_text && value->json() != nullptr
               && value->json()->is_null()));
}

value_result apply_functions(const template_expression& expression,
                             const template_value& value) {
  if (value.raw_text() != nullptr && !is_utf8(*value.raw_text()))
    return failed(expression, "is not UTF-8");
  auto made =
    value.raw_text() != nullptr ? json(*value.raw_text()) : *value.json();
  for (const auto& each : expression.functions) {
    auto applied = apply_function(each, made);
    if (const auto* why = std::get_if<std::string>(&applied))
      return failed(expression, *why);
    made = std::get<json>(std::move(applied));
  }
  return template_value{std::move(made)};
}

/// The flow's HMAC of a text.
value_result mac_of(const template_expression& expression,
                    const template_value& value,
                    const template_context& context) {
  const auto* text = value.raw_text();
  if (text == nullptr && value.json()->is_string())
    text = &value.json()->get_ref<const std::string&>();
  if (text == nullptr)
    return failed(expression, "is not a text, and only texts can be signed");
  auto made = context.mac ? context.mac(expression.mac, *text) : std::nullopt;
  if (!made)
    return failed(
      expression,
      "cannot be signed: the flow has no secret, or the value is not at most "
      "256 of the characters A-Z a-z 0-9 _ - = + /, or it could be the body of "
      "a webhook (empty, a number, true, false or null)");
  return template_value{json(std::move(*made))};
}

} // namespace

bool has_value(const template_expression& expression,
               const template_context& context, bool as_text) {
  return is_there(look_up(expression, context), as_text);
}

error failed(const template_expression& expression, std::string_view why) {
  std::string detail = expression.text;
  detail += ' ';
  detail += why;
  return {error_kind::template_failed, std::move(detail)};
}

value_result evaluate(const template_expression& expression,
                      const template_context& context) {
  auto found = look_up(expression, context);
  if (auto* wrong = std::get_if<error>(&found))
    return failed(expression, "cannot be had: " + wrong->detail);
  auto& value = std::get<template_value>(found);
  const bool null = value.json() != nullptr && value.json()->is_null();
  if ((value.is_missing() || null) && expression.fallback)
    value = template_value{&*expression.fallback};
  if (value.is_missing())
    return failed(expression, "is missing and has no default");
  if (expression.mac != mac_encoding::none) {
    auto made = mac_of(expression, value, context);
    if (expression.functions.empty() || std::holds_alternative<error>(made))
      return made;
    return apply_functions(expression, std::get<template_value>(made));
  }
  return expression.functions.empty() ? std::move(found)
                                      : apply_functions(expression, value);
}

std::optional<error> append_text(std::string& out, const template_value& value,
                                 const template_expression& expression) {
  if (value.raw_text() != nullptr) {
    out += *value.raw_text();
    return std::nullopt;
  }
  const auto& found = *value.json();
  if (found.is_string())
    out += found.get_ref<const std::string&>();
  else if (found.is_null())
    return failed(expression, "is null and has no default");
  else if (found.is_structured())
    return failed(expression, found.is_array()
                                ? "is an array, which is not text"
                                : "is an object, which is not text");
  else
    out += json_text(found);
  return std::nullopt;
}

} // namespace handoff

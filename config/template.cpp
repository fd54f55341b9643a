#include "config/template.hpp"

#include "config/template_parse.hpp"
#include "config/template_value.hpp"
#include "config/url_builder.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>

namespace handoff {

namespace {

using nlohmann::json;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

/// Only a path has segments.
std::optional<error> refused_segments(const template_expression& expression) {
  if (!expression.makes_segments())
    return std::nullopt;
  return failed(expression, "has | segments, which is for paths only");
}

result<std::string> unfiltered(std::string literal) {
  return literal;
}

} // namespace

const json* find_at(const json& document,
                    const json::json_pointer& pointer) noexcept {
  try {
    return document.contains(pointer) ? &document.at(pointer) : nullptr;
  } catch (const json::exception&) {
    return nullptr;
  }
}

result<text_template> text_template::compile(std::string_view text) {
  return compile(text, unfiltered);
}

result<text_template> text_template::compile(std::string_view text,
                                             const literal_filter& filter) {
  auto parsed = parse_template(text);
  if (auto* wrong = std::get_if<error>(&parsed))
    return std::move(*wrong);
  auto& parts = std::get<template_parts>(parsed);
  for (auto& literal : parts.literals) {
    auto filtered = filter(std::move(literal));
    if (auto* wrong = std::get_if<error>(&filtered))
      return std::move(*wrong);
    literal = std::get<std::string>(std::move(filtered));
  }
  for (auto& expression : parts.expressions) {
    if (!expression.fallback || !expression.fallback->is_string())
      continue;
    auto filtered = filter(expression.fallback->get<std::string>());
    if (auto* wrong = std::get_if<error>(&filtered))
      return std::move(*wrong);
    *expression.fallback = std::get<std::string>(std::move(filtered));
  }
  text_template made;
  made.literals_ = std::move(parts.literals);
  made.expressions_ = std::move(parts.expressions);
  return made;
}

result<std::string> text_template::render(const template_context& context,
                                          template_place place) const {
  if (place == template_place::url)
    return render_url(context);
  std::string out = literals_.front();
  for (std::size_t i = 0; i < expressions_.size(); ++i) {
    const auto& expression = expressions_[i];
    if (auto wrong = refused_segments(expression))
      return std::move(*wrong);
    auto found = evaluate(expression, context);
    if (auto* wrong = std::get_if<error>(&found))
      return std::move(*wrong);
    const auto& value = std::get<template_value>(found);
    const auto before = out.size();
    if (auto wrong = append_text(out, value, expression))
      return std::move(*wrong);
    if (place == template_place::header
        && has_control(std::string_view{out}.substr(before)))
      return failed(expression,
                    "holds a control character, which a header cannot take");
    if (place == template_place::text && value.raw_text() != nullptr
        && !is_utf8(*value.raw_text()))
      return failed(expression, "is not UTF-8");
    out += literals_[i + 1];
  }
  return out;
}

result<std::string>
text_template::render_url(const template_context& context) const {
  url_builder url;
  if (auto wrong = url.literal(literals_.front()))
    return std::move(*wrong);
  std::string text;
  for (std::size_t i = 0; i < expressions_.size(); ++i) {
    auto found = evaluate(expressions_[i], context);
    if (auto* wrong = std::get_if<error>(&found))
      return std::move(*wrong);
    text.clear();
    auto wrong =
      append_text(text, std::get<template_value>(found), expressions_[i]);
    if (!wrong)
      wrong = url.value(expressions_[i], text);
    if (!wrong)
      wrong = url.literal(literals_[i + 1]);
    if (wrong)
      return std::move(*wrong);
  }
  if (auto wrong = url.end())
    return std::move(*wrong);
  return url.take();
}

result<json> text_template::render_json(const template_context& context) const {
  const bool one_expression =
    expressions_.size() == 1 && literals_[0].empty() && literals_[1].empty();
  if (!one_expression) {
    auto text = render(context, template_place::text);
    if (auto* wrong = std::get_if<error>(&text))
      return std::move(*wrong);
    return json(std::get<std::string>(std::move(text)));
  }
  if (auto wrong = refused_segments(expressions_.front()))
    return std::move(*wrong);
  auto found = evaluate(expressions_.front(), context);
  if (auto* wrong = std::get_if<error>(&found))
    return std::move(*wrong);
  const auto& value = std::get<template_value>(found);
  if (value.json() != nullptr)
    return *value.json();
  if (!is_utf8(*value.raw_text()))
    return failed(expressions_.front(), "is not UTF-8");
  return json(*value.raw_text());
}

result<json_template> json_template::compile(const json& value) {
  return compile(value, unfiltered);
}

result<json_template> json_template::compile(const json& value,
                                             const literal_filter& filter) {
  json_template made;
  made.skeleton_ = value;
  if (auto wrong = made.collect(made.skeleton_, json::json_pointer{}, filter))
    return std::move(*wrong);
  return made;
}

std::optional<error> json_template::collect(json& value,
                                            const json::json_pointer& at,
                                            const literal_filter& filter) {
  if (value.is_object()) {
    for (auto& [key, member] : value.items())
      if (auto wrong = collect(member, at / key, filter))
        return wrong;
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto wrong = collect(value[i], at / i, filter))
        return wrong;
  } else if (value.is_string()) {
    auto compiled =
      text_template::compile(value.get_ref<const std::string&>(), filter);
    if (auto* wrong = std::get_if<error>(&compiled)) {
      const auto where = at.to_string();
      if (!where.empty())
        wrong->detail = where + ": " + wrong->detail;
      return std::move(*wrong);
    }
    auto& text = std::get<text_template>(compiled);
    if (text.expressions().empty()) {
      value = text.literals().front();
    } else {
      value = nullptr;
      slots_.push_back({at, std::move(text)});
    }
  }
  return std::nullopt;
}

result<json> json_template::render(const template_context& context) const {
  auto made = skeleton_;
  for (const auto& each : slots_) {
    auto value = each.text.render_json(context);
    if (auto* wrong = std::get_if<error>(&value))
      return std::move(*wrong);
    made[each.at] = std::get<json>(std::move(value));
  }
  return made;
}

std::vector<const template_expression*> json_template::expressions() const {
  std::vector<const template_expression*> all;
  for (const auto& each : slots_)
    for (const auto& expression : each.text.expressions())
      all.push_back(&expression);
  return all;
}

std::vector<std::pair<json::json_pointer, const text_template*>>
json_template::texts() const {
  std::vector<std::pair<json::json_pointer, const text_template*>> all;
  for (const auto& each : slots_)
    all.emplace_back(each.at, &each.text);
  return all;
}

std::vector<const template_expression*>
json_template::expressions_in_text() const {
  std::vector<const template_expression*> all;
  for (const auto& each : slots_) {
    const auto& literals = each.text.literals();
    const bool is_whole = each.text.expressions().size() == 1
                       && literals.front().empty() && literals.back().empty();
    if (!is_whole)
      for (const auto& expression : each.text.expressions())
        all.push_back(&expression);
  }
  return all;
}

} // namespace handoff

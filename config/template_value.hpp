#pragma once

#include "config/template.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace handoff {

/// What an expression stands for: text of the webhook's head as it came, which
/// need not be UTF-8, or JSON.
class template_value {
public:
  template_value() = default;

  explicit template_value(const nlohmann::json* borrowed) : json_{borrowed} {}

  explicit template_value(const std::string* borrowed) : text_{borrowed} {}

  explicit template_value(nlohmann::json own) : own_{std::move(own)} {}

  /// Null if it is missing or a raw text.
  const nlohmann::json* json() const noexcept { return own_ ? &*own_ : json_; }

  /// Null if it is missing or JSON.
  const std::string* raw_text() const noexcept { return text_; }

  bool is_missing() const noexcept {
    return json() == nullptr && text_ == nullptr;
  }

private:
  const nlohmann::json* json_ = nullptr;
  const std::string* text_ = nullptr;
  std::optional<nlohmann::json> own_;
};

/// The expression's value, with its default in place of one that is missing or
/// null, and its functions applied. Error `template_failed`.
result<template_value> evaluate(const template_expression& expression,
                                const template_context& context);

/// Appends the value as text: a text as it is, numbers and booleans as JSON
/// writes them. Error `template_failed`: it is null, an array or an object.
std::optional<error> append_text(std::string& out, const template_value& value,
                                 const template_expression& expression);

/// An error of this expression.
error failed(const template_expression& expression, std::string_view why);

} // namespace handoff

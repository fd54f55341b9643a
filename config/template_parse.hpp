#pragma once

#include "config/template.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace handoff {

/// A text cut at its expressions: one literal more than expressions, each
/// expression between two literals.
struct template_parts {
  std::vector<std::string> literals;
  std::vector<template_expression> expressions;
};

/// Cuts `text` at its `{{…}}`. Error `template_failed` as
/// `text_template::compile` says.
result<template_parts> parse_template(std::string_view text);

} // namespace handoff

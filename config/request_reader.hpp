#pragma once

#include "config/flow.hpp"
#include "config/flow_check.hpp"
#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// The requests of a flow: what is sent, where, and what is said of the answer.

namespace handoff {

using name_set = std::set<std::string, std::less<>>;
using expression_sources = std::vector<template_expression::source_kind>;

/// What expressions may refer to before the clone, after it, in its
/// compensation, and in sub-actions.
extern const expression_sources from_webhook;
extern const expression_sources after_clone;
extern const expression_sources undoing_clone;
extern const expression_sources everything;

/// The scope of a part of the flow: `sources`, and the answers of the calls
/// before the clone.
expression_scope scope_of(expression_sources sources, const name_set& prepared);

/// `kind` is the name of its object in the schema. `address`: where it may go,
/// where an upstream gives the URL.
request_template read_request(flow_report& report, const nlohmann::json& value,
                              const nlohmann::json::json_pointer& at,
                              std::string_view kind = "request",
                              std::optional<address_rule> address = {});

/// The "compensate" of `object`, if it has one.
std::optional<request_template> read_compensation(object_reader& object);

/// What `object` says of the answers to its request.
answer_rules read_answers(object_reader& object,
                          const request_template& request);

/// Every expression of what `made` sends; not those of what is said of its
/// answers. They live as long as it does.
std::vector<const template_expression*>
expressions_of(const request_template& made);

/// Checks the expressions of a request and of what is said of its answers,
/// which stands in the object at `rules_at`.
void check_request(flow_report& report, const nlohmann::json::json_pointer& at,
                   const nlohmann::json::json_pointer& rules_at,
                   const request_template& made, const expression_scope& scope);

/// The longest wait that a flow may ask for.
constexpr std::chrono::milliseconds longest_wait{30LL * 24 * 3'600'000};

/// How long waits may take; `defaults` is what is not said.
wait_rules read_wait_times(object_reader& object, wait_rules defaults);

/// Refuses a wait whose request must not be repeated.
void check_repeatable(object_reader& object, const request_template& request);

} // namespace handoff

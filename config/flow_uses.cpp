#include "config/flow_uses.hpp"

#include "config/request_reader.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using source_kind = template_expression::source_kind;

class uses {
public:
  explicit uses(flow& made) : made_{made} {}

  void add(const template_expression& used) {
    switch (used.source) {
    case source_kind::header:
      made_.referenced_headers.insert(lower_case(used.name));
      break;
    case source_kind::accepted_header:
      made_.referenced_accepted_headers.insert(lower_case(used.name));
      break;
    case source_kind::query:
      made_.referenced_query.insert(used.name);
      break;
    case source_kind::clone:
      made_.keeps_clone_answer = true;
      break;
    case source_kind::sub:
      for (auto& each : made_.sub_actions)
        if (each.name == used.name)
          each.keeps_answer = true;
      break;
    case source_kind::prepare:
      for (auto& each : made_.prepare)
        if (each.name == used.name)
          each.keeps_answer = true;
      break;
    case source_kind::prepare_header:
      for (auto& each : made_.prepare)
        if (each.name == used.name)
          each.kept_headers.insert(lower_case(used.field));
      break;
    case source_kind::body:
      made_.referenced_body.push_back(used.pointer);
      break;
    case source_kind::clone_header:
      made_.clone_headers.insert(lower_case(used.name));
      break;
    case source_kind::sub_header:
      for (auto& each : made_.sub_actions)
        if (each.name == used.name)
          each.kept_headers.insert(lower_case(used.field));
      break;
    default:
      break;
    }
  }

  void add(const text_template& text) {
    for (const auto& each : text.expressions())
      add(each);
  }

  void add(const json_template& body) {
    for (const auto* each : body.expressions())
      add(*each);
  }

  void add(const std::vector<std::pair<std::string, text_template>>& fields) {
    for (const auto& [name, value] : fields)
      add(value);
  }

  void add(const request_template& request) {
    for (const auto* each : expressions_of(request))
      add(*each);
    for (const auto* each : expressions_of(request.answers))
      add(*each);
  }

  template <class Part>
  void add(const std::optional<Part>& part) {
    if (part)
      add(*part);
  }

  /// What a request takes of the webhook. Where it has a fallback for a value
  /// that is missing, one that cannot be used is wrong all the same.
  void require(const request_template& request) {
    require_of_url(request.url);
    for (const auto& [name, value] : request.headers)
      for (const auto& each : value.expressions())
        add_needed(each, template_place::header);
    if (request.body) {
      for (const auto* each : request.body->expressions())
        add_needed(*each, std::nullopt);
      for (const auto* each : request.body->expressions_in_text())
        add_needed(*each, template_place::text);
    }
    if (request.form)
      for (const auto* each : request.form->expressions())
        add_needed(*each, std::nullopt);
    if (request.text)
      for (const auto& each : request.text->expressions())
        add_needed(each, template_place::text);
  }

  void add(const probe_template& probe) { add(probe.request); }

  void add(const reply_template& reply) {
    add(reply.headers);
    add(reply.body);
    add(reply.text);
  }

private:
  void require_of_url(const text_template& url) {
    std::string before = "http://host/";
    for (std::size_t at = 0; at < url.expressions().size(); ++at) {
      if (url.literals()[at].find('?') != std::string::npos)
        before = "http://host/?";
      add_needed(url.expressions()[at], template_place::url, before);
    }
  }

  void add_needed(const template_expression& used,
                  std::optional<template_place> place,
                  std::string_view before = {}) {
    const bool is_of_webhook = used.source == source_kind::body
                            || used.source == source_kind::header
                            || used.source == source_kind::query;
    if (!is_of_webhook)
      return;
    auto alone = text_template::compile(std::string{before} + used.text);
    if (auto* text = std::get_if<text_template>(&alone))
      made_.required_values.push_back({std::move(*text), place});
  }

  flow& made_;
};

} // namespace

void note_uses(flow& made) {
  uses found{made};
  found.add(made.idempotency_key);
  for (const auto& each : made.prepare)
    found.add(each.request);
  // Its request cannot be tried before these are answered.
  if (!made.prepare.empty())
    found.require(made.clone.request);
  found.add(made.clone.request);
  found.add(made.clone.probe);
  if (made.clone.poll)
    found.add(made.clone.poll->request);
  found.add(made.clone.compensate);
  found.add(made.reply);
  found.add(made.late);
  found.add(made.failed);
  for (const auto& each : made.sub_actions) {
    found.add(each.request);
    found.add(each.compensate);
    if (each.for_each)
      found.add(each.for_each->elements);
    if (!each.when && !each.for_each)
      found.require(each.request);
    if (each.when)
      for (const auto* used : expressions_of(*each.when))
        found.add(*used);
  }
}

} // namespace handoff

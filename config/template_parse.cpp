#include "config/template_parse.hpp"

#include "config/nearest_name.hpp"
#include "job/json_reader.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace handoff {

namespace {

using nlohmann::json;
using source_kind = template_expression::source_kind;

constexpr auto npos = std::string_view::npos;

struct source_name {
  std::string_view word;
  source_kind kind;
};

constexpr std::array sources{
  source_name{"uid", source_kind::uid},
  source_name{"job", source_kind::job},
  source_name{"flow", source_kind::flow},
  source_name{"body", source_kind::body},
  source_name{"clone", source_kind::clone},
  source_name{"sub", source_kind::sub},
  source_name{"header", source_kind::header},
  source_name{"query", source_kind::query},
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

error failed(std::string_view expression, std::string_view why) {
  std::string detail{expression};
  detail += ' ';
  detail += why;
  return {error_kind::template_failed, std::move(detail)};
}

/// Where the expression that begins at `open` ends, after its braces; npos if
/// nowhere. Braces within the quotes of a default are no end.
std::size_t end_of_expression(std::string_view text, std::size_t open) {
  const auto close = text.find("}}", open + 2);
  const auto separator = text.find("??", open + 2);
  if (close == npos || separator == npos || close < separator)
    return close == npos ? npos : close + 2;
  auto at = text.find_first_not_of(" \t\r\n", separator + 2);
  if (at != npos && text[at] == '"') {
    for (++at; at < text.size() && text[at] != '"'; ++at)
      if (text[at] == '\\')
        ++at;
    if (at >= text.size())
      return npos;
  }
  const auto end = text.find("}}", at == npos ? text.size() : at);
  return end == npos ? npos : end + 2;
}

/// Reads the default after `??`; why not, if it cannot be one.
std::optional<error> read_fallback(template_expression& into,
                                   std::string_view text) {
  auto read = read_json(text);
  auto* const value = std::get_if<json>(&read);
  if (value == nullptr || value->is_structured())
    return failed(into.text, "has a malformed default, allowed are a string in "
                             "double quotes, a number, true, false and null");
  into.fallback = std::move(*value);
  return std::nullopt;
}

std::optional<error> read_pointer(template_expression& into,
                                  std::string_view text) {
  try {
    into.pointer = json::json_pointer{std::string{text}};
  } catch (const json::exception&) {
    return failed(into.text, "has a malformed JSON pointer, allowed after ~ "
                             "are 0 and 1 (RFC 6901)");
  }
  return std::nullopt;
}

/// Reads what follows the source: `rest` begins with its slash or is empty.
std::optional<error> read_rest(template_expression& into,
                               std::string_view rest) {
  switch (into.source) {
  case source_kind::uid:
  case source_kind::job:
  case source_kind::flow:
    if (!rest.empty())
      return failed(into.text, "takes nothing after its name");
    return std::nullopt;
  case source_kind::body:
  case source_kind::clone:
    return read_pointer(into, rest);
  case source_kind::header:
  case source_kind::query:
    if (rest.size() < 2)
      return failed(into.text, "needs a name after the slash");
    into.name = rest.substr(1);
    return std::nullopt;
  case source_kind::sub:
    if (rest.size() < 2 || rest[1] == '/')
      return failed(into.text, "needs a sub-action's name after the slash");
    const auto slash = rest.find('/', 1);
    into.name = rest.substr(1, slash == npos ? npos : slash - 1);
    return read_pointer(into, slash == npos ? std::string_view{}
                                            : rest.substr(slash));
  }
  return std::nullopt;
}

result<template_expression> parse_expression(std::string_view whole) {
  template_expression made;
  made.text = whole;
  const auto inner = whole.substr(2, whole.size() - 4);
  const auto separator = inner.find("??");
  const auto path = trimmed(inner.substr(0, separator));
  if (path.empty())
    return failed(whole, "is empty");
  const auto slash = path.find('/');
  const auto word = path.substr(0, slash);
  const source_name* known = nullptr;
  std::vector<std::string_view> words;
  for (const auto& candidate : sources) {
    words.push_back(candidate.word);
    if (candidate.word == word)
      known = &candidate;
  }
  if (known == nullptr)
    return failed(whole, "names no known source" + did_you_mean(word, words)
                           + ", allowed are uid, job, flow, body, clone, sub, "
                             "header and query");
  made.source = known->kind;
  if (auto wrong = read_rest(made, slash == npos ? std::string_view{}
                                                 : path.substr(slash)))
    return *wrong;
  if (separator != npos)
    if (auto wrong = read_fallback(made, trimmed(inner.substr(separator + 2))))
      return *wrong;
  return made;
}

} // namespace

result<template_parts> parse_template(std::string_view text) {
  template_parts made;
  std::size_t from = 0;
  for (;;) {
    const auto open = text.find("{{", from);
    if (open == npos)
      break;
    const auto end = end_of_expression(text, open);
    if (end == npos)
      return failed(text.substr(open), "is not closed, it needs }} at its end");
    auto expression = parse_expression(text.substr(open, end - open));
    if (auto* wrong = std::get_if<error>(&expression))
      return std::move(*wrong);
    made.literals.emplace_back(text.substr(from, open - from));
    made.expressions.push_back(
      std::get<template_expression>(std::move(expression)));
    from = end;
  }
  made.literals.emplace_back(text.substr(from));
  return made;
}

} // namespace handoff

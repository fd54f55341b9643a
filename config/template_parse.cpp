#include "config/template_parse.hpp"

#include "config/nearest_name.hpp"
#include "config/problem.hpp"
#include "config/template_function.hpp"
#include "job/json_reader.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {

namespace {

using nlohmann::json;
using source_kind = template_expression::source_kind;

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
  source_name{"received", source_kind::received},
  source_name{"uuid", source_kind::uuid},
  source_name{"item", source_kind::item},
  source_name{"index", source_kind::index},
  source_name{"clone-header", source_kind::clone_header},
  source_name{"sub-header", source_kind::sub_header},
  source_name{"accepted", source_kind::accepted},
  source_name{"accepted-header", source_kind::accepted_header},
  source_name{"prepare", source_kind::prepare},
  source_name{"prepare-header", source_kind::prepare_header},
};

error failed(std::string_view expression, std::string_view why) {
  std::string detail{expression};
  detail += ' ';
  detail += why;
  return {error_kind::template_failed, std::move(detail)};
}

/// "a, b and c".
std::string all_of(const std::vector<std::string_view>& words) {
  auto made = one_of(words);
  if (const auto at = made.rfind(" or "); at != std::string::npos)
    made.replace(at, 4, " and ");
  return made;
}

/// Where the quoted text that begins at `from` ends, after its quote; npos if
/// nowhere.
std::size_t end_of_quotes(std::string_view text, std::size_t from) {
  for (auto at = from + 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return npos;
}

/// Where `expression`, without its opening braces, is cut: before the first
/// `??`, before each bar, and before its closing braces; nothing of that within
/// quotes. A quote begins a text at the front and after the source.
struct expression_cuts {
  std::size_t fallback = npos;
  std::vector<std::size_t> bars;
  /// npos: it is not closed.
  std::size_t close = npos;
};

expression_cuts cuts_of(std::string_view expression) {
  expression_cuts made;
  const auto front = expression.find_first_not_of(blanks);
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const auto rest = expression.substr(at);
    const bool after_source = made.fallback != npos || !made.bars.empty();
    if (rest.starts_with('"') && (at == front || after_source)) {
      at = end_of_quotes(expression, at);
      if (at == npos)
        return made;
      --at;
    } else if (rest.starts_with("}}")) {
      made.close = at;
      return made;
    } else if (rest.starts_with("??") && !after_source) {
      made.fallback = at++;
    } else if (rest.starts_with('|')) {
      made.bars.push_back(at);
    }
  }
  return made;
}

/// Reads the default after `??`; why not, if it cannot be one.
std::optional<error> read_fallback(template_expression& into,
                                   std::string_view text) {
  auto read = read_json(text);
  auto* const value = std::get_if<json>(&read);
  if (value == nullptr || value->is_structured())
    return failed(into.text, "has a malformed default; allowed: a string in "
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

/// Reads "/NAME" and, of a source that has one, what follows it.
std::optional<error> read_name(template_expression& into, std::string_view rest,
                               std::string_view what) {
  if (rest.size() < 2 || rest[1] == '/')
    return failed(into.text, "needs " + std::string{what} + " after the slash");
  const auto slash = rest.find('/', 1);
  into.name = rest.substr(1, slash == npos ? npos : slash - 1);
  rest.remove_prefix(slash == npos ? rest.size() : slash);
  if (into.source == source_kind::sub || into.source == source_kind::prepare)
    return read_pointer(into, rest);
  if (rest.size() < 2)
    return failed(into.text, "needs a field's name after that of the call");
  into.field = rest.substr(1);
  return std::nullopt;
}

/// Reads what follows the source: `rest` begins with its slash or is empty.
std::optional<error> read_rest(template_expression& into,
                               std::string_view rest) {
  switch (into.source) {
  case source_kind::uid:
  case source_kind::job:
  case source_kind::flow:
  case source_kind::received:
  case source_kind::uuid:
  case source_kind::index:
    if (!rest.empty())
      return failed(into.text, "takes nothing after its name");
    return std::nullopt;
  case source_kind::body:
  case source_kind::clone:
  case source_kind::item:
  case source_kind::accepted:
    return read_pointer(into, rest);
  case source_kind::header:
  case source_kind::query:
  case source_kind::clone_header:
  case source_kind::accepted_header:
    if (rest.size() < 2)
      return failed(into.text, "needs a name after the slash");
    into.name = rest.substr(1);
    return std::nullopt;
  case source_kind::sub:
  case source_kind::sub_header:
    return read_name(into, rest, "a sub-action's name");
  case source_kind::prepare:
  case source_kind::prepare_header:
    return read_name(into, rest, "the name of a call in \"prepare\"");
  }
  return std::nullopt;
}

std::optional<error> read_source(template_expression& into,
                                 std::string_view path) {
  if (path.empty())
    return failed(into.text, "is empty");
  if (path.starts_with("hmac/")) {
    into.mac = mac_encoding::hex;
    path.remove_prefix(5);
  } else if (path.starts_with("hmac64/")) {
    into.mac = mac_encoding::base64;
    path.remove_prefix(7);
  }
  const auto slash = path.find('/');
  const auto word = path.substr(0, slash);
  const auto known =
    std::find_if(sources.begin(), sources.end(),
                 [&](const auto& each) { return each.word == word; });
  if (known == sources.end()) {
    std::vector<std::string_view> words;
    for (const auto& each : sources)
      words.push_back(each.word);
    return failed(into.text, "names no known source" + did_you_mean(word, words)
                               + "; allowed: " + all_of(words));
  }
  into.source = known->kind;
  return read_rest(into,
                   slash == npos ? std::string_view{} : path.substr(slash));
}

/// Reads one function, `name "argument"`.
std::optional<error> read_function(template_expression& into,
                                   std::string_view text) {
  const auto end = std::min(text.find_first_of(" \t\r\n\""), text.size());
  const auto word = text.substr(0, end);
  const auto rest = trimmed(text.substr(end));
  const auto words = template_function_names();
  const auto known = std::find(words.begin(), words.end(), word);
  if (known == words.end())
    return failed(into.text, "names no known function"
                               + did_you_mean(word, words)
                               + "; allowed: " + all_of(words));
  template_function made;
  made.kind =
    static_cast<template_function::function_kind>(known - words.begin());
  const auto wrong = [&](std::string_view why) {
    return failed(into.text,
                  "has | " + std::string{word} + ", which " + std::string{why});
  };
  if (!takes_argument(made.kind)) {
    if (!rest.empty())
      return wrong("takes no argument");
  } else {
    auto read = read_json(rest);
    auto* const argument = std::get_if<json>(&read);
    if (argument == nullptr || !argument->is_string())
      return wrong("needs a text in double quotes after it");
    made.argument = argument->get<std::string>();
    if (const auto why = why_bad_argument(made); !why.empty())
      return wrong(why);
  }
  into.functions.push_back(std::move(made));
  return std::nullopt;
}

value_type type_of_source(source_kind kind) {
  switch (kind) {
  case source_kind::uid:
    return value_type::scalar;
  case source_kind::body:
  case source_kind::clone:
  case source_kind::sub:
  case source_kind::item:
  case source_kind::accepted:
  case source_kind::prepare:
    return value_type::any;
  case source_kind::index:
    return value_type::integer;
  default:
    return value_type::text;
  }
}

std::string_view words_for(value_type type) {
  switch (type) {
  case value_type::list:
    return "an array";
  case value_type::integer:
    return "a number";
  default:
    return "a text";
  }
}

value_type type_before_functions(const template_expression& made) {
  return made.mac == mac_encoding::none ? type_of_source(made.source)
                                        : value_type::text;
}

/// Follows the types through the functions.
std::optional<error> check_types(const template_expression& made) {
  auto type = type_before_functions(made);
  for (std::size_t i = 0; i < made.functions.size(); ++i) {
    const auto& function = made.functions[i];
    const auto next = type_after(function, type);
    const auto name = "| " + std::string{name_of(function.kind)};
    if (!next)
      return failed(made.text, "has " + name + ", which cannot take "
                                 + std::string{words_for(type)});
    if (function.kind == template_function::function_kind::segments
        && i + 1 < made.functions.size())
      return failed(made.text,
                    "has " + name + ", which has to be the last one");
    type = *next;
  }
  return std::nullopt;
}

/// `inner` is what stands between the braces, `cuts` where it is cut.
result<template_expression> parse_expression(std::string_view whole,
                                             std::string_view inner,
                                             const expression_cuts& cuts) {
  template_expression made;
  made.text = whole;
  const auto first_bar = cuts.bars.empty() ? inner.size() : cuts.bars.front();
  const auto source_end = std::min(cuts.fallback, first_bar);
  if (auto wrong = read_source(made, trimmed(inner.substr(0, source_end))))
    return std::move(*wrong);
  if (cuts.fallback != npos)
    if (auto wrong = read_fallback(
          made, trimmed(inner.substr(cuts.fallback + 2,
                                     first_bar - cuts.fallback - 2))))
      return std::move(*wrong);
  for (std::size_t i = 0; i < cuts.bars.size(); ++i) {
    const auto begin = cuts.bars[i] + 1;
    const auto end = i + 1 < cuts.bars.size() ? cuts.bars[i + 1] : inner.size();
    if (auto wrong =
          read_function(made, trimmed(inner.substr(begin, end - begin))))
      return std::move(*wrong);
  }
  if (auto wrong = check_types(made))
    return std::move(*wrong);
  return made;
}

/// The text of an expression that is one in double quotes, such as `{{"{{"}}`.
std::optional<std::string> constant_in(std::string_view inner) {
  inner = trimmed(inner);
  if (!inner.starts_with('"') || end_of_quotes(inner, 0) != inner.size())
    return std::nullopt;
  auto read = read_json(inner);
  auto* const text = std::get_if<json>(&read);
  if (text == nullptr || !text->is_string())
    return std::nullopt;
  return text->get<std::string>();
}

/// The first expression that gives an array and has a text around it.
std::optional<error> check_texts(const template_parts& made) {
  const bool is_value = made.expressions.size() == 1
                     && made.literals.front().empty()
                     && made.literals.back().empty();
  for (const auto& each : made.expressions)
    if (!is_value && type_of(each) == value_type::list)
      return failed(each.text, array_in_text);
  return std::nullopt;
}

} // namespace

value_type type_of(const template_expression& expression) {
  auto type = type_before_functions(expression);
  for (const auto& function : expression.functions)
    type = type_after(function, type).value_or(value_type::any);
  return type;
}

result<template_parts> parse_template(std::string_view text) {
  template_parts made;
  made.literals.emplace_back();
  std::size_t from = 0;
  for (;;) {
    const auto open = text.find("{{", from);
    made.literals.back() +=
      text.substr(from, open == npos ? npos : open - from);
    if (open == npos) {
      if (auto wrong = check_texts(made))
        return std::move(*wrong);
      return made;
    }
    const auto cuts = cuts_of(text.substr(open + 2));
    if (cuts.close == npos)
      return failed(text.substr(open), "is not closed, it needs }} at its end");
    const auto inner = text.substr(open + 2, cuts.close);
    from = open + cuts.close + 4;
    if (const auto constant = constant_in(inner)) {
      made.literals.back() += *constant;
      continue;
    }
    auto expression =
      parse_expression(text.substr(open, from - open), inner, cuts);
    if (auto* wrong = std::get_if<error>(&expression))
      return std::move(*wrong);
    made.expressions.push_back(
      std::get<template_expression>(std::move(expression)));
    made.literals.emplace_back();
  }
}

} // namespace handoff

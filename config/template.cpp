#include "config/template.hpp"

#include "config/template_parse.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>

namespace handoff {

namespace {

using nlohmann::json;
using source_kind = template_expression::source_kind;

/// What an expression stands for: text of the webhook's head, or JSON. Neither
/// where it is missing.
struct found_value {
  const json* value = nullptr;
  const std::string* text = nullptr;
};

error failed(const template_expression& expression, std::string_view why) {
  std::string detail = expression.text;
  detail += ' ';
  detail += why;
  return {error_kind::template_failed, std::move(detail)};
}

const std::string* find_query(const webhook& hook, std::string_view name) {
  const auto it = std::find_if(hook.query.begin(), hook.query.end(),
                               [&](const auto& q) { return q.first == name; });
  return it == hook.query.end() ? nullptr : &it->second;
}

found_value look_up_source(const template_expression& expression,
                           const template_context& context) {
  const auto* hook = context.hook;
  const auto within = [&](const json* document) {
    return found_value{
      document != nullptr ? find_at(*document, expression.pointer) : nullptr,
      nullptr};
  };
  switch (expression.source) {
  case source_kind::uid:
    return {context.uid, nullptr};
  case source_kind::job:
    return {nullptr, hook != nullptr ? &hook->job : nullptr};
  case source_kind::flow:
    return {nullptr, hook != nullptr ? &hook->flow : nullptr};
  case source_kind::body:
    return within(hook != nullptr ? &hook->body : nullptr);
  case source_kind::clone:
    return within(context.clone_answer);
  case source_kind::sub:
    return within(context.sub_answer ? context.sub_answer(expression.name)
                                     : nullptr);
  case source_kind::header:
    return {nullptr, hook != nullptr
                       ? find_header(hook->headers, expression.name)
                       : nullptr};
  case source_kind::query:
    return {nullptr,
            hook != nullptr ? find_query(*hook, expression.name) : nullptr};
  }
  return {};
}

result<found_value> look_up(const template_expression& expression,
                            const template_context& context) {
  auto found = look_up_source(expression, context);
  const bool missing = found.value == nullptr && found.text == nullptr;
  const bool null = found.value != nullptr && found.value->is_null();
  if ((missing || null) && expression.fallback)
    return found_value{&*expression.fallback, nullptr};
  if (missing)
    return failed(expression, "is missing and has no default");
  return found;
}

/// Appends the value as text.
std::optional<error> append_text(std::string& out, const found_value& found,
                                 const template_expression& expression) {
  if (found.text != nullptr) {
    out += *found.text;
    return std::nullopt;
  }
  const auto& value = *found.value;
  if (value.is_string()) {
    out += value.get_ref<const std::string&>();
  } else if (value.is_null()) {
    return failed(expression, "is null and has no default");
  } else if (value.is_structured()) {
    return failed(expression, value.is_array()
                                ? "is an array, which is no text"
                                : "is an object, which is no text");
  } else {
    out += json_text(value);
  }
  return std::nullopt;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

/// Everything but the unreserved characters (RFC 3986, section 2.3).
void append_encoded(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
        || c == '~') {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

/// Whether a client or a server would take the segment out of the path (RFC
/// 3986, section 5.2.4), a percent-encoded dot being a dot to many of them.
bool is_dot_segment(std::string_view segment) {
  std::size_t dots = 0;
  while (!segment.empty()) {
    if (segment.front() == '.')
      segment.remove_prefix(1);
    else if (segment.size() >= 3 && segment[0] == '%' && segment[1] == '2'
             && (segment[2] == 'e' || segment[2] == 'E'))
      segment.remove_prefix(3);
    else
      return false;
    ++dots;
  }
  return dots == 1 || dots == 2;
}

/// Builds a URL and watches that no value changes the shape of its path.
class url_builder {
public:
  std::optional<error> literal(std::string_view text) {
    if (in_query_) {
      out_ += text;
      return std::nullopt;
    }
    const auto query = text.find('?');
    const auto path = text.substr(0, query);
    if (const auto slash = path.find('/'); slash != std::string_view::npos) {
      out_ += path.substr(0, slash);
      if (auto wrong = end_segment())
        return wrong;
      out_ += path.substr(slash);
      segment_ = out_.rfind('/') + 1;
    } else {
      out_ += path;
    }
    if (query != std::string_view::npos) {
      auto wrong = end_segment();
      in_query_ = true;
      out_ += text.substr(query);
      return wrong;
    }
    return std::nullopt;
  }

  std::optional<error> value(const template_expression& expression,
                             std::string_view text) {
    if (!in_query_ && text.empty())
      return failed(expression, "is empty, which a path cannot take");
    append_encoded(out_, text);
    last_ = &expression;
    return std::nullopt;
  }

  std::optional<error> end() {
    return in_query_ ? std::nullopt : end_segment();
  }

  std::string take() { return std::move(out_); }

private:
  std::optional<error> end_segment() {
    const auto* by = std::exchange(last_, nullptr);
    if (by != nullptr
        && is_dot_segment(std::string_view{out_}.substr(segment_)))
      return failed(*by, "makes a dot segment, which a path cannot take");
    return std::nullopt;
  }

  std::string out_;
  std::size_t segment_ = 0;
  bool in_query_ = false;
  /// The last expression in the segment that is being built.
  const template_expression* last_ = nullptr;
};

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
    auto found = look_up(expression, context);
    if (auto* wrong = std::get_if<error>(&found))
      return std::move(*wrong);
    const auto& value = std::get<found_value>(found);
    const auto before = out.size();
    if (auto wrong = append_text(out, value, expression))
      return std::move(*wrong);
    if (place == template_place::header
        && has_control(std::string_view{out}.substr(before)))
      return failed(expression,
                    "holds a control character, which a header cannot take");
    if (place == template_place::text && value.text != nullptr
        && !is_utf8(*value.text))
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
    auto found = look_up(expressions_[i], context);
    if (auto* wrong = std::get_if<error>(&found))
      return std::move(*wrong);
    text.clear();
    auto wrong =
      append_text(text, std::get<found_value>(found), expressions_[i]);
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
  auto found = look_up(expressions_.front(), context);
  if (auto* wrong = std::get_if<error>(&found))
    return std::move(*wrong);
  const auto& value = std::get<found_value>(found);
  if (value.value != nullptr)
    return *value.value;
  if (!is_utf8(*value.text))
    return failed(expressions_.front(), "is not UTF-8");
  return json(*value.text);
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

} // namespace handoff

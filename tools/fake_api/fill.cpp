#include "tools/fake_api/fill.hpp"

#include "job/json_reader.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <random>

namespace fake_api {

using nlohmann::json;

namespace {

constexpr std::string_view opening = "{{";
constexpr std::string_view closing = "}}";

struct expression_parts {
  std::string_view source;
  /// From the slash on.
  std::string_view rest;
};

expression_parts split(std::string_view expression) {
  while (!expression.empty() && expression.front() == ' ')
    expression.remove_prefix(1);
  while (!expression.empty() && expression.back() == ' ')
    expression.remove_suffix(1);
  const auto slash = std::min(expression.find('/'), expression.size());
  return {expression.substr(0, slash), expression.substr(slash)};
}

std::optional<std::size_t> index_of(std::string_view rest) {
  std::size_t index = 0;
  if (rest.size() < 2)
    return std::nullopt;
  const auto* end = rest.data() + rest.size();
  const auto [stop, code] = std::from_chars(rest.data() + 1, end, index);
  if (code != std::errc{} || stop != end)
    return std::nullopt;
  return index;
}

/// Unique in this process by the number, and between processes by the rest.
std::string unique_id(std::uint64_t seq) {
  static const std::uint64_t salt = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (const auto part : {salt, seq})
    for (int shift = 60; shift >= 0; shift -= 4)
      id += digits[(part >> shift) & 15];
  return id;
}

std::string as_text(const json& value) {
  if (value.is_null())
    return {};
  return value.is_string() ? value.get<std::string>()
                           : handoff::json_text(value);
}

} // namespace

json filler::fill(const json& value) {
  if (value.is_string()) {
    const std::string_view text = value.get_ref<const std::string&>();
    if (text.find(opening) == std::string_view::npos)
      return value;
    if (text.starts_with(opening)
        && text.find(closing) == text.size() - closing.size())
      return value_of(text.substr(2, text.size() - 4));
    return fill_text(text);
  }
  if (!value.is_structured())
    return value;
  json filled = value;
  for (auto& item : filled)
    item = fill(item);
  return filled;
}

std::string filler::fill_text(std::string_view text) {
  std::string filled;
  for (;;) {
    const auto begin = text.find(opening);
    filled.append(text.substr(0, begin));
    if (begin == std::string_view::npos)
      return filled;
    text.remove_prefix(begin + opening.size());
    const auto end = text.find(closing);
    filled += as_text(value_of(text.substr(0, end)));
    if (end == std::string_view::npos)
      return filled;
    text.remove_prefix(end + closing.size());
  }
}

json filler::value_of(std::string_view expression) {
  const auto [source, rest] = split(expression);
  if (source == "seq")
    return seq_;
  if (source == "id")
    return unique_id(seq_);
  if (source == "path") {
    if (!segments_)
      segments_ = segments_of(incoming_.path);
    const auto index = index_of(rest);
    return index && *index < segments_->size() ? json((*segments_)[*index])
                                               : json(nullptr);
  }
  if (source == "header") {
    const auto* value = handoff::find_header(incoming_.headers, rest.substr(1));
    return value ? json(*value) : json(nullptr);
  }
  if (source == "query") {
    const auto value = query_value(incoming_.query, rest.substr(1));
    return value ? json(*value) : json(nullptr);
  }
  if (source == "made") {
    const auto key = query_value(incoming_.query, rest.substr(1));
    const auto first = key ? seen_.first_of(std::string{*key}) : std::nullopt;
    return first ? json(*first) : json(nullptr);
  }
  const json::json_pointer pointer{std::string{rest}};
  return body().contains(pointer) ? body().at(pointer) : json(nullptr);
}

const json& filler::body() {
  if (!body_) {
    handoff::json_limits limits;
    limits.bytes_max = limits.values_max = incoming_.body.size();
    auto read = handoff::read_json(incoming_.body, limits);
    auto* const value = std::get_if<json>(&read);
    body_ = value != nullptr ? std::move(*value) : json(nullptr);
  }
  return *body_;
}

bool has_expressions(const json& value) {
  if (value.is_string())
    return value.get_ref<const std::string&>().find(opening)
        != std::string::npos;
  return value.is_structured()
      && std::any_of(value.begin(), value.end(), has_expressions);
}

std::optional<std::string> expression_problem(std::string_view text) {
  for (;;) {
    const auto begin = text.find(opening);
    if (begin == std::string_view::npos)
      return std::nullopt;
    text.remove_prefix(begin + opening.size());
    const auto end = text.find(closing);
    if (end == std::string_view::npos)
      return "an expression is not closed";
    const auto [source, rest] = split(text.substr(0, end));
    bool valid = false;
    if (source == "seq" || source == "id")
      valid = rest.empty();
    else if (source == "path")
      valid = index_of(rest).has_value();
    else if (source == "header" || source == "query" || source == "made")
      valid = rest.size() > 1;
    else if (source == "body") {
      try {
        json::json_pointer{std::string{rest}};
        valid = true;
      } catch (const json::exception&) {
        valid = false;
      }
    }
    if (!valid)
      return "{{" + std::string{text.substr(0, end)}
           + "}} is unknown; allowed: seq, id, path/N, query/NAME, "
             "header/NAME, body/POINTER, made/NAME";
    text.remove_prefix(end + closing.size());
  }
}

} // namespace fake_api

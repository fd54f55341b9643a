#include "http/ingress/webhook_reader.hpp"

#include "http/ingress/content_coding.hpp"
#include "job/percent.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace handoff {
namespace {

enum class media { json, form, other };

/// What the content type says; `json` if there is none.
media media_of(const headers& fields) {
  const auto* type = find_header(fields, "Content-Type");
  if (type == nullptr)
    return media::json;
  auto name = lower_case(std::string_view{*type}.substr(0, type->find(';')));
  name.erase(name.find_last_not_of(" \t") + 1);
  if (name.empty() || name == "application/json" || name == "text/json"
      || name.ends_with("+json"))
    return media::json;
  return name == "application/x-www-form-urlencoded" ? media::form
                                                     : media::other;
}

/// A form without the fields that are equal to one before them.
std::string without_repeated_fields(std::string_view form) {
  std::set<std::pair<std::string, std::string>> seen;
  std::string kept;
  while (!form.empty()) {
    const auto end = form.find('&');
    const auto field = form.substr(0, end);
    form.remove_prefix(end == std::string_view::npos ? form.size() : end + 1);
    const auto equals = std::min(field.find('='), field.size());
    const auto value = std::min(equals + 1, field.size());
    auto name = percent_decoded(field.substr(0, equals), true);
    auto text = percent_decoded(field.substr(value), true);
    // What cannot be decoded is left for the reader to refuse.
    if (name && text
        && !seen.emplace(std::move(*name), std::move(*text)).second)
      continue;
    if (!kept.empty())
      kept += '&';
    kept += field;
  }
  return kept;
}

result<body_format> format_of(const input_rule& rule, const headers& fields) {
  const auto said = media_of(fields);
  const bool has_type = find_header(fields, "Content-Type") != nullptr;
  if (rule.type == input_type::form && has_type && said != media::form)
    return error{error_kind::invalid_request,
                 "the body must be a form, but its Content-Type is not "
                 "application/x-www-form-urlencoded"};
  return body_format{is_read_as_form(rule, fields), rule.decode};
}

} // namespace

bool is_read_as_form(const input_rule& input, const headers& fields) {
  return input.type == input_type::form
      || (input.type == input_type::automatic
          && media_of(fields) == media::form);
}

result<read_webhook> read_body(std::string body, const headers& fields,
                               const flow& definition, std::size_t bytes_max) {
  auto bytes = without_content_coding(std::move(body), fields, bytes_max);
  if (auto* failed = std::get_if<error>(&bytes))
    return std::move(*failed);
  auto format = format_of(definition.input, fields);
  if (auto* failed = std::get_if<error>(&format))
    return std::move(*failed);
  auto& how = std::get<body_format>(format);
  auto text = std::get<std::string>(std::move(bytes));
  // A form writes a brace as %7B: this is JSON that is said to be a form.
  if (how.is_form && text.starts_with('{'))
    return error{error_kind::invalid_request,
                 "the body is not a form: it begins as JSON does"};
  if (how.is_form && definition.verify.covers_form())
    text = without_repeated_fields(text);
  webhook_body read{std::move(text), std::move(how)};
  auto document = read.read();
  if (auto* failed = std::get_if<error>(&document))
    return std::move(*failed);
  return read_webhook{std::move(read),
                      std::get<nlohmann::json>(std::move(document))};
}

std::size_t head_bytes(const http_request& request) {
  auto sum = request.path.size() + request.query.size();
  for (const auto& each : request.headers)
    sum += each.name.size() + each.value.size() + sizeof(each);
  return sum;
}

} // namespace handoff

#include "job/webhook_body.hpp"

#include "job/base64.hpp"
#include "job/json_body.hpp"
#include "job/json_reader.hpp"
#include "job/json_text.hpp"
#include "job/percent.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;

constexpr auto values_max = json_limits{}.values_max;

error malformed(std::string why) {
  return {error_kind::invalid_request, std::move(why)};
}

/// The tokens of a pointer, from the root on.
std::vector<std::string> tokens_of(json::json_pointer pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    tokens.push_back(pointer.back());
    pointer.pop_back();
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

bool is_within(const std::string& pointer, const std::string& outer) {
  return pointer.starts_with(outer)
      && (pointer.size() == outer.size() || pointer[outer.size()] == '/');
}

/// A form field that cannot be decoded, or is no UTF-8, is not taken as it
/// stands: two senders could then mean different things by the same bytes.
std::optional<std::string> form_text(std::string_view text) {
  auto decoded = percent_decoded(text, true);
  if (!decoded)
    return std::nullopt;
  if (!is_utf8(*decoded))
    return std::nullopt;
  return decoded;
}

void add_field(json& form, std::string name, std::string value) {
  const auto found = form.find(name);
  if (found == form.end())
    form[std::move(name)] = std::move(value);
  else if (found->is_array())
    found->push_back(std::move(value));
  else
    *found = json::array({std::move(*found), std::move(value)});
}

result<json> read_form(std::string_view bytes) {
  auto form = json::object();
  std::size_t count = 0;
  while (!bytes.empty()) {
    const auto end = bytes.find('&');
    const auto field = bytes.substr(0, end);
    bytes = end == std::string_view::npos ? std::string_view{}
                                          : bytes.substr(end + 1);
    if (field.empty())
      continue;
    if (++count > values_max)
      return malformed("the form has more than " + std::to_string(values_max)
                       + " fields");
    const auto equals = field.find('=');
    auto name = form_text(field.substr(0, equals));
    auto value =
      form_text(equals == std::string_view::npos ? std::string_view{}
                                                 : field.substr(equals + 1));
    if (!name || !value)
      return malformed("field " + std::to_string(count)
                       + " of the form is not percent-encoded UTF-8");
    add_field(form, std::move(*name), std::move(*value));
  }
  return form;
}

std::optional<error> decode_member(json& document,
                                   const body_decoding& wanted) {
  auto* member =
    document.contains(wanted.at) ? &document.at(wanted.at) : nullptr;
  if (member == nullptr)
    return std::nullopt;
  const auto where = wanted.at.to_string();
  if (!member->is_string())
    return malformed(where + " of the body must be a text, but is "
                     + std::string{member->type_name()});
  auto text = std::optional{member->get<std::string>()};
  if (wanted.base64)
    text = decode_base64(*text);
  if (!text)
    return malformed(where
                     + " of the body is not base64 (RFC 4648, section 4)");
  auto inner = parse_json_body(*text);
  if (const auto* failed = std::get_if<error>(&inner))
    return malformed(where + " of the body does not decode: " + failed->detail);
  *member = std::get<json>(std::move(inner));
  return std::nullopt;
}

} // namespace

webhook_body::webhook_body(std::string bytes, body_format format) {
  bytes.shrink_to_fit();
  contents_ = std::make_shared<const contents>(
    contents{std::move(bytes), std::move(format)});
}

webhook_body webhook_body::of(const json& value) {
  return webhook_body{json_text(value)};
}

std::string_view webhook_body::bytes() const noexcept {
  return contents_ ? std::string_view{contents_->bytes} : std::string_view{};
}

const body_format& webhook_body::format() const noexcept {
  static const body_format plain;
  return contents_ ? contents_->format : plain;
}

result<json> webhook_body::read() const {
  auto read = format().is_form ? read_form(bytes()) : parse_json_body(bytes());
  auto* document = std::get_if<json>(&read);
  if (document == nullptr)
    return read;
  for (const auto& each : format().decode)
    if (auto failed = decode_member(*document, each))
      return std::move(*failed);
  return read;
}

json selected_parts(const json& document,
                    const std::vector<json::json_pointer>& pointers) {
  std::vector<std::pair<std::string, const json::json_pointer*>> wanted;
  for (const auto& each : pointers)
    wanted.emplace_back(each.to_string(), &each);
  std::sort(wanted.begin(), wanted.end());
  auto selected = json::object();
  const std::string* outer = nullptr;
  for (const auto& [text, pointer] : wanted) {
    if (outer != nullptr && is_within(text, *outer))
      continue; // it is a part of what was taken already
    outer = &text;
    if (text.empty())
      return document;
    try {
      if (!document.contains(*pointer))
        continue;
      auto* place = &selected;
      for (auto& token : tokens_of(*pointer))
        place = &(*place)[token];
      *place = document.at(*pointer);
    } catch (const json::exception&) {
      continue; // an index that no array has is nothing to select
    }
  }
  return selected;
}

std::size_t memory_of(const json& value, std::size_t most) {
  // A node of a map or a block of the heap takes about as much beside it.
  constexpr std::size_t node = 64;
  std::size_t sum = sizeof(json);
  if (value.is_string()) {
    sum += node + value.get_ref<const std::string&>().size();
  } else if (value.is_binary()) {
    sum += node + value.get_binary().size();
  } else if (value.is_structured()) {
    sum += node;
    for (auto each = value.begin(); each != value.end() && sum <= most;
         ++each) {
      if (value.is_object())
        sum += node + each.key().size();
      sum += memory_of(*each, most - sum);
    }
  }
  return sum;
}

} // namespace handoff

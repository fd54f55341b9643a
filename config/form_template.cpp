#include "config/form_template.hpp"

#include "job/json_text.hpp"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* ordered_key = "$ordered";

/// The percent-encode set of forms, with "+" for a space.
std::string encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  constexpr std::string_view others = "*-._";
  std::string made;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos)
      made += c;
    else if (c == ' ')
      made += '+';
    else
      made += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return made;
}

std::string member_name(const std::string& of, std::string_view name) {
  return of.empty() ? encoded(name) : of + '[' + encoded(name) + ']';
}

std::string element_name(const std::string& of, std::size_t index,
                         form_arrays arrays) {
  switch (arrays) {
  case form_arrays::indices:
    return of + '[' + std::to_string(index) + ']';
  case form_arrays::brackets:
    return of + "[]";
  default:
    return of;
  }
}

std::string text_of(const json& scalar) {
  return scalar.is_string() ? scalar.get<std::string>() : json_text(scalar);
}

/// Writes the fields of rendered values.
class form_writer {
public:
  explicit form_writer(form_arrays arrays) : arrays_{arrays} {}

  std::optional<error> put(const std::string& name, const json& value) {
    if (value.is_null())
      return std::nullopt;
    if (value.is_object()) {
      for (const auto& [member, inner] : value.items())
        if (auto failed = put(member_name(name, member), inner))
          return failed;
      return std::nullopt;
    }
    if (value.is_array())
      return put_elements(name, value);
    add(name, encoded(text_of(value)));
    return std::nullopt;
  }

  std::string take() { return std::move(out_); }

private:
  void add(const std::string& name, std::string_view value) {
    out_ += (out_.empty() ? "" : "&") + name + '=';
    out_ += value;
  }

  std::optional<error> put_elements(const std::string& name,
                                    const json& array) {
    if (arrays_ == form_arrays::commas)
      return put_joined(name, array);
    for (std::size_t i = 0; i < array.size(); ++i)
      if (auto failed = put(element_name(name, i, arrays_), array[i]))
        return failed;
    return std::nullopt;
  }

  std::optional<error> put_joined(const std::string& name, const json& array) {
    std::string joined;
    bool any = false;
    for (const auto& each : array) {
      if (each.is_structured())
        return error{error_kind::template_failed,
                     name
                       + " has an array or an object in an array, which "
                         "\"form_arrays\": \"commas\" cannot write"};
      if (each.is_null())
        continue;
      joined += (any ? "," : "") + encoded(text_of(each));
      any = true;
    }
    if (any)
      add(name, joined);
    return std::nullopt;
  }

  form_arrays arrays_;
  std::string out_;
};

bool is_ordered(const json& object) {
  if (!object.is_object() || object.size() != 1 || !object.contains(ordered_key)
      || !object[ordered_key].is_array())
    return false;
  const auto& pairs = object[ordered_key];
  return std::all_of(pairs.begin(), pairs.end(), [](const json& pair) {
    return pair.is_array() && pair.size() == 2 && pair[0].is_string();
  });
}

/// A value of a form with the order of its members, which `same` has.
json ordered(const json& value, const ordered_json& same) {
  if (value.is_array()) {
    auto made = json::array();
    for (std::size_t i = 0; i < value.size(); ++i)
      made.push_back(ordered(value[i], same[i]));
    return made;
  }
  if (!value.is_object())
    return value;
  auto pairs = json::array();
  for (const auto& [name, member] : same.items())
    pairs.push_back({name, ordered(value.at(name), member)});
  return {{ordered_key, std::move(pairs)}};
}

/// Looks for requests and orders their forms. What holds data of the flow's
/// author is not looked into.
void order_forms(json& value, const ordered_json& same) {
  constexpr std::string_view data[]{"body", "headers", "text", "reply"};
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      order_forms(value[i], same[i]);
  } else if (value.is_object()) {
    for (auto& [name, member] : value.items()) {
      if (name == "form" && member.is_object())
        member = ordered(member, same.at(name));
      else if (std::find(std::begin(data), std::end(data), name)
               == std::end(data))
        order_forms(member, same.at(name));
    }
  }
}

} // namespace

std::vector<std::pair<std::string, json>> form_members(const json& object) {
  std::vector<std::pair<std::string, json>> members;
  if (is_ordered(object))
    for (const auto& pair : object[ordered_key])
      members.emplace_back(pair[0].get<std::string>(), pair[1]);
  else
    for (const auto& [name, member] : object.items())
      members.emplace_back(name, member);
  return members;
}

json with_ordered_forms(json definition, std::string_view text) {
  constexpr bool no_exceptions = false;
  constexpr bool comments = true;
  const auto same = ordered_json::parse(text.begin(), text.end(), nullptr,
                                        no_exceptions, comments);
  if (!same.is_discarded())
    order_forms(definition, same);
  return definition;
}

result<form_template> form_template::compile(const json& form,
                                             form_arrays arrays,
                                             const literal_filter& filter) {
  form_template made;
  made.arrays_ = arrays;
  if (auto wrong = made.collect({}, form, json::json_pointer{}, filter))
    return std::move(*wrong);
  return made;
}

std::optional<error> form_template::collect(std::string name, const json& value,
                                            const json::json_pointer& at,
                                            const literal_filter& filter) {
  if (value.is_object()) {
    for (const auto& [member, inner] : form_members(value))
      if (auto wrong =
            collect(member_name(name, member), inner, at / member, filter))
        return wrong;
    return std::nullopt;
  }
  if (value.is_array() && arrays_ == form_arrays::commas)
    for (std::size_t i = 0; i < value.size(); ++i)
      if (value[i].is_structured())
        return error{error_kind::template_failed,
                     (at / i).to_string()
                       + ": is an array or an object in an array, which "
                         "\"form_arrays\": \"commas\" cannot write; allowed: "
                         "texts, numbers and booleans"};
  if (value.is_array() && arrays_ != form_arrays::commas) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto wrong =
            collect(element_name(name, i, arrays_), value[i], at / i, filter))
        return wrong;
    return std::nullopt;
  }
  auto compiled = json_template::compile(value, filter);
  if (auto* wrong = std::get_if<error>(&compiled)) {
    wrong->detail = at.to_string() + ": " + wrong->detail;
    return std::move(*wrong);
  }
  fields_.push_back(
    {at, std::move(name), std::get<json_template>(std::move(compiled))});
  return std::nullopt;
}

result<std::string>
form_template::render(const template_context& context) const {
  form_writer form{arrays_};
  for (const auto& each : fields_) {
    auto value = each.value.render(context);
    if (auto* wrong = std::get_if<error>(&value))
      return std::move(*wrong);
    if (auto wrong = form.put(each.name, std::get<json>(value)))
      return std::move(*wrong);
  }
  return form.take();
}

std::vector<std::pair<json::json_pointer, const text_template*>>
form_template::texts() const {
  std::vector<std::pair<json::json_pointer, const text_template*>> all;
  for (const auto& each : fields_)
    for (const auto& [within, text] : each.value.texts())
      all.emplace_back(each.at / within, text);
  return all;
}

std::vector<const template_expression*> form_template::expressions() const {
  std::vector<const template_expression*> all;
  for (const auto& each : fields_)
    for (const auto* expression : each.value.expressions())
      all.push_back(expression);
  return all;
}

} // namespace handoff

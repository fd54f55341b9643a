#include "config/condition.hpp"

#include "config/json_compare.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;

/// What an expression gives. Nothing where it cannot be rendered.
template <class Template>
std::optional<json> rendered(const Template& from, const condition_view& view) {
  static const template_context nothing;
  const auto& context = view.context != nullptr ? *view.context : nothing;
  auto made = [&] {
    if constexpr (std::is_same_v<Template, text_template>)
      return from.render_json(context);
    else
      return from.render(context);
  }();
  if (auto* value = std::get_if<json>(&made))
    return std::move(*value);
  return std::nullopt;
}

/// The value that tests are about; nothing where it is missing.
class subject_value {
public:
  subject_value(const condition& asked, const condition_view& view) {
    switch (asked.subject) {
    case condition::subject_kind::none:
      break;
    case condition::subject_kind::answer:
      if (view.answer != nullptr)
        found_ = find_at(*view.answer, asked.at);
      break;
    case condition::subject_kind::header:
      if (view.fields != nullptr)
        if (const auto* field = find_header(*view.fields, asked.header))
          own_ = *field;
      break;
    case condition::subject_kind::value:
      own_ = rendered(asked.value, view);
      break;
    }
    if (own_)
      found_ = &*own_;
  }

  subject_value(const subject_value&) = delete;
  subject_value& operator=(const subject_value&) = delete;

  const json* get() const noexcept { return found_; }

private:
  std::optional<json> own_;
  const json* found_ = nullptr;
};

bool is_empty(const json* value) {
  if (value == nullptr || value->is_null())
    return true;
  if (value->is_string())
    return value->get_ref<const std::string&>().empty();
  return value->is_structured() && value->empty();
}

bool is_any_of(const json& value, const std::vector<json_template>& wanted,
               const condition_view& view) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const auto& each) {
    const auto operand = rendered(each, view);
    return operand && same_value(value, *operand);
  });
}

bool begins(const json& value, const text_template& with,
            const condition_view& view) {
  const auto start = rendered(with, view);
  return value.is_string() && start && start->is_string()
      && value.get_ref<const std::string&>().starts_with(
        start->get_ref<const std::string&>());
}

bool has_in_it(const json& value, const json_template& wanted,
               const condition_view& view) {
  const auto part = rendered(wanted, view);
  if (!part)
    return false;
  if (value.is_array())
    return std::any_of(value.begin(), value.end(), [&](const auto& element) {
      return same_value(element, *part);
    });
  return value.is_string() && part->is_string()
      && value.get_ref<const std::string&>().find(
           part->get_ref<const std::string&>())
           != std::string::npos;
}

bool tests_hold(const condition& asked, const condition_view& view) {
  const subject_value subject{asked, view};
  const auto* value = subject.get();
  const bool exists = value != nullptr && !value->is_null();
  if (asked.exists && *asked.exists != exists)
    return false;
  if (asked.empty && *asked.empty != is_empty(value))
    return false;
  if (!asked.is && !asked.at_least && !asked.at_most && !asked.starts_with
      && !asked.contains)
    return true;
  return value != nullptr && (!asked.is || is_any_of(*value, *asked.is, view))
      && (!asked.at_least || compare_numbers(*value, *asked.at_least) >= 0)
      && (!asked.at_most || compare_numbers(*value, *asked.at_most) <= 0)
      && (!asked.starts_with || begins(*value, *asked.starts_with, view))
      && (!asked.contains || has_in_it(*value, *asked.contains, view));
}

bool status_fits(const condition& asked, int status) {
  return asked.statuses.empty()
      || std::any_of(asked.statuses.begin(), asked.statuses.end(),
                     [&](const auto& range) {
                       return status >= range.first && status <= range.last;
                     });
}

void collect(const condition& asked,
             std::vector<const template_expression*>& found) {
  const auto add_text = [&](const text_template& text) {
    for (const auto& each : text.expressions())
      found.push_back(&each);
  };
  const auto add_json = [&](const json_template& body) {
    const auto more = body.expressions();
    found.insert(found.end(), more.begin(), more.end());
  };
  add_text(asked.value);
  if (asked.is)
    for (const auto& each : *asked.is)
      add_json(each);
  if (asked.starts_with)
    add_text(*asked.starts_with);
  if (asked.contains)
    add_json(*asked.contains);
  for (const auto* parts : {&asked.all, &asked.any, &asked.negated})
    for (const auto& each : *parts)
      collect(each, found);
}

} // namespace

bool holds(const condition& asked, const condition_view& view) {
  const auto part_holds = [&](const condition& part) {
    return holds(part, view);
  };
  return status_fits(asked, view.status) && tests_hold(asked, view)
      && std::all_of(asked.all.begin(), asked.all.end(), part_holds)
      && (asked.any.empty()
          || std::any_of(asked.any.begin(), asked.any.end(), part_holds))
      && std::none_of(asked.negated.begin(), asked.negated.end(), part_holds);
}

std::vector<const template_expression*> expressions_of(const condition& asked) {
  std::vector<const template_expression*> found;
  collect(asked, found);
  return found;
}

} // namespace handoff

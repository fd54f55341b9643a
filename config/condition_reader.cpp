#include "config/condition_reader.hpp"

#include "config/nearest_name.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using subject_kind = condition::subject_kind;

const std::vector<std::string_view> subjects{"at", "header", "value"};
const std::vector<std::string_view> tests{
  "is", "exists", "empty", "at_least", "at_most", "starts_with", "contains"};
constexpr std::string_view status_rule =
  "must be a status from 100 to 599, a class such as \"2xx\", or an array of "
  "these, but is ";

/// Reads one condition and those in it.
class reader {
public:
  reader(flow_report& report, condition_place place)
      : report_{report}, place_{place} {}

  condition read(const json& value, const pointer& at, std::size_t depth) {
    condition made;
    // Said once, however many are too many.
    if (++parts_ > condition_parts_max) {
      if (parts_ == condition_parts_max + 1)
        report_.error(at, "is one condition too many, at most "
                            + std::to_string(condition_parts_max)
                            + " may be in one");
      return made;
    }
    if (depth > condition_depth_max) {
      report_.error(at, "is nested too deep, at most "
                          + std::to_string(condition_depth_max)
                          + " conditions may be in each other");
      return made;
    }
    object_reader object{report_, value, at, "condition"};
    if (!value.is_object())
      return made;
    if (value.empty()) {
      report_.error(at, "is empty, must have at least one of "
                          + one_of(allowed_members()));
      return made;
    }
    read_status(object, made);
    read_subject(object, made);
    read_tests(object, made);
    made.all = read_parts(object, "all", depth);
    made.any = read_parts(object, "any", depth);
    if (const auto* part = object.find("not"))
      made.negated.push_back(read(*part, object.at("not"), depth + 1));
    return made;
  }

private:
  std::vector<std::string_view> allowed_members() const {
    switch (place_) {
    case condition_place::answer:
      return {"at", "header", "status", "value", "all", "any", "not"};
    case condition_place::element:
      return {"at", "value", "all", "any", "not"};
    case condition_place::request:
      break;
    }
    return {"value", "all", "any", "not"};
  }

  std::vector<std::string_view> allowed_subjects() const {
    switch (place_) {
    case condition_place::answer:
      return subjects;
    case condition_place::element:
      return {"at", "value"};
    case condition_place::request:
      break;
    }
    return {"value"};
  }

  std::optional<condition::status_range> read_range(const json& value) {
    if (value.is_number_integer() && value >= 100 && value <= 599)
      return condition::status_range{value.get<int>(), value.get<int>()};
    if (!value.is_string())
      return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() != 3 || text[0] < '1' || text[0] > '5'
        || !text.ends_with("xx"))
      return std::nullopt;
    const int first = (text[0] - '0') * 100;
    return condition::status_range{first, first + 99};
  }

  void read_status(object_reader& object, condition& made) {
    const auto* value = object.find("status");
    if (value == nullptr || refuse_answer_part(object, "status"))
      return;
    const auto add = [&](const json& each, const pointer& at) {
      if (const auto range = read_range(each))
        made.statuses.push_back(*range);
      else
        report_.error(at, std::string{status_rule} + shown(each));
    };
    if (!value->is_array())
      add(*value, object.at("status"));
    else if (value->empty())
      object.error("status", std::string{status_rule} + "an empty array");
    else
      for (std::size_t i = 0; i < value->size(); ++i)
        add((*value)[i], object.at("status") / i);
  }

  /// Reports a member that is about an answer where there is none.
  bool refuse_answer_part(object_reader& object, std::string_view key) {
    const auto allowed = allowed_members();
    if (!object.has(key)
        || std::find(allowed.begin(), allowed.end(), key) != allowed.end())
      return false;
    object.error(key,
                 (place_ == condition_place::element
                    ? "is about a whole answer, but this is about an element "
                      "of one; allowed: "
                    : "is about an answer, and there is none here; allowed: ")
                   + one_of(allowed));
    return true;
  }

  void read_subject(object_reader& object, condition& made) {
    std::string_view first;
    for (const auto key : subjects) {
      if (!object.has(key))
        continue;
      if (first.empty())
        first = key;
      else
        object.error(key, "stands beside " + in_quotes(first)
                            + ", one condition has one of them; put several "
                              "into \"all\" or \"any\"");
    }
    const bool refused =
      refuse_answer_part(object, "at") || refuse_answer_part(object, "header");
    if (first == "at" && !refused) {
      made.subject = subject_kind::answer;
      made.at = object.json_pointer("at").value_or(pointer{});
    } else if (first == "header" && !refused) {
      made.subject = subject_kind::header;
      made.header = object.text("header").value_or("");
      if (object.find("header")->is_string() && !is_header_name(made.header))
        object.error("header", shown(*object.find("header"))
                                 + " is not a name of a header");
    } else if (first == "value") {
      made.subject = subject_kind::value;
      if (auto text =
            read_template(report_, *object.find("value"), object.at("value")))
        made.value = std::move(*text);
    }
    const auto test = std::find_if(tests.begin(), tests.end(),
                                   [&](auto key) { return object.has(key); });
    if (!first.empty() && test == tests.end())
      report_.error(object.at(), in_quotes(first)
                                   + " has no test; allowed: " + one_of(tests));
    if (first.empty() && test != tests.end())
      object.error(*test, "tests nothing, beside it must stand "
                            + one_of(allowed_subjects()));
  }

  std::optional<json_template> read_operand(const json& value,
                                            const pointer& at) {
    auto compiled =
      json_template::compile(value, [&](const std::string& literal) {
        return report_.references.resolve(literal);
      });
    if (auto* wrong = std::get_if<error>(&compiled)) {
      report_.error(at, std::move(wrong->detail));
      return std::nullopt;
    }
    return std::get<json_template>(std::move(compiled));
  }

  void read_is(object_reader& object, condition& made) {
    const auto* value = object.find("is");
    if (value == nullptr)
      return;
    auto& wanted = made.is.emplace();
    const auto add = [&](const json& each, const pointer& at) {
      if (auto operand = read_operand(each, at))
        wanted.push_back(std::move(*operand));
    };
    if (!value->is_array())
      add(*value, object.at("is"));
    else if (value->empty() || value->size() > condition_values_max)
      object.error("is", "has " + std::to_string(value->size())
                           + " values, must have 1 to "
                           + std::to_string(condition_values_max));
    else
      for (std::size_t i = 0; i < value->size(); ++i)
        add((*value)[i], object.at("is") / i);
  }

  std::optional<json> read_bound(object_reader& object, std::string_view key) {
    const auto* value = object.find(key);
    if (value == nullptr)
      return std::nullopt;
    if (!value->is_number() && !is_integer(*value)) {
      object.error(key, "must be a number, but is " + shown(*value));
      return std::nullopt;
    }
    return *value;
  }

  void read_tests(object_reader& object, condition& made) {
    read_is(object, made);
    made.exists = object.boolean("exists");
    made.empty = object.boolean("empty");
    made.at_least = read_bound(object, "at_least");
    made.at_most = read_bound(object, "at_most");
    if (const auto* value = object.find("starts_with"))
      made.starts_with =
        read_template(report_, *value, object.at("starts_with"));
    if (const auto* value = object.find("contains"))
      made.contains = read_operand(*value, object.at("contains"));
    for (const auto key : {"at_least", "at_most"})
      if (object.has(key) && made.subject == subject_kind::header)
        report_.warning(object.at(key), "never holds, because a header field "
                                        "is a text and this is for numbers");
  }

  std::vector<condition> read_parts(object_reader& object, std::string_view key,
                                    std::size_t depth) {
    std::vector<condition> made;
    const auto* value = object.find(key);
    if (value == nullptr)
      return made;
    if (!value->is_array() || value->empty()) {
      object.error(key, "must be an array of at least one condition, but is "
                          + (value->is_array() ? "empty" : shown(*value)));
      return made;
    }
    for (std::size_t i = 0; i < value->size(); ++i)
      made.push_back(read((*value)[i], object.at(key) / i, depth + 1));
    return made;
  }

  flow_report& report_;
  condition_place place_;
  std::size_t parts_ = 0;
};

} // namespace

std::optional<condition> read_condition(flow_report& report, const json& value,
                                        const pointer& at,
                                        condition_place place) {
  const auto errors_before = report.errors.size();
  auto made = reader{report, place}.read(value, at, 1);
  if (report.errors.size() > errors_before)
    return std::nullopt;
  return made;
}

void check_condition(flow_report& report, const pointer& at,
                     const condition& asked, const expression_scope& scope) {
  check_expressions(report, at / "value", asked.value, scope);
  if (asked.is)
    for (const auto& each : *asked.is)
      check_expressions(report, at / "is", each.expressions(), scope);
  if (asked.starts_with)
    check_text_expressions(report, at / "starts_with", *asked.starts_with,
                           scope);
  if (asked.contains)
    check_expressions(report, at / "contains", asked.contains->expressions(),
                      scope);
  for (std::size_t i = 0; i < asked.all.size(); ++i)
    check_condition(report, at / "all" / i, asked.all[i], scope);
  for (std::size_t i = 0; i < asked.any.size(); ++i)
    check_condition(report, at / "any" / i, asked.any[i], scope);
  for (const auto& each : asked.negated)
    check_condition(report, at / "not", each, scope);
}

} // namespace handoff

#include "config/answer_rules_reader.hpp"
#include "config/check.hpp"
#include "config/references.hpp"
#include "config/senders.hpp"
#include "config/strict_json.hpp"
#include "job/credential.hpp"
#include "job/json_text.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/journal_place.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <variant>

namespace handoff {
namespace {

constexpr const char* help =
  R"(Usage: handoff check [--expand] [--config-file=FILE] [--json]
                     [--SECTION.KEY=VALUE ...]

Validates the INI and the flows that it points to, without starting anything.
Everything that is wrong is told at once, a line each:

  FILE: key-or-pointer: what is wrong, what is allowed

Ends with 0 if all is well, else with 2.

  --expand               prints the flows, with what their senders stand for;
                         secrets that the file has as text are "***"
  --config-file=FILE     the INI; without one, the defaults
  --json                 the result as one JSON object
  --SECTION.KEY=VALUE    overrides a key of the INI
)";

constexpr std::size_t flow_depth_max = 100;

void hide(nlohmann::json& value) {
  if (value.is_string() && !has_reference(value.get_ref<const std::string&>()))
    value = "***";
  else if (value.is_array())
    for (auto& each : value)
      hide(each);
}

/// The name of what an expression such as "{{query/hub.verify_token}}" takes.
std::string_view last_name(std::string_view expression) {
  const auto from = expression.rfind('/');
  if (!expression.starts_with("{{") || from == std::string_view::npos)
    return {};
  const auto name = expression.substr(from + 1);
  return name.substr(0, name.find_first_of(" }|?"));
}

/// Masks what a header named as a secret is set to.
void hide_fields(nlohmann::json& fields) {
  for (auto& [name, value] : fields.items())
    if (is_credential(name) && value.is_string()
        && value.get_ref<const std::string&>().find("{{") == std::string::npos)
      hide(value);
}

/// Masks secrets that are no references.
void hide_secrets(nlohmann::json& value) {
  if (!value.is_structured())
    return;
  for (auto& [key, member] : value.items()) {
    if (key == "secret" || key == "secrets")
      hide(member);
    else if (key == "headers" && member.is_object())
      hide_fields(member);
    else
      hide_secrets(member);
  }
  // A condition that compares what proves the sender.
  if (value.is_object() && value.contains("is")) {
    const auto compared = value.value("value", nlohmann::json());
    if (compared.is_string()
        && is_credential(last_name(compared.get_ref<const std::string&>())))
      hide(value["is"]);
  }
}

nlohmann::json list_of(const problems& found) {
  auto list = nlohmann::json::array();
  for (const auto& each : found)
    list.push_back(
      {{"file", each.file}, {"where", each.where}, {"what", each.what}});
  return list;
}

/// What a flow's file says, with its sender and shipped rules expanded and
/// without secrets that
/// stand in it as they are.
nlohmann::json expanded(const checked_configuration& checked,
                        const std::string& name) {
  const auto file = std::filesystem::path{checked.settings.flows.directory}
                  / checked.flow_files.at(name);
  std::ifstream stream{file, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  const auto parsed = parse_strict_json(file.string(), text, flow_depth_max);
  // It was read a moment ago.
  const auto* definition = std::get_if<nlohmann::json>(&parsed);
  if (definition == nullptr)
    return nullptr;
  flow_report report{file.string(),
                     reference_resolver{checked.settings.base_directory}};
  auto made =
    expand_sender(*definition, checked.settings.deadline.limit, report)
      .definition;
  expand_outcomes(made);
  hide_secrets(made);
  return made;
}

void print_expanded(const checked_configuration& checked) {
  for (const auto& [name, definition] : checked.flows)
    std::cout << json_text(expanded(checked, name), {.indent = 2}) << '\n';
}

void print_json(const checked_configuration& checked, bool expand) {
  auto flows = nlohmann::json::array();
  for (const auto& [name, definition] : checked.flows) {
    flows.push_back({{"name", name}, {"version", definition->version}});
    if (expand)
      flows.back()["definition"] = expanded(checked, name);
  }
  std::cout << json_text({{"ok", checked.errors.empty()},
                          {"errors", list_of(checked.errors)},
                          {"warnings", list_of(checked.warnings)},
                          {"flows", flows}},
                         {.indent = 2})
            << '\n';
}

void print_text(const checked_configuration& checked, bool expand) {
  for (const auto& each : checked.errors)
    std::cerr << to_string(each) << '\n';
  for (const auto& each : checked.warnings)
    std::cerr << "warning: " << to_string(each) << '\n';
  if (!checked.errors.empty())
    return;
  if (expand)
    print_expanded(checked);
  auto& out = expand ? std::cerr : std::cout;
  out << "the configuration is valid; " << checked.flows.size()
      << (checked.flows.size() == 1 ? " flow" : " flows");
  const char* before = ": ";
  for (const auto& [name, definition] : checked.flows) {
    out << before << name << " (" << definition->sub_actions.size()
        << (definition->sub_actions.size() == 1 ? " sub-action)"
                                                : " sub-actions)");
    before = ", ";
  }
  out << '\n';
}

} // namespace

int check_command(const command_words& words) {
  const auto given = read_arguments("check", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  if (given.error || !given.positional.empty())
    return complain("check", words,
                    {error_kind::invalid_request,
                     given.error.value_or("takes options only; "
                                          "--config-file=FILE names the INI")},
                    exit_usage);
  std::optional<std::filesystem::path> ini;
  if (const auto file = given.value("config-file"))
    ini = *file;
  auto checked = check(ini, given.overrides);
  check_journal(checked, ini);
  if (given.has("json"))
    print_json(checked, given.has("expand"));
  else
    print_text(checked, given.has("expand"));
  return checked.errors.empty() ? exit_done : exit_usage;
}

} // namespace handoff

#include "config/ini_file.hpp"

#include "config/caf_options.hpp"
#include "job/text.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/config_value.hpp>
#include <caf/pec.hpp>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace handoff {

namespace {

// CAF takes an INI that ends within a list or a map for a good one and drops
// the section. With this at the end, what was dropped is seen to be missing.
constexpr std::string_view eof_section = "zz-eof";
constexpr std::string_view eof_mark = "\n[zz-eof]\nok = true\n";

std::optional<std::string> joined(const caf::config_value::list& list) {
  std::string texts;
  for (const auto& each : list) {
    const auto* text = caf::get_if<std::string>(&each);
    if (text == nullptr || text->find(',') != std::string::npos)
      return std::nullopt;
    texts += (&each == &list.front() ? "" : ",") + *text;
  }
  return texts;
}

ini_value converted(const caf::config_value& value) {
  if (const auto* integer = caf::get_if<std::int64_t>(&value))
    return *integer;
  if (const auto* real = caf::get_if<double>(&value))
    return *real;
  if (const auto* boolean = caf::get_if<bool>(&value))
    return *boolean;
  if (const auto* atom = caf::get_if<caf::atom_value>(&value))
    return ini_atom{caf::to_string(*atom)};
  if (const auto* span = caf::get_if<caf::timespan>(&value))
    return std::chrono::nanoseconds{span->count()};
  if (const auto* text = caf::get_if<std::string>(&value))
    return *text;
  if (const auto* uri = caf::get_if<caf::uri>(&value))
    return caf::to_string(*uri);
  if (const auto* list = caf::get_if<caf::config_value::list>(&value))
    return ini_compound{"a list", joined(*list)};
  return ini_compound{"a map"};
}

std::string in_words(caf::pec code, std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  if (first != std::string_view::npos && line[first] == '#')
    return "# does not begin a comment, but ; does";
  switch (code) {
  case caf::pec::fractional_timespan:
    return "a duration with a fraction needs double quotes; allowed: one such "
           "as \"9.5s\"";
  case caf::pec::too_many_characters:
    return "text in single quotes is too long; allowed: text in double quotes";
  case caf::pec::illegal_escape_sequence:
    return "a backslash means something else in quotes; allowed: \\\\, \\\", "
           "\\n, \\r and \\t";
  case caf::pec::integer_overflow:
  case caf::pec::integer_underflow:
  case caf::pec::timespan_overflow:
  case caf::pec::exponent_overflow:
  case caf::pec::exponent_underflow:
    return "the number is too large; allowed: 64 bits";
  default:
    return "cannot be read; allowed: [section], key = value and ; comment; "
           "text, a size with a unit and a duration in days need double "
           "quotes, such as \"1MiB\" and \"7d\"";
  }
}

/// The line with this number, from 1.
std::string_view line_of(std::string_view text, std::size_t number) {
  for (std::size_t i = 1; i < number; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

problem not_closed(const std::string& file) {
  return {file, "",
          "ends within a value: a quote, bracket or brace is not closed"};
}

problem syntax_problem(const std::string& file, std::string_view text,
                       const caf::error& failure) {
  std::size_t line = 0;
  std::size_t column = 0;
  const auto& context = failure.context();
  if (context.match_elements<caf::settings>()) {
    const auto& at = context.get_as<caf::settings>(0);
    line = static_cast<std::size_t>(caf::get_or(at, "line", std::int64_t{0}));
    column =
      static_cast<std::size_t>(caf::get_or(at, "column", std::int64_t{0}));
  }
  const auto code = static_cast<caf::pec>(failure.code());
  // The parser sees that a line is wrong when it is at the next.
  if (code == caf::pec::unexpected_newline && column == 1 && line > 1) {
    --line;
    column = line_of(text, line).size() + 1;
  }
  const auto lines =
    static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  if (line > lines)
    return not_closed(file);
  return {file + ":" + std::to_string(line) + ":" + std::to_string(column), "",
          in_words(code, line_of(text, line))};
}

void find_duplicates(const std::string& file,
                     const std::vector<ini_line>& lines, problems& errors) {
  std::map<std::string, std::size_t> seen;
  for (const auto& line : lines) {
    const auto name =
      line.key.empty()
        ? "[" + line.section + "]"
        : line.section + (line.section.empty() ? "" : ".") + line.key;
    const auto [it, is_new] = seen.emplace(name, line.line);
    if (!is_new)
      errors.push_back({file, name,
                        "appears twice, in the lines "
                          + std::to_string(it->second) + " and "
                          + std::to_string(line.line) + ""});
  }
}

/// CAF reads -5s as 0s.
void mark_negative_durations(const std::vector<ini_line>& lines,
                             std::vector<ini_entry>& entries) {
  for (auto& entry : entries) {
    if (!std::holds_alternative<std::chrono::nanoseconds>(entry.value))
      continue;
    const auto it = std::find_if(lines.begin(), lines.end(), [&](auto& line) {
      return line.section == entry.section && line.key == entry.key;
    });
    if (it != lines.end() && it->value.starts_with('-'))
      entry.value =
        ini_negative{it->value.substr(0, it->value.find_first_of(" \t;"))};
  }
}

std::string with_plain_newlines(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
      made += text[i];
  return made;
}

} // namespace

ini_content parse_ini(const std::string& file, std::string_view original) {
  ini_content content;
  if (const auto at = original.find('\0'); at != npos) {
    const auto before = original.substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    content.errors.push_back({file + ":" + std::to_string(line), "",
                              "has a NUL byte; allowed: text in UTF-8"});
    return content;
  }
  const auto text = with_plain_newlines(original);
  const auto lines = scan_ini(text);
  std::istringstream stream{text + std::string{eof_mark}};
  auto parsed = caf::actor_system_config::parse_config(stream);
  if (!parsed) {
    content.errors.push_back(syntax_problem(file, text, parsed.error()));
    return content;
  }
  if (!parsed->contains(std::string{eof_section})) {
    content.errors.push_back(not_closed(file));
    return content;
  }
  find_duplicates(file, lines, content.errors);
  // Somebody's own section of that name is as unknown as any other.
  const bool own_eof =
    std::any_of(lines.begin(), lines.end(),
                [](const auto& line) { return line.section == eof_section; });
  for (const auto& [section, value] : *parsed) {
    const auto* members = caf::get_if<caf::settings>(&value);
    if (section == eof_section && !own_eof)
      continue;
    if (members == nullptr)
      content.entries.push_back({"", section, converted(value)});
    else if (members->empty())
      content.entries.push_back({section, "", ini_compound{"a section"}});
    else
      for (const auto& [key, member] : *members)
        content.entries.push_back({section, key, converted(member)});
  }
  mark_negative_durations(lines, content.entries);
  return content;
}

void apply_caf_options(caf::actor_system_config& config,
                       const std::vector<caf_option>& options) {
  for (const auto& option : options) {
    const caf::string_view name{option.name.data(), option.name.size()};
    if (const auto* integer = std::get_if<std::int64_t>(&option.value))
      config.set(name, *integer);
    else if (const auto* real = std::get_if<double>(&option.value))
      config.set(name, *real);
    else if (const auto* boolean = std::get_if<bool>(&option.value))
      config.set(name, *boolean);
    else if (const auto* span =
               std::get_if<std::chrono::nanoseconds>(&option.value))
      config.set(name, caf::timespan{span->count()});
    else if (option.name == "scheduler.policy")
      config.set(name,
                 caf::atom_from_string(std::get<std::string>(option.value)));
    else
      config.set(name, std::get<std::string>(option.value));
  }
}

} // namespace handoff

#include "tools/handoff/command_table.hpp"
#include "tools/handoff/completion.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace handoff {
namespace {

using ::testing::HasSubstr;
using names = std::set<std::string>;

const names of_clients{"url", "config-file", "json", "help"};

std::string read_file(const std::string& path) {
  std::ifstream file{HANDOFF_SOURCE_DIR "/" + path};
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What stands after each heading: by its first word, in lower case.
std::map<std::string, std::string> sections_of(const std::string& text,
                                               const std::regex& heading) {
  std::map<std::string, std::string> sections;
  std::istringstream lines{text};
  std::string current;
  std::smatch found;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_match(line, found, heading))
      current = found[1];
    else
      sections[current] += line + '\n';
  return sections;
}

names all_in(const std::string& text, const std::regex& pattern) {
  names all;
  for (std::sregex_iterator at{text.begin(), text.end(), pattern}, end;
       at != end; ++at)
    all.insert((*at)[1]);
  return all;
}

names options_of(const command_rule& command) {
  names all;
  for (const auto& each : command.options)
    all.emplace(each.name);
  return all;
}

names without(names all, const names& others) {
  for (const auto& each : others)
    all.erase(each);
  return all;
}

names all_commands() {
  names all;
  for (const auto& each : command_table())
    all.emplace(each.name);
  return all;
}

names all_options() {
  names all;
  for (const auto& each : command_table())
    all.merge(options_of(each));
  return all;
}

TEST(CommandTableTest, IsThatOfTheManPage) {
  auto page = read_file("docs/handoff.1");
  page = std::regex_replace(page, std::regex{R"(\\-)"}, "-");
  const auto parts = sections_of(page, std::regex{R"(\.SH (.*))"});
  const auto commands =
    sections_of(parts.at("COMMANDS"), std::regex{R"(\.SS (\w+).*)"});
  const std::regex option{R"(\n\.BI? --([a-z-]+))"};
  EXPECT_EQ(all_in(parts.at("COMMON OPTIONS"), option), of_clients);
  names described;
  for (const auto& [name, text] : commands)
    if (!name.empty())
      described.insert(name);
  EXPECT_EQ(described, all_commands());
  for (const auto& each : command_table())
    EXPECT_EQ(all_in(commands.at(std::string{each.name}), option),
              without(options_of(each), of_clients))
      << each.name;
  EXPECT_THAT(page, HasSubstr("handoff " HANDOFF_VERSION));
}

TEST(CommandTableTest, IsThatOfTheDocument) {
  const auto page = read_file("docs/command-line.md");
  const auto sections = sections_of(page, std::regex{"## (.*)"});
  EXPECT_EQ(all_in(sections.at(""), std::regex{R"(\n\| \[?`([a-z]+)`)"}),
            all_commands());
  for (const auto& each : command_table()) {
    const auto found = sections.find(std::string{each.name});
    if (found == sections.end())
      continue;
    for (const auto& option : without(options_of(each), of_clients))
      EXPECT_THAT(found->second, HasSubstr("--" + option)) << each.name;
  }
  const std::regex option{R"((?:^|[\s`\["(])--([a-z][a-z-]*)(?![a-z.-]))"};
  EXPECT_EQ(without(all_in(page, option), {"section", "name"}), all_options());
}

TEST(CommandTableTest, HasEachOptionOnce) {
  for (const auto& each : command_table()) {
    EXPECT_EQ(options_of(each).size(), each.options.size()) << each.name;
    EXPECT_TRUE(options_of(each).contains("help")) << each.name;
    for (const auto& option : each.options)
      EXPECT_FALSE(option.purpose.empty()) << option.name;
  }
}

TEST(CompletionTest, KnowsEveryCommandAndOption) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto text = completion_for(shell).value();
    for (const auto& command : command_table()) {
      EXPECT_THAT(text, HasSubstr(std::string{command.name})) << shell;
      for (const auto& option : command.options)
        EXPECT_THAT(text,
                    HasSubstr((shell == std::string{"fish"} ? " -l " : "--")
                              + std::string{option.name}))
          << shell;
    }
  }
  EXPECT_FALSE(completion_for("tcsh"));
}

} // namespace
} // namespace handoff

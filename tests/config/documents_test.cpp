// Holds what is shipped beside the program against the tables in it.

#include "config/flow_keys.hpp"
#include "config/ini_file.hpp"
#include "config/settings_loader.hpp"
#include "config/settings_table.hpp"
#include "tests/config/bad_inputs.hpp"
#include "tests/config/files.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace handoff::test {

namespace {

using nlohmann::json;

std::string shipped(const std::string& name) {
  return read_all(std::filesystem::path{HANDOFF_SOURCE_DIR} / name);
}

/// handoff.ini with the keys in it that are commented out.
std::string complete_ini() {
  auto text = "\n" + shipped("config/handoff.ini");
  for (auto at = text.find("\n;"); at != std::string::npos;
       at = text.find("\n;", at + 1))
    if (text[at + 2] != ' ')
      text.erase(at + 1, 1);
  return text;
}

template <class Names>
std::set<std::string> as_set(const Names& names) {
  return {names.begin(), names.end()};
}

} // namespace

TEST(DocumentsTest, HandoffIniHasEveryKeyOnce) {
  std::map<std::string, int> seen;
  for (const auto& line : scan_ini(complete_ini()))
    if (!line.key.empty())
      ++seen[line.section + "." + line.key];
  for (const auto& key : setting_keys())
    EXPECT_EQ(seen[key.name()], 1) << key.name();
  EXPECT_EQ(seen.size(), setting_keys().size());
}

TEST(DocumentsTest, HandoffIniHasTheDefaults) {
  ::setenv("HANDOFF_ADMIN_TOKEN", "t", 1);
  ::setenv("HANDOFF_JOURNAL_SECRET", "long-enough-to-be-one", 1);
  ::setenv("HANDOFF_UPSTREAM_CA", "-----BEGIN CERTIFICATE-----", 1);
  std::map<std::string, std::string> written;
  for (const auto& line : scan_ini(complete_ini()))
    written[line.section + "." + line.key] = line.value;
  for (const auto& key : setting_keys()) {
    if (!key.default_text.empty()) {
      EXPECT_EQ(written[key.name()], key.default_text) << key.name();
    }
  }
  const auto loaded =
    read_settings("handoff.ini", shipped("config/handoff.ini"), "", {});
  EXPECT_TRUE(loaded.errors.empty());
  for (const auto& key : setting_keys()) {
    if (key.get) {
      EXPECT_EQ(key.get(loaded.values), key.default_text) << key.name();
    }
  }
}

// CAF's examples are only of use with stealing and profiling on.
TEST(DocumentsTest, HandoffIniHasExamplesThatWork) {
  ::setenv("HANDOFF_ADMIN_TOKEN", "t", 1);
  ::setenv("HANDOFF_JOURNAL_SECRET", "long-enough-to-be-one", 1);
  ::setenv("HANDOFF_UPSTREAM_CA", "-----BEGIN CERTIFICATE-----", 1);
  const auto loaded = read_settings(
    "handoff.ini", complete_ini(), "",
    {"--scheduler.policy=stealing", "--journal.uri=postgresql://db/handoff"});
  for (const auto& found : loaded.errors)
    ADD_FAILURE() << to_string(found);
}

TEST(DocumentsTest, SchemaHasEveryKeyOfAFlow) {
  const auto schema = json::parse(shipped("config/flow.schema.json"));
  for (const auto& object : flow_objects()) {
    const std::string kind{object.kind};
    const auto& described = kind == "flow" ? schema : schema["$defs"][kind];
    std::set<std::string> keys;
    for (const auto& [key, rule] : described["properties"].items())
      keys.insert(key);
    EXPECT_EQ(keys, as_set(object.keys)) << kind;
    EXPECT_EQ(as_set(described.value("required", std::vector<std::string>{})),
              as_set(object.required))
      << kind;
    EXPECT_EQ(described["additionalProperties"], false) << kind;
  }
  // And nothing else that is an object with members of its own.
  for (const auto& [kind, rule] : schema["$defs"].items()) {
    const auto objects = flow_objects();
    if (rule.contains("properties")) {
      EXPECT_TRUE(std::any_of(objects.begin(), objects.end(),
                              [&](const auto& o) { return o.kind == kind; }))
        << kind;
    }
  }
}

TEST(DocumentsTest, DocumentationHasEveryKeyAndMessage) {
  const auto settings_page = shipped("docs/configuration.md");
  for (const auto& key : setting_keys())
    EXPECT_NE(settings_page.find("| `" + std::string{key.key} + "` |"),
              std::string::npos)
      << key.name();
  for (const auto& [input, message] : bad_inis())
    EXPECT_NE(settings_page.find(message), std::string::npos) << message;
  const auto flows_page = shipped("docs/flows.md");
  for (const auto& object : flow_objects())
    for (const auto key : object.keys)
      EXPECT_NE(flows_page.find(std::string{key}), std::string::npos) << key;
  for (const auto& [input, message] : bad_flows())
    EXPECT_NE(flows_page.find(message), std::string::npos) << message;
}

} // namespace handoff::test

// Goal: the flows of the gallery do what they say against APIs that behave as
// their documentation has it. Method: each is played by "handoff simulate" with
// the script and the webhook beside it.

#include "tests/integration/command_test.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace handoff::support {

namespace {

using nlohmann::json;

std::string content_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> gallery() {
  std::vector<std::filesystem::path> all;
  for (const auto& each : std::filesystem::directory_iterator{
         std::filesystem::path{HANDOFF_SOURCE_DIR} / "config" / "gallery"})
    if (each.is_directory())
      all.push_back(each.path());
  return all;
}

} // namespace

TEST(GalleryTest, PlaysEachFlowToItsEnd) {
  const auto all = gallery();
  EXPECT_GE(all.size(), 20u);
  for (const auto* name : {"ASANA_TOKEN",
                           "BASECAMP_ID",
                           "BASECAMP_SECRET",
                           "BASECAMP_REFRESH_TOKEN",
                           "CLICKUP_TOKEN",
                           "CONFLUENCE_TOKEN",
                           "GITHUB_TOKEN",
                           "GITLAB_TOKEN",
                           "GOOGLE_ID",
                           "GOOGLE_SECRET",
                           "GOOGLE_REFRESH_TOKEN",
                           "GRAPH_TENANT",
                           "GRAPH_ID",
                           "GRAPH_SECRET",
                           "SALESFORCE_ID",
                           "SALESFORCE_SECRET",
                           "STRIPE_KEY",
                           "HUBSPOT_TOKEN",
                           "JIRA_BASIC",
                           "MIRO_TOKEN",
                           "MONDAY_TOKEN",
                           "NOTION_TOKEN",
                           "SHOPIFY_TOKEN",
                           "SMARTSHEET_TOKEN",
                           "TRELLO_KEY",
                           "TRELLO_TOKEN",
                           "ZENDESK_BASIC"})
    ::setenv(name, "gallery-secret", 1);
  for (const auto& each : all) {
    const auto done =
      run_handoff({"simulate", (each / "flow.json").string(),
                   "--script=" + (each / "api.json").string(),
                   "--data=" + content_of(each / "webhook.json"), "--json"},
                  each.string());
    EXPECT_EQ(done.code, 0) << each << done.output << done.error;
    const auto played = json::parse(done.output, nullptr, false);
    ASSERT_FALSE(played.is_discarded()) << each << done.output;
    EXPECT_EQ(played["job"]["status"], "succeeded") << each;
    EXPECT_EQ(done.output.find("gallery-secret"), std::string::npos) << each;
  }
}

} // namespace handoff::support

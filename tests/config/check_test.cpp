#include "config/check.hpp"
#include "tests/config/files.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

TEST(CheckTest, ReportsTheIniAndItsFlowsAtOnce) {
  temporary_folder folder;
  const auto ini = folder.write("handoff.ini", "[http]\nport = 99999\n");
  folder.write("flows/a.json", "{}");
  const auto made = check(ini, {});
  ASSERT_EQ(made.errors.size(), 3u);
  EXPECT_EQ(made.errors[0].where, "http.port");
  EXPECT_EQ(to_string(made.errors[1]),
            (folder.path() / "flows" / "a.json").string()
              + ": \"name\" is missing");
}

TEST(CheckTest, MissesADirectoryOnlyIfItIsAskedFor) {
  temporary_folder folder;
  const auto ini = folder.write("handoff.ini", "");
  EXPECT_TRUE(check(ini, {}).errors.empty());
  const auto made = check(ini, {"--flows.directory=elsewhere"});
  ASSERT_EQ(made.errors.size(), 1u);
  EXPECT_EQ(to_string(made.errors[0]),
            (folder.path() / "elsewhere").string()
              + ": there is no such directory; allowed: one with flows in it "
                "(flows.directory)");
}

TEST(CheckTest, WarnsOfKeysThatOutliveTheirJobs) {
  temporary_folder folder;
  const auto ini = folder.write("handoff.ini", "[journal]\nkeep = 2s\n");
  folder.write("flows/a.json", R"({"name": "a", "clone": {"uid": "/id",
    "request": {"method": "POST", "url": "http://a/c"}}})");
  const auto made = check(ini, {});
  EXPECT_TRUE(made.errors.empty());
  ASSERT_EQ(made.warnings.size(), 1u);
  EXPECT_EQ(made.warnings[0].where, "/idempotency/keep");
  EXPECT_TRUE(check(ini, {"--journal.keep=2d"}).warnings.empty());
}

TEST(CheckTest, SaysOnceThatAPathIsEmpty) {
  temporary_folder folder;
  for (const std::string key : {"directory", "connections"}) {
    const auto ini =
      folder.write("handoff.ini", "[flows]\n" + key + " = \"\"\n");
    const auto made = check(ini, {});
    ASSERT_EQ(made.errors.size(), 1u) << to_string(made.errors.back());
    EXPECT_EQ(made.errors[0].where, "flows." + key);
  }
}

TEST(CheckTest, AcceptsWhatIsShipped) {
  const auto made = check(
    std::filesystem::path{HANDOFF_SOURCE_DIR} / "config" / "handoff.ini", {});
  for (const auto& found : made.errors)
    ADD_FAILURE() << to_string(found);
  EXPECT_TRUE(made.warnings.empty());
  ASSERT_TRUE(made.flows.contains("project-setup"));
  EXPECT_EQ(made.flows.find("project-setup")->second->sub_actions.size(), 6u);
}

} // namespace handoff::test

#include "config/settings_loader.hpp"
#include "config/settings_table.hpp"
#include "tests/config/files.hpp"

#include <caf/actor_system_config.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace handoff::test {

namespace {

using std::chrono::milliseconds;

loaded_settings read(std::string_view text,
                     const std::vector<std::string>& overrides = {}) {
  return read_settings("handoff.ini", text, "", overrides);
}

std::string messages(const loaded_settings& loaded) {
  std::string text;
  for (const auto& each : loaded.errors)
    text += to_string(each) + "\n";
  return text;
}

/// A value of each kind, as CAF's options take it.
const caf_option* find(const loaded_settings& loaded, std::string_view name) {
  const auto it = std::find_if(loaded.caf.begin(), loaded.caf.end(),
                               [&](const auto& o) { return o.name == name; });
  return it == loaded.caf.end() ? nullptr : &*it;
}

} // namespace

TEST(SettingsLoaderTest, RunsWithAnEmptyIni) {
  const auto loaded = read("");
  EXPECT_EQ(messages(loaded), "");
  EXPECT_EQ(loaded.values.http.port, 8080);
  EXPECT_FALSE(loaded.values.flows.given);
  EXPECT_EQ(loaded.values.flows.directory, "flows");
  EXPECT_EQ(std::get<std::string>(find(loaded, "scheduler.policy")->value),
            "sharing");
  EXPECT_EQ(
    std::get<std::int64_t>(find(loaded, "scheduler.max-threads")->value), 2);
  const auto* throughput = find(loaded, "scheduler.max-throughput");
  ASSERT_NE(throughput, nullptr);
  EXPECT_EQ(std::get<std::int64_t>(throughput->value), 100);
}

TEST(SettingsLoaderTest, ReadsNamesOfHosts) {
  using names = std::vector<std::string>;
  const names both{"handoff-admin", "handoff.internal"};
  for (const auto* value : {"[\"handoff-admin\", \"handoff.internal\"]",
                            "\"handoff-admin, handoff.internal\"",
                            "\"handoff-admin,handoff.internal\""}) {
    const auto loaded = read("[admin]\nhosts = " + std::string{value} + "\n");
    EXPECT_EQ(messages(loaded), "");
    EXPECT_EQ(loaded.values.admin.hosts, both) << value;
  }
  EXPECT_EQ(read("", {"--admin.hosts=a,b"}).values.admin.hosts,
            (names{"a", "b"}));
  EXPECT_EQ(read("").values.admin.hosts, names{});
  for (const auto* value :
       {"\"\"", "[]", "\"a:80\"", "\"a b\"", "\"*\"", "\"a,,b\"",
        "\"http://a\"", "[\"a\", 1]", "[\"a,b\"]", "{ a = 1 }", "7", "true"})
    EXPECT_EQ(
      read("[admin]\nhosts = " + std::string{value} + "\n").errors.size(), 1u)
      << value;
}

TEST(SettingsLoaderTest, KeepsConnectionsAsLongAsItIsTold) {
  EXPECT_EQ(read("").values.http.keep_alive, milliseconds{75'000});
  EXPECT_EQ(read("[http]\nkeep-alive = 10min\n").values.http.keep_alive,
            milliseconds{600'000});
  EXPECT_EQ(read("[http]\nkeep-alive = 0s\n").errors.size(), 1u);
}

TEST(SettingsLoaderTest, ReadsEveryKindOfValue) {
  const auto loaded = read("; comment\n"
                           "[http]\n"
                           "address = \"::1\"\n"
                           "port = 9090 ; after a value too\n"
                           "max-body = \"64 KiB\"\n"
                           "header-timeout = \"9.5s\"\n"
                           "body-timeout = 2min\n"
                           "[retry]\nfactor = 3\njitter = 0.25\n"
                           "[upstream]\nprivate-networks = 'refuse'\n"
                           "[journal]\nkeep = \"7d\"\nkeep-bytes = 4096\n"
                           "[log]\nlevel = \"debug\"\nformat = 'json'\n"
                           "[flows]\ndirectory = \"f\"\n");
  EXPECT_EQ(messages(loaded), "");
  const auto& values = loaded.values;
  EXPECT_EQ(values.http.address, "::1");
  EXPECT_EQ(values.http.port, 9090);
  EXPECT_EQ(values.http.max_body, 65'536u);
  EXPECT_EQ(values.http.header_timeout, milliseconds{9'500});
  EXPECT_EQ(values.http.body_timeout, milliseconds{120'000});
  EXPECT_EQ(values.retry.factor, 3.0);
  EXPECT_EQ(values.retry.jitter, 0.25);
  EXPECT_FALSE(values.upstream.private_networks_allowed);
  EXPECT_EQ(values.journal.keep, milliseconds{604'800'000});
  EXPECT_EQ(values.journal.keep_bytes, 4096u);
  EXPECT_EQ(values.log.level, "debug");
  EXPECT_EQ(values.log.format, "json");
  EXPECT_TRUE(values.flows.given);
}

TEST(SettingsLoaderTest, ReadsWindowsLines) {
  const auto loaded = read("\xef\xbb\xbf[http]\r\nport = 1\r\n");
  EXPECT_EQ(messages(loaded), "");
  EXPECT_EQ(loaded.values.http.port, 1);
}

TEST(SettingsLoaderTest, ReportsEveryErrorAtOnce) {
  const auto loaded =
    read("[http]\nport = 99999\nadress = \"x\"\n[htp]\na = 1\n"
         "[retry]\nfirst = -1s\n",
         {"--pool.workers=0", "--foo"});
  EXPECT_EQ(loaded.errors.size(), 6u) << messages(loaded);
}

TEST(SettingsLoaderTest, LetsTheCommandLineOverride) {
  const auto loaded = read(
    "[http]\nport = 1\n",
    {"--http.port=2", "--http.port=3", "--deadline.limit=9.5s",
     "--http.max-body=2MiB", "--log.format='json'",
     "--scheduler.policy=stealing", "--scheduler.max-threads=5",
     "--work-stealing.relaxed-sleep-duration=20ms", "--upstream.rate=2.5"});
  EXPECT_EQ(messages(loaded), "");
  EXPECT_EQ(loaded.values.http.port, 3);
  EXPECT_EQ(loaded.values.deadline.limit, milliseconds{9'500});
  EXPECT_EQ(loaded.values.http.max_body, 2'097'152u);
  EXPECT_EQ(loaded.values.log.format, "json");
  EXPECT_EQ(loaded.values.upstream.rate, 2.5);
  EXPECT_EQ(std::get<std::string>(find(loaded, "scheduler.policy")->value),
            "stealing");
}

TEST(SettingsLoaderTest, NamesTheOptionThatIsWrong) {
  EXPECT_EQ(messages(read("", {"--http.port=abc"})),
            "--http.port: \"abc\" is not a whole number; allowed: a whole "
            "number from 0 to 65535\n");
  EXPECT_EQ(messages(read("", {"--http.prt=1"})).substr(0, 56),
            "--http.prt: is not a known key (did you mean port?); all");
  EXPECT_EQ(messages(read("", {"--http.port"})),
            "--http.port: has no value; allowed: --http.port=VALUE\n");
  EXPECT_EQ(messages(read("", {"--port=1"})),
            "--port: names no key; allowed: --section.key=value\n");
  EXPECT_EQ(messages(read("", {"--deadline.margin=20s"})),
            "--deadline.margin: deadline.margin is 20s; allowed: less than "
            "deadline.limit, which is 10s\n");
}

TEST(SettingsLoaderTest, ResolvesReferencesAnywhere) {
  temporary_folder folder;
  folder.write("token", "abc\n");
  ::setenv("HANDOFF_TEST_PORT", "9191", 1);
  ::setenv("HANDOFF_TEST_PART", "xyz", 1);
  const auto ini = folder.write(
    "handoff.ini", "[admin]\n"
                   "token = \"${file:token}-${env:HANDOFF_TEST_PART}\"\n"
                   "port = \"${env:HANDOFF_TEST_PORT}\"\n"
                   "[log]\nlevel = \"debug\"\n");
  const auto loaded = load_settings(ini, {});
  EXPECT_EQ(messages(loaded), "");
  EXPECT_EQ(loaded.values.admin.token, "abc-xyz");
  EXPECT_EQ(loaded.values.admin.port, 9191);
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_EQ(loaded.values.base_directory, folder.path().string());
  EXPECT_EQ(loaded.values.flows.directory, (folder.path() / "flows").string());
}

TEST(SettingsLoaderTest, StripsOneNewlineOfASecretFile) {
  temporary_folder folder;
  folder.write("two", "abc\n\n");
  const auto text = "[admin]\ntoken = \"${file:two}\"\n";
  const auto loaded =
    read_settings("handoff.ini", text, folder.path().string(), {});
  EXPECT_EQ(messages(loaded),
            "handoff.ini: admin.token: has characters in it that are not "
            "allowed; allowed: visible ASCII characters without spaces\n");
}

TEST(SettingsLoaderTest, NeverShowsWhatReferencesGive) {
  ::setenv("HANDOFF_TEST_SECRET", "hunter2", 1);
  const std::string reference = "\"${env:HANDOFF_TEST_SECRET}\"";
  for (const auto& key : setting_keys()) {
    const auto text = "[" + std::string{key.section} + "]\n"
                    + std::string{key.key} + " = " + reference + "\n";
    const auto loaded = read(text);
    EXPECT_EQ(messages(loaded).find("hunter2"), std::string::npos) << text;
    const auto option = read("", {"--" + key.name() + "=" + reference});
    EXPECT_EQ(messages(option).find("hunter2"), std::string::npos) << text;
  }
}

TEST(SettingsLoaderTest, NeverShowsATokenOrAPassword) {
  for (const auto* text : {"[admin]\ntoken = \"hun ter2\"\n",
                           "[journal]\nuri = \"postgres:u:hunter2@h/d\"\n",
                           "[journal]\nuri = \"mysql://u:hunter2@h/d\"\n"}) {
    const auto said = messages(read(text));
    EXPECT_NE(said, "");
    EXPECT_EQ(said.find("ter2"), std::string::npos) << said;
  }
}

TEST(SettingsLoaderTest, WarnsOfAPasswordInTheUriOfTheJournal) {
  const auto warnings_of = [](const std::string& uri) {
    return read("[journal]\nuri = \"" + uri + "\"\n").warnings;
  };
  for (const auto* uri :
       {"postgresql://u:hunter2@h/d", "postgresql:///d?password=hunter2"}) {
    const auto warnings = warnings_of(uri);
    ASSERT_EQ(warnings.size(), 1u) << uri;
    EXPECT_EQ(to_string(warnings[0]).find("hunter2"), std::string::npos);
  }
  for (const auto* uri : {"postgresql://u@h:5432/d", "sqlite:a.db"})
    EXPECT_TRUE(warnings_of(uri).empty()) << uri;
}

TEST(SettingsLoaderTest, WarnsOfATokenInTheFile) {
  const auto loaded = read("[admin]\ntoken = \"hunter2\"\naddress = \"::\"\n");
  EXPECT_EQ(messages(loaded), "");
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_EQ(to_string(loaded.warnings[0]),
            "handoff.ini: admin.token: is a secret in plain text; "
            "put it in ${env:NAME} or ${file:PATH}");
}

TEST(SettingsLoaderTest, RefusesTheSectionThatMarksTheEnd) {
  EXPECT_EQ(messages(read("[zz-eof]\nok = true\n")).substr(0, 45),
            "handoff.ini: [zz-eof]: is not a known section");
}

TEST(SettingsLoaderTest, SaysThatAnIniIsMissing) {
  EXPECT_EQ(messages(load_settings("no/such.ini", {})),
            "no/such.ini: cannot be read; allowed: an INI file\n");
}

// CAF drops options of a wrong type without a word, so that each is looked for
// afterwards.
TEST(SettingsLoaderTest, PassesCafItsOptions) {
  const auto loaded =
    read("[scheduler]\npolicy = 'stealing'\nmax-threads = 3\n"
         "max-throughput = 50\nenable-profiling = true\n"
         "profiling-resolution = 100ms\nprofiling-output-file = \"p\"\n"
         "[work-stealing]\nrelaxed-sleep-duration = 20ms\n"
         "relaxed-steal-interval = 2\n[stream]\nmax-batch-delay = 5ms\n");
  ASSERT_EQ(messages(loaded), "");
  caf::actor_system_config config;
  apply_caf_options(config, loaded.caf);
  EXPECT_EQ(caf::get_or(config, "scheduler.policy", caf::atom("")),
            caf::atom("stealing"));
  EXPECT_EQ(caf::get_or(config, "scheduler.max-threads", size_t{0}), 3u);
  EXPECT_EQ(caf::get_or(config, "scheduler.max-throughput", size_t{0}), 50u);
  EXPECT_TRUE(caf::get_or(config, "scheduler.enable-profiling", false));
  EXPECT_EQ(
    caf::get_or(config, "scheduler.profiling-resolution", caf::timespan{0}),
    caf::timespan{100'000'000});
  EXPECT_EQ(caf::get_or(config, "work-stealing.relaxed-sleep-duration",
                        caf::timespan{0}),
            caf::timespan{20'000'000});
  EXPECT_EQ(caf::get_or(config, "stream.max-batch-delay", caf::timespan{0}),
            caf::timespan{5'000'000});
}

} // namespace handoff::test

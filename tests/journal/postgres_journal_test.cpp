#include "journal/postgres/postgres_journal.hpp"
#include "tests/journal/conformance.hpp"
#include "tests/journal/job_story.hpp"
#include "tests/journal/postgres_cluster.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace handoff {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A schema for each test.
std::string next_schema() {
  static int last = 0;
  return "handoff_" + std::to_string(++last);
}

std::unique_ptr<postgres_journal> opened(const std::string& schema) {
  postgres_journal_options options;
  options.uri = postgres_cluster::get().uri();
  options.schema = schema;
  auto made = postgres_journal::open(std::move(options));
  if (const auto* failed = std::get_if<error>(&made))
    throw std::runtime_error{failed->detail};
  return std::get<std::unique_ptr<postgres_journal>>(std::move(made));
}

class postgres_fixture final : public journal_fixture {
public:
  handoff::journal& journal() override { return *journal_; }

  bool survives() const override { return true; }

  void crash_and_reopen() override {
    postgres_cluster::get().crash_and_restart();
    journal_ = opened(schema_);
  }

  void reopen() override {
    journal_.reset();
    journal_ = opened(schema_);
  }

  void fence() override { usurper_ = opened(schema_); }

private:
  std::string schema_ = next_schema();
  std::unique_ptr<postgres_journal> journal_ = opened(schema_);
  std::unique_ptr<postgres_journal> usurper_;
};

std::vector<backend> backends() {
  if (!postgres_cluster::is_installed())
    return {};
  return {{"postgres", [] {
             return std::make_unique<postgres_fixture>();
           }}};
}

} // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PostgresJournalTest);

INSTANTIATE_TEST_SUITE_P(Postgres, JournalConformance,
                         testing::ValuesIn(backends()),
                         [](const auto& given) { return given.param.name; });

class PostgresJournalTest : public testing::TestWithParam<backend> {};

INSTANTIATE_TEST_SUITE_P(With, PostgresJournalTest,
                         testing::ValuesIn(backends()),
                         [](const auto& given) { return given.param.name; });

TEST_P(PostgresJournalTest, TellsNoPasswordWhenItCannotBeReached) {
  postgres_journal_options options;
  options.uri = "postgresql://user:hunter2@127.0.0.1:1/none";
  const auto made = postgres_journal::open(std::move(options));
  const auto* failed = std::get_if<error>(&made);
  ASSERT_NE(failed, nullptr);
  EXPECT_THAT(failed->detail, HasSubstr("cannot be reached"));
  EXPECT_THAT(failed->detail, Not(HasSubstr("hunter2")));
}

TEST_P(PostgresJournalTest, RefusesServerThatWouldForget) {
  auto& cluster = postgres_cluster::get();
  for (const auto* name : {"fsync", "full_page_writes"}) {
    cluster.set(name, "off");
    postgres_journal_options options;
    options.uri = cluster.uri();
    options.schema = next_schema();
    const auto made = postgres_journal::open(std::move(options));
    cluster.set(name, "on");
    const auto* failed = std::get_if<error>(&made);
    ASSERT_NE(failed, nullptr);
    EXPECT_THAT(failed->detail, HasSubstr(std::string{name} + " off"));
  }
}

TEST_P(PostgresJournalTest, RefusesJournalOfNewerRelease) {
  const auto schema = next_schema();
  opened(schema);
  postgres_cluster::get().run("UPDATE " + schema + ".meta SET oldest = 99");
  postgres_journal_options options;
  options.uri = postgres_cluster::get().uri();
  options.schema = schema;
  const auto made = postgres_journal::open(std::move(options));
  const auto* failed = std::get_if<error>(&made);
  ASSERT_NE(failed, nullptr);
  EXPECT_THAT(failed->detail, HasSubstr("newer release"));
}

// Goal: a commit waits for the disk also where the database does not by itself.
TEST_P(PostgresJournalTest, SetsItsSessionsToWaitForTheDisk) {
  postgres_journal_options options;
  options.uri =
    postgres_cluster::get().uri() + " options='-c synchronous_commit=off'";
  options.schema = next_schema();
  EXPECT_FALSE(
    std::holds_alternative<error>(postgres_journal::open(std::move(options))));
}

// Goal: after the server has died in the middle of everything, what it said it
// had is there, and the same journal goes on.
TEST_P(PostgresJournalTest, GoesOnAfterTheServerHasCrashed) {
  const auto journal = opened(next_schema());
  EXPECT_FALSE(journal->commit(job_story{1}.whole(at(5))));
  postgres_cluster::get().crash_and_restart();
  const std::vector<job_event> more{job_story{2}.accepted()};
  const std::span<const job_event> batch{more};
  const auto first = journal->commit_all({&batch, 1}).front();
  EXPECT_EQ(first.status, commit_status::unknown);
  EXPECT_FALSE(journal->commit(more));
  EXPECT_TRUE(value_of(holds(*journal, more)));
  EXPECT_TRUE(value_of(journal->find(nth_id(1))));
}

TEST_P(PostgresJournalTest, KeepsKeysAndUidsWithAnyBytes) {
  const auto journal = opened(next_schema());
  const std::string key{"a\0b\xff", 4};
  const std::string uid{"u\0v", 3};
  EXPECT_FALSE(journal->commit(std::vector<job_event>{
    job_story{1}.accepted_with_key(key, at(900)), job_story{1}.cloned(uid)}));
  EXPECT_EQ(value_of(journal->find_key("setup", key, at(1)))->job, nth_id(1));
  EXPECT_EQ(value_of(journal->list({.uid = uid})).jobs.size(), 1u);
}

} // namespace handoff

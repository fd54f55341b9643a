#include "journal/sqlite_journal.hpp"
#include "tests/journal/conformance.hpp"
#include "tests/journal/job_story.hpp"
#include "tests/journal/sqlite_place.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <unistd.h>

namespace handoff {
namespace {

using testing::HasSubstr;

class sqlite_fixture final : public journal_fixture {
public:
  sqlite_fixture() : journal_{place_.open(name())} {}

  handoff::journal& journal() override { return *journal_; }

  bool survives() const override { return true; }

  void crash_and_reopen() override {
    const auto crashed = name();
    ++crashes_;
    place_.take_crash_image(crashed, name());
    journal_ = place_.open(name());
  }

  void reopen() override {
    journal_.reset();
    journal_ = place_.open(name());
  }

  void fence() override {
    // As if somebody had cleared it away: nothing else lets two processes in.
    std::filesystem::remove(place_.path(name() + ".lock"));
    usurper_ = place_.open(name());
  }

private:
  std::string name() const { return "journal-" + std::to_string(crashes_); }

  int crashes_ = 0;
  sqlite_place place_;
  std::unique_ptr<sqlite_journal> journal_;
  std::unique_ptr<sqlite_journal> usurper_;
};

std::string damage_at(const std::string& bytes, std::size_t from) {
  auto damaged = bytes;
  for (auto at = from; at < damaged.size() && at < from + 2000; ++at)
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
  return damaged;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, JournalConformance,
                         testing::Values(backend{
                           "sqlite",
                           [] {
                             return std::make_unique<sqlite_fixture>();
                           }}),
                         [](const auto& given) { return given.param.name; });

class SqliteJournalTest : public testing::Test {
protected:
  sqlite_place place_;
};

TEST_F(SqliteJournalTest, KeepsJobsWhenClosedAndOpened) {
  EXPECT_FALSE(place_.open()->commit(job_story{1}.whole(at(5))));
  EXPECT_TRUE(value_of(place_.open()->find(nth_id(1))));
}

TEST_F(SqliteJournalTest, KeepsWhatSendersSentFromOtherUsers) {
  const auto journal = place_.open();
  EXPECT_FALSE(journal->commit(job_story{1}.whole(at(5))));
  for (const auto* suffix : {"", "-wal", "-shm", ".lock"}) {
    const auto mode =
      std::filesystem::status(place_.path() + suffix).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read
                      | std::filesystem::perms::owner_write)
      << suffix;
  }
}

TEST_F(SqliteJournalTest, RefusesSecondOpener) {
  const auto first = place_.open();
  EXPECT_THAT(place_.refusal(), HasSubstr("another process"));
  EXPECT_FALSE(first->commit(job_story{1}.whole(at(5))));
}

// By the name of a link no commit succeeded, and a second service took the
// journal over from the first.
TEST_F(SqliteJournalTest, IsTheFileThatALinkLeadsTo) {
  std::filesystem::create_symlink(place_.path(), place_.path("link.db"));
  {
    const auto journal = place_.open("link.db");
    EXPECT_FALSE(journal->commit(job_story{1}.whole(at(5))));
    EXPECT_THAT(place_.refusal(), HasSubstr("another process"));
  }
  const auto journal = place_.open();
  EXPECT_TRUE(value_of(journal->find(nth_id(1))));
  EXPECT_THAT(place_.refusal("link.db"), HasSubstr("another process"));
}

// Keys of jobs that were forgotten filled the room that "keep-bytes" gives,
// until no finished job was kept at all.
TEST_F(SqliteJournalTest, ForgetsTheKeyOfAJobWithIt) {
  const auto journal = place_.open();
  EXPECT_FALSE(journal->commit(
    std::vector<job_event>{job_story{1}.accepted_with_key("key", at(900'000)),
                           job_story{1}.settled(job_status::failed)}));
  EXPECT_EQ(value_of(journal->prune(at(9999), at(100), 10)), 1u);
  EXPECT_FALSE(value_of(journal->find_key("setup", "key", at(100))));
}

TEST_F(SqliteJournalTest, RefusesWhatIsNoDatabaseAndLeavesIt) {
  const std::string letter(5000, 'x');
  write_bytes(place_.path(), letter);
  EXPECT_THAT(place_.refusal(), HasSubstr("not a SQLite database"));
  EXPECT_EQ(bytes_of(place_.path()), letter);
}

TEST_F(SqliteJournalTest, RefusesMissingDirectory) {
  EXPECT_THAT(place_.refusal("nowhere/journal.db"),
              HasSubstr("directory cannot be used"));
}

TEST_F(SqliteJournalTest, RefusesDirectoryInPlaceOfFile) {
  std::filesystem::create_directory(place_.path());
  EXPECT_THAT(place_.refusal(), HasSubstr("cannot be written"));
}

TEST_F(SqliteJournalTest, RefusesWhatItMayNotWrite) {
  if (::geteuid() == 0)
    GTEST_SKIP() << "root may write everything";
  place_.open();
  std::filesystem::permissions(place_.path(),
                               std::filesystem::perms::owner_read);
  EXPECT_THAT(place_.refusal(), HasSubstr("cannot be written"));
}

// Goal: damage is an error that says so, and the file is kept for whoever
// mends it. Method: flip a stretch of bytes in each page in turn, then open
// and read everything. Not all damage is noticed: the main file has no
// checksums, so that changed bytes within a value pass for another value.
TEST_F(SqliteJournalTest, SaysThatItIsDamaged) {
  {
    const auto journal = place_.open();
    for (std::uint64_t n = 0; n < 60; ++n) {
      EXPECT_FALSE(journal->commit(job_story{n}.whole(at(5))));
    }
  }
  const auto whole = bytes_of(place_.path());
  std::size_t noticed = 0;
  for (std::size_t page = 0; page * 4096 < whole.size(); ++page) {
    const auto damaged = damage_at(whole, page * 4096);
    write_bytes(place_.path("damaged"), damaged);
    sqlite_journal_options options;
    options.path = place_.path("damaged");
    auto opened = sqlite_journal::open(options);
    if (std::holds_alternative<error>(opened)) {
      ++noticed;
      EXPECT_EQ(bytes_of(options.path), damaged);
      continue;
    }
    auto& journal = *std::get<std::unique_ptr<sqlite_journal>>(opened);
    bool failed = false;
    for (std::uint64_t n = 0; n < 60; ++n)
      failed = failed || std::holds_alternative<error>(journal.find(nth_id(n)));
    failed = failed || std::holds_alternative<error>(journal.list({}));
    noticed += failed ? 1 : 0;
  }
  RecordProperty("pages", static_cast<int>(whole.size() / 4096));
  RecordProperty("noticed", static_cast<int>(noticed));
  EXPECT_GT(noticed, whole.size() / 4096 / 2);
}

// Goal: ten thousand jobs are listed and forgotten in bounded steps, and the
// room that they took is given back.
TEST_F(SqliteJournalTest, PagesThroughAndForgetsTenThousandJobs) {
  const auto journal = place_.open();
  constexpr std::uint64_t count = 10'000;
  std::vector<job_event> batch;
  for (std::uint64_t n = 0; n < count; ++n) {
    for (auto& each : job_story{n}.whole(at(static_cast<std::int64_t>(n))))
      batch.push_back(std::move(each));
    if (n % 1000 == 999) {
      ASSERT_FALSE(journal->commit(batch));
      batch.clear();
    }
  }
  job_query query;
  query.limit = 1000;
  std::uint64_t left = count;
  for (;;) {
    const auto page = value_of(journal->list(query));
    for (const auto& each : page.jobs)
      ASSERT_EQ(each.id, nth_id(--left));
    if (!page.next)
      break;
    query.before = *page.next;
  }
  EXPECT_EQ(left, 0u);
  const auto full = value_of(journal->bytes());
  std::size_t forgotten = 0;
  while (const auto step = value_of(journal->prune(at(count), at(0), 500)))
    forgotten += step;
  EXPECT_EQ(forgotten, count);
  EXPECT_LT(value_of(journal->bytes()), full / 10);
  // The file shrinks with it, once the log is moved.
  EXPECT_TRUE(value_of(journal->maintain()));
  EXPECT_LT(std::filesystem::file_size(place_.path()), full / 2 + (8u << 20));
}

TEST_F(SqliteJournalTest, BoundsLogWhenNobodyMaintainsIt) {
  sqlite_journal_options options;
  options.path = place_.path();
  options.log_frames_max = 100;
  const auto journal =
    std::get<std::unique_ptr<sqlite_journal>>(sqlite_journal::open(options));
  for (std::uint64_t n = 0; n < 300; ++n)
    ASSERT_FALSE(journal->commit(job_story{n}.whole(at(5))));
  EXPECT_LT(std::filesystem::file_size(place_.path() + "-wal"),
            200u * (4096 + 24));
}

TEST_F(SqliteJournalTest, RemembersNothingThatItCouldNotReadAgain) {
  sqlite_journal_options options;
  options.path = place_.path();
  options.remembered_jobs_max = 0;
  const auto journal =
    std::get<std::unique_ptr<sqlite_journal>>(sqlite_journal::open(options));
  const job_story story{1};
  job expected;
  for (const auto& event : story.whole(at(5))) {
    apply(expected, event);
    const std::vector<job_event> twice{event, event};
    EXPECT_FALSE(journal->commit(twice));
  }
  EXPECT_EQ(text_of(value_of(journal->find(story.id())).value()),
            text_of(expected));
}

// Goal: readers on other threads see whole batches and neither wait for the
// writer nor make it fail, while the log is moved under them.
TEST_F(SqliteJournalTest, ReadsWholeBatchesWhileWriterCommits) {
  const auto journal = place_.open();
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::atomic<int> reads = 0;
  const auto read = [&] {
    const auto reader = value_of(journal->open_reader());
    while (!done) {
      const auto page = reader->list({.limit = 1000});
      const auto* jobs = std::get_if<job_page>(&page);
      torn += jobs == nullptr || jobs->jobs.size() % 2 != 0 ? 1 : 0;
      ++reads;
    }
  };
  std::thread one{read};
  std::thread two{read};
  std::thread keeper{[&] {
    while (!done)
      torn += std::holds_alternative<error>(journal->maintain()) ? 1 : 0;
  }};
  for (std::uint64_t n = 0; n < 300 || reads < 20; n += 2) {
    auto batch = job_story{n}.whole(at(5));
    for (auto& each : job_story{n + 1}.whole(at(5)))
      batch.push_back(std::move(each));
    EXPECT_FALSE(journal->commit(batch));
  }
  done = true;
  one.join();
  two.join();
  keeper.join();
  EXPECT_EQ(torn, 0);
}

} // namespace handoff

#include "job/job_id.hpp"
#include "tests/journal/job_story.hpp"
#include "tests/journal/sqlite_place.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff {
namespace {

using testing::HasSubstr;

/// Three jobs each, so that half a batch shows.
std::vector<job_event> nth_batch(std::uint64_t n) {
  std::vector<job_event> batch;
  for (std::uint64_t each = 3 * n; each < 3 * n + 3; ++each)
    for (auto& event : job_story{each}.whole(at(5)))
      batch.push_back(std::move(event));
  return batch;
}

/// How many batches, from the first on, a journal holds whole; fails the test
/// if it holds anything else.
std::uint64_t whole_batches(sqlite_journal& journal) {
  const auto page = value_of(journal.list({.limit = 1000}));
  EXPECT_EQ(page.jobs.size() % 3, 0u);
  for (std::size_t n = 0; n < page.jobs.size(); ++n) {
    const auto& each = page.jobs[page.jobs.size() - 1 - n];
    EXPECT_EQ(each.id, nth_id(n));
    job expected;
    for (const auto& event : job_story{n}.whole(at(5)))
      apply(expected, event);
    EXPECT_EQ(text_of(value_of(journal.find(each.id)).value()),
              text_of(expected));
  }
  return page.jobs.size() / 3;
}

} // namespace

class SqliteCrashTest : public testing::Test {
protected:
  /// A journal with `count` batches that still has all of them in its log.
  void commit_batches(std::uint64_t count) {
    journal_ = place_.open();
    for (std::uint64_t n = 0; n < count; ++n)
      ASSERT_FALSE(journal_->commit(nth_batch(n)));
  }

  sqlite_place place_;
  std::unique_ptr<sqlite_journal> journal_;
};

// Goal: a log that a crash cut anywhere holds a prefix of the batches, each
// whole. Method: cut a copy of the log every few hundred bytes.
TEST_F(SqliteCrashTest, HoldsPrefixOfBatchesWhenLogIsCut) {
  commit_batches(6);
  place_.take_crash_image("journal.db", "image");
  const auto log = bytes_of(place_.path("image-wal"));
  const auto main = bytes_of(place_.path("image"));
  std::uint64_t seen = 0;
  for (std::size_t size = 0; size <= log.size(); size += 509) {
    write_bytes(place_.path("cut"), main);
    write_bytes(place_.path("cut-wal"), log.substr(0, size));
    const auto cut = place_.open("cut");
    ASSERT_TRUE(cut);
    const auto batches = whole_batches(*cut);
    EXPECT_GE(batches, seen) << "at " << size;
    seen = batches;
    // And it goes on from there.
    EXPECT_FALSE(cut->commit(nth_batch(batches)));
  }
  EXPECT_GE(seen, 5u);
}

// Goal: a block of the log that never reached the disk, with later ones there,
// ends what is read of it. Method: clear one block after another.
TEST_F(SqliteCrashTest, HoldsPrefixOfBatchesWhenBlockOfLogIsLost) {
  commit_batches(5);
  place_.take_crash_image("journal.db", "image");
  const auto log = bytes_of(place_.path("image-wal"));
  const auto main = bytes_of(place_.path("image"));
  for (std::size_t from = 512; from + 512 < log.size(); from += 7 * 512) {
    auto torn = log;
    torn.replace(from, 512, std::string(512, '\0'));
    write_bytes(place_.path("torn"), main);
    write_bytes(place_.path("torn-wal"), torn);
    const auto reopened = place_.open("torn");
    ASSERT_TRUE(reopened);
    EXPECT_LE(whole_batches(*reopened), 5u);
  }
}

// Goal: whatever write or sync fails, in whatever way, the commit says so,
// nothing of it is there, all that was acknowledged is, and the next commit
// works. Method: fail the n-th operation, for every n, until none is left.
TEST_F(SqliteCrashTest, LosesNothingWhateverOperationFails) {
  for (const auto answer :
       {disk_answer::full, disk_answer::failed, disk_answer::failed_late}) {
    for (int failing = 0;; ++failing) {
      const auto name = "faulty-" + std::to_string(static_cast<int>(answer))
                      + "-" + std::to_string(failing);
      bool armed = false;
      int operations = 0;
      const auto journal =
        place_.open(name, [&](disk_operation, const std::string&) {
          return armed && operations++ == failing ? answer : disk_answer::done;
        });
      ASSERT_FALSE(journal->commit(nth_batch(0)));
      armed = true;
      const auto failed = journal->commit(nth_batch(1));
      armed = false;
      if (!failed) {
        EXPECT_GT(failing, 2) << "nothing failed at all";
        break;
      }
      EXPECT_EQ(failed->kind, error_kind::journal_unavailable);
      EXPECT_THAT(failed->detail, HasSubstr("trying again"));
      EXPECT_EQ(whole_batches(*journal), 1u);
      // A crash here may show the batch that failed, but whole.
      place_.take_crash_image(name, "image");
      const auto after = whole_batches(*place_.open("image"));
      EXPECT_TRUE(after == 1 || after == 2);
      EXPECT_FALSE(journal->commit(nth_batch(1)));
      place_.take_crash_image(name, "image");
      EXPECT_EQ(whole_batches(*place_.open("image")), 2u);
    }
  }
}

TEST_F(SqliteCrashTest, GoesOnOnceDiskHasRoomAgain) {
  bool full = false;
  const auto journal =
    place_.open("full", [&](disk_operation what, const std::string&) {
      return full && what == disk_operation::write ? disk_answer::full
                                                   : disk_answer::done;
    });
  ASSERT_FALSE(journal->commit(nth_batch(0)));
  full = true;
  for (int n = 0; n < 3; ++n) {
    const auto failed = journal->commit(nth_batch(1));
    ASSERT_TRUE(failed);
    EXPECT_THAT(failed->detail, HasSubstr("the disk is full"));
    EXPECT_EQ(whole_batches(*journal), 1u);
  }
  full = false;
  EXPECT_FALSE(journal->commit(nth_batch(1)));
  place_.take_crash_image("full", "image");
  EXPECT_EQ(whole_batches(*place_.open("image")), 2u);
}

// Goal: a disk that fails while the log is moved to the main file loses
// nothing, and the move is made later. Method: as above, for `maintain`.
TEST_F(SqliteCrashTest, LosesNothingWhenMovingLogFails) {
  for (int failing = 0;; ++failing) {
    bool armed = false;
    int operations = 0;
    sqlite_journal_options options;
    options.path = place_.path("moving-" + std::to_string(failing));
    options.log_frames_moved = 1;
    options.fault = [&](disk_operation, const std::string&) {
      return armed && operations++ == failing ? disk_answer::failed
                                              : disk_answer::done;
    };
    const auto journal =
      std::get<std::unique_ptr<sqlite_journal>>(sqlite_journal::open(options));
    for (std::uint64_t n = 0; n < 3; ++n)
      ASSERT_FALSE(journal->commit(nth_batch(n)));
    armed = true;
    const bool moved = std::holds_alternative<bool>(journal->maintain());
    armed = false;
    place_.take_crash_image("moving-" + std::to_string(failing), "image");
    EXPECT_EQ(whole_batches(*place_.open("image")), 3u);
    EXPECT_EQ(whole_batches(*journal), 3u);
    if (moved)
      break;
    EXPECT_TRUE(value_of(journal->maintain()));
    EXPECT_EQ(whole_batches(*journal), 3u);
  }
}

// Goal: what was acknowledged is on the disk, at the price of one sync for the
// whole batch. Method: count the syncs of the log that each commit makes.
TEST_F(SqliteCrashTest, SyncsLogBeforeCommitReturns) {
  int syncs = 0;
  const auto journal =
    place_.open("synced", [&](disk_operation what, const std::string& file) {
      syncs += what == disk_operation::sync && file == "wal" ? 1 : 0;
      return disk_answer::done;
    });
  ASSERT_FALSE(journal->commit(nth_batch(0)));
  for (std::uint64_t n = 1; n < 5; ++n) {
    const int before = syncs;
    ASSERT_FALSE(journal->commit(nth_batch(n)));
    EXPECT_EQ(syncs, before + 1) << "one sync a commit, no more";
  }
}

} // namespace handoff

#include "journal/journal_copy.hpp"
#include "journal/postgres/postgres_journal.hpp"
#include "journal/sqlite_journal.hpp"
#include "tests/journal/conformance.hpp"
#include "tests/journal/job_story.hpp"
#include "tests/support/postgres_cluster.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

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

void declare_dead(const std::string& schema, const journal& whose) {
  postgres_cluster::get().run("UPDATE " + schema + ".nodes SET state = 3 WHERE "
                              + "no = " + std::to_string(whose.owner().number));
}

class postgres_fixture final : public journal_fixture {
public:
  handoff::journal& journal() override { return *journal_; }

  bool survives() const override { return true; }

  void crash_and_reopen() override {
    postgres_cluster::get().crash_and_restart();
    fence();
    const auto crashed = std::move(journal_);
    journal_ = opened(schema_);
  }

  void reopen() override {
    journal_.reset();
    journal_ = opened(schema_);
  }

  void fence() override { declare_dead(schema_, *journal_); }

  handoff::journal* other() override {
    if (!other_)
      other_ = opened(schema_);
    return other_.get();
  }

private:
  std::string schema_ = next_schema();
  std::unique_ptr<postgres_journal> journal_ = opened(schema_);
  std::unique_ptr<postgres_journal> other_;
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

TEST(PostgresUriTest, RefusesAPasswordThatWouldBeTakenForAHost) {
  const auto refusal = [](const std::string& uri) {
    postgres_journal_options options;
    options.uri = uri;
    const auto wrong = validate(options);
    return wrong ? wrong->detail : std::string{};
  };
  for (const auto* password : {"abc@TAIL", "HEAD/abc", "HE?AD", "HE#AD"})
    EXPECT_THAT(
      refusal("postgresql://u:" + std::string{password} + "@127.0.0.1/db"),
      testing::AllOf(testing::HasSubstr("percent-encoded"),
                     testing::Not(testing::HasSubstr("TAIL")),
                     testing::Not(testing::HasSubstr("HE"))))
      << password;
  for (const auto* uri :
       {"postgresql://u:a%40b%2F@127.0.0.1:5432/db",
        "postgresql://127.0.0.1/db", "postgresql://127.0.0.1/db?user=a@b",
        "postgresql:///db?host=/tmp", "postgresql://u@[::1]/db"})
    EXPECT_EQ(refusal(uri), "") << uri;
}

TEST_P(PostgresJournalTest, TellsNoPasswordWhenItCannotBeReached) {
  postgres_journal_options options;
  options.uri = "postgresql://user:hunter2@127.0.0.1:1/none";
  const auto made = postgres_journal::open(std::move(options));
  const auto* failed = std::get_if<error>(&made);
  ASSERT_NE(failed, nullptr);
  EXPECT_THAT(failed->detail, HasSubstr("cannot be reached"));
  EXPECT_THAT(failed->detail, Not(HasSubstr("hunter2")));
}

TEST_P(PostgresJournalTest, SaysWhetherItIsWorthWaitingForTheServer) {
  const auto detail_of = [](const std::string& parameters) {
    postgres_journal_options options;
    options.uri = "postgresql://127.0.0.1" + parameters;
    const auto made = postgres_journal::open(std::move(options));
    const auto* failed = std::get_if<error>(&made);
    return failed != nullptr ? failed->detail : std::string{};
  };
  EXPECT_THAT(detail_of(":1/none"), HasSubstr("trying again may help"));
  for (const auto* parameters :
       {":99999/none", ":1/none?sslmode=bogus", ":1/none?hostaddr=::1,::1"})
    EXPECT_THAT(detail_of(parameters), HasSubstr("trying again does not help"))
      << parameters;
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
    postgres_cluster::get().uri() + "&options=-c%20synchronous_commit%3Doff";
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

// -- nodes ------------------------------------------------------------------

class PostgresNodesTest : public PostgresJournalTest {
protected:
  static constexpr std::chrono::seconds lease{1};

  std::unique_ptr<postgres_journal> node(const std::string& name) const {
    postgres_journal_options options;
    options.uri = postgres_cluster::get().uri();
    options.schema = schema;
    options.node = name;
    options.lease = lease;
    auto made = postgres_journal::open(std::move(options));
    if (const auto* failed = std::get_if<error>(&made))
      throw std::runtime_error{failed->detail};
    return std::get<std::unique_ptr<postgres_journal>>(std::move(made));
  }

  /// A node that works on the newest job; nothing is heard of it any more.
  void add_silent_node(const std::string& name, const std::string& boot,
                       const std::string& process) const {
    auto& cluster = postgres_cluster::get();
    const auto tables = schema + ".";
    cluster.run("INSERT INTO " + tables
                + "nodes (state, name, boot, process, release, writer) VALUES "
                  "(1, '"
                + name + "', " + boot + ", '" + process + "', 'x', 0)");
    const auto number = cluster.ask("SELECT max(no) FROM " + tables + "nodes");
    cluster.run("INSERT INTO " + tables
                + "leases (node, until, length) VALUES (" + number
                + ", clock_timestamp() + interval '1 s', 1000)");
    cluster.run("UPDATE " + tables + "jobs SET owner = " + number
                + " WHERE id = (SELECT id FROM " + tables
                + "jobs WHERE owner IS NOT NULL ORDER BY id DESC LIMIT 1)");
  }

  /// Whether the journal is given a job within `most`.
  static bool acquires(journal& from, std::chrono::milliseconds most) {
    const auto end = std::chrono::steady_clock::now() + most;
    do {
      if (!value_of(from.acquire({})).empty())
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  const std::string schema = next_schema();
};

INSTANTIATE_TEST_SUITE_P(With, PostgresNodesTest, testing::ValuesIn(backends()),
                         [](const auto& given) { return given.param.name; });

TEST_P(PostgresNodesTest, DeclaresDeadWhoDoesNotRenewItsLease) {
  const auto a = node("a");
  EXPECT_FALSE(a->commit(std::vector<job_event>{job_story{1}.accepted()}));
  add_silent_node("b", "'elsewhere'", "1:1:1");
  EXPECT_FALSE(acquires(*a, std::chrono::milliseconds{500}));
  EXPECT_TRUE(acquires(*a, std::chrono::seconds{5}));
  const auto nodes = value_of(a->nodes());
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0].state, node_state::working);
  EXPECT_EQ(nodes[1].state, node_state::dead);
}

TEST_P(PostgresNodesTest, DeclaresDeadAtOnceItsPredecessorThatHasEnded) {
  const auto a = node("a");
  EXPECT_FALSE(a->commit(std::vector<job_event>{job_story{1}.accepted()}));
  const auto boot = "(SELECT boot FROM " + schema + ".nodes LIMIT 1)";
  const auto mine = postgres_cluster::get().ask("SELECT process FROM " + schema
                                                + ".nodes LIMIT 1");
  // A process that has the number of another by now.
  const auto gone = mine.substr(0, mine.rfind(':')) + ":7";
  add_silent_node("b", boot, gone);
  const auto other = node("c");
  EXPECT_TRUE(value_of(other->acquire({})).empty()) << "it is another's name";
  const auto next = node("b");
  EXPECT_EQ(value_of(next->acquire({})).size(), 1u);
}

TEST_P(PostgresNodesTest, LeavesANodeOfItsNameAloneThatLives) {
  const auto first = node("a");
  EXPECT_FALSE(first->commit(std::vector<job_event>{job_story{1}.accepted()}));
  const auto second = node("a");
  EXPECT_TRUE(value_of(second->acquire({})).empty());
  EXPECT_FALSE(first->commit(std::vector<job_event>{job_story{1}.cloned()}));
}

// Goal: an outage of the database is nobody's death: who comes back first gives
// the others the time to come back, too.
TEST_P(PostgresNodesTest, DeclaresNobodyDeadForAnOutage) {
  const auto a = node("a");
  const auto b = node("b");
  EXPECT_TRUE(a->group()->holds());
  postgres_cluster::get().crash();
  std::this_thread::sleep_for(2 * lease);
  EXPECT_FALSE(a->group()->holds());
  EXPECT_FALSE(b->group()->holds());
  postgres_cluster::get().start();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (!(a->group()->holds() && b->group()->holds())
         && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  EXPECT_TRUE(a->group()->holds());
  std::this_thread::sleep_for(2 * lease);
  const auto reader = value_of(a->open_reader());
  for (const auto& each : value_of(reader->nodes()))
    EXPECT_EQ(each.state, node_state::working) << each.name;
  EXPECT_TRUE(b->check()) << "it hears of the loss";
  EXPECT_FALSE(b->commit(std::vector<job_event>{job_story{1}.accepted()}));
}

TEST_P(PostgresNodesTest, TellsAFencedNodeThatItHasToEnd) {
  const auto a = node("a");
  std::atomic<bool> is_told{false};
  group_listener listener;
  listener.fenced = [&] {
    is_told = true;
  };
  a->group()->follow(std::move(listener));
  declare_dead(schema, *a);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (!is_told && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  EXPECT_TRUE(is_told);
  EXPECT_FALSE(a->group()->holds());
}

TEST_P(PostgresNodesTest, CarriesWordsToWhoListens) {
  const auto a = node("a");
  const auto b = node("b");
  std::mutex mutex;
  std::vector<std::string> heard;
  group_listener listener;
  listener.listens = [] {
    return true;
  };
  listener.heard = [&](const std::string& words) {
    const std::scoped_lock lock{mutex};
    heard.push_back(words);
  };
  b->group()->follow(std::move(listener));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  const auto count = [&] {
    const std::scoped_lock lock{mutex};
    return heard.size();
  };
  while (!a->group()->is_heard() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  a->group()->tell("one");
  a->group()->tell("two");
  while (count() < 2 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  b->group()->follow({});
  EXPECT_EQ(heard, (std::vector<std::string>{"one", "two"}));
}

TEST_P(PostgresNodesTest, MakesRoomForANewcomer) {
  const auto share_of = [](postgres_journal& of, std::size_t count) {
    std::atomic<bool> is_right{false};
    group_listener listener;
    listener.shared = [&](const lease_share& share) {
      is_right = share.count == count && share.is_usable;
    };
    of.group()->follow(std::move(listener));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    while (!is_right && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    of.group()->follow({});
    return is_right.load();
  };
  const auto a = node("a");
  EXPECT_TRUE(share_of(*a, 1));
  auto b = node("b");
  EXPECT_TRUE(share_of(*a, 2));
  EXPECT_TRUE(share_of(*b, 2));
  b.reset();
  EXPECT_TRUE(share_of(*a, 1));
}

TEST_P(PostgresNodesTest, LeavesNoRoomBeforeItHasGivenUpWhatItHas) {
  const auto a = node("a");
  std::atomic<bool> keeps{false};
  group_listener listener;
  listener.keeps_to_share = [&] {
    return keeps.load();
  };
  a->group()->follow(std::move(listener));
  const auto b = node("b");
  std::atomic<bool> is_usable{false};
  group_listener other;
  other.shared = [&](const lease_share& share) {
    is_usable = share.is_usable;
  };
  b->group()->follow(std::move(other));
  std::this_thread::sleep_for(std::chrono::milliseconds{700});
  EXPECT_FALSE(is_usable);
  keeps = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (!is_usable && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_TRUE(is_usable);
  b->group()->follow({});
  a->group()->follow({});
}

// Goal: of a value that nodes share one makes the next at a time, and one that
// is dead makes none.
TEST_P(PostgresNodesTest, LetsOneAtATimeReplaceAValue) {
  using std::chrono::minutes;
  const auto a = node("a");
  const auto b = node("b");
  const auto claim = [](journal& by, std::int64_t known) {
    return value_of(by.values()->claim("graph", known, minutes{1}));
  };
  auto seen = claim(*a, 0);
  EXPECT_EQ(seen.version, 0);
  EXPECT_TRUE(seen.is_claimed);
  EXPECT_FALSE(claim(*b, 0).is_claimed);
  EXPECT_TRUE(value_of(a->values()->put("graph", 0, std::string("1\0", 2))));
  seen = claim(*b, 0);
  EXPECT_FALSE(seen.is_claimed) << "there is a newer one";
  EXPECT_EQ(seen.version, 1);
  EXPECT_EQ(seen.bytes, std::string("1\0", 2));
  EXPECT_FALSE(value_of(b->values()->put("graph", 0, "2")));
  EXPECT_TRUE(claim(*a, 1).is_claimed);
  EXPECT_FALSE(a->values()->release("graph"));
  EXPECT_TRUE(claim(*a, 1).is_claimed);
  EXPECT_FALSE(claim(*b, 1).is_claimed);
  declare_dead(schema, *a);
  EXPECT_TRUE(claim(*b, 1).is_claimed) << "its claim ends with it";
  EXPECT_TRUE(
    std::holds_alternative<error>(a->values()->put("graph", 1, "late")));
  EXPECT_EQ(claim(*b, 1).bytes, std::string("1\0", 2));
}

// Goal: one key makes one job, also where two nodes commit it at the same time.
TEST_P(PostgresNodesTest, GivesAKeyToOneOfTwoThatClaimItAtOnce) {
  constexpr std::uint64_t rounds = 100;
  const auto a = node("a");
  const auto b = node("b");
  const auto claim = [&](journal& by, std::uint64_t offset) {
    std::vector<batch_outcome> outcomes;
    for (std::uint64_t n = 1; n <= rounds; ++n) {
      // Two keys a commit, in the order that would have them wait crosswise.
      const auto key = [&](int which) {
        return "k" + std::to_string(2 * n + static_cast<unsigned>(which));
      };
      const std::vector<job_event> one{
        job_story{10 * n + offset}.accepted_with_key(key(offset == 0 ? 0 : 1),
                                                     at(900'000))};
      const std::vector<job_event> two{
        job_story{10 * n + offset + 5}.accepted_with_key(
          key(offset == 0 ? 1 : 0), at(900'000))};
      const std::array<std::span<const job_event>, 2> batches{one, two};
      for (auto& each : by.commit_all(batches))
        outcomes.push_back(std::move(each));
    }
    return outcomes;
  };
  auto other = std::async(std::launch::async, [&] { return claim(*b, 1); });
  auto outcomes = claim(*a, 0);
  for (auto& each : other.get())
    outcomes.push_back(std::move(each));
  std::size_t done = 0;
  for (const auto& each : outcomes) {
    done += each.status == commit_status::done ? 1 : 0;
    if (each.status != commit_status::done) {
      EXPECT_EQ(each.status, commit_status::key_held) << each.failure->detail;
    }
  }
  EXPECT_EQ(done, 2 * rounds);
  const auto& tables = schema;
  EXPECT_EQ(
    postgres_cluster::get().ask("SELECT count(*) FROM " + tables + ".jobs"),
    std::to_string(2 * rounds));
}

TEST_P(PostgresNodesTest, CopiesAJournalThereAndBack) {
  const auto database = postgres_cluster::get().make_database();
  const auto uri = postgres_cluster::get().uri(database);
  support::temp_directory place;
  const auto first = (place.path() / "first.db").string();
  const auto second = (place.path() / "second.db").string();
  const auto sqlite = [](const std::string& path) {
    sqlite_journal_options options;
    options.path = path;
    return value_of(sqlite_journal::open(std::move(options)));
  };
  {
    const auto journal = sqlite(first);
    EXPECT_FALSE(journal->commit(job_story{1}.whole(at(5))));
    EXPECT_FALSE(journal->commit(std::vector<job_event>{
      job_story{2}.accepted_with_key("key", at(900)), job_story{2}.cloned()}));
  }
  const auto copy = [](std::unique_ptr<whole_journal> from,
                       std::unique_ptr<whole_journal> to) {
    return copy_journal(*from, *to);
  };
  const auto there =
    value_of(copy(open_whole_sqlite(first), open_whole_postgres(uri)));
  EXPECT_EQ(there.jobs, 2u);
  EXPECT_EQ(there.unfinished, 1u);
  EXPECT_EQ(there.keys, 1u);
  EXPECT_TRUE(std::holds_alternative<error>(
    copy(open_whole_sqlite(first), open_whole_postgres(uri))))
    << "it is not empty any more";
  {
    postgres_journal_options options;
    options.uri = uri;
    const auto journal = value_of(postgres_journal::open(std::move(options)));
    // Neither those of the old journal nor the copying program's own.
    EXPECT_EQ(value_of(journal->nodes()).size(), 1u);
    EXPECT_EQ(value_of(journal->acquire({})).size(), 1u);
    EXPECT_THROW(open_whole_postgres(uri), std::runtime_error);
  }
  value_of(copy(open_whole_postgres(uri), open_whole_sqlite(second)));
  const auto before = sqlite(first);
  const auto after = sqlite(second);
  for (std::uint64_t n = 1; n <= 2; ++n)
    EXPECT_EQ(text_of(value_of(after->find(nth_id(n))).value()),
              text_of(value_of(before->find(nth_id(n))).value()));
  EXPECT_EQ(value_of(after->find_key("setup", "key", at(1)))->job, nth_id(2));
  EXPECT_EQ(value_of(after->count_unfinished()), 1u);
}

} // namespace handoff

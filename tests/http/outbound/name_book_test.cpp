#include "http/outbound/name_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// A resolver that answers when it is told to.
class NameBookTest : public testing::Test {
protected:
  using addresses = std::vector<std::string>;

  /// Lookups outlive the book, but not this.
  ~NameBookTest() override {
    auto guard = std::unique_lock{mutex_};
    is_over_ = true;
    changed_.notify_all();
    changed_.wait(guard, [this] { return inside_ == 0; });
  }

  std::vector<std::string> resolve(const std::string& name) {
    auto guard = std::unique_lock{mutex_};
    ++lookups_[name];
    ++inside_;
    changed_.notify_all();
    changed_.wait(guard, [&] { return is_over_ || answers_.count(name) > 0; });
    --inside_;
    changed_.notify_all();
    return answers_[name];
  }

  void answer(const std::string& name, addresses with) {
    const auto guard = std::lock_guard{mutex_};
    answers_[name] = std::move(with);
    changed_.notify_all();
  }

  /// What is found once the lookup, which is under way, has ended.
  addresses found(const std::string& name) {
    auto guard = std::unique_lock{mutex_};
    EXPECT_TRUE(changed_.wait_for(guard, 5s, [&] { return told_[name] > 0; }));
    told_[name] = 0;
    guard.unlock();
    now_ = std::chrono::steady_clock::now();
    const auto known = book_.find(name, now_);
    EXPECT_TRUE(known.has_value());
    return known.value_or(name_addresses{}).addresses;
  }

  bool waits_for(const std::string& name) {
    return !book_.find(name, now_).has_value();
  }

  int lookups(const std::string& name) {
    const auto guard = std::lock_guard{mutex_};
    return lookups_[name];
  }

  void await_lookups(const std::string& name, int count) {
    auto guard = std::unique_lock{mutex_};
    EXPECT_TRUE(
      changed_.wait_for(guard, 5s, [&] { return lookups_[name] >= count; }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, addresses> answers_;
  std::map<std::string, int> lookups_;
  std::map<std::string, int> told_;
  int inside_ = 0;
  bool is_over_ = false;
  name_book::time_point now_ = std::chrono::steady_clock::now();
  name_book book_{[this](const std::string& name) {
                    const auto guard = std::lock_guard{mutex_};
                    ++told_[name];
                    changed_.notify_all();
                  },
                  [this](const std::string& name) {
                    return resolve(name);
                  }};
};

TEST_F(NameBookTest, LooksANameUpOnceForAllWhoAsk) {
  for (int i = 0; i < 1'000; ++i)
    EXPECT_TRUE(waits_for("a"));
  answer("a", {"192.0.2.1", "192.0.2.2"});
  EXPECT_THAT(found("a"), ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_EQ(lookups("a"), 1);
  EXPECT_FALSE(waits_for("a"));
  EXPECT_EQ(lookups("a"), 1);
}

TEST_F(NameBookTest, AnswersOthersWhileOneNameIsStuck) {
  EXPECT_TRUE(waits_for("stuck"));
  EXPECT_TRUE(waits_for("a"));
  answer("a", {"192.0.2.1"});
  EXPECT_THAT(found("a"), ElementsAre("192.0.2.1"));
  EXPECT_TRUE(waits_for("stuck"));
  answer("stuck", {});
}

// A resolver that drops what it is asked for a whole zone must harm no other.
TEST_F(NameBookTest, AnswersOthersWhileManyNamesAreStuck) {
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(waits_for("stuck" + std::to_string(i)));
  EXPECT_TRUE(waits_for("a"));
  answer("a", {"192.0.2.1"});
  EXPECT_THAT(found("a"), ElementsAre("192.0.2.1"));
}

TEST_F(NameBookTest, RemembersForAShortTimeThatThereIsNone) {
  answer("a", {});
  EXPECT_TRUE(waits_for("a"));
  EXPECT_THAT(found("a"), IsEmpty());
  EXPECT_EQ(lookups("a"), 1);
  now_ = std::chrono::steady_clock::now() + 3s;
  EXPECT_TRUE(waits_for("a"));
  EXPECT_THAT(found("a"), IsEmpty());
  EXPECT_EQ(lookups("a"), 2);
}

TEST_F(NameBookTest, ServesTheOldAnswerWhileItLooksAgain) {
  answer("a", {"192.0.2.1"});
  EXPECT_TRUE(waits_for("a"));
  EXPECT_THAT(found("a"), ElementsAre("192.0.2.1"));
  now_ = std::chrono::steady_clock::now() + 31s;
  EXPECT_FALSE(waits_for("a"));
  await_lookups("a", 2);
}

TEST_F(NameBookTest, KnowsAnIpv4AddressThatIsWrittenAsIpv6) {
  EXPECT_TRUE(waits_for("a"));
  answer("a", {"192.0.2.1", "192.0.2.2"});
  EXPECT_THAT(found("a"), ElementsAre("192.0.2.1", "192.0.2.2"));
  book_.connected("a", "::ffff:192.0.2.2");
  EXPECT_THAT(book_.find("a", now_)->addresses,
              ElementsAre("192.0.2.2", "192.0.2.1"));
}

TEST_F(NameBookTest, TriesTheAddressFirstThatWorked) {
  answer("a", {"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  EXPECT_TRUE(waits_for("a"));
  found("a");
  book_.connected("a", "192.0.2.2");
  EXPECT_THAT(book_.find("a", now_)->addresses,
              ElementsAre("192.0.2.2", "192.0.2.1", "192.0.2.3"));
  book_.connect_failed("a");
  EXPECT_THAT(book_.find("a", now_)->addresses,
              ElementsAre("192.0.2.1", "192.0.2.3", "192.0.2.2"));
}

} // namespace
} // namespace handoff

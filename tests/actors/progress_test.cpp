#include "actors/progress.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;

class ProgressTest : public ::testing::Test {
protected:
  /// What has been under way for any time at all; empty if nothing.
  std::string shown() const {
    const auto found = watch.longest(-1ms);
    return found ? found->what : "";
  }

  progress watch;
  activity& first = watch.add();
  activity& second = watch.add();
};

TEST_F(ProgressTest, ShowsWhatIsUnderWayAndNothingElse) {
  EXPECT_EQ(shown(), "");
  {
    const activity::turn turn{&first, "work"};
    EXPECT_EQ(shown(), "work");
  }
  EXPECT_EQ(shown(), "");
}

TEST_F(ProgressTest, ShowsTheInnermostOfOneThread) {
  const activity::turn turn{&first, "a message"};
  {
    const activity::turn within{&first, "a commit"};
    EXPECT_EQ(shown(), "a commit");
  }
  EXPECT_EQ(shown(), "a message");
}

TEST_F(ProgressTest, TellsHowLong) {
  const activity::turn turn{&first, "work"};
  const auto later = activity::clock::now() + 5s;
  const auto found = first.under_way(later);
  ASSERT_TRUE(found);
  EXPECT_GE(found->under_way, 4s);
  EXPECT_LE(found->under_way, 5s);
  EXPECT_FALSE(second.under_way(later));
}

TEST_F(ProgressTest, TakesNoShortTurnForAHang) {
  const activity::turn turn{&first, "work"};
  EXPECT_FALSE(watch.longest());
}

TEST_F(ProgressTest, NeedsNobodyWhoWatches) {
  const activity::turn turn{nullptr, "work"};
  EXPECT_EQ(shown(), "");
}

} // namespace
} // namespace handoff

#include "job/plan.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace handoff {
namespace {

using rules = std::vector<sub_action_rule>;

/// One letter a sub-action: w(aiting), r(unning), t (retrying), s(ucceeded),
/// f(ailed), k (skipped), c(ancelled).
std::vector<step_record> steps(const std::string& letters) {
  std::vector<step_record> all;
  for (const char each : letters)
    all.emplace_back().status =
      static_cast<sub_action_status>(std::string{"wrtsfkc"}.find(each) + 1);
  return all;
}

plan_step next(const rules& given, const std::string& letters) {
  return next_step(given, steps(letters));
}

std::string name_of(const std::string& letters) {
  return std::string{name(status_of(steps(letters)))};
}

rules independent(std::size_t count) {
  return rules(count);
}

const rules chain{{}, {{0}}, {{1}}};
// 0 before 1 and 2, both before 3.
const rules diamond{{}, {{0}}, {{0}}, {{1, 2}}};

} // namespace

TEST(PlanTest, StartsAllThatWaitForNothing) {
  EXPECT_EQ(next(independent(4), "wwww"), (plan_step{{0, 1, 2, 3}, {}}));
  EXPECT_EQ(next(independent(5), "srrww"), (plan_step{{3, 4}, {}}));
  EXPECT_EQ(next({}, ""), (plan_step{}));
}

TEST(PlanTest, StartsNothingThatIsRunningRetryingOrFinal) {
  EXPECT_EQ(next(independent(6), "rtsfkc"), (plan_step{}));
}

TEST(PlanTest, StartsWhatComesAfterOnceAllBeforeHaveSucceeded) {
  EXPECT_EQ(next(chain, "www"), (plan_step{{0}, {}}));
  EXPECT_EQ(next(chain, "rww"), (plan_step{}));
  EXPECT_EQ(next(chain, "tww"), (plan_step{}));
  EXPECT_EQ(next(chain, "sww"), (plan_step{{1}, {}}));
  EXPECT_EQ(next(diamond, "swww"), (plan_step{{1, 2}, {}}));
  EXPECT_EQ(next(diamond, "ssrw"), (plan_step{}));
  EXPECT_EQ(next(diamond, "sssw"), (plan_step{{3}, {}}));
}

TEST(PlanTest, SkipsAllThatComesAfterWhatDidNotSucceed) {
  EXPECT_EQ(next(chain, "fww"), (plan_step{{}, {1, 2}}));
  EXPECT_EQ(next(chain, "cww"), (plan_step{{}, {1, 2}}));
  EXPECT_EQ(next(chain, "skw"), (plan_step{{}, {2}}));
  EXPECT_EQ(next(diamond, "sfww"), (plan_step{{2}, {3}}));
}

TEST(PlanTest, SkipsWhateverOrderFlowIsIn) {
  const rules backwards{{{1}}, {{2}}, {}};
  EXPECT_EQ(next(backwards, "wwf"), (plan_step{{}, {0, 1}}));
}

TEST(PlanTest, LetsOthersGoOnWhenOneFails) {
  EXPECT_EQ(next(independent(3), "fww"), (plan_step{{1, 2}, {}}));
}

TEST(PlanTest, SkipsWhatHasNotBegunWhenFailureStopsIt) {
  for (const auto stop : {on_failure::halt, on_failure::compensate}) {
    auto given = independent(5);
    given[1].on_failure = stop;
    EXPECT_EQ(next(given, "sftrw"), (plan_step{{}, {4}}));
    // What was skipped or is not over stops nothing.
    EXPECT_EQ(next(given, "stwww"), (plan_step{{2, 3, 4}, {}}));
    EXPECT_EQ(next(given, "skwww"), (plan_step{{2, 3, 4}, {}}));
  }
}

TEST(PlanTest, MakesJobOfItsSubActions) {
  const struct {
    const char* statuses;
    const char* job;
  } rows[] = {
    {"", "succeeded"},   {"s", "succeeded"},  {"ss", "succeeded"},
    {"sw", "running"},   {"sr", "running"},   {"st", "running"},
    {"fw", "running"},   {"cr", "running"},   {"sf", "failed"},
    {"sk", "failed"},    {"fk", "failed"},    {"sc", "cancelled"},
    {"cc", "cancelled"}, {"ck", "cancelled"}, {"fc", "failed"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(name_of(row.statuses), row.job) << row.statuses;
}

} // namespace handoff

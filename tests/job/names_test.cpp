#include "job/error.hpp"
#include "job/status.hpp"

#include <gtest/gtest.h>

#include <set>

namespace handoff {
namespace {

struct numbered {
  int value;
  std::string_view name;
};

// What the journal has written stays readable: these lists only grow at their
// ends, and no line of them is ever changed.
constexpr numbered error_kinds[] = {
  {1, "invalid-request"},
  {2, "unauthorized"},
  {3, "unknown-flow"},
  {4, "not-found"},
  {5, "unknown-job"},
  {6, "method-not-allowed"},
  {7, "request-timeout"},
  {8, "conflict"},
  {9, "payload-too-large"},
  {10, "uri-too-long"},
  {11, "idempotency-key-reused"},
  {12, "headers-too-large"},
  {13, "not-implemented"},
  {14, "http-version-not-supported"},
  {15, "expectation-failed"},
  {16, "flows-invalid"},
  {17, "misdirected"},
  {18, "cross-origin"},
  {30, "internal"},
  {31, "overloaded"},
  {32, "draining"},
  {33, "journal-unavailable"},
  {34, "stalled"},
  {40, "clone-failed"},
  {41, "clone-timed-out"},
  {42, "clone-ambiguous"},
  {60, "name-not-resolved"},
  {61, "connect-failed"},
  {62, "tls-failed"},
  {63, "address-refused"},
  {64, "attempt-timed-out"},
  {65, "connection-lost"},
  {66, "answer-too-large"},
  {67, "answer-malformed"},
  {68, "upstream-status"},
  {69, "uid-missing"},
  {70, "template-failed"},
  {71, "worker-crashed"},
  {72, "quarantined"},
  {73, "shut-down"},
  {74, "cancelled"},
  {75, "breaker-open"},
  {76, "throttled"},
  {77, "answer-refused"},
  {78, "nothing-picked"},
  {79, "wait-failed"},
  {80, "wait-timed-out"},
  {81, "when"},
  {82, "answer-unknown"},
  {90, "token-missing"},
  {91, "token-refused"},
  {92, "unknown-connection"},
};

constexpr numbered job_statuses[] = {
  {1, "cloning"}, {2, "running"},   {3, "succeeded"},
  {4, "failed"},  {5, "cancelled"}, {6, "ambiguous"},
};

constexpr numbered sub_action_statuses[] = {
  {1, "waiting"}, {2, "running"}, {3, "retrying"},  {4, "succeeded"},
  {5, "failed"},  {6, "skipped"}, {7, "cancelled"},
};

} // namespace

TEST(ErrorKindTest, KeepsValuesAndNames) {
  for (const auto& each : error_kinds) {
    const auto kind = static_cast<error_kind>(each.value);
    EXPECT_EQ(name(kind), each.name);
    EXPECT_EQ(error_kind_from(each.name), kind);
  }
}

TEST(ErrorKindTest, HasStatusAndTitleOfItsOwn) {
  std::set<std::string_view> titles;
  for (const auto& each : error_kinds) {
    const auto kind = static_cast<error_kind>(each.value);
    EXPECT_GE(http_status(kind), 400) << each.name;
    EXPECT_LT(http_status(kind), 600) << each.name;
    EXPECT_TRUE(titles.insert(title(kind)).second) << each.name;
  }
}

TEST(ErrorKindTest, TakesUnknownForInternal) {
  EXPECT_EQ(error_kind_from("no-such-kind"), error_kind::internal);
  EXPECT_EQ(error_kind_from(""), error_kind::internal);
  EXPECT_EQ(name(static_cast<error_kind>(9999)), "internal");
}

TEST(JobStatusTest, KeepsValuesAndNames) {
  for (const auto& each : job_statuses) {
    const auto status = static_cast<job_status>(each.value);
    EXPECT_EQ(name(status), each.name);
    EXPECT_EQ(job_status_from(each.name), status);
  }
  EXPECT_FALSE(job_status_from("waiting"));
  EXPECT_EQ(name(static_cast<job_status>(0)), "unknown");
}

TEST(JobStatusTest, IsFinalWhenNothingHappensByItself) {
  EXPECT_FALSE(is_final(job_status::cloning));
  EXPECT_FALSE(is_final(job_status::running));
  EXPECT_TRUE(is_final(job_status::succeeded));
  EXPECT_TRUE(is_final(job_status::failed));
  EXPECT_TRUE(is_final(job_status::cancelled));
  EXPECT_FALSE(is_final(job_status::ambiguous));
}

TEST(SubActionStatusTest, KeepsValuesAndNames) {
  for (const auto& each : sub_action_statuses) {
    const auto status = static_cast<sub_action_status>(each.value);
    EXPECT_EQ(name(status), each.name);
    EXPECT_EQ(sub_action_status_from(each.name), status);
    EXPECT_EQ(is_final(status), each.value >= 4) << each.name;
  }
  EXPECT_FALSE(sub_action_status_from("cloning"));
}

} // namespace handoff

#include "actors/replies.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace handoff {
namespace {

TEST(ProblemTest, IsProblemJson) {
  const auto made =
    problem_reply({error_kind::clone_ambiguous, "Nobody knows."}, "job-1");
  EXPECT_EQ(made.status, 502);
  EXPECT_EQ(*find_header(made.headers, "content-type"),
            "application/problem+json");
  const auto body = nlohmann::json::parse(made.body);
  EXPECT_EQ(body["type"], "/problems/clone-ambiguous");
  EXPECT_EQ(body["title"], title(error_kind::clone_ambiguous));
  EXPECT_EQ(body["status"], 502);
  EXPECT_EQ(body["detail"], "Nobody knows.");
  EXPECT_EQ(body["job"], "job-1");
}

// Goal: a sender that is turned away knows when to come back, whatever the
// cause.
TEST(ProblemTest, SaysWithEach503WhenToComeBack) {
  for (const auto kind : {error_kind::journal_unavailable,
                          error_kind::overloaded, error_kind::draining}) {
    const auto made = problem_reply({kind, "x"});
    EXPECT_EQ(made.status, 503);
    const auto* later = find_header(made.headers, "Retry-After");
    ASSERT_NE(later, nullptr) << name(kind);
    EXPECT_EQ(*later, "1");
  }
  const auto failed = problem_reply({error_kind::clone_failed, "x"});
  EXPECT_EQ(find_header(failed.headers, "Retry-After"), nullptr);
}

TEST(ProblemTest, NamesAJobOnlyIfThereIsOne) {
  const auto made = problem_reply({error_kind::internal, "x"});
  EXPECT_FALSE(nlohmann::json::parse(made.body).contains("job"));
}

TEST(ProblemTest, TakesExtrasButNotInPlaceOfItsOwn) {
  const auto made = problem_reply({error_kind::clone_failed, "x"}, {},
                                  {{"upstream_status", 422}, {"status", 200}});
  const auto body = nlohmann::json::parse(made.body);
  EXPECT_EQ(body["upstream_status"], 422);
  EXPECT_EQ(body["status"], 502);
}

TEST(ProblemTest, ReplacesWhatIsNotUtf8) {
  const auto made = problem_reply({error_kind::invalid_request, "a\xff z"});
  EXPECT_TRUE(nlohmann::json::accept(made.body));
}

} // namespace
} // namespace handoff

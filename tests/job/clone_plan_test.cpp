#include "job/clone_plan.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const json::json_pointer id{"/id"};
const wall_time now{std::chrono::seconds{1795867200}};

clone_rules probed() {
  clone_rules rules;
  rules.retry.max_attempts = 2;
  rules.probe = probe_rules{0ms, 2s, 10s};
  return rules;
}

probe_end ended(probe_finding finding, std::chrono::milliseconds left) {
  probe_end made;
  made.finding = finding;
  made.counted = 1;
  made.now = now;
  made.ends = now + left;
  made.last = error{error_kind::connection_lost, "lost"};
  return made;
}

exchange answer(int status) {
  exchange done;
  done.status = status;
  return done;
}

probe_finding found_in(const exchange& done, const answer_reading& reading) {
  json uid;
  return judge_probe(done, id, reading, uid);
}

} // namespace

TEST(ClonePlanTest, BelievesNotFoundOnlyAtTheEndOfTheProbe) {
  const auto rules = probed();
  EXPECT_EQ(after_probe(rules, ended(probe_finding::not_found, 9s)),
            (clone_step{clone_action::probe, 2s, std::nullopt}));
  EXPECT_EQ(after_probe(rules, ended(probe_finding::not_found, 500ms)),
            (clone_step{clone_action::probe, 500ms, std::nullopt}));
  EXPECT_EQ(after_probe(rules, ended(probe_finding::not_found, 0s)).action,
            clone_action::attempt);
  EXPECT_EQ(after_probe(rules, ended(probe_finding::found, 9s)).action,
            clone_action::finish);
}

// An upstream that was asked long before the end and answered after it said how
// it had been: the clone was there by then, and was made twice.
TEST(ClonePlanTest, AsksOnceMoreWhereAProbeWasAskedBeforeTheEnd) {
  const auto rules = probed();
  auto made = ended(probe_finding::not_found, 0s);
  made.ends = now - 300ms;
  made.took = 2s;
  EXPECT_EQ(after_probe(rules, made),
            (clone_step{clone_action::probe, 0ms, std::nullopt}));
  made.took = 200ms;
  EXPECT_EQ(after_probe(rules, made).action, clone_action::attempt);
}

TEST(ClonePlanTest, SurrendersWhenTheProbeHasNoAnswerAtItsEnd) {
  const auto rules = probed();
  auto made = ended(probe_finding::no_answer, 9s);
  EXPECT_EQ(after_probe(rules, made).action, clone_action::probe);
  made.ends = now;
  EXPECT_EQ(after_probe(rules, made).action, clone_action::surrender);
  // The upstream would not be asked before that.
  made.ends = now + 9s;
  made.retry_after = 60s;
  EXPECT_EQ(after_probe(rules, made).action, clone_action::surrender);
}

TEST(ClonePlanTest, KnowsWhichAttemptsMayHaveMadeTheClone) {
  job record;
  const auto add = [&](error_kind kind, int status, bool counted = true) {
    attempt made;
    made.number = static_cast<std::uint32_t>(record.clone.attempts.size() + 1);
    made.ended = true;
    made.counted = counted;
    made.http_status = status;
    made.failure = error{kind, ""};
    record.clone.attempts.push_back(made);
    if (counted)
      ++record.clone.counted;
  };
  EXPECT_FALSE(may_have_happened(record));
  add(error_kind::upstream_status, 503);
  add(error_kind::connect_failed, 0);
  EXPECT_FALSE(may_have_happened(record));
  add(error_kind::upstream_status, 502);
  add(error_kind::upstream_status, 400);
  EXPECT_TRUE(may_have_happened(record)) << "whatever came after it";
  // A rule of the flow may say that nobody can know.
  record.clone = {};
  add(error_kind::answer_unknown, 500);
  add(error_kind::upstream_status, 400);
  EXPECT_TRUE(may_have_happened(record));
  // A person who asks for another one has looked.
  record.clone.counted = 0;
  EXPECT_FALSE(may_have_happened(record));
  add(error_kind::upstream_status, 503);
  EXPECT_FALSE(may_have_happened(record));
  add(error_kind::shut_down, 0, false);
  EXPECT_TRUE(may_have_happened(record));
}

TEST(ClonePlanTest, AsksAProbeFirstAfterItsTime) {
  auto rules = probed();
  rules.probe->after = 30s;
  clone_verdict lost;
  lost.outcome = clone_outcome::unknown;
  EXPECT_EQ(after_attempt(rules, lost, 1, 0, std::nullopt),
            (clone_step{clone_action::probe, 30s, std::nullopt}));
  EXPECT_EQ(probe_ends(*rules.probe, now), now + 40s);
}

TEST(ClonePlanTest, TellsWhatAProbeFound) {
  answer_reading reading;
  reading.answer = json{{"id", "p-1"}};
  EXPECT_EQ(found_in(answer(200), reading), probe_finding::found);
  reading.answer = json{{"id", nullptr}};
  EXPECT_EQ(found_in(answer(200), reading), probe_finding::not_found);
  reading.answer = json{{"id", 1.5}};
  EXPECT_EQ(found_in(answer(200), reading), probe_finding::no_answer);
  reading.answer = std::nullopt;
  EXPECT_EQ(found_in(answer(200), reading), probe_finding::no_answer);
  EXPECT_EQ(found_in(answer(404), {}), probe_finding::not_found);
  EXPECT_EQ(found_in(answer(500), {}), probe_finding::no_answer);
  reading.unreadable = error{error_kind::nothing_picked, "none"};
  EXPECT_EQ(found_in(answer(200), reading), probe_finding::not_found);
}

// An error in a 200 was taken for "not found", and the clone made again.
TEST(ClonePlanTest, TakesNoErrorOfAProbeForNotFound) {
  answer_reading reading;
  reading.answer = json{{"errors", json::array({1})}};
  reading.rule = ruling{};
  reading.rule->then = ruled::fail;
  EXPECT_EQ(found_in(answer(200), reading), probe_finding::no_answer);
  EXPECT_EQ(found_in(answer(403), reading), probe_finding::no_answer);
  EXPECT_EQ(found_in(answer(404), reading), probe_finding::not_found);
  reading.rule->then = ruled::retry;
  EXPECT_EQ(found_in(answer(404), reading), probe_finding::no_answer);
}

TEST(ClonePlanTest, TakesTheBackoffForNotNowWhileTheSenderWaits) {
  clone_rules rules;
  clone_verdict early;
  early.outcome = clone_outcome::throttled;
  early_attempt made;
  made.since = made.now = now;
  made.sender_waits = 9s;
  EXPECT_EQ(after_throttled(rules, early, made),
            (clone_step{clone_action::attempt, 500ms, std::nullopt}));
  made.throttled = 4;
  EXPECT_EQ(after_throttled(rules, early, made).pause, 4s);
  made.throttled = 6;
  EXPECT_EQ(after_throttled(rules, early, made).pause, 30s);
  made.sender_waits.reset();
  made.throttled = 1;
  EXPECT_EQ(after_throttled(rules, early, made).pause, 30s);
  // What the upstream says goes before both.
  made.sender_waits = 9s;
  early.wait = 2s;
  EXPECT_EQ(after_throttled(rules, early, made).pause, 2s);
}

TEST(ClonePlanTest, FailsWhereNotNowLastsTooLong) {
  clone_rules rules;
  clone_verdict early;
  early.outcome = clone_outcome::throttled;
  early.wait = 60s;
  early_attempt made;
  made.now = now;
  made.since = now - 14min - 1s;
  const auto step = after_throttled(rules, early, made);
  EXPECT_EQ(step.action, clone_action::fail);
  EXPECT_EQ(step.failure->kind, error_kind::clone_failed);
  EXPECT_NE(step.failure->detail.find("until 2026-11-28T12:01:00.000Z"),
            std::string::npos);
}

TEST(ClonePlanTest, WaitsAsLongAsARuleSays) {
  clone_rules rules;
  rules.retry.max = 1s;
  clone_verdict verdict;
  verdict.outcome = clone_outcome::retryable;
  verdict.wait = 20s;
  EXPECT_EQ(after_attempt(rules, verdict, 1, 0, std::nullopt).pause, 20s);
  EXPECT_EQ(after_attempt(rules, verdict, 5, 0, std::nullopt).action,
            clone_action::fail);
}

} // namespace handoff

#include "tools/handoff/terminal.hpp"
#include "tools/handoff/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// An attempt that began so many seconds after 1970-01-01T00:00:10Z.
json attempt(int number, int second, json duration_ms, json http_status,
             json why = nullptr) {
  return {
    {"number", number},
    {"started", "1970-01-01T00:00:" + std::to_string(10 + second) + ".000Z"},
    {"duration_ms", std::move(duration_ms)},
    {"http_status", std::move(http_status)},
    {"error", std::move(why)},
    {"counted", true}};
}

json sub_action(const std::string& name, const std::string& status,
                json attempts = json::array()) {
  return {{"name", name},
          {"status", status},
          {"error", nullptr},
          {"next_attempt", nullptr},
          {"attempts", std::move(attempts)}};
}

json job_with(const std::string& status, json uid, json clone_attempts) {
  return {{"job", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
          {"flow", "setup"},
          {"status", status},
          {"uid", std::move(uid)},
          {"received", "1970-01-01T00:00:10.000Z"},
          {"deadline", "1970-01-01T00:00:15.000Z"},
          {"finished", nullptr},
          {"reply", nullptr},
          {"clone",
           {{"error", nullptr},
            {"next_attempt", nullptr},
            {"attempts", std::move(clone_attempts)}}},
          {"sub_actions", json::array()}};
}

/// Cloned after 2 s, answered, "share" done at the second attempt, "label"
/// failed for good, "file" skipped because of it; over after 10 s.
json failed_job() {
  auto job = job_with("failed", "p-1", {attempt(1, 0, 2000, 201)});
  job["finished"] = "1970-01-01T00:00:20.000Z";
  job["reply"] = {{"status", 200}, {"written", true}, {"after_ms", 2003}};
  job["sub_actions"] = {
    sub_action("share", "succeeded",
               {attempt(1, 2, 2000, 503, "upstream-status: it answered 503"),
                attempt(2, 6, 4000, 200)}),
    sub_action("label", "failed",
               {attempt(1, 2, 1000, 404, "upstream-status: it answered 404")}),
    sub_action("file", "skipped")};
  return job;
}

/// 40 seconds after they were received.
constexpr std::chrono::system_clock::time_point now{50s};

/// With 20 columns for the bars, where the longest name has 8.
timeline_options narrow() {
  return {56, false};
}

std::vector<std::string> rows_of(const json& document,
                                 timeline_options options = narrow()) {
  auto lines = draw_timeline(document, now, options);
  lines.erase(lines.begin(), lines.begin() + 3);
  return lines;
}

TEST(TimelineTest, TellsWhatTheSendersTimeWentInto) {
  auto job = failed_job();
  EXPECT_THAT(draw_timeline(job, now, narrow()),
              Not(Contains(StartsWith("answered after"))));
  job["reply"]["after_ms"] = 6600;
  job["reply"]["limit_ms"] = 10'000;
  job["reply"]["clone_ms"] = 6500;
  EXPECT_THAT(
    draw_timeline(job, now, narrow()),
    Contains("answered after 6.60 s of 10.00 s; 6.50 s in the clone"));
}

TEST(TimelineTest, TellsTheTrace) {
  auto job = failed_job();
  job["trace_id"] = "0af7651916cd43dd8448eb211c80319c";
  EXPECT_THAT(draw_timeline(job, now, narrow()),
              Contains("trace 0af7651916cd43dd8448eb211c80319c"));
}

TEST(TimelineTest, DrawsTheWaitForATurn) {
  auto job = job_with("succeeded", "p-1", {attempt(1, 0, 5000, 201)});
  job["clone"]["attempts"][0]["waiting_ms"] = 5000;
  const auto rows = rows_of(job);
  EXPECT_THAT(rows[0], HasSubstr(".==="));
  EXPECT_THAT(rows[0], HasSubstr("5.00 s"));
}

json inquiry(const std::string& name, int first, int last, int count,
             const std::string& finding, json why = nullptr) {
  auto made = attempt(count, last, 0, 200, std::move(why));
  made["name"] = name;
  made["count"] = count;
  made["finding"] = finding;
  made["first"] = "1970-01-01T00:00:" + std::to_string(10 + first) + ".000Z";
  return made;
}

// A call before the clone stands before its attempts, the others after them.
TEST(TimelineTest, DrawsWhatWasAskedBesideTheAttempts) {
  auto job = job_with("ambiguous", nullptr, {attempt(1, 5, 1000, 202)});
  job["clone"]["inquiries"] = {
    inquiry("prepare:order", 0, 4, 3, "done"),
    inquiry("poll", 10, 20, 11, "no-answer", "upstream-status: 503")};
  const auto rows = rows_of(job, {80, false});
  EXPECT_THAT(rows[0],
              AllOf(StartsWith("clone: prepare:order"), HasSubstr("[...."),
                    HasSubstr("done"), HasSubstr("200  asked 3")));
  EXPECT_THAT(rows[1], StartsWith("clone "));
  EXPECT_THAT(rows[2],
              AllOf(StartsWith("clone: poll"), HasSubstr("....]"),
                    HasSubstr("no-answer"), HasSubstr("200  asked 11")));
  EXPECT_THAT(rows[3], HasSubstr("upstream-status: 503"));
}

TEST(TimelineTest, DrawsEachAttemptOnOneAxis) {
  EXPECT_THAT(
    draw_timeline(failed_job(), now, narrow()),
    ElementsAre("01ARZ3NDEKTSV4RRFFQ69G5FAV  setup  failed  uid p-1",
                "received 1970-01-01 00:00:10Z, finished after 10.00 s..", "",
                "clone    [====      :         ] succeeded 201  2.00 s",
                "reply    [    ^     :         ] answered  200  2.00 s",
                "share #1 [    xxxx  :         ] failed    503  2.00 s",
                "    upstream-status: it answered 503",
                "share #2 [        ....========] succeeded 200  4.00 s",
                "label    [    xx    :         ] failed    404  1.00 s",
                "    upstream-status: it answered 404",
                "file     [          :         ] skipped",
                "          0 s       : deadline"));
}

TEST(TimelineTest, TakesTheWidthOfTheTerminal) {
  for (const std::size_t width : {40u, 57u, 80u, 200u}) {
    const auto lines = draw_timeline(failed_job(), now, {width, false});
    for (const auto& line : lines)
      EXPECT_LT(columns_of(line), width) << line;
  }
  EXPECT_THAT(draw_timeline(failed_job(), now, {80, false})[1],
              EndsWith("finished after 10.00 s, deadline 5.00 s"));
}

TEST(TimelineTest, DrawsACloneThatRuns) {
  const auto rows =
    rows_of(job_with("cloning", nullptr, {attempt(1, 0, nullptr, nullptr)}));
  EXPECT_THAT(rows[0], AllOf(StartsWith("clone [>>>>>>>"),
                             HasSubstr("] running"), EndsWith("40.00 s")));
  EXPECT_THAT(rows[1], AllOf(StartsWith("reply ["), EndsWith("waiting")));
}

TEST(TimelineTest, DrawsACloneBetweenTwoAttempts) {
  auto job = job_with("cloning", nullptr,
                      {attempt(1, 0, 20'000, 503, "upstream-status: 503")});
  job["clone"]["next_attempt"] = "1970-01-01T00:00:52.000Z";
  const auto rows = rows_of(job);
  EXPECT_THAT(rows[0], HasSubstr("failed    503"));
  EXPECT_THAT(rows[2],
              AllOf(HasSubstr("....] retrying"), EndsWith("in 2.00 s")));
}

TEST(TimelineTest, SaysThatACloneIsAmbiguous) {
  auto job = job_with(
    "ambiguous", nullptr,
    {attempt(1, 0, 9000, nullptr, "attempt-timed-out: no answer in time")});
  job["clone"]["error"] = "clone-ambiguous: it may have happened";
  const auto rows = rows_of(job);
  EXPECT_THAT(rows[0], AllOf(HasSubstr("xxxx]"), HasSubstr("] ambiguous")));
  EXPECT_EQ(rows[1], "    attempt-timed-out: no answer in time");
  EXPECT_EQ(rows[2], "    clone-ambiguous: it may have happened");
  EXPECT_THAT(rows[3], EndsWith("] none"));
}

TEST(TimelineTest, KnowsNoEndOfAnAttemptThatACrashCutShort) {
  const auto rows = rows_of(
    job_with("ambiguous", nullptr,
             {attempt(1, 0, 8000, 503, "upstream-status: it answered 503"),
              attempt(2, 9, nullptr, nullptr)}));
  EXPECT_THAT(rows[2], AllOf(HasSubstr("?] ambiguous")));
}

TEST(TimelineTest, SaysThatAPersonResolvedTheClone) {
  const auto rows = rows_of(job_with(
    "succeeded", 17, {attempt(1, 0, 1000, 504, "upstream-status: 504")}));
  EXPECT_THAT(rows[0], HasSubstr("failed    504"));
  EXPECT_THAT(rows[2], EndsWith("] resolved"));
}

TEST(TimelineTest, DrawsWhatWaitsForItsNextAttempt) {
  auto job = failed_job();
  job["status"] = "running";
  job["sub_actions"] = {sub_action(
    "label", "retrying", {attempt(1, 2, 18'000, 503, "upstream-status: 503")})};
  job["sub_actions"][0]["next_attempt"] = "1970-01-01T00:00:50.500Z";
  const auto rows = rows_of(job);
  EXPECT_THAT(rows[4],
              AllOf(StartsWith("label ["), HasSubstr(".....] retrying"),
                    EndsWith("in 500 ms")));
}

TEST(TimelineTest, TellsWhyASubActionWasGivenUp) {
  auto job = failed_job();
  job["sub_actions"][1]["error"] = "quarantined: it died too often";
  EXPECT_THAT(rows_of(job), Contains("    quarantined: it died too often"));
}

TEST(TimelineTest, TellsOfACancelledSubAction) {
  auto job = failed_job();
  job["status"] = "cancelled";
  job["sub_actions"][1]["status"] = "cancelled";
  EXPECT_THAT(rows_of(job),
              Contains(AllOf(StartsWith("label"), EndsWith("] cancelled"))));
}

TEST(TimelineTest, TellsOfADeadlineThatIsNotReached) {
  auto job = failed_job();
  job["deadline"] = "1970-01-01T00:01:00.000Z";
  const auto rows = rows_of(job, {80, false});
  EXPECT_THAT(rows, Each(Not(HasSubstr(" :"))));
  EXPECT_THAT(rows.back(), EndsWith("10.00 s  deadline later"));
}

TEST(TimelineTest, BreaksALongErrorIntoLines) {
  auto job = failed_job();
  job["sub_actions"][1]["attempts"][0]["error"] =
    "upstream-status: it answered 404 with more words than a line has, which "
    "is not a reason to lose them";
  const auto rows = rows_of(job);
  EXPECT_THAT(rows,
              Contains("    upstream-status: it answered 404 with more words"));
  EXPECT_THAT(
    rows, Contains("    than a line has, which is not a reason to lose them"));
}

TEST(TimelineTest, TellsThatTheSenderHadGone) {
  auto job = failed_job();
  job["reply"]["written"] = false;
  const auto rows = rows_of(job);
  EXPECT_THAT(rows[1], HasSubstr("] unread"));
  EXPECT_EQ(rows[2], "    the sender had gone");
}

TEST(TimelineTest, HasColoursOnlyWhereTheyAreWanted) {
  EXPECT_THAT(draw_timeline(failed_job(), now, {80, false}),
              Each(Not(HasSubstr("\x1b"))));
  const auto lines = draw_timeline(failed_job(), now, {80, true});
  EXPECT_THAT(lines[0], HasSubstr("\x1b[31mfailed\x1b[0m"));
  EXPECT_THAT(lines[3], HasSubstr("\x1b[32msucceeded\x1b[0m"));
}

TEST(TimelineTest, LetsNoTextSpeakToTheTerminal) {
  auto job = failed_job();
  const std::string evil = "a\x1b]0;b\x07\xc2\x9b"
                           "2J\xff\n\xe2\x80\xae";
  job["uid"] = evil;
  job["flow"] = evil;
  job["sub_actions"][0]["name"] = evil;
  job["sub_actions"][1]["attempts"][0]["error"] = evil;
  const auto lines = draw_timeline(job, now, {200, false});
  for (const char* bad :
       {"\x1b", "\x07", "\xc2\x9b", "\xff", "\n", "\xe2\x80\xae"})
    EXPECT_THAT(lines, Each(Not(HasSubstr(bad))));
  EXPECT_THAT(lines[0], HasSubstr("uid a\\x1b]0;b\\x07\\x9b2J\\xff\\n\\u202e"));
}

TEST(TimelineTest, TakesDocumentsThatLackMuch) {
  EXPECT_EQ(draw_timeline(json::object(), now, {}).size(), 1u);
  EXPECT_EQ(draw_timeline(json::array(), now, {}).size(), 1u);
  const json odd = {{"received", "1970-01-01T00:00:10.000Z"},
                    {"clone", 3},
                    {"sub_actions", {nullptr, {{"attempts", {1, 2}}}}}};
  EXPECT_FALSE(draw_timeline(odd, now, {}).empty());
}

TEST(TerminalTest, CountsColumns) {
  EXPECT_EQ(columns_of("grün"), 4u);
  EXPECT_EQ(columns_of("日本"), 4u);
  EXPECT_EQ(clipped("grünlich", 5), "grü..");
  EXPECT_EQ(clipped("日本語", 5), "日..");
  EXPECT_EQ(padded("ü", 3), "ü  ");
}

TEST(TerminalTest, LeavesOrdinaryTextAsItIs) {
  EXPECT_EQ(printable("grün 日本 \\ ~"), "grün 日本 \\ ~");
}

TEST(TerminalTest, BreaksLinesBetweenWords) {
  EXPECT_THAT(wrapped("one two three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(wrapped("日本", 1), ElementsAre("日", "本"));
}

} // namespace
} // namespace handoff

#include "tools/handoff/job_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Such as the admin API shows it: cloned after 1 s, "share" done within
/// another, "label" failed once and waiting.
json running_job() {
  return {
    {"job", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    {"status", "running"},
    {"uid", "p-1"},
    {"received", "1970-01-01T00:00:10.000Z"},
    {"reply", {{"status", 200}, {"written", true}, {"after_ms", 1002}}},
    {"clone",
     {{"attempts",
       {{{"number", 1},
         {"started", "1970-01-01T00:00:10.000Z"},
         {"duration_ms", 1000},
         {"http_status", 201},
         {"error", nullptr}}}}}},
    {"sub_actions",
     {{{"name", "share"},
       {"status", "succeeded"},
       {"attempts",
        {{{"number", 1},
          {"started", "1970-01-01T00:00:11.000Z"},
          {"duration_ms", 1000},
          {"http_status", 200},
          {"error", nullptr}}}}},
      {{"name", "label"},
       {"status", "retrying"},
       {"next_attempt", "1970-01-01T00:00:12.500Z"},
       {"attempts",
        {{{"number", 1},
          {"started", "1970-01-01T00:00:11.000Z"},
          {"duration_ms", 500},
          {"http_status", 503},
          {"error", "upstream-error: 503"}}}}},
      {{"name", "file"}, {"status", "waiting"}, {"attempts", json::array()}}}},
  };
}

/// Two seconds after `running_job` was received.
constexpr std::chrono::system_clock::time_point now{12s};

std::vector<std::string> texts(const json& document) {
  std::vector<std::string> all;
  for (const auto& each : news_of(document))
    all.push_back(each.text);
  return all;
}

TEST(JobViewTest, TellsWhatHappenedInOrder) {
  EXPECT_THAT(texts(running_job()),
              ElementsAre("clone, attempt 1: 201 after 1000 ms",
                          "the sender was answered 200, uid p-1",
                          "label, attempt 1: 503 after 500 ms",
                          "share, attempt 1: 200 after 1000 ms"));
  EXPECT_EQ(news_of(running_job())[2].at, 1500ms);
}

TEST(JobViewTest, TellsHowTheJobEnded) {
  auto ended = running_job();
  ended["status"] = "ambiguous";
  ended["clone"]["error"] = "clone-ambiguous: reset";
  EXPECT_EQ(texts(ended).back(), "the job: ambiguous, clone-ambiguous: reset");
  EXPECT_TRUE(has_come_to_rest(ended));
  EXPECT_FALSE(has_come_to_rest(running_job()));
}

TEST(JobViewTest, DrawsOneAxisForAllBars) {
  job_view_options options;
  options.width = 62; // leaves 20 columns for 2 s
  EXPECT_THAT(
    draw_job(running_job(), now, options),
    ElementsAre("01ARZ3NDEKTSV4RRFFQ69G5FAV  running    uid p-1  1/3  200 af..",
                "  share [==========          ] succeeded",
                "  label [xxxxx.....          ] retrying  503, again in 0.5 s",
                "  file  [                    ] waiting"));
}

TEST(JobViewTest, DrawsAnAttemptThatRuns) {
  auto running = running_job();
  running["sub_actions"][0]["attempts"][0]["duration_ms"] = nullptr;
  running["sub_actions"][0]["status"] = "running";
  job_view_options options;
  options.width = 62;
  EXPECT_EQ(draw_job(running, now, options)[1],
            "  share [>>>>>>>>>>          ] running");
}

TEST(JobViewTest, IsOneLineWhereItIsBrief) {
  job_view_options options;
  options.brief = true;
  EXPECT_EQ(draw_job(running_job(), now, options).size(), 1u);
}

TEST(JobViewTest, LetsNoUidSpeakToTheTerminal) {
  auto evil = running_job();
  evil["uid"] = "\x1b[2Jp\n";
  for (const auto& line : draw_job(evil, now, {}))
    EXPECT_THAT(line, Not(HasSubstr("\x1b"))) << line;
  EXPECT_THAT(draw_job(evil, now, {})[0], HasSubstr("\\x1b[2Jp\\n"));
}

TEST(JobViewTest, TakesDocumentsThatLackMuch) {
  EXPECT_TRUE(news_of(json::object()).empty());
  EXPECT_EQ(draw_job(json::object(), now, {}).size(), 1u);
  const json odd = {{"status", 7}, {"sub_actions", {{{"attempts", "none"}}}}};
  EXPECT_EQ(draw_job(odd, now, {}).size(), 2u);
}

} // namespace
} // namespace handoff

#include "tools/handoff/log.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>

namespace handoff {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr const char* id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
constexpr const char* trace = "0af7651916cd43dd8448eb211c80319c";

/// What senders and upstreams may make appear in a line.
const std::string hostile =
  "a\nb\r\n{\"level\":\"info\"}\x1b[31m \"quoted\" \\ \xff\xfe \xe2\x80\xae"
  " job=other";

class LogTest : public ::testing::Test {
protected:
  /// Everything that `write` makes the service's log tell.
  template <class Write>
  static std::string told(const std::string& format, Write write) {
    log_settings settings;
    settings.level = "trace";
    settings.format = format;
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    write(*make_log(settings, make_log_output(settings)));
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    return ::testing::internal::GetCapturedStderr();
  }

  static job_event settled(const std::string& why) {
    job record;
    record.id = id;
    record.flow = "setup";
    record.hook.trace.trace_id = trace;
    return make_event(record, wall_time{},
                      clone_settled{std::nullopt,
                                    job_status::failed,
                                    {error_kind::upstream_status, why}});
  }
};

TEST_F(LogTest, TellsOfAJobInFieldsOfText) {
  const auto line =
    told("text", [](auto& log) { log_event(log, settled("why")); });
  EXPECT_THAT(line, MatchesRegex("[0-9]+-[0-9][0-9]-[0-9][0-9]T[0-9:.]+Z "
                                 "warning clone failed: why job="
                                 + std::string{id} + " flow=setup trace_id="
                                 + trace + " step=clone\n"));
}

TEST_F(LogTest, TellsOfAJobInMembersOfJson) {
  const auto line = json::parse(
    told("json", [](auto& log) { log_event(log, settled("why")); }));
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("msg"), "clone failed: why");
  EXPECT_EQ(line.at("job"), id);
  EXPECT_EQ(line.at("flow"), "setup");
  EXPECT_EQ(line.at("trace_id"), trace);
  EXPECT_THAT(line.at("ts").get<std::string>(), EndsWith("Z"));
}

TEST_F(LogTest, NamesTheStepTheAttemptAndTheStatus) {
  job record;
  record.id = id;
  record.flow = "setup";
  record.sub_actions.resize(2);
  record.sub_actions[1].name = "share";
  step_ended ended;
  ended.step = sub_action_at(1);
  ended.made.number = 3;
  ended.made.http_status = 503;
  ended.made.failure = error{error_kind::upstream_status, "answered 503"};
  ended.status = sub_action_status::retrying;
  const auto event = make_event(record, wall_time{}, ended);
  const auto line =
    json::parse(told("json", [&](auto& log) { log_event(log, event); }));
  EXPECT_EQ(line.at("msg"), "sub-action share, attempt 3: answered 503");
  EXPECT_EQ(line.at("step"), "share");
  EXPECT_EQ(line.at("attempt"), 3);
  EXPECT_EQ(line.at("http_status"), 503);
}

TEST_F(LogTest, WarnsOfAJobThatFailed) {
  job record;
  record.id = id;
  const auto level_of = [&](job_status status) {
    const auto event = make_event(record, wall_time{}, job_finished{status});
    return json::parse(told("json", [&](auto& log) { log_event(log, event); }))
      .at("level")
      .template get<std::string>();
  };
  EXPECT_EQ(level_of(job_status::failed), "warning");
  EXPECT_EQ(level_of(job_status::succeeded), "info");
}

TEST_F(LogTest, HasNoFieldsOfTheLineBefore) {
  const auto lines = told("text", [](auto& log) {
    log_event(log, settled("why"));
    log.info("plain");
  });
  EXPECT_THAT(lines, EndsWith(" info plain\n"));
}

TEST_F(LogTest, WritesOneLineOfTextWhateverIsInIt) {
  const auto lines = told("text", [](auto& log) {
    log_event(log, settled(hostile));
    log_about(log, spdlog::level::warn, {id, hostile, trace}, hostile);
    log.error("{}", hostile);
  });
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  for (const char each : {'\r', '\x1b', '\xff'})
    EXPECT_EQ(lines.find(each), std::string::npos);
  EXPECT_THAT(lines, HasSubstr(" flow=\"a\\\\nb"));
}

TEST_F(LogTest, WritesOneJsonObjectALineWhateverIsInIt) {
  const auto text = told("json", [](auto& log) {
    log_event(log, settled(hostile));
    log_about(log, spdlog::level::warn, {id, hostile, trace}, hostile);
    log.error("{}", hostile);
  });
  std::istringstream lines{text};
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto read = json::parse(line);
    EXPECT_THAT(read.at("msg").get<std::string>(), HasSubstr("a\nb\r\n{\""));
    EXPECT_EQ(read.at("level"), count == 2 ? "error" : "warning");
  }
  EXPECT_EQ(count, 3);
}

TEST_F(LogTest, ObeysTheLevel) {
  log_settings settings;
  settings.level = "error";
  ::testing::internal::CaptureStderr();
  log_event(*make_log(settings, make_log_output(settings)), settled("why"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

} // namespace
} // namespace handoff

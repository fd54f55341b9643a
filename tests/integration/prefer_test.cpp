// What a sender may ask for (RFC 7240), and what it is told of it.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <string>

namespace handoff::support {

using ::testing::HasSubstr;

class PreferTest : public ServiceTest {
protected:
  /// The answer to a webhook whose clone never ends; the client's own patience
  /// of 30 s is what fails a test whose deadline was not shortened.
  http_response post_with(const std::string& prefer) {
    return post({{"Prefer", prefer}});
  }

  void hold_clones_for_a_minute() {
    options.ini["deadline"]["limit"] = "60s";
    script(on("/projects/*/clone", hang));
    start();
  }
};

TEST_F(PreferTest, OfNoWaitIsAnsweredAtOnceWithTheJob) {
  hold_clones_for_a_minute();
  const auto answer = post_with("wait=0");
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=0");
  ASSERT_TRUE(wait_for_in_flight(1));
  script();
  api.release();
  service->wait_for_job(answer.json().at("job"), "succeeded");
}

TEST_F(PreferTest, OfLessThanTheMarginIsAnsweredWithTheJob) {
  options.ini["deadline"]["margin"] = "5s";
  hold_clones_for_a_minute();
  const auto answer = post_with("wait=1");
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=1");
}

TEST_F(PreferTest, IsReadHoweverItIsWritten) {
  hold_clones_for_a_minute();
  for (const std::string prefer :
       {"wait=0", "WAIT=0", "wait = 0", "wait=\"0\"", "wait=0; x=y",
        "handling=lenient, wait=0", "wait=0, wait=60", ", ,wait=0,",
        "return=minimal;foo, wait=0", "respond-async", "Respond-Async",
        "respond-async; x", "respond-async, wait=0", "wait=0, respond-async"}) {
    const auto answer = post_with(prefer);
    EXPECT_EQ(answer.status, 202) << prefer << answer.body;
    EXPECT_NE(answer.header("Preference-Applied"), "") << prefer;
  }
}

TEST_F(PreferTest, WaitsBeforeItRespondsAsynchronously) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", json{{"delay", "200ms"}}));
  start();
  // RFC 7240, section 4.3: the wait is how long the sender would rather have
  // the result.
  const auto answer = post_with("respond-async, wait=20");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.header("Preference-Applied"), HasSubstr("wait=20"));
}

TEST_F(PreferTest, IsIgnoredWhereItIsMalformed) {
  script(on("/projects/*/clone", json{{"delay", "20ms"}}));
  start();
  for (const std::string prefer :
       {"wait", "wait=", "wait=-1", "wait=x", "wait=1x", "wait=0.5", "wait=0x0",
        "wait=99999999999999999999", "waits=0", "respond-asynchronously", "=",
        ";", ",", "\"", "wait==0", "respond async"}) {
    const auto answer = post_with(prefer);
    EXPECT_EQ(answer.status, 200) << prefer << answer.body;
    EXPECT_EQ(answer.header("Preference-Applied"), "") << prefer;
  }
}

TEST_F(PreferTest, IsNotAppliedWhereItWouldLengthenTheDeadline) {
  options.ini["deadline"] = {{"limit", "1s"}, {"margin", "100ms"}};
  script(on("/projects/*/clone", hang));
  start();
  const auto answer = post_with("wait=30");
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.header("Preference-Applied"), "");
}

TEST_F(PreferTest, IsReadFromEveryField) {
  hold_clones_for_a_minute();
  const auto answer =
    post({{"Prefer", "handling=lenient"}, {"Prefer", "respond-async"}});
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.header("Preference-Applied"), "respond-async");
  // Of a preference that comes twice the first counts (RFC 7240, section 2).
  const auto twice = post({{"Prefer", "wait=0"}, {"Prefer", "wait=60"}});
  EXPECT_EQ(twice.status, 202) << twice.body;
  EXPECT_EQ(twice.header("Preference-Applied"), "wait=0");
}

} // namespace handoff::support

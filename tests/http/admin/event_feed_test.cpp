#include "http/admin/event_feed.hpp"

#include <gmock/gmock.h>

#include <string>

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* job = "01M82BX4NYQWMKY40G16YR1J0Q";
constexpr const char* other_job = "01M82BX4NYQWMKY40G16YR1J0R";

class EventFeedTest : public ::testing::Test {
protected:
  event_feed_options options() {
    event_feed_options made;
    made.now = [this] {
      return now;
    };
    made.run = "7";
    made.kept = 10;
    made.subscribers_max = 3;
    return made;
  }

  void finish(const std::string& id, int times = 1) {
    for (int i = 0; i < times; ++i)
      feed.observe(job_event{id, {}, job_finished{job_status::succeeded}});
  }

  wall_time now;
  event_feed feed{options()};
};

TEST_F(EventFeedTest, TellsWhatComesFromNowOn) {
  finish(job);
  const auto stream = feed.subscribe("", "");
  EXPECT_EQ(stream->take(), "retry: 2000\nid: 7.1\n\n")
    << "the place, so that it can be resumed";
  EXPECT_THAT(stream->take(), IsEmpty());
  finish(other_job);
  EXPECT_EQ(stream->take(),
            "event: job\nid: 7.2\ndata: {\"at\":\"1970-01-01T00:00:00.000Z\","
            "\"job\":\"01M82BX4NYQWMKY40G16YR1J0R\",\"status\":\"succeeded\"}"
            "\n\n");
  EXPECT_THAT(stream->take(), IsEmpty());
}

TEST_F(EventFeedTest, WakesOnceAndOnlyWhoWaits) {
  const auto stream = feed.subscribe("", "");
  int woken = 0;
  stream->on_more([&] { ++woken; });
  finish(job);
  EXPECT_EQ(woken, 0) << "it has not been asked yet";
  while (!stream->take().empty()) {
  }
  finish(job, 5);
  EXPECT_EQ(woken, 1);
}

TEST_F(EventFeedTest, TellsOnlyOfOneJobIfAsked) {
  const auto stream = feed.subscribe(job, "");
  finish(other_job);
  finish(job);
  feed.observe(supervision_change{"restarted", "clone"});
  const auto text = stream->take();
  EXPECT_THAT(text, Not(HasSubstr(other_job)));
  EXPECT_THAT(text, HasSubstr(job));
  EXPECT_THAT(text, HasSubstr("event: supervision"));
}

TEST_F(EventFeedTest, GoesOnWhereAClientStopped) {
  feed.subscribe("", "");
  now += std::chrono::seconds{59};
  finish(job, 5);
  const auto stream = feed.subscribe("", "7.3");
  const auto text = stream->take();
  EXPECT_THAT(text, Not(HasSubstr("id: 7.3\n")));
  EXPECT_THAT(text, HasSubstr("id: 7.4\n"));
  EXPECT_THAT(text, HasSubstr("id: 7.5\n"));
  EXPECT_THAT(text, Not(HasSubstr("lagged")));
}

TEST_F(EventFeedTest, KeepsNothingOnceNobodyHasListenedForAWhile) {
  const auto first = feed.subscribe("", "");
  now += std::chrono::hours{1};
  finish(job);
  EXPECT_THAT(feed.subscribe("", "7.0")->take(), HasSubstr("id: 7.1\n"))
    << "somebody listens all the time";
  event_feed left{options()};
  left.subscribe("", "");
  now += std::chrono::seconds{60};
  left.observe(job_event{job, {}, job_finished{job_status::succeeded}});
  EXPECT_THAT(left.subscribe("", "7.0")->take(),
              HasSubstr("event: lagged\nid: 7.1\n"));
}

TEST_F(EventFeedTest, SaysSoWhereItCannotGoOn) {
  finish(job, 15);
  for (const std::string id : {"7.2", "6.12", "7.99", "7.", "7", "x", "7.1x"}) {
    const auto stream = feed.subscribe("", id);
    const auto text = stream->take();
    EXPECT_THAT(text, HasSubstr("event: lagged\nid: 7.15\n")) << id;
    EXPECT_THAT(text, Not(HasSubstr("event: job"))) << id;
  }
}

TEST_F(EventFeedTest, KeepsNothingForWhoDoesNotRead) {
  const auto stream = feed.subscribe("", "");
  stream->take();
  finish(job, 100);
  EXPECT_THAT(stream->take(), StartsWith("event: lagged\nid: 7.100\n"));
  finish(job);
  EXPECT_THAT(stream->take(), StartsWith("event: job\nid: 7.101\n"));
}

TEST_F(EventFeedTest, TakesNoMoreThanSoManyAndThenAgain) {
  const auto first = feed.subscribe("", "");
  auto second = feed.subscribe("", "");
  const auto third = feed.subscribe("", "");
  EXPECT_EQ(feed.subscribe("", ""), nullptr);
  second.reset();
  EXPECT_NE(feed.subscribe("", ""), nullptr);
}

TEST_F(EventFeedTest, EndsAfterALastWord) {
  const auto stream = feed.subscribe("", "");
  stream->take();
  stream->take();
  int woken = 0;
  stream->on_more([&] { ++woken; });
  EXPECT_FALSE(stream->has_ended());
  feed.close();
  EXPECT_EQ(woken, 1);
  EXPECT_FALSE(stream->has_ended());
  EXPECT_THAT(stream->take(), StartsWith("event: draining\n"));
  EXPECT_TRUE(stream->has_ended());
  finish(job);
  EXPECT_THAT(stream->take(), IsEmpty());
  EXPECT_EQ(feed.subscribe("", ""), nullptr);
}

TEST_F(EventFeedTest, KeepsHostileTextOnItsLine) {
  const auto stream = feed.subscribe("", "");
  stream->take();
  clone_settled change;
  change.failure = {error_kind::internal,
                    std::string{"\n\nevent: job\xff"} + std::string(900, 'x')};
  feed.observe(job_event{job, {}, change});
  const auto text = stream->take();
  EXPECT_EQ(text.find("\n\n"), text.size() - 2);
  EXPECT_LT(text.size(), 600u);
}

TEST_F(EventFeedTest, TellsThatAFinishedJobIsTakenUp) {
  const auto stream = feed.subscribe("", "");
  stream->take();
  step_settled change;
  change.status = sub_action_status::waiting;
  feed.observe(job_event{job, {}, change});
  EXPECT_THAT(stream->take(), HasSubstr("event: job\nid: 7.2\n"));
}

} // namespace
} // namespace handoff

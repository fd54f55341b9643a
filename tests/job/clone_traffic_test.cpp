#include "job/clone_traffic.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace handoff {
namespace {

using namespace std::chrono_literals;

exchange after(std::chrono::milliseconds duration) {
  exchange done;
  done.status = 200;
  done.sent = true;
  done.duration = duration;
  return done;
}

exchange failed_after(error_kind kind, std::chrono::milliseconds duration) {
  auto done = after(duration);
  done.status = 0;
  done.failure = error{kind, "scripted"};
  return done;
}

} // namespace

TEST(UpstreamNameTest, IsThatOfTheOutboundClient) {
  const std::pair<const char*, const char*> cases[] = {
    {"http://127.0.0.1:9001/projects/", "http://127.0.0.1:9001"},
    {"HTTP://API.Example/Path", "http://api.example:80"},
    {"https://api.example", "https://api.example:443"},
    {"https://api.example?a=http://b:1/", "https://api.example:443"},
    {"http://[::1]/", "http://[::1]:80"},
    {"http://[::1]:8080/", "http://[::1]:8080"},
    {"no url", ""},
  };
  for (const auto& [url, upstream] : cases)
    EXPECT_EQ(upstream_of(url), upstream) << url;
}

TEST(CloneTrafficTest, CountsWhoStandsInLine) {
  clone_traffic traffic;
  const auto line = traffic.at("http://a:80");
  clone_place first;
  EXPECT_EQ(first.enter(line), 0u);
  EXPECT_EQ(first.enter(line), 0u) << "it is in that line already";
  {
    clone_place second;
    EXPECT_EQ(second.enter(traffic.at("http://a:80")), 1u);
    EXPECT_EQ(line->count(), 2u);
    EXPECT_EQ(traffic.at("http://b:80")->count(), 0u);
  }
  EXPECT_EQ(line->count(), 1u) << "who goes leaves";
  first.leave();
  first.leave();
  EXPECT_EQ(line->count(), 0u);
}

TEST(CloneTrafficTest, GoesOverToAnotherLine) {
  clone_traffic traffic;
  clone_place place;
  place.enter(traffic.at("http://a:80"));
  place.enter(traffic.at("http://b:80"));
  EXPECT_EQ(traffic.at("http://a:80")->count(), 0u);
  EXPECT_EQ(traffic.at("http://b:80")->count(), 1u);
}

TEST(CloneTrafficTest, TellsFlowsStepsAndUpstreamsApart) {
  clone_traffic traffic;
  traffic.observe("f", "clone", "http://a:80", after(6s), true);
  traffic.observe("f", "probe", "http://a:80", after(2s), true);
  traffic.observe("g", "clone", "http://b:80", after(1s), true);
  EXPECT_EQ(traffic.of("f", "clone", "http://a:80")->latency().mean(), 6s);
  EXPECT_EQ(traffic.of("f", "probe", "http://a:80")->latency().mean(), 2s);
  EXPECT_FALSE(traffic.of("g", "clone", "http://a:80")->latency().mean());
  EXPECT_EQ(traffic.at("http://a:80")->latency().mean(), 5'500ms);
  EXPECT_EQ(traffic.at("http://b:80")->latency().mean(), 1s);
}

TEST(CloneTrafficTest, LearnsFromGoodAnswersAndTimeOutsOnly) {
  clone_traffic traffic;
  const auto known = [&] {
    return traffic.of("f", "clone", "http://a:80")->latency().mean();
  };
  traffic.observe("f", "clone", "http://a:80", after(1ms), false);
  traffic.observe("f", "clone", "http://a:80",
                  failed_after(error_kind::connection_lost, 1ms), false);
  auto unsent = failed_after(error_kind::attempt_timed_out, 9s);
  unsent.sent = false;
  traffic.observe("f", "clone", "http://a:80", unsent, false);
  EXPECT_FALSE(known());
  traffic.observe("f", "clone", "http://a:80",
                  failed_after(error_kind::attempt_timed_out, 9s), false);
  EXPECT_EQ(known(), 9s);
}

TEST(CloneTrafficTest, ForgetsWhatNobodyAskedForTheLongest) {
  clone_traffic traffic;
  traffic.observe("gone", "clone", "http://a:80", after(1s), true);
  traffic.observe("kept", "clone", "http://a:80", after(1s), true);
  clone_place place;
  place.enter(traffic.at("http://held:80"));
  for (std::size_t i = 0; i < 3 * clone_traffic::lines_max; ++i) {
    traffic.of("flow-" + std::to_string(i), "clone", "http://b:80");
    traffic.of("kept", "clone", "http://a:80");
  }
  EXPECT_TRUE(traffic.of("kept", "clone", "http://a:80")->latency().mean());
  EXPECT_FALSE(traffic.of("gone", "clone", "http://a:80")->latency().mean());
  EXPECT_EQ(traffic.at("http://held:80")->count(), 1u)
    << "who stands in a line must not be lost with it";
}

TEST(CloneTrafficTest, CountsRightFromManyThreads) {
  clone_traffic traffic;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 2'000; ++round) {
        clone_place place;
        place.enter(traffic.at("http://a:80"));
        traffic.observe("f", "clone", "http://a:80", after(7ms), true);
      }
    });
  for (auto& each : threads)
    each.join();
  EXPECT_EQ(traffic.at("http://a:80")->count(), 0u);
  EXPECT_EQ(traffic.at("http://a:80")->latency().mean(), 7ms);
}

} // namespace handoff

// Goal: what was answered is not lost, a journaled success is not repeated and
// no clone is sent twice, wherever the process dies. Method: it is killed at
// the N-th passing of each named place, started again, and judged by what the
// fake API saw.

#include "tests/integration/crash_test.hpp"

#include <gmock/gmock.h>

#include <iostream>
#include <ostream>
#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

struct crash {
  unknown_clone flow = unknown_clone::ambiguous;
  std::string point;
  int nth = 1;
};

void PrintTo(const crash& one, std::ostream* out) {
  *out << one.point << ':' << one.nth;
}

class CrashPointTest : public CrashTest,
                       public ::testing::WithParamInterface<crash> {
protected:
  void SetUp() override {
    choose(GetParam().flow);
    if (GetParam().point == "deadline-reply") {
      options.ini["deadline"] = {{"limit", "200ms"}, {"margin", "100ms"}};
      script(on("/projects/*/clone",
                json{{"delay", "400ms"}, {"body", {{"id", "{{seq}}"}}}}),
             on("/made", json{{"body", {{"id", "{{made/key}}"}}}}));
    }
  }

  std::map<std::string, std::string> environment() const {
    return {{"HANDOFF_CRASH_AT",
             GetParam().point + ":" + std::to_string(GetParam().nth)}};
  }

  /// Sends one webhook; its sender may see the connection end.
  void send(handoff::headers fields = {}) {
    try {
      const auto answer = post(std::move(fields));
      if (answer.status / 100 == 2)
        acknowledged.push_back(answer.json());
      else
        refused.push_back(answer.body);
    } catch (const http_client_error&) {
      ++lost_connections;
    }
  }

  /// True if it died, false if it has nothing left to do.
  bool wait_for_death_or_rest() {
    const auto end = steady_clock::now() + seconds{20};
    while (steady_clock::now() < end) {
      if (!service->program().running())
        return true;
      try {
        bool rests = true;
        for (const auto& each : jobs())
          rests = rests && each.at("status") != "cloning"
               && each.at("status") != "running";
        if (rests)
          return false;
      } catch (const std::exception&) {
        // It has died, or is about to.
      }
      std::this_thread::sleep_for(milliseconds{5});
    }
    throw std::runtime_error("neither dead nor at rest: " + service->log());
  }

  void expect_acknowledged_jobs_known() {
    for (const auto& each : acknowledged) {
      const auto known = service->job(each.at("job"));
      if (each.contains("uid")) {
        EXPECT_EQ(known.at("uid"), each.at("uid"));
      }
    }
  }

  void expect_no_clone_twice() {
    const auto known = jobs();
    for (const auto& [job, count] : clones_sent()) {
      EXPECT_LE(count, GetParam().flow == unknown_clone::repeated ? 2 : 1)
        << job;
      EXPECT_TRUE(std::any_of(
        known.begin(), known.end(),
        [&, id = job](const json& each) { return each.at("job") == id; }))
        << "the clone of " << job << " was sent, but nobody knows the job";
    }
  }

  std::vector<json> acknowledged;
  std::vector<std::string> refused;
  int lost_connections = 0;
};

TEST_P(CrashPointTest, LosesAndRepeatsNothing) {
  options.environment = environment();
  start();
  send();
  if (lost_connections == 0 && service->program().running())
    send({{"Prefer", "respond-async"}});
  const bool died = wait_for_death_or_rest();
  kill_and_restart();
  expect_acknowledged_jobs_known();
  wait_until_settled();
  expect_no_clone_twice();
  const int ambiguous = resolve_ambiguous();
  if (GetParam().flow != unknown_clone::ambiguous) {
    EXPECT_EQ(ambiguous, 0);
  }
  const auto all = wait_until_settled();
  expect_acknowledged_jobs_known();
  expect_no_clone_twice();
  const int repeats = expect_each_sub_action_once(all);
  // Only what was not journaled yet may be called again. On a slow disk that
  // may be all that a fast upstream has answered, but each of it once.
  EXPECT_LE(repeats, died ? 2 * static_cast<int>(sub_actions) : 0);
  EXPECT_TRUE(refused.empty()) << refused.front();
  // The second sender may come while the process is dying.
  EXPECT_LE(lost_connections, died ? 2 : 0);
  std::cout << (died ? "died, " : "did not get there, ") << acknowledged.size()
            << " acknowledged, " << all.size() << " jobs, " << ambiguous
            << " ambiguous, " << repeats << " successes repeated" << std::endl;
}

class RecoveryCrashTest : public CrashPointTest {};

TEST_P(RecoveryCrashTest, LosesAndRepeatsNothing) {
  script(on("/projects/*/clone", json{{"body", {{"id", "{{seq}}"}}}}),
         on("/made", json{{"body", {{"id", "{{made/key}}"}}}}),
         on("/projects/*/s1", hang));
  start();
  for (int i = 0; i < 3; ++i)
    send();
  ASSERT_TRUE(wait_for_in_flight(3));
  script(on("/made", json{{"body", {{"id", "{{made/key}}"}}}}));
  service->kill();
  service->set_environment(environment());
  try {
    service->restart();
  } catch (const std::runtime_error&) {
    // It died before it was ready.
  }
  ASSERT_TRUE(wait_for_death_or_rest()) << service->log();
  kill_and_restart();
  const auto all = wait_until_settled();
  EXPECT_EQ(acknowledged.size(), 3u);
  EXPECT_EQ(all.size(), 3u);
  expect_acknowledged_jobs_known();
  expect_no_clone_twice();
  // Three of each of the three jobs can be under way at each of the two deaths.
  EXPECT_LE(expect_each_sub_action_once(all), 3 * 3 * 2);
}

namespace {

std::vector<crash> crashes() {
  using enum unknown_clone;
  std::vector<crash> all;
  const auto add = [&](unknown_clone flow, const char* point, int up_to) {
    for (int nth = 1; nth <= up_to; ++nth)
      all.push_back({flow, point, nth});
  };
  for (const auto* point : {"before-commit", "after-commit",
                            "before-sub-action-call", "after-sub-action-call"})
    add(ambiguous, point, 8);
  for (const auto* point : {"before-admission", "after-admission",
                            "before-clone-call", "after-clone-call"})
    add(ambiguous, point, 3);
  for (const auto* point : {"before-reply", "after-reply",
                            "before-accepted-reply", "after-accepted-reply"})
    add(ambiguous, point, 2);
  for (const auto flow : {probed, repeated}) {
    for (const auto* point : {"before-commit", "after-commit"})
      add(flow, point, 4);
    for (const auto* point : {"before-admission", "after-admission",
                              "before-clone-call", "after-clone-call"})
      add(flow, point, 2);
  }
  for (const auto flow : {ambiguous, probed, repeated})
    all.push_back({flow, "deadline-reply", 1});
  return all;
}

std::vector<crash> recovery_crashes() {
  return {{unknown_clone::ambiguous, "before-recovery-commit", 1},
          {unknown_clone::ambiguous, "after-recovery-commit", 1},
          {unknown_clone::ambiguous, "recovery-job", 1},
          {unknown_clone::ambiguous, "recovery-job", 2},
          {unknown_clone::ambiguous, "recovery-job", 3},
          {unknown_clone::ambiguous, "before-commit", 1},
          {unknown_clone::ambiguous, "after-commit", 1},
          {unknown_clone::ambiguous, "before-commit", 2},
          {unknown_clone::ambiguous, "after-commit", 2},
          {unknown_clone::ambiguous, "before-sub-action-call", 1},
          {unknown_clone::ambiguous, "after-sub-action-call", 1}};
}

std::string name_of(const ::testing::TestParamInfo<crash>& info) {
  const char* flows[] = {"Plain", "Probed", "Repeated"};
  std::string name = flows[static_cast<int>(info.param.flow)];
  for (const auto& part : {info.param.point, std::to_string(info.param.nth)}) {
    name += '_';
    for (const char each : part)
      name += each == '-' ? '_' : each;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(At, CrashPointTest, ::testing::ValuesIn(crashes()),
                         name_of);

INSTANTIATE_TEST_SUITE_P(At, RecoveryCrashTest,
                         ::testing::ValuesIn(recovery_crashes()), name_of);

} // namespace

} // namespace handoff::support

// Goal: whichever actor dies, and at whichever message, a sender is answered,
// what was acknowledged is finished and no journaled success is repeated.
// Method: HANDOFF_FAULT_AT has the actor throw; what the fake API counted and
// the admin side shows is judged, after another start where the service ended.

#include "tests/integration/crash_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <future>
#include <ostream>
#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class SupervisionTest : public CrashTest {
protected:
  void start_with_fault(const std::string& wanted) {
    options.environment = {{"HANDOFF_FAULT_AT", wanted}};
    start();
  }

  static int attempts_of(const json& sub) {
    return static_cast<int>(sub.at("attempts").size());
  }

  /// Waits for the end of a service that lost an actor, and starts it again
  /// without the fault.
  void expect_loss_and_restart(const std::string& who) {
    ASSERT_EQ(service->program().wait(seconds{30}), 1) << service->log();
    EXPECT_THAT(service->log(), HasSubstr(who + " has died"));
    service->set_environment({});
    service->restart();
  }

  int clones_of_last_job() { return clones_sent().at(job_of_last_clone()); }
};

TEST_F(SupervisionTest, MakesAnAttemptAgainWhoseActorDied) {
  start_with_fault("sub_action:2");
  const auto job = service->wait_for_job(accept_job(), "succeeded");
  int lost = 0;
  for (const auto& sub : job.at("sub_actions")) {
    const auto& first = sub.at("attempts").at(0);
    if (first.at("counted") == true) {
      EXPECT_EQ(attempts_of(sub), 1) << sub.dump(2);
      continue;
    }
    ++lost;
    EXPECT_EQ(attempts_of(sub), 2) << sub.dump(2);
    EXPECT_THAT(first.at("error").get<std::string>(),
                HasSubstr("worker-crashed"));
  }
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(expect_each_sub_action_once({job}), 0);
}

TEST_F(SupervisionTest, QuarantinesASubActionThatEndsItsActorAgainAndAgain) {
  options.ini["supervisor"] = {{"max-restarts", "2"}, {"within", "60s"}};
  flow["sub_actions"] = json::array({sub_action("s1")});
  sub_actions = 1;
  start_with_fault("sub_action:1+");
  const auto id = accept_job();
  const auto job = service->wait_for_job(id, "failed");
  const auto& sub = job.at("sub_actions").at(0);
  EXPECT_EQ(attempts_of(sub), 3);
  EXPECT_THAT(sub.at("error").get<std::string>(), HasSubstr("quarantined"));
  EXPECT_EQ(api.counts("POST /projects/1/s1")["requests"], 0);
  kill_and_restart();
  EXPECT_EQ(retry_failed(), 1);
  EXPECT_EQ(
    expect_each_sub_action_once({service->wait_for_job(id, "succeeded")}), 0);
}

class JobSupervisorFaultTest : public SupervisionTest,
                               public ::testing::WithParamInterface<int> {};

TEST_P(JobSupervisorFaultTest, IsBuiltAgainFromTheJournal) {
  start_with_fault("job_supervisor:" + std::to_string(GetParam()));
  const auto job = service->wait_for_job(accept_job(), "succeeded");
  // What was under way then is called again: three at a time.
  EXPECT_LE(expect_each_sub_action_once({job}), 3);
  EXPECT_EQ(clones_of_last_job(), 1);
  EXPECT_EQ(service->stop(), 0) << service->log();
}

INSTANTIATE_TEST_SUITE_P(At, JobSupervisorFaultTest, ::testing::Range(1, 8));

TEST_F(SupervisionTest, StartsACloneAgainThatDiedBeforeItsJobWasJournaled) {
  start_with_fault("clone:1");
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(clones_of_last_job(), 1);
}

TEST_F(SupervisionTest, AnswersInTimeAndIsAmbiguousWhereAClonesAnswerIsLost) {
  start_with_fault("clone:2");
  const auto answer = post();
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.json().at("status"), "ambiguous");
  service->wait_for_job(answer.json().at("job"), "ambiguous");
  EXPECT_EQ(clones_of_last_job(), 1);
}

TEST_F(SupervisionTest, AdoptsTheUidWhereAClonesAnswerIsLostAndAProbeFindsIt) {
  choose(unknown_clone::probed);
  start_with_fault("clone:2");
  const auto job = service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(clones_of_last_job(), 1);
  EXPECT_EQ(expect_each_sub_action_once({job}), 0);
}

TEST_F(SupervisionTest,
       ClonesAgainWhereAClonesAnswerIsLostAndTheFlowMayRepeat) {
  choose(unknown_clone::repeated);
  start_with_fault("clone:2");
  const auto job = service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(clones_of_last_job(), 2);
  EXPECT_EQ(expect_each_sub_action_once({job}), 0);
}

TEST_F(SupervisionTest, AnswersInTimeWhereCloneActorsDieAgainAndAgain) {
  options.ini["supervisor"] = {{"max-restarts", "2"}, {"within", "60s"}};
  start_with_fault("clone:1+");
  const auto answer = post();
  EXPECT_EQ(answer.status, 500) << answer.body;
  EXPECT_EQ(answer.json().at("type"), "/problems/quarantined");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 0);
  EXPECT_EQ(service->stop(), 0) << service->log();
}

// -- the service cannot go on without these
// ------------------------------------

struct fatal_fault {
  std::string actor;
  std::string who; ///< as the log says it
  int nth = 1;
};

void PrintTo(const fatal_fault& one, std::ostream* out) {
  *out << one.actor << ':' << one.nth;
}

class FatalFaultTest : public SupervisionTest,
                       public ::testing::WithParamInterface<fatal_fault> {
protected:
  FatalFaultTest() { choose(unknown_clone::probed); }

  std::string fault() const {
    return GetParam().actor + ":" + std::to_string(GetParam().nth);
  }

  bool has_ended() { return !service->program().running(); }

  /// Gives the answer, or none where the connection was lost or refused.
  std::optional<http_response> try_post() {
    try {
      auto answer = post();
      if (answer.status / 100 == 2)
        acknowledged.push_back(answer.json().at("job"));
      return answer;
    } catch (const http_client_error&) {
      return std::nullopt;
    }
  }

  void look_up_something() {
    try {
      service->admin("GET", "/api/v1/jobs");
    } catch (const http_client_error&) {
      // It dies of it.
    }
  }

  void expect_all_finished() {
    const auto all = wait_until_settled();
    for (const auto& id : acknowledged)
      EXPECT_TRUE(
        std::any_of(all.begin(), all.end(),
                    [&](const json& each) { return each.at("job") == id; }))
        << id << " was acknowledged, but nobody knows it";
    for (const auto& [job, count] : clones_sent())
      EXPECT_LE(count, 2) << job;
    // What was under way then is called again, three of each job, and with the
    // journal all that it had not committed.
    const auto each_job = GetParam().actor == "journal_keeper" ? 6u : 3u;
    EXPECT_LE(expect_each_sub_action_once(all),
              static_cast<int>(each_job * all.size()));
  }

  std::vector<std::string> acknowledged;
};

class HeldFaultTest : public FatalFaultTest {};

TEST_P(HeldFaultTest, AnswersHeldSendersAndGoesOnAtTheNextStart) {
  constexpr int held_max = 3;
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start_with_fault(fault());
  std::vector<std::future<http_response>> senders;
  for (int held = 1; held <= held_max && !has_ended(); ++held) {
    senders.push_back(std::async(std::launch::async, [&] { return post(); }));
    ASSERT_TRUE(api.wait_until([&](const json& counts) {
      return counts["in_flight"] == held || has_ended();
    }));
  }
  for (int tries = 0; tries < 100 && !has_ended(); ++tries) {
    if (GetParam().actor == "job_viewer")
      look_up_something();
    else
      senders.push_back(std::async(std::launch::async, [&] { return post(); }));
    service->program().wait(milliseconds{200});
  }
  int refused = 0;
  for (auto& each : senders) {
    try {
      const auto answer = each.get();
      EXPECT_TRUE(answer.status == 202 || answer.status == 503)
        << answer.status << answer.body;
      if (answer.status == 202)
        acknowledged.push_back(answer.json().at("job"));
    } catch (const http_client_error& failed) {
      // Came when the doors were closed already.
      EXPECT_TRUE(++refused + held_max <= static_cast<int>(senders.size()))
        << failed.what();
    }
  }
  EXPECT_GE(acknowledged.size(), 2u);
  script(on("/projects/*/clone", json{{"body", {{"id", "{{seq}}"}}}}));
  api.release();
  expect_loss_and_restart(GetParam().who);
  expect_all_finished();
}

class BusyFaultTest : public FatalFaultTest {};

TEST_P(BusyFaultTest, LosesAndRepeatsNothing) {
  start_with_fault(fault());
  for (int sent = 0; sent < 50 && !has_ended(); ++sent) {
    try_post();
    if (GetParam().actor == "job_viewer")
      look_up_something();
  }
  expect_loss_and_restart(GetParam().who);
  expect_all_finished();
}

namespace {

std::vector<fatal_fault> when_held() {
  // The first three are held by then.
  return {{"root_supervisor", "the root supervisor", 4},
          {"journal_keeper", "the journal", 7},
          {"intake", "the intake", 4},
          {"job_viewer", "the job viewer", 1}};
}

std::vector<fatal_fault> when_busy() {
  std::vector<fatal_fault> all;
  for (const int nth : {1, 2, 3, 7, 12})
    all.push_back({"root_supervisor", "the root supervisor", nth});
  for (const int nth : {1, 2, 3, 5, 6, 8, 13, 30})
    all.push_back({"journal_keeper", "the journal", nth});
  for (const int nth : {1, 3})
    all.push_back({"intake", "the intake", nth});
  all.push_back({"job_viewer", "the job viewer", 3});
  return all;
}

std::string name_of(const ::testing::TestParamInfo<fatal_fault>& info) {
  return info.param.actor + "_" + std::to_string(info.param.nth);
}

INSTANTIATE_TEST_SUITE_P(At, HeldFaultTest, ::testing::ValuesIn(when_held()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(At, BusyFaultTest, ::testing::ValuesIn(when_busy()),
                         name_of);

} // namespace

TEST_F(SupervisionTest, EndsWhereTheRecoveryDiesAndGoesOnAtTheNextStart) {
  script(on("/projects/*/clone", json{{"body", {{"id", "{{seq}}"}}}}),
         on("/projects/**", hang));
  start();
  accept_job();
  ASSERT_TRUE(wait_for_in_flight(3));
  script();
  service->kill();
  service->set_environment({{"HANDOFF_FAULT_AT", "recovery:1"}});
  try {
    service->restart();
  } catch (const std::runtime_error&) {
    // It ended before it was ready.
  }
  expect_loss_and_restart("the recovery");
  EXPECT_LE(expect_each_sub_action_once(wait_until_settled()), 3);
}

TEST_F(SupervisionTest, EndsWithOneWhereAnActorDiesWhileItDrains) {
  options.ini["drain"]["timeout"] = "60s";
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start_with_fault("job_viewer:1");
  http_connection sender{service->port()};
  sender.send_request("POST", "/hooks/setup", {}, R"({"template": "t"})");
  ASSERT_TRUE(wait_for_in_flight(1));
  service->program().signal(SIGTERM);
  ASSERT_TRUE(
    service->program().wait_for_line("handoff: draining", seconds{20}));
  try {
    service->admin("GET", "/api/v1/jobs");
  } catch (const http_client_error&) {
    // It dies of it.
  }
  EXPECT_EQ(service->program().wait(seconds{30}), 1) << service->log();
  EXPECT_EQ(sender.read_response().status, 202);
}

TEST_F(SupervisionTest, RefusesAFaultThatItCannotRead) {
  process::options chosen;
  chosen.arguments = {"serve"};
  chosen.environment = {{"HANDOFF_FAULT_AT", "clone"}};
  process refused{handoff_binary(), chosen};
  EXPECT_EQ(refused.wait(seconds{30}), 2);
  EXPECT_THAT(refused.standard_error(), HasSubstr("HANDOFF_FAULT_AT"));
}

} // namespace handoff::support

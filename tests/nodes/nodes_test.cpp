// Goal: whatever becomes of a node, its jobs go on at another one, nothing that
// was answered is lost, and a node that was declared dead does nothing more.
// Method: several real programs on one private PostgreSQL cluster, killed,
// stopped and ended; the fake API counts what reached the upstream.

#include "tests/nodes/shared_journal_test.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cstdlib>
#include <future>
#include <set>
#include <vector>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;

class NodesTest : public SharedJournalTest {
protected:
  static json nodes_of(const handoff_service& node) {
    return node.admin("GET", "/api/v1/nodes").json().at("nodes");
  }

  /// The value of a series; -1: there is none.
  static double metric(const handoff_service& of, const std::string& series) {
    const auto text = "\n" + of.admin("GET", "/metrics").body;
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos
           ? -1
           : std::strtod(text.c_str() + at + series.size() + 2, nullptr);
  }

  static std::string state_of(const handoff_service& seen_by,
                              const std::string& name) {
    for (const auto& each : nodes_of(seen_by))
      if (each.at("name") == name)
        return each.at("state");
    return "unknown";
  }
};

TEST_F(NodesTest, ShowsAndRunsTheJobsOfAllAtEach) {
  const auto a = start_node("a");
  const auto b = start_node("b");
  const auto of_a = accept_job_at(*a);
  const auto of_b = accept_job_at(*b);
  b->wait_for_job(of_a, "succeeded");
  a->wait_for_job(of_b, "succeeded");
  EXPECT_EQ(a->admin("GET", "/api/v1/jobs").json().at("jobs").size(), 2u);
  const auto asked = request(b->port(), "GET", "/hooks/setup/jobs/" + of_a);
  EXPECT_EQ(asked.status, 200) << asked.body;
  const auto nodes = nodes_of(*b);
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes.at(0).at("name"), "a");
  EXPECT_EQ(nodes.at(1).at("state"), "working");
  EXPECT_GT(nodes.at(1).at("lease_left_ms"), 0);
  EXPECT_LT(nodes.at(0).at("no"), nodes.at(1).at("no"));
  // Each looks at the others once in a fifth of the lease.
  EXPECT_TRUE(wait_for(
    [&] { return metric(*a, "handoff_nodes{state=\"working\"}") == 2; }));
  const auto left = metric(*a, "handoff_node_lease_left_seconds");
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 3);
  EXPECT_EQ(metric(*a, "handoff_node_doubts_total"), 0);
}

TEST_F(NodesTest, TakesTheJobsOfAKilledNodeOver) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  auto a = start_node("a");
  const auto b = start_node("b");
  std::vector<std::string> jobs;
  for (int n = 0; n < 5; ++n)
    jobs.push_back(accept_job_at(*a));
  ASSERT_TRUE(wait_for_in_flight(15));
  a->kill();
  script();
  const auto killed = clock::now();
  for (const auto& job : jobs)
    b->wait_for_job(job, "succeeded");
  EXPECT_LT(clock::now() - killed, seconds{3 + 5});
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 5);
  for (const auto& job : jobs)
    expect_each_succeeded_once(job);
  EXPECT_EQ(state_of(*b, "a"), "dead");
  EXPECT_EQ(metric(*b, "handoff_nodes_declared_dead_total"), 1);
  EXPECT_EQ(metric(*b, "handoff_jobs_taken_over_total"), 5);
}

TEST_F(NodesTest, TakesTheJobsOfAnEndedNodeOverAtOnce) {
  options.ini["journal"]["lease"] = "60s";
  options.ini["drain"]["timeout"] = "1s";
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  auto a = start_node("a");
  const auto b = start_node("b");
  const auto job = accept_job_at(*a);
  ASSERT_TRUE(wait_for_in_flight(3));
  a->program().signal(SIGTERM);
  EXPECT_TRUE(
    wait_for([&] { return state_of(*b, "a") == "leaving"; }, seconds{3}));
  EXPECT_EQ(a->program().wait(seconds{10}), 0) << a->log();
  script();
  b->wait_for_job(job, "succeeded", seconds{5});
}

// Goal: a clone that is in flight at a dead node is as after a crash.
TEST_F(NodesTest, MakesNoCloneAgainThatADeadNodeHadInFlight) {
  script(on("/projects/*/clone", hang));
  auto a = start_node("a");
  const auto b = start_node("b");
  const auto answer = post_to(*a, {{"Prefer", "respond-async"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  ASSERT_TRUE(wait_for_in_flight(1));
  a->kill();
  script();
  b->wait_for_job(answer.json().at("job"), "ambiguous");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
}

// Goal: a node that was stopped for longer than its lease sends nothing that it
// had not sent, writes nothing and ends.
TEST_F(NodesTest, SendsNothingOnceItWasDeclaredDead) {
  // One call at a time, so that others wait for their turns.
  options.ini["upstream"] = {{"max-calls", "2"}, {"shared", "false"}};
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  auto a = start_node("a");
  const auto b = start_node("b");
  std::vector<std::string> jobs;
  for (int n = 0; n < 3; ++n)
    jobs.push_back(accept_job_at(*a));
  ASSERT_TRUE(wait_for_in_flight(1));
  a->program().signal(SIGSTOP);
  EXPECT_TRUE(wait_for([&] { return state_of(*b, "a") == "dead"; }));
  script();
  api.release();
  for (const auto& job : jobs)
    b->wait_for_job(job, "succeeded");
  const auto before = api.counts()["requests"];
  a->program().signal(SIGCONT);
  EXPECT_EQ(a->program().wait(seconds{20}), 1) << a->log();
  EXPECT_EQ(api.counts()["requests"], before);
  for (const auto& job : jobs)
    EXPECT_EQ(b->job(job).at("status"), "succeeded");
}

// Goal: while it cannot renew its lease a node begins nothing, and goes on when
// it can. Method: the database is away for longer than the lease.
TEST_F(NodesTest, BeginsNothingWhileTheDatabaseIsAway) {
  script(on("/projects/*/clone", ok), on("/projects/*/s1", hang));
  const auto a = start_node("a");
  const auto b = start_node("b");
  const auto job = accept_job_at(*a);
  ASSERT_TRUE(wait_for_in_flight(1));
  cluster().crash();
  const auto is_ready = [&] {
    return a->admin("GET", "/readyz").status;
  };
  EXPECT_TRUE(wait_for([&] { return is_ready() == 503; }, seconds{6}));
  std::this_thread::sleep_for(seconds{5});
  EXPECT_EQ(a->admin("GET", "/livez").status, 200);
  const auto refused = post_to(*a);
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.header("Retry-After"), "");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
  cluster().start();
  EXPECT_TRUE(wait_for([&] { return is_ready() == 200; }, seconds{6}))
    << a->log();
  EXPECT_EQ(metric(*a, "handoff_node_doubts_total"), 1);
  script();
  api.release();
  b->wait_for_job(job, "succeeded");
  accept_job_at(*a);
  EXPECT_EQ(state_of(*b, "a"), "working");
  EXPECT_EQ(state_of(*a, "b"), "working");
  expect_each_succeeded_once(job);
}

TEST_F(NodesTest, MakesOneJobOfAKeyThatIsPostedToBoth) {
  script(on("/projects/*/clone", json{{"delay", "300ms"}}));
  const auto a = start_node("a");
  const auto b = start_node("b");
  constexpr int keys = 20;
  std::vector<std::future<http_response>> answers;
  for (int n = 0; n < keys; ++n)
    for (const auto* node : {a.get(), b.get(), a.get()})
      answers.push_back(std::async(std::launch::async, [&, node, n] {
        return post_to(*node, {{"Idempotency-Key", "k" + std::to_string(n)}});
      }));
  std::set<std::string> jobs;
  for (auto& each : answers) {
    const auto answer = each.get();
    EXPECT_EQ(answer.status, 200) << answer.body;
    jobs.insert(answer.json().at("job").get<std::string>());
  }
  EXPECT_EQ(jobs.size(), static_cast<std::size_t>(keys));
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], keys);
}

TEST_F(NodesTest, AnswersByTheDeadlineWhoHasJoinedTheJobOfAnother) {
  script(on("/projects/*/clone", hang));
  const auto a = start_node("a");
  const auto b = start_node("b");
  auto first = std::async(std::launch::async, [&] {
    return post_to(*a, {{"Idempotency-Key", "k"}});
  });
  ASSERT_TRUE(wait_for_in_flight(1));
  const auto began = clock::now();
  const auto second = post_to(*b, {{"Idempotency-Key", "k"}});
  EXPECT_EQ(second.status, 202) << second.body;
  EXPECT_LT(clock::now() - began, milliseconds{2'300});
  EXPECT_EQ(second.json().at("job"), first.get().json().at("job"));
}

TEST_F(NodesTest, BringsCommandsToTheNodeThatWorksOnTheJob) {
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503)));
  options.ini["retry"]["first"] = "60s";
  options.ini["retry"]["max"] = "60s";
  const auto a = start_node("a");
  const auto b = start_node("b");
  const auto job = accept_job_at(*a);
  ASSERT_TRUE(
    api.wait_until([](const json& counts) { return counts["answered"] == 7; }));
  const auto cancelled = b->admin("POST", "/api/v1/jobs/" + job + "/cancel");
  EXPECT_EQ(cancelled.status, 200) << cancelled.body << b->log();
  a->wait_for_job(job, "cancelled");
  // A job that nobody works on is taken up by whoever is asked.
  script();
  const auto retried = b->admin("POST", "/api/v1/jobs/" + job + "/retry");
  EXPECT_EQ(retried.status, 200) << retried.body;
  a->wait_for_job(job, "succeeded");
  const auto refused = a->admin("POST", "/api/v1/jobs/" + job + "/cancel");
  EXPECT_EQ(refused.status, 409) << refused.body;
}

// Goal: commands that come to several nodes at once are done once. Each took
// the job for its own, so that a clone was made twice and steps were called for
// UIDs that the job did not have.
TEST_F(NodesTest, DoesOneOfTheCommandsThatComeToAllAtOnce) {
  script(on("/projects/*/clone", status(504)));
  const std::array nodes{start_node("a"), start_node("b"), start_node("c")};
  constexpr int rounds = 4;
  for (int round = 0; round < rounds; ++round) {
    const auto told = post_to(*nodes[0]);
    ASSERT_EQ(told.status, 202) << told.body;
    const auto job = told.json().at("job").get<std::string>();
    nodes[1]->wait_for_job(job, "ambiguous");
    std::vector<std::future<http_response>> answers;
    for (std::size_t n = 0; n < 6; ++n)
      answers.push_back(std::async(std::launch::async, [&, n] {
        return nodes[n % 3]->admin(
          "POST", "/api/v1/jobs/" + job + "/resolve",
          json{{"uid", "u" + std::to_string(n)}}.dump());
      }));
    std::vector<std::string> done;
    for (std::size_t n = 0; n < answers.size(); ++n) {
      const auto answer = answers[n].get();
      if (answer.status == 200)
        done.push_back("u" + std::to_string(n));
      else
        EXPECT_THAT(answer.status, testing::AnyOf(409, 503)) << answer.body;
    }
    nodes[2]->wait_for_job(job, "succeeded");
    EXPECT_EQ(done,
              std::vector{nodes[0]->job(job).at("uid").get<std::string>()});
    expect_each_succeeded_once(job);
  }
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], rounds);
}

TEST_F(NodesTest, TakesBackACommandThatADeadNodeHasNotTaken) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  options.ini["journal"]["lease"] = "30s";
  auto a = start_node("a");
  const auto b = start_node("b");
  const auto job = accept_job_at(*a);
  ASSERT_TRUE(wait_for_in_flight(3));
  a->program().signal(SIGSTOP);
  const auto answer = b->admin("POST", "/api/v1/jobs/" + job + "/cancel");
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_NE(answer.header("Retry-After"), "");
  a->program().signal(SIGCONT);
  EXPECT_EQ(b->job(job).at("status"), "running");
}

} // namespace handoff::support

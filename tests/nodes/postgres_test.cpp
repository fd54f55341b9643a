// Goal: one service on PostgreSQL promises what one on SQLite does. Method: the
// real program and a private cluster, which is crashed, away or not fit.

#include "tests/nodes/shared_journal_test.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <vector>

namespace handoff::support {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class PostgresTest : public SharedJournalTest {
protected:
  /// `handoff serve` with that journal, which need not start.
  std::unique_ptr<process> serve(const std::string& uri) {
    process::options chosen;
    chosen.arguments = {"serve", "--journal.uri=" + uri, "--http.port=0",
                        "--admin.port=0"};
    chosen.working_directory = place.path().string();
    return std::make_unique<process>(handoff_binary(), chosen);
  }

  temp_directory place;
};

TEST_F(PostgresTest, RunsAJobEndToEnd) {
  start();
  const auto job = accept_job();
  const auto shown = service->wait_for_job(job, "succeeded");
  EXPECT_EQ(shown.at("sub_actions").size(), 6u);
  expect_each_succeeded_once(job);
  EXPECT_EQ(service->admin("GET", "/api/v1/jobs?status=succeeded")
              .json()
              .at("jobs")
              .at(0)
              .at("job"),
            job);
  EXPECT_EQ(service->stop(), 0) << service->log();
}

TEST_F(PostgresTest, FinishesAfterAKillWhatItHadAnswered) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  options.ini["journal"]["lease"] = "60s";
  start();
  const auto job = accept_job();
  ASSERT_TRUE(wait_for_in_flight(3));
  service->kill();
  script();
  // The same node on the same boot: nobody waits for its lease.
  service->restart();
  service->wait_for_job(job, "succeeded", seconds{15});
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
  expect_each_succeeded_once(job);
}

TEST_F(PostgresTest, GoesOnAfterAnOrderlyEnd) {
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503)));
  options.ini["retry"]["first"] = "60s";
  options.ini["retry"]["max"] = "60s";
  start();
  const auto job = accept_job();
  ASSERT_TRUE(
    api.wait_until([](const json& counts) { return counts["answered"] == 7; }));
  EXPECT_EQ(service->stop(), 0) << service->log();
  service->restart();
  const auto shown = service->job(job);
  EXPECT_EQ(shown.at("status"), "running");
  EXPECT_TRUE(wait_for([&] {
    return service->admin("POST", "/api/v1/jobs/" + job + "/cancel").status
        == 200;
  }))
    << service->log();
  service->wait_for_job(job, "cancelled");
}

TEST_F(PostgresTest, RepeatsTheAnswerOfAKey) {
  start();
  const auto first = post({{"Idempotency-Key", "k"}});
  ASSERT_EQ(first.status, 200) << first.body;
  const auto second = post({{"Idempotency-Key", "k"}});
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.json().at("job"), first.json().at("job"));
  EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
}

// Goal: a crash of the database in the middle of everything loses nothing that
// was answered, makes nothing ambiguous and clones nothing twice.
TEST_F(PostgresTest, LosesNothingWhenTheDatabaseCrashes) {
  script(on("/projects/*/clone", json{{"delay", "20ms"}}));
  start();
  std::atomic<bool> is_over{false};
  std::vector<std::future<std::vector<std::string>>> senders;
  for (int n = 0; n < 4; ++n)
    senders.push_back(std::async(std::launch::async, [&] {
      std::vector<std::string> jobs;
      while (!is_over) {
        const auto answer = post();
        if (answer.status == 200 || answer.status == 202)
          jobs.push_back(answer.json().at("job"));
        else
          EXPECT_EQ(answer.status, 503) << answer.body;
      }
      return jobs;
    }));
  for (int n = 0; n < 3; ++n) {
    std::this_thread::sleep_for(seconds{1});
    cluster().crash_and_restart();
  }
  std::this_thread::sleep_for(seconds{2});
  is_over = true;
  std::vector<std::string> accepted;
  for (auto& each : senders)
    for (auto& job : each.get())
      accepted.push_back(std::move(job));
  EXPECT_GT(accepted.size(), 20u);
  for (const auto& job : accepted)
    service->wait_for_job(job, "succeeded", seconds{30});
  const auto keys = api.counts()["keys"];
  for (const auto& job : accepted)
    EXPECT_EQ(keys.at(job + ".clone")["requests"], 1) << job;
  EXPECT_TRUE(service->admin("GET", "/api/v1/jobs?status=ambiguous")
                .json()
                .at("jobs")
                .empty());
  EXPECT_EQ(cluster().ask("SELECT count(*) FROM handoff.nodes WHERE state < 3",
                          database),
            "1");
}

TEST_F(PostgresTest, WaitsAtItsStartForADatabaseThatIsAway) {
  cluster().crash();
  const auto waiting = serve(cluster().uri(database));
  EXPECT_TRUE(waiting->wait_for_line("waiting for it", seconds{10}));
  cluster().start();
  EXPECT_TRUE(waiting->wait_for_line("handoff: ready", seconds{20}))
    << waiting->standard_error();
}

TEST_F(PostgresTest, TellsNoPasswordWhereverItComesFrom) {
  for (const auto* uri :
       {"postgresql://user:hunter2@127.0.0.1:1/none",
        "postgresql://user@127.0.0.1:1/none?password=hunter2"}) {
    const auto waiting = serve(uri);
    EXPECT_TRUE(waiting->wait_for_line("waiting for it", seconds{10}));
    waiting->signal(SIGTERM);
    EXPECT_EQ(waiting->wait(seconds{10}), 1);
    EXPECT_THAT(waiting->standard_error(), Not(HasSubstr("hunter2")));
  }
  const auto refused = serve("postgresql://user:hunter2@[::1/none");
  EXPECT_EQ(refused->wait(seconds{10}), 2);
  EXPECT_THAT(refused->standard_error(), HasSubstr("journal.uri"));
  EXPECT_THAT(refused->standard_error(), Not(HasSubstr("hunter2")));
}

TEST_F(PostgresTest, RefusesAPoolerThatLendsSessionsForATransaction) {
  if (!postgres_cluster::has_pooler())
    GTEST_SKIP() << "pgbouncer is not installed";
  const auto refused = serve(cluster().start_pooler("transaction", database));
  EXPECT_EQ(refused->wait(seconds{10}), 1);
  EXPECT_THAT(refused->standard_error(), HasSubstr("set it to session mode"));
}

TEST_F(PostgresTest, RunsThroughAPoolerInSessionMode) {
  if (!postgres_cluster::has_pooler())
    GTEST_SKIP() << "pgbouncer is not installed";
  options.ini["journal"]["uri"] =
    '"' + cluster().start_pooler("session", database) + '"';
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(service->stop(), 0) << service->log();
}

TEST_F(PostgresTest, RefusesAStandbyAtOnce) {
  const auto refused = serve(cluster().start_standby());
  EXPECT_EQ(refused->wait(seconds{10}), 1);
  EXPECT_THAT(refused->standard_error(), HasSubstr("is a standby"));
}

TEST_F(PostgresTest, RefusesAtOnceADatabaseThatWouldForget) {
  cluster().set("fsync", "off");
  const auto refused = serve(cluster().uri(database));
  const auto code = refused->wait(seconds{10});
  cluster().set("fsync", "on");
  EXPECT_EQ(code, 1);
  EXPECT_THAT(refused->standard_error(), HasSubstr("fsync off"));
  const auto unknown = serve(cluster().uri("no_such_database"));
  EXPECT_EQ(unknown->wait(seconds{10}), 1);
  EXPECT_THAT(unknown->standard_error(), HasSubstr("no_such_database"));
}

} // namespace handoff::support

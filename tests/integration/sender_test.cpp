// Goal: a sender gets its own answer or none, and whether it stays to hear it
// changes nothing for its job. Method: senders that leave, repeat and come in
// numbers.

#include "tests/integration/service_test.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

namespace handoff::support {

class SenderTest : public ServiceTest {
protected:
  void send_and_leave(bool with_reset) {
    http_connection connection{service->port()};
    connection.send_request("POST", "/hooks/setup",
                            {{"Content-Type", "application/json"}},
                            R"({"template": "t"})");
    ASSERT_TRUE(wait_for_in_flight(1));
    with_reset ? connection.reset() : connection.close();
  }

  void expect_job_goes_on_without_sender(bool with_reset) {
    script(on("/projects/*/clone", hang));
    start();
    send_and_leave(with_reset);
    const auto job = job_of_last_clone();
    script();
    EXPECT_EQ(api.release(), 1u);
    service->wait_for_job(job, "succeeded");
    EXPECT_EQ(api.counts()["requests"], 7);
  }
};

TEST_F(SenderTest, ThatClosesWhileHeldLosesNoJob) {
  expect_job_goes_on_without_sender(false);
}

TEST_F(SenderTest, ThatResetsWhileHeldLosesNoJob) {
  expect_job_goes_on_without_sender(true);
}

TEST_F(SenderTest, ThatRepeatsItsKeyGetsTheSameAnswer) {
  start();
  const auto first = post({{"Idempotency-Key", "k"}});
  ASSERT_EQ(first.status, 200) << first.body << service->log();
  service->wait_for_job(first.json()["job"], "succeeded");
  const auto again = post({{"Idempotency-Key", "k"}});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(first.header("Idempotency-Replayed"), "");
  EXPECT_EQ(api.counts()["requests"], 7);
  EXPECT_EQ(post({{"Idempotency-Key", "other"}}).status, 200);
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 2);
}

TEST_F(SenderTest, ThatReusesItsKeyForAnotherBodyIsRefused) {
  start();
  ASSERT_EQ(post({{"Idempotency-Key", "k"}}).status, 200);
  const auto other =
    service->post("setup", {{"template", "u"}}, {{"Idempotency-Key", "k"}});
  EXPECT_EQ(other.status, 422) << other.body;
  EXPECT_EQ(api.counts("POST /projects/u/clone")["requests"], 0);
}

TEST_F(SenderTest, JoinsTheJobInFlightWithTheSameKey) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  std::vector<std::future<http_response>> senders;
  for (int i = 0; i < 2; ++i)
    senders.push_back(std::async(std::launch::async, [&] {
      return post({{"Idempotency-Key", "k"}});
    }));
  EXPECT_TRUE(wait_for_in_flight(1));
  // Whether the second came before or after the release, it is one job.
  script();
  api.release();
  const auto first = senders[0].get();
  const auto second = senders[1].get();
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
}

TEST_F(SenderTest, GetsItsOwnAnswerAmongTwoThousand) {
  constexpr int senders = 2'000;
  constexpr int at_once = 32;
  flow["reply"] = {{"body", {{"token", "{{body/token}}"}, {"uid", "{{uid}}"}}}};
  flow["sub_actions"] = json::array({sub_action("s1")});
  options.ini["deadline"]["limit"] = "30s";
  script(on("/projects/*/clone", json{{"delay", "1ms"},
                                      {"jitter", "20ms"},
                                      {"body", {{"id", "u-{{body/name}}"}}}}));
  start();
  std::atomic<int> next{0};
  std::mutex mutex;
  std::set<std::string> uids;
  std::vector<std::string> wrong;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < at_once; ++thread) {
    threads.emplace_back([&] {
      for (int i = next++; i < senders; i = next++) {
        const auto token = "t" + std::to_string(i);
        const json body = {
          {"template", "t"}, {"name", token}, {"token", token}};
        std::string got;
        try {
          if (i % 10 == 9) {
            // Some leave at once: their answers must go to nobody else.
            http_connection connection{service->port()};
            connection.send_request("POST", "/hooks/setup", {}, body.dump());
            continue;
          }
          const auto answer = service->post("setup", body);
          got = std::to_string(answer.status) + answer.body;
          const auto uid = "u-" + token;
          if (answer.status == 200
              && answer.json() == json{{"token", token}, {"uid", uid}}) {
            const std::lock_guard lock{mutex};
            uids.insert(uid);
            continue;
          }
        } catch (const std::exception& error) {
          got = error.what();
        }
        const std::lock_guard lock{mutex};
        wrong.push_back(token + " got " + got);
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_TRUE(wrong.empty()) << wrong.size() << ", such as " << wrong.front();
  EXPECT_EQ(uids.size(), std::size_t{senders - senders / 10});
  EXPECT_EQ(request(service->port(), "GET", "/hooks/nope/jobs/x").status, 404);
}

} // namespace handoff::support

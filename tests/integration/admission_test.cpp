// What is over the limits of [admission] is told so at once, and is no job.

#include "tests/integration/service_test.hpp"

#include <future>
#include <thread>

namespace handoff::support {

class AdmissionTest : public ServiceTest {
protected:
  void expect_refused(const http_response& answer) {
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_NE(answer.header("Retry-After"), "");
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    const auto problem = answer.json();
    EXPECT_EQ(problem.at("type"), "/problems/overloaded");
    EXPECT_EQ(problem.at("status"), 503);
    EXPECT_FALSE(problem.contains("job"));
  }

  /// Posts until there is room again: a count goes down a moment after what the
  /// test can see.
  void expect_soon(int wanted, const handoff::headers& fields = {}) {
    auto answer = post(fields);
    for (int tries = 0; tries < 1'000 && answer.status == 503; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
      answer = post(fields);
    }
    EXPECT_EQ(answer.status, wanted) << answer.body;
  }

  /// A sender is held until its answer is written, a moment after it has it.
  bool wait_until_none_is_held() {
    for (int tries = 0; tries < 1'000; ++tries) {
      const auto tree = service->admin("GET", "/api/v1/supervisor").json();
      if (tree.at("admission").at("held") == 0)
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
  }

  int clones() const {
    return api.counts("POST /projects/t/clone")["requests"].get<int>();
  }
};

TEST_F(AdmissionTest, RefusesMoreThanMaxHeld) {
  options.ini["admission"]["max-held"] = "1";
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  auto held = std::async(std::launch::async, [&] { return post(); });
  ASSERT_TRUE(wait_for_in_flight(1));
  expect_refused(post());
  EXPECT_EQ(clones(), 1);
  script();
  api.release();
  EXPECT_EQ(held.get().status, 200);
  expect_soon(200);
}

// One that only closes its sending side may still read (RFC 9112, 9.6), and so
// is held until its answer.
TEST_F(AdmissionTest, CountsNoSenderThatHasReset) {
  options.ini["admission"]["max-held"] = "1";
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  ASSERT_TRUE(wait_until_none_is_held());
  http_connection sender{service->port()};
  sender.send_request("POST", "/hooks/setup", {}, R"({"template": "gone"})");
  ASSERT_TRUE(wait_for_requests("POST /projects/gone/clone", 1));
  sender.reset();
  script(on("/projects/gone/clone", hang));
  expect_soon(200);
}

TEST_F(AdmissionTest, CountsNoWebhookThatWasAnsweredWithItsJob) {
  options.ini["admission"]["max-held"] = "1";
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  for (int i = 0; i < 20; ++i)
    expect_soon(202, {{"Prefer", "respond-async"}});
}

TEST_F(AdmissionTest, RefusesMoreThanMaxJobs) {
  options.ini["admission"]["max-jobs"] = "1";
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto job = accept_job();
  expect_refused(post());
  EXPECT_EQ(clones(), 1);
  ASSERT_TRUE(wait_for_in_flight(3));
  script();
  api.release();
  service->wait_for_job(job, "succeeded");
  expect_soon(200);
}

TEST_F(AdmissionTest, CountsNoJobThatHasFailed) {
  options.ini["admission"]["max-jobs"] = "1";
  script(on("/projects/*/clone", status(500), reset, ok));
  start();
  EXPECT_EQ(post().status, 502);
  expect_soon(202);
  expect_soon(200);
}

} // namespace handoff::support

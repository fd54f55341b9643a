// One key, one job: a sender that repeats itself changes nothing.

#include "tests/integration/service_test.hpp"

#include <future>
#include <vector>

namespace handoff::support {

class IdempotencyTest : public ServiceTest {};

TEST_F(IdempotencyTest, GivesARepeatedKeyTheSameAnswer) {
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

TEST_F(IdempotencyTest, RefusesAKeyThatIsReusedForAnotherBody) {
  start();
  const auto first = post({{"Idempotency-Key", "k"}});
  ASSERT_EQ(first.status, 200);
  const auto other =
    service->post("setup", {{"template", "u"}}, {{"Idempotency-Key", "k"}});
  EXPECT_EQ(other.status, 422) << other.body;
  EXPECT_EQ(other.json()["job"], first.json()["job"]);
  const auto listed = service->admin("GET", "/api/v1/webhooks").json();
  ASSERT_EQ(listed["webhooks"].size(), 1u) << listed;
  EXPECT_EQ(listed["webhooks"][0]["status"], 422);
  EXPECT_EQ(api.counts("POST /projects/u/clone")["requests"], 0);
}

TEST_F(IdempotencyTest, JoinsTheJobInFlightWithTheSameKey) {
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

} // namespace handoff::support

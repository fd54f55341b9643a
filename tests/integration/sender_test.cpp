// Goal: a sender gets its own answer or none, and whether it stays to hear it
// changes nothing for its job. Method: senders that leave, repeat and come in
// numbers.

#include "tests/integration/service_test.hpp"

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

} // namespace handoff::support

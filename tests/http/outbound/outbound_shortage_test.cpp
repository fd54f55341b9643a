// Goal: a call for which there is no descriptor is not sent and is nobody's
// failure: it waits for its turn again. Method: this process, which is client
// and server at once, is left no descriptor that a call may have; the server
// has those that are kept from calls.

#include "http/front_door/descriptors.hpp"
#include "support/outbound_fixture.hpp"
#include "support/scarce_descriptors.hpp"

#include <semaphore>
#include <thread>

namespace handoff {
namespace {

class OutboundShortageTest : public test::outbound_fixture {
protected:
  using request = test::scripted_server::request;
  using peer = test::scripted_server::peer;

  void serve_answers() {
    serve([](const request&, peer& to) { to.answer(); });
  }

  void take_all_of_calls() {
    left_.take_below(descriptor_shares::now().public_end());
  }

  upstream_counts counts() const { return client_->turns()->counts().at(0); }

  void await_put_off(std::uint64_t calls) {
    for (int tries = 0; tries < 10'000; ++tries) {
      if (!client_->turns()->counts().empty() && counts().put_off >= calls)
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    FAIL() << "no call is put off";
  }

  void expect_healthy() const {
    EXPECT_EQ(counts().failures, 0U);
    EXPECT_EQ(counts().failures_in_a_row, 0U);
    EXPECT_EQ(counts().breaker, "closed");
  }

  test::scarce_descriptors left_{256};
};

TEST_F(OutboundShortageTest, WaitsForADescriptor) {
  serve_answers();
  restart_client();
  take_all_of_calls();
  auto clone = start(clone_here("/clone"));
  ASSERT_NO_FATAL_FAILURE(await_put_off(1));
  EXPECT_EQ(server_->requests_of("/clone"), 0U);
  EXPECT_EQ(counts().waiting, 1U);
  EXPECT_EQ(counts().calls, 0U);
  // One is its own, the others are libcurl's.
  left_.give_back(3);
  EXPECT_EQ(clone.get().status, 200);
  EXPECT_EQ(server_->requests_of("/clone"), 1U);
  EXPECT_EQ(counts().put_off, 1U);
  expect_healthy();
}

TEST_F(OutboundShortageTest, ClosesWhatIsIdleForWhoWaits) {
  serve_answers();
  EXPECT_EQ(make(call_here("/sub-action")).status, 200);
  take_all_of_calls();
  EXPECT_EQ(make(clone_here("/clone")).status, 200);
  expect_healthy();
}

TEST_F(OutboundShortageTest, KeepsNoConnectionOfACallThatEndsMeanwhile) {
  std::binary_semaphore go_on{0};
  serve([&](const request& got, peer& to) {
    if (got.target == "/hangs")
      return to.hang();
    if (got.target == "/slow")
      go_on.acquire();
    to.answer();
  });
  auto hangs = start(call_here("/hangs"));
  auto slow = start(call_here("/slow"));
  server_->await_requests(2);
  take_all_of_calls();
  auto waits = start(call_here("/next"));
  EXPECT_NO_FATAL_FAILURE(await_put_off(1));
  // The loop looks every 50 ms: by then it keeps no connection any more.
  std::this_thread::sleep_for(std::chrono::milliseconds{200});
  go_on.release();
  EXPECT_EQ(slow.get().status, 200);
  EXPECT_EQ(waits.get().status, 200);
  EXPECT_EQ(server_->connections(), 3);
  expect_healthy();
}

} // namespace
} // namespace handoff

#include "actors/quiet_clock.hpp"
#include "actors/scheduler.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/response_promise.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace handoff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Passes what it gets to a child of its own, with one less, and ends; the last
/// one tells `listener`.
caf::behavior heir(caf::event_based_actor* self, caf::actor listener) {
  return {
    [=](int left) {
      if (left == 0)
        self->send(listener, std::string{"done"});
      else
        self->send(self->spawn(heir, listener), left - 1);
      self->quit();
    },
  };
}

/// Has always something to do, and waits for an answer that does not come.
caf::behavior restless(caf::event_based_actor* self, std::atomic<int>* begun) {
  ++*begun;
  const auto silent = self->spawn([](caf::event_based_actor* of) {
    return caf::behavior{
      [=](const std::string&) { return of->make_response_promise(); },
    };
  });
  self->request(silent, 60min, std::string{}).then([] {});
  return {
    [=](int turn) { self->send(self, turn + 1); },
  };
}

class two_threads : public caf::actor_system_config {
public:
  explicit two_threads(const char* policy = "sharing") {
    set("scheduler.policy", caf::atom_from_string(policy));
    set("scheduler.max-threads", std::size_t{2});
  }
};

TEST(SchedulerTest, RunsActorsToTheirEnd) {
  // Often, because an end that waits for ever would depend on who is faster.
  for (int round = 0; round < 50; ++round) {
    two_threads config;
    use_scheduler(config);
    ASSERT_THAT(config.module_factories, SizeIs(1));
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    constexpr int chains = 20;
    for (int i = 0; i < chains; ++i)
      self->send(system.spawn(heir, caf::actor_cast<caf::actor>(self)), 20);
    for (int i = 0; i < chains; ++i)
      self->receive([](const std::string& what) { EXPECT_EQ(what, "done"); },
                    caf::after(60s) >> [] { FAIL() << "an actor got lost"; });
  }
}

TEST(SchedulerTest, KeepsDelaysAndTimeouts) {
  two_threads config;
  use_scheduler(config);
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  // Keeps the promise, and so never answers.
  const auto silent = system.spawn([](caf::event_based_actor* of) {
    const auto kept = std::make_shared<std::vector<caf::response_promise>>();
    return caf::behavior{
      [=](int) { kept->push_back(of->make_response_promise()); },
    };
  });
  const auto listener = caf::actor_cast<caf::actor>(self);
  system.spawn([=](caf::event_based_actor* of) {
    of->request(silent, 1ms, 7)
      .then([](int) {},
            [=](const caf::error&) {
              of->delayed_send(listener, 1ms, std::string{"late"});
            });
  });
  self->receive([](const std::string& what) { EXPECT_EQ(what, "late"); },
                caf::after(60s) >> [] { FAIL() << "no timeout came"; });
  self->send_exit(silent, caf::exit_reason::kill);
}

TEST(SchedulerTest, LeavesOtherPoliciesAndProfilesToCaf) {
  two_threads stealing{"stealing"};
  use_scheduler(stealing);
  EXPECT_THAT(stealing.module_factories, IsEmpty());
  two_threads profiled;
  profiled.set("scheduler.enable-profiling", true);
  use_scheduler(profiled);
  EXPECT_THAT(profiled.module_factories, IsEmpty());
}

TEST(SchedulerTest, EndsWithActorsThatHaveNotEnded) {
  for (int round = 0; round < 20; ++round) {
    two_threads config;
    config.set("scheduler.max-throughput", std::size_t{3});
    use_scheduler(config);
    caf::actor_system system{config};
    system.await_actors_before_shutdown(false);
    // More than CAF's clock takes without reading.
    constexpr int actors = 100;
    std::atomic<int> begun = 0;
    for (int actor = 0; actor < actors; ++actor)
      caf::anon_send(system.spawn(restless, &begun), 0);
    while (begun < actors)
      std::this_thread::sleep_for(1ms);
  }
}

TEST(QuietClockTest, CancelsOnlyWhatMayBeThere) {
  two_threads config;
  caf::actor_system system{config};
  caf::scoped_actor with{system};
  caf::scoped_actor without{system};
  // No thread takes what it is told, and CAF's has room for 64: one more would
  // wait until the time limit of the test.
  quiet_clock clock;
  clock.set_request_timeout(clock.now(), with.ptr(), caf::message_id{});
  for (int often = 0; often < 100; ++often) {
    clock.cancel_timeouts(without.ptr());
    clock.cancel_timeouts(with.ptr());
  }
}

TEST(QuietClockTest, HearsOfNoEndOnceItIsClosed) {
  two_threads config;
  caf::actor_system system{config};
  caf::scoped_actor actor{system};
  quiet_clock clock;
  clock.close();
  // Of two events each time, the second would not find room as in the above.
  for (int often = 0; often < 60; ++often) {
    clock.set_request_timeout(clock.now(), actor.ptr(), caf::message_id{});
    clock.cancel_timeouts(actor.ptr());
  }
}

} // namespace
} // namespace handoff::test

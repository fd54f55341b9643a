// Goal: a resolver that does not answer delays nobody but the calls that need
// it. Method: this program's getaddrinfo stands before the C library's, and for
// one name waits until it is told to go on.

#include "support/outbound_fixture.hpp"

#include <condition_variable>
#include <cstring>
#include <dlfcn.h>
#include <mutex>
#include <netdb.h>

namespace handoff {
namespace {

/// Where the resolver is stuck.
struct stuck_resolver {
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool freed = false;

  void enter() {
    auto guard = std::unique_lock{mutex};
    ++inside;
    changed.notify_all();
    // Bounded, so that a client that waits for it fails and does not hang.
    changed.wait_for(guard, std::chrono::seconds{5}, [this] { return freed; });
    --inside;
    changed.notify_all();
  }

  bool is_stuck() {
    auto guard = std::lock_guard{mutex};
    return inside > 0;
  }

  void free() {
    auto guard = std::unique_lock{mutex};
    freed = true;
    changed.notify_all();
    changed.wait(guard, [this] { return inside == 0; });
  }
};

stuck_resolver resolver;

} // namespace
} // namespace handoff

extern "C" int getaddrinfo(const char* name, const char* service,
                           const addrinfo* hints, addrinfo** found) {
  using function =
    int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next =
    reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name != nullptr && std::strcmp(name, "stuck.example") == 0) {
    handoff::resolver.enter();
    return EAI_AGAIN;
  }
  return next(name, service, hints, found);
}

namespace handoff {
namespace {

using OutboundResolverTest = test::outbound_fixture;

TEST_F(OutboundResolverTest, WaitsForNoStuckResolver) {
  serve([](const auto&, auto& to) { to.answer(); });
  auto call = call_to("http://stuck.example/");
  call.timeout = soon;
  expect_failed(make(std::move(call)), error_kind::name_not_resolved, false);
  EXPECT_EQ(make(call_here("/")).status, 200);
  EXPECT_TRUE(resolver.is_stuck());
  auto under_way = start(call_to("http://stuck.example/"));
  EXPECT_EQ(make(call_here("/")).status, 200);
  client_.reset();
  expect_failed(under_way.get(), error_kind::shut_down, false);
  EXPECT_TRUE(resolver.is_stuck());
  resolver.free();
}

} // namespace
} // namespace handoff

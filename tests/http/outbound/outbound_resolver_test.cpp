// Goal: a resolver that does not answer delays nobody but the calls that need
// it. Method: this program's getaddrinfo stands before the C library's, and for
// some names waits until it is told to go on.

#include "support/outbound_fixture.hpp"
#include "support/scarce_descriptors.hpp"

#include <condition_variable>
#include <cstring>
#include <dlfcn.h>
#include <mutex>
#include <netdb.h>

namespace handoff {
namespace {

/// Where the resolver is stuck with a name.
struct stuck_resolver {
  const char* name;
  const char* address; ///< what the name then stands for; null for nothing
  std::mutex mutex{};
  std::condition_variable changed{};
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

  void await_stuck() {
    auto guard = std::unique_lock{mutex};
    changed.wait(guard, [this] { return inside > 0; });
  }

  void catch_again() {
    auto guard = std::lock_guard{mutex};
    freed = false;
  }

  void free() {
    auto guard = std::unique_lock{mutex};
    freed = true;
    changed.notify_all();
    changed.wait(guard, [this] { return inside == 0; });
  }
};

stuck_resolver resolver{"stuck.example", nullptr};
stuck_resolver resolver_in_vain{"in-vain.example", nullptr};
stuck_resolver resolver_in_the_end{"in-the-end.example", "127.0.0.1"};

} // namespace
} // namespace handoff

extern "C" int getaddrinfo(const char* name, const char* service,
                           const addrinfo* hints, addrinfo** found) {
  using function =
    int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next =
    reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  for (auto* stuck : {&handoff::resolver, &handoff::resolver_in_vain,
                      &handoff::resolver_in_the_end}) {
    if (name == nullptr || std::strcmp(name, stuck->name) != 0)
      continue;
    stuck->enter();
    if (stuck->address == nullptr)
      return EAI_AGAIN;
    name = stuck->address;
  }
  return next(name, service, hints, found);
}

namespace handoff {
namespace {

class OutboundResolverTest : public test::outbound_fixture {
protected:
  /// A call to the name, whose descriptors go while that is looked up.
  exchange make_while_descriptors_go(stuck_resolver& with, int port) {
    options_.governor.breaker_failures = 1;
    with.catch_again();
    auto under_way = start(call_to(std::string{"http://"} + with.name + ":"
                                   + std::to_string(port) + "/"));
    with.await_stuck();
    // Those that the lookup gives back at its end are of no use either.
    test::scarce_descriptors none{0};
    none.forbid_all();
    with.free();
    return under_way.get();
  }
};

TEST_F(OutboundResolverTest, WaitsForNoStuckResolver) {
  resolver.catch_again();
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

TEST_F(OutboundResolverTest, BlamesNobodyForALookupWithoutDescriptors) {
  expect_failed(make_while_descriptors_go(resolver_in_vain, 80),
                error_kind::overloaded, false);
  EXPECT_EQ(client_->turns()->counts().at(0).breaker, "closed");
}

TEST_F(OutboundResolverTest, BlamesNobodyForASocketWithoutDescriptor) {
  serve([](const auto&, auto& to) { to.answer(); });
  expect_failed(make_while_descriptors_go(resolver_in_the_end, server_->port()),
                error_kind::overloaded, false);
  EXPECT_EQ(server_->connections(), 0);
  EXPECT_EQ(client_->turns()->counts().at(0).breaker, "closed");
}

} // namespace
} // namespace handoff

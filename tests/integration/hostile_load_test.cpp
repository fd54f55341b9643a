// Goal: whoever takes all connections or all descriptors gets no more than
// that, and the service is back when he leaves. Method: limits set low, for
// the running program too (prlimit(2)).

#include "tests/integration/hostile_test.hpp"

#include <memory>
#include <sys/resource.h>

namespace handoff::support {

class HostileLoadTest : public HostileTest {
protected:
  HostileLoadTest() {
    // Nothing is to time out before the test has looked.
    options.ini["http"]["header-timeout"] = "60s";
    rlimit own{};
    ::getrlimit(RLIMIT_NOFILE, &own);
    own.rlim_cur = own.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &own);
  }

  void open_connections(std::size_t count, std::string_view bytes = {}) {
    while (count-- > 0) {
      taken_.push_back(std::make_unique<raw_client>(service->port()));
      if (!bytes.empty())
        taken_.back()->send(bytes);
    }
  }

  /// Lets the running program have `soft` descriptors.
  void limit_descriptors(std::size_t soft) {
    rlimit limit{};
    ASSERT_EQ(
      ::prlimit(service->program().pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = soft;
    ASSERT_EQ(
      ::prlimit(service->program().pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
  }

  std::vector<std::unique_ptr<raw_client>> taken_;
};

TEST_F(HostileLoadTest, RefusesConnectionsOverTheLimit) {
  constexpr std::size_t connections_max = 1'000;
  options.ini["http"]["max-connections"] = std::to_string(connections_max);
  begin();
  open_connections(3 * connections_max);
  std::size_t refused = 0;
  for (std::size_t i = connections_max; i < taken_.size(); ++i) {
    const auto answer = taken_[i]->read_answer();
    if (answer && answer->status == 503
        && answer->fields.count("retry-after") == 1)
      ++refused;
  }
  // The sender of `begin` may just have been there still.
  EXPECT_GE(refused + 2, 2 * connections_max);
  EXPECT_LE(before_->descriptors(), descriptors_before_ + connections_max + 8);
  EXPECT_TRUE(before_->becomes_idle(patience));
  expect_memory(kept_bytes_max);
  EXPECT_EQ(request(service->admin_port(), "GET", "/readyz").status, 200);
  taken_.clear();
  EXPECT_TRUE(eventually([this] {
    try {
      return service->post("setup", 1).status == 200;
    } catch (const http_client_error&) {
      return false;
    }
  }));
}

TEST_F(HostileLoadTest, BoundsWhatUnfinishedRequestsKeep) {
  begin();
  const auto half = "POST /hooks/setup HTTP/1.1\r\nHost: h\r\n"
                    "Content-Length: 20000\r\n\r\n"
                  + std::string(10'000, ' ');
  open_connections(500, half);
  expect_served();
  EXPECT_TRUE(before_->becomes_idle(patience));
  // Twice what was sent, and a bit for each.
  expect_memory(kept_bytes_max + 2 * 500 * half.size());
  taken_.clear();
}

TEST_F(HostileLoadTest, OutlivesAnEndOfItsDescriptors) {
  begin();
  // Another sender is held: his answer must come, whatever else goes wrong.
  script(on("/projects/t/clone", json{{"delay", "1s"}}));
  raw_client held{service->port()};
  ASSERT_TRUE(held.send(webhook(R"("held")")));
  ASSERT_TRUE(wait_for_in_flight(1));
  limit_descriptors(before_->descriptors() + 4);
  open_connections(100, webhook(R"("none left")"));
  for (const auto& sender : taken_) {
    const auto answer = sender->read_answer();
    ASSERT_TRUE(answer) << "left to wait for a descriptor";
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->fields.count("retry-after"), 1u);
  }
  EXPECT_TRUE(before_->becomes_idle(patience))
    << "it spins while it has no descriptors";
  EXPECT_EQ(held.read_answer().value_or(raw_answer{}).body,
            R"({"echo":"held"})");
  EXPECT_TRUE(service->program().running());
  taken_.clear();
  limit_descriptors(1'000);
  EXPECT_TRUE(eventually([this] {
    try {
      return service->post("setup", 1).status == 200;
    } catch (const http_client_error&) {
      return false;
    }
  }));
  EXPECT_NE(service->log().find("no descriptors are left"), std::string::npos);
}

} // namespace handoff::support

#pragma once

#include "tests/http/front_door/raw_client.hpp"
#include "tests/integration/process_signs.hpp"
#include "tests/integration/service_test.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace handoff::support {

using test::raw_answer;
using test::raw_client;

/// A service with one worker, so that one connection which blocks it blocks
/// all, and limits that a test can reach. After each test `TearDown` has
/// another sender served and looks whether the service has calmed down: no
/// thread spins, no descriptor is kept, no memory beyond `kept_bytes_max`.
class HostileTest : public ServiceTest {
protected:
  static constexpr std::size_t body_bytes_max = 262'144;
  /// What malloc may keep of buffers that are no more.
  static constexpr std::size_t kept_bytes_max = 24 * 1'048'576;
  static constexpr std::chrono::seconds patience{10};

  HostileTest() {
    auto& http = options.ini["http"];
    http["threads"] = "1";
    http["max-body"] = std::to_string(body_bytes_max);
    http["header-timeout"] = "800ms";
    http["body-timeout"] = "800ms";
    options.ini["upstream"]["breaker-failures"] = "0";
    flow["clone"]["request"]["url"] = api.url("/projects/t/clone");
    flow["clone"]["request"].erase("body");
    flow["sub_actions"] = json::array();
    flow["reply"] = {{"body", {{"echo", "{{body}}"}}}};
  }

  void begin() {
    start();
    expect_served();
    before_.emplace(service->program().pid());
    resident_before_ = before_->resident_bytes();
    descriptors_before_ = before_->descriptors();
  }

  void TearDown() override {
    if (!before_ || HasFatalFailure())
      return;
    expect_served();
    EXPECT_TRUE(before_->becomes_idle(patience)) << "a thread spins";
    EXPECT_TRUE(eventually([this] {
      // Idle connections to the fake API may stay for a while.
      return before_->descriptors() <= descriptors_before_ + 8;
    }))
      << before_->descriptors() << " descriptors, before "
      << descriptors_before_;
    expect_memory(kept_bytes_max);
    EXPECT_TRUE(service->program().running());
  }

  /// Its memory comes back to what it was before and `bytes` more.
  void expect_memory(std::size_t bytes) {
    if (before_->is_sanitized())
      return;
    EXPECT_TRUE(eventually(
      [&] { return before_->resident_bytes() <= resident_before_ + bytes; }))
      << before_->resident_bytes() << " bytes, before " << resident_before_;
  }

  /// Another sender gets its own answer, soon.
  void expect_served() {
    const auto answer = request(service->port(), "POST", "/hooks/setup", {},
                                R"("still there")", std::chrono::seconds{5});
    EXPECT_EQ(answer.status, 200) << answer.body << service->log();
    EXPECT_EQ(answer.json().at("echo"), "still there");
  }

  template <class Condition>
  static bool eventually(Condition holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end)
        return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return true;
  }

  static std::string webhook(std::string_view body) {
    return test::post("/hooks/setup", body);
  }

  /// What the service says to these bytes; none if it only hangs up.
  std::optional<raw_answer> answer_to(std::string_view bytes) {
    raw_client sender{service->port()};
    sender.send(bytes);
    return sender.read_answer();
  }

  /// Sends the bytes and expects this status, and the end of the connection.
  void expect_refused(std::string_view bytes, int status) {
    raw_client sender{service->port()};
    // It may hang up before all is sent.
    sender.send(bytes);
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer) << bytes.substr(0, 200);
    EXPECT_EQ(answer->status, status) << bytes.substr(0, 200);
    EXPECT_EQ(answer->fields.count("content-type"), 1u);
    EXPECT_TRUE(sender.at_end()) << bytes.substr(0, 200);
  }

  int clones() const {
    return api.counts("POST /projects/t/clone")["requests"];
  }

  std::optional<process_signs> before_;
  std::size_t resident_before_ = 0;
  std::size_t descriptors_before_ = 0;
};

} // namespace handoff::support

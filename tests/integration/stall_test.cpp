// Goal: a log that nobody reads harms nobody, and a disk or an actor that never
// answers is seen by whoever looks: balancers, operators, the service manager.
// Method: a pipe as standard error that is not read, and a place of the service
// that hangs for as long as there is a file.

#include "tests/integration/service_test.hpp"
#include "tests/support/manager_socket.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <unistd.h>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Lt;

/// A service whose standard error is a pipe of one page.
class UnreadLogTest : public ServiceTest {
protected:
  UnreadLogTest() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    ::fcntl(ends_[1], F_SETPIPE_SZ, 4'096);
    options.ini["log"]["level"] = "\"trace\"";
    flow["sub_actions"] = json::array({sub_action("s1"), sub_action("s2")});
  }

  ~UnreadLogTest() override {
    program_.reset();
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  /// Starts it, and reads what it says until it is ready.
  void start_and_read_until_ready() {
    // The first one makes the files.
    start();
    ASSERT_EQ(service->stop(), 0);
    process::options chosen;
    chosen.arguments = {
      "serve", "--config-file="
                 + (service->directory().path() / "handoff.ini").string()};
    chosen.working_directory = service->directory().path().string();
    chosen.error = ends_[1];
    program_.emplace(handoff_binary(), chosen);
    read_until("handoff: ready\n");
    port = port_after("ingress listening on 127.0.0.1:");
    admin_port = port_after("admin listening on 127.0.0.1:");
  }

  void read_until(std::string_view text) {
    char part[4'096];
    while (log.find(text) == std::string::npos) {
      const auto got = ::read(ends_[0], part, sizeof part);
      ASSERT_GT(got, 0) << log;
      log.append(part, static_cast<std::size_t>(got));
    }
  }

  int post_async() const {
    return request(port, "POST", "/hooks/setup",
                   {{"Content-Type", "application/json"},
                    {"Prefer", "respond-async"}},
                   R"({"template": "t"})")
      .status;
  }

  std::size_t lines_dropped() const {
    const auto text = request(admin_port, "GET", "/metrics").body;
    const std::string name = "\nhandoff_log_lines_dropped_total ";
    const auto found = text.find(name);
    EXPECT_NE(found, std::string::npos);
    return found == std::string::npos
           ? 0
           : std::stoul(text.substr(found + name.size()));
  }

  process& program() { return *program_; }

  std::string log;
  std::uint16_t port = 0;
  std::uint16_t admin_port = 0;

private:
  std::uint16_t port_after(std::string_view text) const {
    const auto found = log.find(text);
    EXPECT_NE(found, std::string::npos) << log;
    return static_cast<std::uint16_t>(
      std::stoi(log.substr(found + text.size())));
  }

  int ends_[2] = {-1, -1};
  std::optional<process> program_;
};

TEST_F(UnreadLogTest, StopsNoWebhookAndNoEnd) {
  start_and_read_until_ready();
  for (int sent = 0; sent < 3'000; ++sent)
    ASSERT_EQ(post_async(), 202) << "after " << sent;
  EXPECT_EQ(request(admin_port, "GET", "/readyz").status, 200);
  EXPECT_TRUE(wait_for_requests("POST /projects/t/clone", 3'000));
  const auto began = steady_clock::now();
  program().signal(SIGTERM);
  EXPECT_EQ(program().wait(seconds{40}), 0);
  EXPECT_THAT(steady_clock::now() - began, Lt(seconds{35}));
}

TEST_F(UnreadLogTest, IsCountedAndToldOfOnceItIsRead) {
  start_and_read_until_ready();
  // More than may wait: some five lines each.
  for (int sent = 0; lines_dropped() == 0; ++sent) {
    ASSERT_LT(sent, 100);
    for (int at = 0; at < 200; ++at)
      ASSERT_EQ(post_async(), 202);
  }
  read_until("were dropped: nobody read the log");
  EXPECT_EQ(post_async(), 202);
}

class StallTest : public ServiceTest {
protected:
  StallTest() { flow["sub_actions"] = json::array({sub_action("s1")}); }

  void start_hanging_at(const std::string& place) {
    options.environment["HANDOFF_HANG_AT"] = place + ":" + hanging.string();
    start();
  }

  void hang() const { std::ofstream{hanging}.flush(); }

  void go_on() const { std::filesystem::remove(hanging); }

  /// Once it has this status; each look has to be answered at once.
  http_response wait_for_readyz(int status) const {
    const auto end = steady_clock::now() + seconds{20};
    for (;;) {
      const auto began = steady_clock::now();
      auto answer = service->admin("GET", "/readyz");
      EXPECT_THAT(steady_clock::now() - began, Lt(seconds{1}));
      if (answer.status == status || steady_clock::now() >= end)
        return answer;
      std::this_thread::sleep_for(milliseconds{20});
    }
  }

  /// Posts, makes `place` hang, and expects to be told of it in `words`.
  void expect_told(const std::string& place, const std::string& words) {
    start_hanging_at(place);
    service->wait_for_job(accept_job(), "succeeded");
    hang();
    auto sender = std::async(std::launch::async, [this] { return post(); });
    const auto told = wait_for_readyz(503);
    ASSERT_EQ(told.status, 503) << "never said that it hangs";
    EXPECT_EQ(told.json()["type"], "/problems/stalled");
    EXPECT_THAT(told.json()["detail"], HasSubstr(words));
    EXPECT_EQ(service->admin("GET", "/livez").status, 200);
    EXPECT_THAT(service->admin("GET", "/metrics").body,
                HasSubstr("\nhandoff_stalled 1\n"));
    EXPECT_TRUE(service->program().wait_for_line("handoff: not ready: " + words,
                                                 seconds{10}))
      << service->log();
    go_on();
    EXPECT_EQ(wait_for_readyz(200).status, 200);
    sender.get();
    service->wait_for_job(accept_job(), "succeeded");
    EXPECT_TRUE(service->program().wait_for_line("handoff: what hung goes on",
                                                 seconds{10}));
  }

  temp_directory folder;
  const std::filesystem::path hanging = folder.path() / "hanging";
};

TEST_F(StallTest, IsToldOfACommitThatDoesNotReturn) {
  expect_told("before-commit", "a commit of the journal");
}

TEST_F(StallTest, IsToldOfAnActorThatDoesNotReturn) {
  expect_told("intake", "intake");
}

TEST_F(StallTest, IsNotSeenInAServiceThatHasNothingToDo) {
  start();
  service->wait_for_job(accept_job(), "succeeded");
  std::this_thread::sleep_for(seconds{3});
  EXPECT_EQ(service->admin("GET", "/readyz").status, 200)
    << service->admin("GET", "/readyz").body;
}

TEST_F(StallTest, IsNoticedByTheWatchdogOfTheServiceManager) {
  const auto address = (folder.path() / "notify").string();
  const manager_socket manager{address};
  options.environment["NOTIFY_SOCKET"] = address;
  options.environment["WATCHDOG_USEC"] = "500000";
  start_hanging_at("before-commit");
  hang();
  auto sender = std::async(std::launch::async, [this] { return post(); });
  EXPECT_EQ(wait_for_readyz(503).status, 503);
  // What was sent before it was seen.
  while (!manager.read().empty())
    ;
  std::this_thread::sleep_for(seconds{1});
  EXPECT_EQ(manager.read(), "") << "a sign of life, although it hangs";
  go_on();
  EXPECT_EQ(manager.wait(), "WATCHDOG=1");
  sender.get();
}

} // namespace handoff::support

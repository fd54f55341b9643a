// What the real service tells a service manager (sd_notify(3)), and when.

#include "tests/integration/service_test.hpp"
#include "tests/support/manager_socket.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServiceNotifyTest : public ServiceTest {
protected:
  ServiceNotifyTest() { options.environment = {{"NOTIFY_SOCKET", address}}; }

  /// The next message that is not a sign of life.
  std::string next() const {
    auto text = manager.wait();
    while (text == "WATCHDOG=1")
      text = manager.wait();
    return text;
  }

  temp_directory place;
  const std::string address = (place.path() / "notify").string();
  const manager_socket manager{address};
};

TEST_F(ServiceNotifyTest, TellsItsLifeInOrder) {
  start();
  EXPECT_EQ(next(), "READY=1\nSTATUS=1 flow in force");
  EXPECT_EQ(service->admin("GET", "/readyz").status, 200);
  auto second = flow;
  second["name"] = "second";
  service->directory().write("flows/second.json", second.dump());
  service->program().signal(SIGHUP);
  EXPECT_THAT(next(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(next(), "READY=1\nSTATUS=2 flows in force");
  service->directory().write("flows/broken.json", "{");
  EXPECT_EQ(service->admin("POST", "/api/v1/flows/reload").status, 422);
  EXPECT_THAT(next(), StartsWith("RELOADING=1\n"));
  EXPECT_EQ(next(), "READY=1\nSTATUS=2 flows in force");
  EXPECT_EQ(service->stop(), 0) << service->log();
  EXPECT_EQ(next(),
            "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=40000000");
  EXPECT_EQ(manager.read(), "");
}

TEST_F(ServiceNotifyTest, GivesSignsOfLifeAlsoWhileItDrains) {
  options.environment = {{"NOTIFY_SOCKET", address},
                         {"WATCHDOG_USEC", "20000"}};
  options.ini["drain"]["timeout"] = "60s";
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  http_connection sender{service->port()};
  sender.send_request("POST", "/hooks/setup", {}, R"({"template": "t"})");
  ASSERT_TRUE(wait_for_in_flight(1));
  EXPECT_THAT(next(), StartsWith("READY=1\n"));
  EXPECT_EQ(manager.wait(), "WATCHDOG=1");
  service->program().signal(SIGTERM);
  EXPECT_THAT(next(), StartsWith("STOPPING=1\n"));
  EXPECT_EQ(manager.wait(), "WATCHDOG=1");
  api.release();
  EXPECT_EQ(service->program().wait(seconds{40}), 0) << service->log();
}

TEST_F(ServiceNotifyTest, EndsInTimeWhereTheWatchdogHasMuchPatience) {
  options.environment = {{"NOTIFY_SOCKET", address},
                         {"WATCHDOG_USEC", "7200000000"}};
  start();
  EXPECT_EQ(service->stop(SIGTERM, seconds{20}), 0) << service->log();
}

TEST_F(ServiceNotifyTest, GivesNoSignOfLifeThatNobodyAsksFor) {
  start();
  EXPECT_THAT(manager.wait(), StartsWith("READY=1\n"));
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(manager.read(), "");
}

TEST_F(ServiceNotifyTest, TellsWhoDied) {
  options.environment["HANDOFF_FAULT_AT"] = "intake:1";
  start();
  EXPECT_THAT(next(), StartsWith("READY=1\n"));
  EXPECT_EQ(post().status, 503);
  EXPECT_EQ(next(), "STOPPING=1\nSTATUS=the intake has died");
  EXPECT_EQ(service->program().wait(seconds{30}), 1) << service->log();
}

TEST_F(ServiceNotifyTest, TellsWhyItCannotStart) {
  start();
  EXPECT_THAT(next(), StartsWith("READY=1\n"));
  // The journal is in use.
  process::options chosen;
  chosen.arguments = {
    "serve",
    "--config-file=" + (service->directory().path() / "handoff.ini").string()};
  chosen.environment = options.environment;
  process second{handoff_binary(), chosen};
  EXPECT_EQ(second.wait(seconds{30}), 1);
  EXPECT_THAT(next(), StartsWith("STATUS=cannot start: "));
}

TEST_F(ServiceNotifyTest, RunsWithoutAnybodyToTell) {
  options.environment = {{"NOTIFY_SOCKET", "no-such-address"}};
  start();
  EXPECT_THAT(service->log(), HasSubstr("NOTIFY_SOCKET"));
  EXPECT_EQ(service->stop(), 0) << service->log();
}

} // namespace handoff::support

#include "tests/support/manager_socket.hpp"
#include "tests/support/temp_directory.hpp"
#include "tools/handoff/life_report.hpp"
#include "tools/handoff/notify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sys/un.h>
#include <unistd.h>

namespace handoff {
namespace {

using support::manager_socket;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class NotifyTest : public ::testing::Test {
protected:
  NotifyTest() {
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    ::unsetenv("NOTIFY_SOCKET");
  }

  support::temp_directory directory;
};

TEST_F(NotifyTest, SendsOneDatagramAMessageToASocketInTheFileSystem) {
  const auto path = (directory.path() / "notify").string();
  const manager_socket manager{path};
  const notifier told{path};
  EXPECT_THAT(told.problem(), IsEmpty());
  EXPECT_TRUE(told.tell("READY=1\nSTATUS=well"));
  EXPECT_TRUE(told.tell_at_once("WATCHDOG=1"));
  EXPECT_EQ(manager.read(), "READY=1\nSTATUS=well");
  EXPECT_EQ(manager.read(), "WATCHDOG=1");
}

TEST_F(NotifyTest, SendsToAnAbstractSocket) {
  const auto name = "@handoff-notify-test-" + std::to_string(::getpid());
  const manager_socket manager{name};
  EXPECT_TRUE(notifier{name}.tell("READY=1"));
  EXPECT_EQ(manager.read(), "READY=1");
}

TEST_F(NotifyTest, TellsNobodyWithoutASocket) {
  const notifier told{notify_address()};
  EXPECT_THAT(told.problem(), IsEmpty());
  EXPECT_FALSE(told.tell("READY=1"));
}

TEST_F(NotifyTest, GoesOnWhereNobodyListens) {
  const notifier told{(directory.path() / "nobody").string()};
  EXPECT_THAT(told.problem(), IsEmpty());
  EXPECT_FALSE(told.tell("READY=1"));
}

TEST_F(NotifyTest, SaysWhatIsWrongWithAnAddress) {
  for (const auto& address :
       {std::string{"relative"}, std::string{"@"}, std::string{"vsock:2:1"},
        "/" + std::string(sizeof(sockaddr_un::sun_path), 'a')}) {
    const notifier told{address};
    EXPECT_THAT(told.problem(), HasSubstr("NOTIFY_SOCKET")) << address;
    EXPECT_FALSE(told.tell("READY=1")) << address;
  }
}

TEST_F(NotifyTest, DoesNotWaitForRoomAtOnce) {
  const auto path = (directory.path() / "notify").string();
  const manager_socket manager{path};
  const notifier told{path};
  int sent = 0;
  while (sent < 100'000 && told.tell_at_once("WATCHDOG=1"))
    ++sent;
  EXPECT_LT(sent, 100'000);
}

TEST_F(NotifyTest, ReadsThePatienceOfTheWatchdog) {
  EXPECT_EQ(watchdog_patience().count(), 0);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_patience(), std::chrono::seconds{30});
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_patience(), std::chrono::seconds{30});
  ::setenv("WATCHDOG_PID", std::to_string(::getpid() + 1).c_str(), 1);
  EXPECT_EQ(watchdog_patience().count(), 0);
  ::unsetenv("WATCHDOG_PID");
  for (const auto* text : {"", "0", "-1", "30s", "x"}) {
    ::setenv("WATCHDOG_USEC", text, 1);
    EXPECT_EQ(watchdog_patience().count(), 0) << text;
  }
}

TEST_F(NotifyTest, SaysNothingOfAReloadBeforeItIsReadyOrOnceItStops) {
  const auto path = (directory.path() / "notify").string();
  const manager_socket manager{path};
  life_report report{path};
  report.reload_begins();
  report.reload_ended(1);
  report.ready(2);
  EXPECT_EQ(manager.read(), "READY=1\nSTATUS=2 flows in force");
  report.reload_begins();
  EXPECT_THAT(manager.read(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  report.draining(std::chrono::seconds{30});
  report.reload_ended(3);
  EXPECT_EQ(manager.read(),
            "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=40000000");
  EXPECT_EQ(manager.read(), "");
}

TEST_F(NotifyTest, SendsAStatusOfOneLine) {
  const auto path = (directory.path() / "notify").string();
  const manager_socket manager{path};
  life_report report{path};
  report.cannot_start("a\nREADY=1");
  EXPECT_EQ(manager.read(), "STATUS=cannot start: a READY=1");
}

TEST_F(NotifyTest, SaysWhenItReloads) {
  EXPECT_THAT(reloading_state(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_THAT(reloading_state(), Not(HasSubstr("USEC=0")));
}

} // namespace
} // namespace handoff

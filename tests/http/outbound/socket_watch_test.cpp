#include "http/outbound/socket_watch.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace handoff {

/// Two ends of a connection, the first of which is watched.
class SocketWatchTest : public testing::Test {
protected:
  void SetUp() override { connect(); }

  ~SocketWatchTest() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
    ::close(epoll_);
    ::close(others_);
  }

  void connect() {
    ASSERT_EQ(
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0);
  }

  void say_something() { ASSERT_EQ(::write(ends_[1], "x", 1), 1); }

  std::optional<epoll_event> told() { return told_by(epoll_); }

  static std::optional<epoll_event> told_by(int epoll) {
    epoll_event event{};
    if (::epoll_wait(epoll, &event, 1, 0) == 0)
      return std::nullopt;
    return event;
  }

  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::array<int, 2> ends_{-1, -1};
  int others_ = ::epoll_create1(EPOLL_CLOEXEC);
  socket_watch watch_{epoll_, others_};
};

TEST_F(SocketWatchTest, TellsOfASocketWithItsMark) {
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_IN, 6);
  EXPECT_FALSE(told());
  say_something();
  const auto event = told();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data.u64 >> 32U, 6U);
  EXPECT_EQ(static_cast<int>(static_cast<std::uint32_t>(event->data.u64)),
            ends_[0]);
  EXPECT_TRUE(watch_.is_wanted(ends_[0]));
}

TEST_F(SocketWatchTest, TellsOfAConnectionThatIsWantedAgain) {
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  watch_.want(ends_[0], CURL_POLL_REMOVE, 2);
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  say_something();
  EXPECT_TRUE(told());
}

TEST_F(SocketWatchTest, TellsOfTheSameSocketForSomethingElse) {
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_OUT, 2);
  EXPECT_TRUE(told());
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  EXPECT_FALSE(told());
  watch_.want(ends_[0], CURL_POLL_INOUT, 4);
  const auto event = told();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data.u64 >> 32U, 4U);
}

TEST_F(SocketWatchTest, TellsOnceOfAnIdleConnectionThatSaysSomething) {
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  watch_.want(ends_[0], CURL_POLL_REMOVE, 2);
  say_something();
  EXPECT_TRUE(told());
  EXPECT_FALSE(watch_.is_wanted(ends_[0]));
  EXPECT_FALSE(told()) << "or the loop would spin until it is closed";
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  EXPECT_TRUE(told());
}

// What broke: a descriptor that libcurl's resolver had used, and closed without
// a word, was taken for one that epoll still watches.
TEST_F(SocketWatchTest, WatchesANewSocketUnderTheNumberOfAnother) {
  watch_.want(ends_[0], CURL_POLL_IN, 2); // the resolver's
  watch_.want(ends_[0], CURL_POLL_REMOVE, 2);
  const auto number = ends_[0];
  ::close(ends_[0]);
  ::close(ends_[1]);
  connect();
  ASSERT_EQ(ends_[0], number) << "the kernel gives the lowest free number";
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  say_something();
  EXPECT_TRUE(told());
}

TEST_F(SocketWatchTest, WatchesAConnectionAfterAnotherWasClosed) {
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  watch_.want(ends_[0], CURL_POLL_REMOVE, 2);
  watch_.closed(ends_[0]);
  const auto number = ends_[0];
  ::close(ends_[0]);
  ::close(ends_[1]);
  connect();
  ASSERT_EQ(ends_[0], number);
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_IN, 2);
  say_something();
  EXPECT_TRUE(told());
}

TEST_F(SocketWatchTest, KeepsApartWhatIsServedFirst) {
  watch_.opened(ends_[0]);
  watch_.want(ends_[0], CURL_POLL_OUT, 2);
  EXPECT_TRUE(told_by(epoll_));
  EXPECT_FALSE(told_by(others_));
  watch_.want(ends_[0], CURL_POLL_OUT, 3);
  EXPECT_FALSE(told_by(epoll_));
  EXPECT_TRUE(told_by(others_));
}

} // namespace handoff

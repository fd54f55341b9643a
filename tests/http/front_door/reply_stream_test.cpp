// Answers without an end: what the front door makes of them.

#include "front_door_fixture.hpp"
#include "http/front_door/reply_stream.hpp"

#include <atomic>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace handoff::test {
namespace {

/// Gives what the test adds; counts what is taken.
class fake_stream final : public reply_stream {
public:
  void on_more(std::function<void()> more) override {
    const std::lock_guard guard{mutex_};
    more_ = std::move(more);
  }

  std::string take() override {
    const std::lock_guard guard{mutex_};
    ++asked;
    if (endless)
      return std::string(16'384, 'e');
    return std::exchange(text_, {});
  }

  bool has_ended() const override {
    const std::lock_guard guard{mutex_};
    return ended_ && text_.empty();
  }

  std::string keep_alive() override { return ":\n"; }

  /// Says that there is more.
  void nudge() { add(""); }

  void add(const std::string& text, bool is_last = false) {
    std::function<void()> more;
    {
      const std::lock_guard guard{mutex_};
      text_ += text;
      ended_ = is_last;
      more = more_;
    }
    if (more)
      more();
  }

  std::atomic<bool> endless = false;
  std::atomic<int> asked = 0;

private:
  mutable std::mutex mutex_;
  std::function<void()> more_;
  std::string text_;
  bool ended_ = false;
};

class ReplyStreamTest : public FrontDoorFixture {
protected:
  void handle(http_request request, responder_ptr answer) override {
    if (request.path != "/stream")
      return FrontDoorFixture::handle(std::move(request), std::move(answer));
    reply made;
    made.headers = {{"Content-Type", "text/event-stream"}};
    made.stream = stream;
    answer->answer(std::move(made));
  }

  static constexpr const char* wanted =
    "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

  std::shared_ptr<fake_stream> stream = std::make_shared<fake_stream>();
};

TEST_F(ReplyStreamTest, SendsWhatThereIsAndWhatComesLater) {
  open();
  stream->add("first\r\n\r\n");
  auto sender = client();
  sender.send(wanted);
  const auto head = sender.read_head();
  EXPECT_NE(head.find("200 OK"), std::string::npos);
  EXPECT_NE(head.find("Connection: close"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_EQ(sender.read_head(), "first\r\n");
  stream->add("later\r\n\r\n");
  EXPECT_EQ(sender.read_head(), "later\r\n");
  EXPECT_EQ(door_->counts().held, 0u) << "nobody waits for its answer";
}

/// Our end of the one connection to `port`.
int accepted_at(std::uint16_t port) {
  for (int fd = 0; fd < 1'024; ++fd) {
    sockaddr_in own{};
    sockaddr_in peer{};
    socklen_t own_size = sizeof own;
    socklen_t peer_size = sizeof peer;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) == 0
        && own.sin_family == AF_INET && ntohs(own.sin_port) == port
        && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size)
             == 0)
      return fd;
  }
  return -1;
}

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(fd, level, name, &value, &size);
  return value;
}

TEST_F(ReplyStreamTest, LetsTheKernelNoticeAClientThatVanished) {
  open();
  auto sender = client();
  sender.send(wanted);
  sender.read_head();
  const int fd = accepted_at(door_->port());
  EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 60'000);
}

TEST_F(ReplyStreamTest, EndsTheConnectionWithTheStream) {
  open();
  auto sender = client();
  sender.send(wanted);
  sender.read_head();
  constexpr bool is_last = true;
  stream->add("last\r\n\r\n", is_last);
  EXPECT_EQ(sender.read_head(), "last\r\n");
  EXPECT_TRUE(sender.at_end());
  EXPECT_TRUE(eventually([&] { return stream.use_count() == 1; }));
}

TEST_F(ReplyStreamTest, LetsGoOfItWhenTheClientIsGone) {
  open();
  auto sender = client();
  sender.send(wanted);
  sender.read_head();
  EXPECT_TRUE(eventually([&] { return stream->asked > 0; }));
  sender.close();
  EXPECT_TRUE(eventually([&] { return stream.use_count() == 1; }));
  stream->add("to nobody");
}

TEST_F(ReplyStreamTest, ShowsASilentClientThatItIsAlive) {
  options_.keep_alive = std::chrono::milliseconds{20};
  // Nothing to do with it: a stream is no idle connection.
  options_.idle_timeout = std::chrono::milliseconds{30};
  open();
  auto sender = client();
  sender.send(wanted);
  sender.read_head();
  EXPECT_EQ(sender.skip(20), 20u);
}

TEST_F(ReplyStreamTest, TakesNoMoreThanTheSocketDoes) {
  options_.threads = 1;
  stream->endless = true;
  open();
  auto sender = client();
  sender.send(wanted);
  sender.read_head();
  auto other = client();
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 10; ++j)
      stream->nudge();
    other.send(post("/echo", "still served"));
    EXPECT_EQ(other.read_answer()->body, "still served");
  }
  // What both sockets keep is some MiB; what the stream has is without end.
  EXPECT_LT(stream->asked, 2'000);
  EXPECT_EQ(sender.skip(20'000'000), 20'000'000u)
    << "and goes on when it reads";
}

TEST_F(ReplyStreamTest, CutsAClientThatStopsReading) {
  options_.reader_timeout = std::chrono::milliseconds{100};
  stream->endless = true;
  open();
  auto sender = client();
  sender.send(wanted);
  EXPECT_TRUE(eventually([&] {
    return door_->counts().accepted == 1 && door_->counts().connections == 0;
  }));
  EXPECT_EQ(stream.use_count(), 1);
}

TEST_F(ReplyStreamTest, AnswersHeadWithoutIt) {
  open();
  auto sender = client();
  sender.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  sender.read_head();
  EXPECT_TRUE(sender.at_end());
  EXPECT_EQ(stream->asked, 0);
}

} // namespace
} // namespace handoff::test

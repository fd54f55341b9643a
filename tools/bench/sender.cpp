#include "tools/bench/sender.hpp"

#include <http_parser.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bench {

using std::chrono::ceil;
using std::chrono::milliseconds;

namespace {

/// One shot that has been fired.
struct flight {
  std::size_t number = 0;
  int socket = -1;
  std::size_t written = 0;
  http_parser parser{};
  bool complete = false;
  bool over = false;
};

class volley {
public:
  volley(std::uint16_t port, const std::vector<shot>& shots,
         const volley_limits& limits)
      : port_{port},
        shots_{shots},
        limits_{limits},
        hits_(shots.size()),
        epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    if (epoll_ < 0)
      throw std::system_error{errno, std::generic_category(), "epoll"};
    http_parser_settings_init(&settings_);
    settings_.on_body = [](http_parser* parser, const char* at,
                           std::size_t size) {
      static_cast<volley*>(parser->data)
        ->hits_[static_cast<volley*>(parser->data)->reading_->number]
        .body.append(at, size);
      return 0;
    };
    settings_.on_message_complete = [](http_parser* parser) {
      static_cast<volley*>(parser->data)->reading_->complete = true;
      return 0;
    };
  }

  volley(const volley&) = delete;
  volley& operator=(const volley&) = delete;

  ~volley() { ::close(epoll_); }

  std::vector<hit> run() {
    start_ = clock::now();
    std::array<epoll_event, 512> ready{};
    while (next_ < shots_.size() || open_ > 0) {
      launch_due();
      const auto count = ::epoll_wait(epoll_, ready.data(),
                                      static_cast<int>(ready.size()), pause());
      for (int at = 0; at < count; ++at)
        advance(
          *static_cast<flight*>(ready[static_cast<std::size_t>(at)].data.ptr));
      give_up_late();
    }
    return std::move(hits_);
  }

private:
  int pause() const {
    auto until = clock::now() + milliseconds{1'000};
    if (next_ < shots_.size() && open_ < limits_.open_max)
      until = std::min(until, start_ + shots_[next_].at);
    if (!flights_.empty())
      until = std::min(until,
                       hits_[flights_.front()->number].sent + limits_.patience);
    const auto left = ceil<milliseconds>(until - clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  void launch_due() {
    while (next_ < shots_.size() && open_ < limits_.open_max
           && clock::now() >= start_ + shots_[next_].at)
      launch(next_++);
  }

  void launch(std::size_t number) {
    auto& one = *flights_.emplace_back(std::make_unique<flight>());
    one.number = number;
    hits_[number].sent = clock::now();
    ++open_;
    one.socket =
      ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one.socket < 0)
      return end(one, std::strerror(errno));
    const int on = 1;
    ::setsockopt(one.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    http_parser_init(&one.parser, HTTP_RESPONSE);
    one.parser.data = this;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port_);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(one.socket, reinterpret_cast<sockaddr*>(&where), sizeof where)
          != 0
        && errno != EINPROGRESS)
      return end(one, std::strerror(errno));
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT | EPOLLET;
    wanted.data.ptr = &one;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.socket, &wanted);
  }

  void advance(flight& one) {
    if (one.over)
      return;
    const auto& bytes = shots_[one.number].bytes;
    while (one.written < bytes.size()) {
      const auto count = ::send(one.socket, bytes.data() + one.written,
                                bytes.size() - one.written, MSG_NOSIGNAL);
      if (count < 0 && (errno == EAGAIN || errno == ENOTCONN))
        return;
      if (count < 0)
        return end(one, std::strerror(errno));
      one.written += static_cast<std::size_t>(count);
    }
    read(one);
  }

  void read(flight& one) {
    std::array<char, 65'536> buffer{};
    for (;;) {
      const auto count = ::recv(one.socket, buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EAGAIN)
        return;
      if (count < 0)
        return end(one, std::strerror(errno));
      reading_ = &one;
      http_parser_execute(&one.parser, &settings_, buffer.data(),
                          static_cast<std::size_t>(count));
      if (one.complete) {
        hits_[one.number].answered = clock::now();
        hits_[one.number].status = static_cast<int>(one.parser.status_code);
        return end(one, {});
      }
      if (count == 0)
        return end(one, "closed without an answer");
      if (HTTP_PARSER_ERRNO(&one.parser) != HPE_OK)
        return end(one, "the answer is not HTTP");
    }
  }

  void end(flight& one, std::string failure) {
    if (std::exchange(one.over, true))
      return;
    hits_[one.number].failure = std::move(failure);
    if (one.socket >= 0)
      ::close(one.socket);
    --open_;
  }

  void give_up_late() {
    // In the order of their launch, which is that of their ends of patience.
    while (!flights_.empty()) {
      auto& oldest = *flights_.front();
      if (!oldest.over
          && clock::now() >= hits_[oldest.number].sent + limits_.patience)
        end(oldest, "no answer in time");
      if (!oldest.over)
        return;
      flights_.pop_front();
    }
  }

  std::uint16_t port_;
  const std::vector<shot>& shots_;
  volley_limits limits_;
  std::vector<hit> hits_;
  int epoll_;
  http_parser_settings settings_{};
  flight* reading_ = nullptr;
  std::deque<std::unique_ptr<flight>> flights_;
  std::size_t next_ = 0;
  std::size_t open_ = 0;
  clock::time_point start_;
};

} // namespace

std::vector<hit> fire(std::uint16_t port, const std::vector<shot>& shots,
                      const volley_limits& limits) {
  return volley{port, shots, limits}.run();
}

std::string request_bytes(const std::string& method, const std::string& path,
                          const std::string& body) {
  auto bytes = method + " " + path
             + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  if (method != "GET")
    bytes += "Content-Type: application/json\r\nContent-Length: "
           + std::to_string(body.size()) + "\r\n";
  return bytes + "\r\n" + body;
}

} // namespace bench

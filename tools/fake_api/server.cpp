#include "tools/fake_api/server.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace fake_api {

namespace {

// Connections are numbered from 2 on.
constexpr std::uint64_t listener_number = 0;
constexpr std::uint64_t signals_number = 1;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void watch(int epoll, int socket, std::uint64_t number, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0)
    fail("epoll_ctl");
}

struct endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

endpoint loopback(std::string address, std::uint16_t port) {
  endpoint made;
  if (address == "localhost")
    address = "127.0.0.1";
  auto& v4 = reinterpret_cast<sockaddr_in&>(made.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(made.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1
      && ntohl(v4.sin_addr.s_addr) >> 24 == 127) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    made.size = sizeof(v4);
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1
             && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    made.size = sizeof(v6);
  } else {
    throw std::invalid_argument(
      "--address: \"" + address
      + "\" is not a loopback address; allowed: 127.0.0.0/8, ::1, localhost");
  }
  return made;
}

} // namespace

void descriptor::reset(int number) noexcept {
  close();
  number_ = number;
}

void descriptor::close() noexcept {
  if (number_ >= 0)
    ::close(number_);
  number_ = -1;
}

server::server(const options& settings, script rules)
    : epoll_{epoll_create1(EPOLL_CLOEXEC)},
      spare_{::open("/dev/null", O_RDONLY | O_CLOEXEC)},
      rules_{std::make_shared<script>(std::move(rules))},
      ledger_{settings.recording} {
  if (!epoll_.open())
    fail("epoll_create1");
  listen_at(settings);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  signals_.reset(signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.open())
    fail("signalfd");
  watch(epoll_.number(), signals_.number(), signals_number, EPOLLIN);
}

server::~server() = default;

void server::listen_at(const options& settings) {
  auto where = loopback(settings.address, settings.port);
  auto* name = reinterpret_cast<sockaddr*>(&where.storage);
  listener_.reset(socket(where.storage.ss_family,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener_.open())
    fail("socket");
  const int on = 1;
  setsockopt(listener_.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener_.number(), name, where.size) != 0)
    fail("bind");
  if (listen(listener_.number(), 16'384) != 0)
    fail("listen");
  getsockname(listener_.number(), name, &where.size);
  port_ = ntohs(where.storage.ss_family == AF_INET
                  ? reinterpret_cast<sockaddr_in*>(name)->sin_port
                  : reinterpret_cast<sockaddr_in6*>(name)->sin6_port);
  watch(epoll_.number(), listener_.number(), listener_number, EPOLLIN);
}

void server::run() {
  std::array<epoll_event, 512> events;
  while (!stopping_) {
    const int count =
      epoll_wait(epoll_.number(), events.data(),
                 static_cast<int>(events.size()), milliseconds_to_next());
    if (count < 0 && errno != EINTR)
      fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == listener_number)
        accept_all();
      else if (event.data.u64 == signals_number)
        stopping_ = true;
      else
        on_event(event.data.u64, event.events);
    }
    run_timers();
    dropped_.clear();
  }
}

void server::accept_all() {
  for (;;) {
    const int socket = accept4(listener_.number(), nullptr, nullptr,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == ECONNABORTED || errno == EINTR)
        continue;
      if (errno != EMFILE && errno != ENFILE)
        return;
      // Without this, the waiting client would keep the loop awake for good.
      spare_.close();
      descriptor turned_away{accept(listener_.number(), nullptr, nullptr)};
      turned_away.close();
      spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      return;
    }
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    auto made = std::make_unique<connection>();
    made->socket.reset(socket);
    made->number = ++connection_numbers_;
    // Edge-triggered, and only once: no further system call for a request.
    watch(epoll_.number(), socket, made->number,
          EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    ledger_.connection_opened();
    connections_.emplace(made->number, std::move(made));
  }
}

void server::on_event(std::uint64_t number, std::uint32_t events) {
  const auto found = connections_.find(number);
  if (found == connections_.end())
    return;
  auto& one = *found->second;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    one.peer_closed = true;
  if (one.at == stage::sending && (events & EPOLLOUT) != 0)
    flush(one);
  if (one.socket.open())
    advance(one);
  if (!one.socket.open() || !one.peer_closed)
    return;
  if (one.at == stage::sending && (events & (EPOLLHUP | EPOLLERR)) == 0)
    return; // A client may close its half while it reads the answer.
  drop(one, "client_gone");
}

void server::start_timer(connection& one, std::chrono::milliseconds delay) {
  one.timer = ++timer_numbers_;
  timers_.push({clock::now() + delay, one.timer, one.number});
}

void server::run_timers() {
  while (!timers_.empty() && timers_.top().due <= clock::now()) {
    const auto due = timers_.top();
    timers_.pop();
    const auto found = connections_.find(due.connection);
    if (found == connections_.end() || found->second->timer != due.number)
      continue;
    auto& one = *found->second;
    one.timer = 0;
    if (one.at == stage::dripping)
      drip(one);
    else
      answer_now(one);
    if (one.socket.open())
      advance(one);
  }
}

int server::milliseconds_to_next() const {
  using std::chrono::milliseconds;
  if (timers_.empty())
    return -1;
  // Rounded up: a wait that ends too early would only be waited for again.
  const auto wait =
    std::chrono::ceil<milliseconds>(timers_.top().due - clock::now());
  return wait.count() <= 0 ? 0 : static_cast<int>(wait.count());
}

} // namespace fake_api

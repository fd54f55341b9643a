#include "http/front_door/guarded_transport.hpp"

#include "actors/replies.hpp"

#include <pistache/http.h>
#include <pistache/peer.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

namespace polling = Pistache::Polling;
using peer_ptr = std::shared_ptr<Pistache::Tcp::Peer>;

// A worker that only answers itself must still look at its sockets.
constexpr int posted_rounds_max = 64;

constexpr std::size_t read_bytes_max = 65'536;
constexpr int reads_max = 4;

constexpr std::size_t canonical_head_bytes_max = 256;

// What Pistache gets to see: a request of one meaning only. Header fields
// travel beside it, because its typed parsing answers some of them with an
// error of its own; so does the query, and the body, of which it would keep
// room for as long as the connection is open.
std::string canonical(const http_request& request) {
  std::string bytes;
  bytes.reserve(canonical_head_bytes_max + request.path.size());
  bytes.append(request.method)
    .append(" ")
    .append(request.path)
    .append(" HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  return bytes;
}

polling::Event readable_event(int fd) {
  polling::Event made{polling::Tag(static_cast<std::uint64_t>(fd))};
  made.flags.setFlag(polling::NotifyOn::Read);
  return made;
}

} // namespace

/// Pistache's side of a request: takes what Pistache read and completes it with
/// what travelled beside it.
class request_handler final : public Pistache::Http::Handler {
public:
  HTTP_PROTOTYPE(request_handler)

  explicit request_handler(std::shared_ptr<const worker_settings> settings)
      : settings_(std::move(settings)) {
    const auto& options = settings_->options;
    setMaxRequestSize(options.max_target + canonical_head_bytes_max);
  }

  /// Announces the request whose bytes come next.
  void expect(http_request& request, responder_ptr answer) {
    beside_ = &request;
    answer_ = std::move(answer);
  }

  /// Whether nothing announced is left.
  bool taken() {
    answer_.reset();
    return std::exchange(beside_, nullptr) == nullptr;
  }

  void onRequest(const Pistache::Http::Request& read,
                 Pistache::Http::ResponseWriter) override {
    auto* beside = std::exchange(beside_, nullptr);
    if (!beside || !read.body().empty())
      return;
    beside->path = read.resource();
    // Kept here: what the handler throws must not look like a drop.
    const auto answer = std::exchange(answer_, nullptr);
    try {
      settings_->handle(std::move(*beside), answer);
    } catch (const std::exception& thrown) {
      spdlog::error("front door: a handler threw: {}", thrown.what());
      answer->answer(failed());
    } catch (...) {
      spdlog::error("front door: a handler threw");
      answer->answer(failed());
    }
  }

private:
  static reply failed() {
    return problem_reply(
      {error_kind::internal, "The request could not be worked on."});
  }

  std::shared_ptr<const worker_settings> settings_;
  http_request* beside_ = nullptr;
  responder_ptr answer_;
};

/// Stands between Pistache's transport and its HTTP handler: all bytes go
/// through `connections` first.
class input_guard final : public Pistache::Tcp::Handler {
public:
  explicit input_guard(std::shared_ptr<request_handler> inner)
      : inner_(std::move(inner)) {}

  std::shared_ptr<Pistache::Tcp::Handler> clone() const override {
    return std::make_shared<input_guard>(
      std::static_pointer_cast<request_handler>(inner_->clone()));
  }

  void onConnection(const peer_ptr& peer) override {
    tcp_inner().onConnection(peer);
    worker().connections_.opened(peer->getID(), peer->fd());
  }

  void onInput(const char* bytes, std::size_t size,
               const peer_ptr& peer) override {
    try {
      worker().connections_.received(peer->getID(), {bytes, size});
    } catch (const std::exception& thrown) {
      // Memory ran out, most likely. One client is lost, not the worker.
      spdlog::error("front door: a connection is given up: {}", thrown.what());
      ::shutdown(peer->fd(), SHUT_RDWR);
    }
  }

  void onDisconnection(const peer_ptr& peer) override {
    tcp_inner().onDisconnection(peer);
    worker().connections_.lost(peer->getID());
  }

  /// What `Pistache::Http::Handler` keeps private is public in its base.
  Pistache::Tcp::Handler& tcp_inner() { return *inner_; }

private:
  guarded_transport& worker() {
    return static_cast<guarded_transport&>(*transport());
  }

  std::shared_ptr<request_handler> inner_;
};

guarded_transport::guarded_transport(
  std::shared_ptr<const worker_settings> settings)
    : guarded_transport(settings, std::make_shared<request_handler>(settings)) {
}

guarded_transport::guarded_transport(
  std::shared_ptr<const worker_settings> settings,
  std::shared_ptr<request_handler> inner)
    : Transport(inner),
      settings_(std::move(settings)),
      guard_(std::make_shared<input_guard>(inner)),
      inner_(std::move(inner)),
      outbox_(std::make_shared<reply_outbox>()),
      connections_(settings_->options, settings_->tally, outbox_, *this),
      read_buffer_(read_bytes_max),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (timer_ < 0)
    throw std::system_error(errno, std::generic_category(), "timerfd");
  // Both handlers must know their transport; the last one gets the events.
  init(guard_);
}

guarded_transport::~guarded_transport() {
  for (const auto& item : outbox_->close())
    if (const auto* socket = std::get_if<socket_accepted>(&item.what)) {
      --settings_->tally->connections;
      ::close(socket->fd);
    }
  // Pistache closes the descriptor of a peer only when the peer goes first.
  for (const auto& [fd, peer] : peers) {
    connections_.lost(peer->getID());
    ::close(fd);
  }
  ::close(timer_);
}

std::shared_ptr<Pistache::Aio::Handler> guarded_transport::clone() const {
  return std::make_shared<guarded_transport>(settings_);
}

void guarded_transport::registerPoller(polling::Epoll& poller) {
  Transport::registerPoller(poller);
  for (const int fd : {outbox_->descriptor(), timer_})
    poller.addFd(fd,
                 Pistache::Flags<polling::NotifyOn>(polling::NotifyOn::Read),
                 polling::Tag(static_cast<std::uint64_t>(fd)));
}

void guarded_transport::onReady(const Pistache::Aio::FdSet& fds) {
  outbox_->own();
  for (const auto& entry : fds) {
    const auto fd = static_cast<int>(entry.getTag().value());
    if (fd == outbox_->descriptor())
      continue; // drained below, whatever it says
    if (fd == timer_) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const auto read =
        ::read(timer_, &ignored, sizeof ignored);
      armed_for_.reset();
      connections_.tick(std::chrono::steady_clock::now());
    } else {
      on_socket_event(fd, entry);
    }
  }
  do_what_is_posted();
  arm_timer();
}

void guarded_transport::on_socket_event(
  int fd, const Pistache::Aio::FdSet::Entry& event) {
  const auto found = peers.find(fd);
  if (found == peers.end()) {
    // One of Pistache's own descriptors.
    if (event.isReadable())
      tell_pistache(fd);
    return;
  }
  // Kept here, because it may be closed by what it gets to read.
  const auto peer = found->second;
  // The descriptor may be another client's by now: then nothing is unsent and
  // this does nothing.
  if (event.isWritable())
    connections_.writable(peer->getID());
  if (event.isReadable() || event.isHangup())
    read(peer, event.isHangup());
}

void guarded_transport::read(const peer_ptr& peer, bool hung_up) {
  const auto who = peer->getID();
  // Others have their turn in between.
  for (int round = 0; round < reads_max; ++round) {
    const auto room = connections_.room_for_input(who);
    if (room == 0) {
      // A reset, or an end of our own. Otherwise it is read later.
      if (hung_up)
        close(peer);
      return;
    }
    const auto bytes =
      ::recv(peer->fd(), read_buffer_.data(),
             std::min(room, read_buffer_.size()), MSG_DONTWAIT);
    if (bytes > 0)
      guard_->onInput(read_buffer_.data(), static_cast<std::size_t>(bytes),
                      peer);
    else if (bytes == 0)
      connections_.ended(who);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return;
    else if (errno != EINTR)
      return close(peer);
  }
  connections_.look_again(who);
}

void guarded_transport::close(const peer_ptr& peer) {
  const int fd = peer->fd();
  if (connections_.resets(peer->getID())) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  // Pistache is to find nothing but the end, which has it close the descriptor;
  // by some errors it would be thrown off its thread.
  ::shutdown(fd, SHUT_RDWR);
  while (::recv(fd, read_buffer_.data(), read_buffer_.size(),
                MSG_DONTWAIT | MSG_TRUNC)
         > 0) {
  }
  tell_pistache(fd);
}

void guarded_transport::tell_pistache(int fd) {
  std::vector<polling::Event> events;
  events.push_back(readable_event(fd));
  Transport::onReady(Pistache::Aio::FdSet(std::move(events)));
}

void guarded_transport::do_what_is_posted() {
  // An answer lets the next pipelined request go, whose answer may be posted at
  // once: hence the rounds.
  for (int round = 0; round < posted_rounds_max; ++round) {
    auto items = outbox_->drain();
    if (items.empty())
      return;
    for (auto& item : items)
      obey(item);
  }
  outbox_->wake();
}

void guarded_transport::obey(outbox_item& item) {
  if (auto* socket = std::get_if<socket_accepted>(&item.what))
    adopt(socket->fd);
  else if (auto* answer = std::get_if<answer_given>(&item.what))
    connections_.answered(item.connection, item.request,
                          std::move(answer->what));
  else if (std::holds_alternative<deadline_changed>(item.what))
    connections_.deadline_changed(item.connection, item.request);
  else if (std::holds_alternative<stream_grew>(item.what))
    connections_.stream_grew(item.connection, item.request);
  else if (auto* call = std::get_if<call_wanted>(&item.what))
    call->run();
  else
    connections_.close_idle();
}

void guarded_transport::adopt(int fd) {
  const auto peer = Pistache::Tcp::Peer::Create(fd, Pistache::Address());
  try {
    handleNewPeer(peer);
  } catch (const std::exception& thrown) {
    spdlog::error("front door: a connection cannot be watched: {}",
                  thrown.what());
    connections_.lost(peer->getID());
    peers.erase(fd);
    ::close(fd);
  }
}

void guarded_transport::arm_timer() {
  const auto next = connections_.next_tick();
  // A timer that fires too early is cheaper than one that is set at each
  // request.
  if (!next || (armed_for_ && *armed_for_ <= *next))
    return;
  armed_for_ = next;
  // steady_clock is CLOCK_MONOTONIC. Zero would disarm the timer.
  const auto since =
    std::max(next->time_since_epoch(), connections::time_point::duration(1));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec at{};
  at.it_value.tv_sec = seconds.count();
  at.it_value.tv_nsec =
    std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds)
      .count();
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
}

void guarded_transport::watch_writable(int fd, bool wanted) {
  using polling::NotifyOn;
  const auto always = NotifyOn::Read | NotifyOn::Shutdown;
  // Setting the interest anew also delivers what is ready already, so no edge
  // can be missed in between.
  reactor()->modifyFd(key(), fd, wanted ? always | NotifyOn::Write : always,
                      polling::Mode::Edge);
}

bool guarded_transport::hand_on(int fd, checked_request& request,
                                responder_ptr answer) {
  const auto found = peers.find(fd);
  if (found == peers.end())
    return false;
  const auto peer = found->second;
  const auto bytes = canonical(request.what);
  inner_->expect(request.what, std::move(answer));
  guard_->tcp_inner().onInput(bytes.data(), bytes.size(), peer);
  return inner_->taken();
}

} // namespace handoff

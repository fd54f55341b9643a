#include "http/front_door/front_door.hpp"

#include "actors/replies.hpp"
#include "http/front_door/acceptor.hpp"
#include "http/front_door/descriptors.hpp"
#include "http/front_door/guarded_transport.hpp"
#include "http/front_door/wire_reply.hpp"

#include <pistache/reactor.h>
#include <spdlog/spdlog.h>

#include <array>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

// Says why and hangs up, without a word of the request having been awaited.
void refuse_connection(int fd, const headers& fields) {
  auto refusal = problem_reply(
    {error_kind::overloaded, "All connections of this service are taken."});
  add_missing(refusal, fields);
  wire_options last;
  last.close = true;
  const auto bytes =
    wire_reply(refusal, last, std::chrono::system_clock::now());
  // A new socket takes that many bytes; if not, the client is told nothing.
  [[maybe_unused]] const auto sent =
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(fd, SHUT_WR);
  // What is left unread at a close makes it a reset, which can overtake the
  // answer.
  std::array<char, 16'384> ignored{};
  [[maybe_unused]] const auto read =
    ::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT);
  ::close(fd);
}

} // namespace

class front_door::state {
public:
  state(front_door_options options, handler handle)
      : tally_(std::make_shared<front_door_tally>()),
        connections_max_(options.max_connections),
        for_operators_(options.for_operators),
        refusals_(options.refusals),
        fields_(options.fields),
        acceptor_(options.address, options.port) {
    if (options.threads == 0)
      throw std::invalid_argument("a front door needs a thread");
    const auto threads = options.threads;
    auto settings = std::make_shared<worker_settings>();
    settings->options = std::move(options);
    settings->handle = std::move(handle);
    settings->tally = tally_;
    reactor_.init(Pistache::Aio::AsyncContext(threads, "front-door"));
    const auto key =
      reactor_.addHandler(std::make_shared<guarded_transport>(settings));
    for (const auto& worker : reactor_.handlers(key))
      outboxes_.push_back(
        static_cast<const guarded_transport&>(*worker).outbox());
    try {
      reactor_.run();
      // What is open by now stays open.
      others_ = open_descriptors().value_or(0);
      acceptor_.start([this](int fd) { accept(fd); },
                      [this](int fd) { refuse_for_descriptors(fd); });
    } catch (...) {
      // Else the reactor's end would wait for its threads for ever.
      reactor_.shutdown();
      throw;
    }
  }

  ~state() {
    acceptor_.stop();
    reactor_.shutdown();
  }

  state(const state&) = delete;
  state& operator=(const state&) = delete;

  std::uint16_t port() const { return acceptor_.port(); }

  front_door_counts counts() const {
    front_door_counts made;
    made.connections = tally_->connections;
    made.held = tally_->held;
    made.accepted = tally_->accepted;
    made.requests = tally_->requests;
    made.rejected_requests = tally_->rejected_requests;
    return made;
  }

  void close_after_answers() {
    tally_->closing = true;
    for (const auto& outbox : outboxes_)
      outbox->post({0, 0, closing_begun{}});
  }

private:
  // On the acceptor's thread.
  void accept(int fd) {
    // Only this thread adds connections, so the check cannot be overtaken.
    if (tally_->connections >= connections_max_) {
      ++refusals_->max_connections;
      return refuse_connection(fd, fields_);
    }
    if (!may_keep(fd))
      return refuse_for_descriptors(fd);
    ++tally_->connections;
    ++tally_->accepted;
    next_ = (next_ + 1) % outboxes_.size();
    outboxes_[next_]->post({0, 0, socket_accepted{fd}});
  }

  bool may_keep(int fd) const {
    const auto shares = descriptor_shares::now();
    const auto number = static_cast<std::uint64_t>(fd);
    return for_operators_
           ? number < shares.operators_end()
           : number < shares.public_end()
               && tally_->connections < shares.senders_max(others_);
  }

  void refuse_for_descriptors(int fd) {
    ++refusals_->descriptors;
    if (shortage_.begins(std::chrono::steady_clock::now()))
      spdlog::error("front door: connections to port {} are refused, no "
                    "descriptors are left for them (ulimit -n: {})",
                    port(), descriptor_shares::now().limit());
    refuse_connection(fd, fields_);
  }

  const std::shared_ptr<front_door_tally> tally_;
  const std::size_t connections_max_;
  const bool for_operators_;
  const std::shared_ptr<connection_refusals> refusals_;
  const headers fields_;
  std::vector<std::shared_ptr<reply_outbox>> outboxes_;
  std::size_t next_ = 0;
  std::uint64_t others_ = 0; ///< descriptors that serve no connection
  shortage shortage_;        ///< the acceptor's thread's
  // Its end joins the workers and ends their connections.
  Pistache::Aio::Reactor reactor_;
  acceptor acceptor_;
};

front_door::front_door(front_door_options options, handler handle)
    : state_(std::make_unique<state>(std::move(options), std::move(handle))) {}

front_door::~front_door() = default;

std::uint16_t front_door::port() const {
  return state_->port();
}

front_door_counts front_door::counts() const {
  return state_->counts();
}

void front_door::close_after_answers() {
  state_->close_after_answers();
}

} // namespace handoff

#pragma once

#include "http/outbound/call_answer.hpp"
#include "http/outbound/curl_lane.hpp"
#include "http/outbound/transfer.hpp"
#include "http/outbound/upstream_link.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nghttp2/nghttp2.h>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace handoff {

class http2_link;

/// A call as a stream of an HTTP/2 connection, from when it is asked for.
struct http2_stream {
  using time_point = std::chrono::steady_clock::time_point;

  http2_stream(std::unique_ptr<transfer> its_work, time_point now)
      : work{std::move(its_work)}, until{now + work->call().timeout} {}

  /// What came of it: the whole answer, or why there is none.
  exchange answered(time_point now);
  exchange failed(error_kind kind, std::string detail, time_point now) const;

  std::unique_ptr<transfer> work;
  const time_point until;
  http2_link* link = nullptr; ///< null: it waits for one
  int refusals = 0;           ///< how often a connection did not take it
  bool sent = false;          ///< a byte of it may have gone out
  time_point since = {};      ///< when it was
  std::size_t body_sent = 0;
  bool complete = false; ///< the end of the answer was seen
  call_answer answer;
};

/// One HTTP/2 connection (RFC 9113) over TLS. nghttp2 speaks on it, which,
/// unlike libcurl 7.88, tells which streams the upstream did not process: those
/// that it refused and those beyond the last one of its GOAWAY (section 8.7).
///
/// For the outbound loop's thread alone. Its socket is watched with `lane`'s
/// mark.
class http2_link {
public:
  using time_point = http2_stream::time_point;
  using stream_ptr = std::unique_ptr<http2_stream>;

  /// Streams at once: so many calls, and no more, are in doubt when a
  /// connection is lost.
  static constexpr std::size_t streams_max = 64;

  enum class state { connecting, open, over };

  /// Whom it tells; not from within a constructor or destructor.
  struct owner {
    std::function<void(stream_ptr, exchange)> ended;
    /// The upstream did not process it, and does not take it here.
    std::function<void(stream_ptr)> refused;
    /// ... nor any other as HTTP/2.
    std::function<void(stream_ptr)> wants_http1;
  };

  /// Begins to connect for `first`, whose place for a socket it takes.
  http2_link(const owner& told, transfer& first, curl_lane& lane,
             socket_watch& sockets, time_point now);
  ~http2_link();

  http2_link(const http2_link&) = delete;
  http2_link& operator=(const http2_link&) = delete;

  state now() const noexcept { return state_; }

  /// The connection below; not after `release`.
  upstream_link& tls() noexcept { return *tls_; }

  const upstream_link& tls() const noexcept { return *tls_; }

  bool has_tls() const noexcept { return tls_ != nullptr; }

  /// The connection is open and speaks HTTP/2.
  void open(time_point now);

  /// The connection, which is open, but not for HTTP/2; this one is over.
  std::unique_ptr<upstream_link> release();

  /// Whether it takes one more stream at once. One that was silent for long is
  /// asked first whether it is there (PING, section 6.7): a connection can die
  /// without a word.
  bool has_room(time_point now);

  bool takes_more() const noexcept {
    return state_ == state::open && !retired_;
  }

  /// Whether it was asked and has not answered yet.
  bool is_asked() const noexcept { return takes_more() && ping_sent_; }

  /// Sends it. `has_room` said yes.
  void begin(stream_ptr stream, time_point now);

  /// Something may be read or written.
  void socket_ready(time_point now);

  /// The time of `stream` is over.
  void time_out(http2_stream& stream, time_point now);

  /// Looks for a PING that is not answered.
  void tick(time_point now);
  std::optional<time_point> next_tick() const;

  bool is_idle() const noexcept { return streams_.empty(); }

  time_point idle_since() const noexcept { return idle_since_; }

  /// Ends it: what was sent is lost, the rest refused.
  void lose(const std::string& why, time_point now);

  /// Takes all streams out, whatever became of them.
  std::vector<stream_ptr> take_streams();

private:
  /// Ends all: the upstream has processed nothing.
  void refuse_all(const error& why, time_point now);
  struct callbacks;

  void start_session();
  http2_stream* find(std::int32_t id) const;
  stream_ptr extract(std::int32_t id);
  void closed(std::int32_t id, std::uint32_t code);
  void cancel(std::int32_t id, error_kind kind, std::string detail);
  /// Whether requests may be written now; see `outbound_options::may_call`.
  bool may_send() const;
  /// Ends the calls of which no byte has gone out.
  void hold_back_unsent();
  /// Takes the next frame to be written, if there is one; false: it is over.
  bool next_frame();
  bool flush();
  void go_on_sending(time_point now);
  void read(time_point now);

  struct session_delete {
    void operator()(nghttp2_session* session) const noexcept {
      nghttp2_session_del(session);
    }
  };

  const owner& owner_;
  std::unique_ptr<upstream_link> tls_;
  std::unique_ptr<nghttp2_session, session_delete> session_;
  std::unordered_map<std::int32_t, stream_ptr> streams_;
  state state_ = state::connecting;
  bool retired_ = false; ///< begins no more streams
  std::string out_;      ///< of a frame, what the socket did not take yet
  bool out_is_of_call_ = false;        ///< it is a part of a request
  bool is_held_back_ = false;          ///< ... that must not be written now
  std::vector<std::int32_t> deferred_; ///< whose bodies must not be, either
  time_point now_;                     ///< of what is being done
  time_point heard_;
  bool has_heard_ = false; ///< anything
  time_point idle_since_;
  std::optional<time_point> ping_sent_;
};

} // namespace handoff

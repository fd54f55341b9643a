#include "http/outbound/http2_link.hpp"

#include "http/outbound/call_request.hpp"
#include "http/outbound/connect_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace handoff {

namespace {

using namespace std::chrono_literals;

/// One that said nothing for that long has to answer a PING before it takes
/// another stream, and within the second time.
constexpr auto silent_max = 1s;
constexpr auto ping_max = 1s;

/// Between two looks whether a request may go on being written.
constexpr auto held_back_look_every = 100ms;

/// What one connection reads before others have their turn.
constexpr std::size_t bytes_in_turn_max = 262'144;

/// What may come unasked, of an answer's body and of those of all streams.
constexpr std::uint32_t stream_window = 262'144;
constexpr std::int32_t link_window = 4 * 1'048'576;

/// The fields of a request, which nghttp2 copies.
class stream_fields {
public:
  explicit stream_fields(const transfer& work) {
    add(":method", work.call().method);
    add(":scheme", "https");
    add(":authority", std::string{authority_of(work)});
    add(":path", work.path());
    each_request_field(work,
                       [this](std::string_view name, std::string_view value) {
                         add(lower_case(name), std::string{value});
                       });
  }

  std::vector<nghttp2_nv> views() {
    std::vector<nghttp2_nv> all;
    all.reserve(fields_.size());
    for (auto& [name, value] : fields_)
      all.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                     reinterpret_cast<std::uint8_t*>(value.data()), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NONE});
    return all;
  }

private:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }

  std::vector<std::pair<std::string, std::string>> fields_;
};

} // namespace

exchange http2_stream::answered(time_point now) {
  return answer.whole(*work, since, now);
}

exchange http2_stream::failed(error_kind kind, std::string detail,
                              time_point now) const {
  return without_answer(kind, std::move(detail), sent, since, now);
}

/// What nghttp2 calls.
struct http2_link::callbacks {
  static http2_link& self(void* of) { return *static_cast<http2_link*>(of); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* of) {
    auto& link = self(of);
    auto* stream = link.find(frame->hd.stream_id);
    if (stream == nullptr)
      return 0;
    const std::string_view key{reinterpret_cast<const char*>(name), name_size};
    const std::string_view text{reinterpret_cast<const char*>(value),
                                value_size};
    auto& answer = stream->answer;
    if (!answer.count_field(name_size + value_size, *stream->work)) {
      link.cancel(frame->hd.stream_id, error_kind::answer_too_large,
                  clause_of(error_kind::answer_too_large));
      return 0;
    }
    if (key == ":status") {
      // Once more for each informational answer.
      answer.fields.clear();
      std::from_chars(text.data(), text.data() + text.size(), answer.status);
    } else if (!answer.has_head) { // else trailers, which are no headers
      answer.fields.push_back({std::string{key}, std::string{text}});
    }
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id,
                     const std::uint8_t* data, std::size_t size, void* of) {
    auto& link = self(of);
    auto* stream = link.find(id);
    if (stream == nullptr)
      return 0;
    if (!stream->answer.add_body({reinterpret_cast<const char*>(data), size},
                                 *stream->work))
      link.cancel(id, error_kind::answer_too_large,
                  clause_of(error_kind::answer_too_large));
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* of) {
    auto& link = self(of);
    const auto& head = frame->hd;
    if (head.type == NGHTTP2_PING && (head.flags & NGHTTP2_FLAG_ACK) != 0) {
      link.ping_sent_.reset();
    } else if (head.type == NGHTTP2_GOAWAY) {
      link.retired_ = true;
    } else if (head.type == NGHTTP2_HEADERS || head.type == NGHTTP2_DATA) {
      if (auto* stream = link.find(head.stream_id)) {
        stream->answer.has_head = stream->answer.status >= 200;
        stream->complete = (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      }
    }
    return 0;
  }

  /// Not of DATA. A header may be of several pieces; this is before the first.
  static int on_sending(nghttp2_session*, const nghttp2_frame* frame,
                        void* of) {
    auto& link = self(of);
    link.out_is_of_call_ = frame->hd.type == NGHTTP2_HEADERS;
    if (!link.out_is_of_call_)
      return 0;
    if (auto* stream = link.find(frame->hd.stream_id)) {
      stream->sent = true;
      stream->since = link.now_;
    }
    return 0;
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* of) {
    auto& link = self(of);
    link.out_is_of_call_ |= frame->hd.type == NGHTTP2_DATA;
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code,
                      void* of) {
    self(of).closed(id, code);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* to,
                           std::size_t size, std::uint32_t* flags,
                           nghttp2_data_source*, void* of) {
    auto& link = self(of);
    auto* stream = link.find(id);
    if (stream == nullptr)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!link.may_send()) {
      link.deferred_.push_back(id);
      return NGHTTP2_ERR_DEFERRED;
    }
    const auto& body = stream->work->call().body;
    const auto count =
      body.copy(reinterpret_cast<char*>(to), size, stream->body_sent);
    stream->body_sent += count;
    if (stream->body_sent == body.size())
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

http2_link::http2_link(const owner& told, transfer& first, curl_lane& lane,
                       socket_watch& sockets, time_point now)
    : owner_{told},
      tls_{std::make_unique<upstream_link>(first, lane, sockets, true, now)} {}

http2_link::~http2_link() = default;

std::unique_ptr<upstream_link> http2_link::release() {
  state_ = state::over;
  return std::move(tls_);
}

void http2_link::open(time_point now) {
  now_ = heard_ = idle_since_ = now;
  start_session();
  state_ = state::open;
  socket_ready(now);
}

void http2_link::start_session() {
  nghttp2_session_callbacks* calls = nullptr;
  if (nghttp2_session_callbacks_new(&calls) != 0)
    throw std::bad_alloc{};
  nghttp2_session_callbacks_set_on_header_callback(calls,
                                                   &callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
    calls, &callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls,
                                                       &callbacks::on_frame);
  nghttp2_session_callbacks_set_before_frame_send_callback(
    calls, &callbacks::on_sending);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls,
                                                       &callbacks::on_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls,
                                                         &callbacks::on_close);
  nghttp2_session* session = nullptr;
  const auto code = nghttp2_session_client_new(&session, calls, this);
  nghttp2_session_callbacks_del(calls);
  if (code != 0)
    throw std::bad_alloc{};
  session_.reset(session);
  const std::array<nghttp2_settings_entry, 2> settings{
    {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
     {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window}}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(),
                          settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                        link_window);
}

bool http2_link::has_room(time_point now) {
  if (!takes_more() || ping_sent_)
    return false;
  const auto theirs = nghttp2_session_get_remote_settings(
    session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (streams_.size() >= std::min<std::size_t>(streams_max, theirs))
    return false;
  if (now - heard_ <= silent_max)
    return true;
  ping_sent_ = now;
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  flush();
  return false;
}

void http2_link::begin(stream_ptr stream, time_point now) {
  now_ = now;
  // The process may have been stopped since the call had its turn.
  if (!may_send()) {
    auto held_back =
      stream->failed(error_kind::overloaded, transfer::held_back_detail, now);
    owner_.ended(std::move(stream), std::move(held_back));
    return;
  }
  stream_fields fields{*stream->work};
  auto views = fields.views();
  nghttp2_data_provider body{};
  body.read_callback = &callbacks::read_body;
  const bool has_body = !stream->work->call().body.empty();
  const auto id =
    nghttp2_submit_request(session_.get(), nullptr, views.data(), views.size(),
                           has_body ? &body : nullptr, nullptr);
  if (id < 0) { // all numbers are used up
    retired_ = true;
    owner_.refused(std::move(stream));
    return;
  }
  stream->link = this;
  streams_.emplace(id, std::move(stream));
  if (!flush())
    lose("it could not be written to", now);
}

http2_stream* http2_link::find(std::int32_t id) const {
  const auto known = streams_.find(id);
  return known == streams_.end() ? nullptr : known->second.get();
}

http2_link::stream_ptr http2_link::extract(std::int32_t id) {
  auto known = streams_.extract(id);
  if (!known)
    return nullptr;
  if (streams_.empty())
    idle_since_ = now_;
  known.mapped()->link = nullptr;
  return std::move(known.mapped());
}

void http2_link::closed(std::int32_t id, std::uint32_t code) {
  auto stream = extract(id);
  if (stream == nullptr)
    return;
  if (stream->complete && stream->answer.status >= 200) {
    auto done = stream->answered(now_);
    owner_.ended(std::move(stream), std::move(done));
  } else if (code == NGHTTP2_HTTP_1_1_REQUIRED && stream->answer.status == 0) {
    owner_.wants_http1(std::move(stream));
  } else if (!stream->sent
             || (code == NGHTTP2_REFUSED_STREAM
                 && stream->answer.status == 0)) {
    stream->sent = false;
    stream->body_sent = 0;
    owner_.refused(std::move(stream));
  } else {
    auto done = stream->failed(error_kind::connection_lost,
                               clause_of(error_kind::connection_lost)
                                 + " (the stream was reset: "
                                 + nghttp2_http2_strerror(code) + ")",
                               now_);
    owner_.ended(std::move(stream), std::move(done));
  }
}

void http2_link::cancel(std::int32_t id, error_kind kind, std::string detail) {
  auto stream = extract(id);
  if (stream == nullptr)
    return;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id,
                            NGHTTP2_CANCEL);
  auto done = stream->failed(kind, std::move(detail), now_);
  owner_.ended(std::move(stream), std::move(done));
}

void http2_link::time_out(http2_stream& stream, time_point now) {
  now_ = now;
  // It may have died without a word.
  retired_ = retired_ || (stream.sent && heard_ <= stream.since);
  const auto found =
    std::find_if(streams_.begin(), streams_.end(), [&](const auto& each) {
      return each.second.get() == &stream;
    });
  if (found == streams_.end())
    return;
  cancel(found->first, error_kind::attempt_timed_out,
         clause_of(error_kind::attempt_timed_out));
  flush();
}

bool http2_link::may_send() const {
  const auto& may_call = tls_->options().may_call;
  return !may_call || may_call();
}

void http2_link::hold_back_unsent() {
  std::vector<std::int32_t> unsent;
  for (const auto& [id, stream] : streams_)
    if (!stream->sent)
      unsent.push_back(id);
  for (const auto id : unsent)
    cancel(id, error_kind::overloaded, transfer::held_back_detail);
}

bool http2_link::next_frame() {
  const std::uint8_t* data = nullptr;
  const auto size = nghttp2_session_mem_send(session_.get(), &data);
  if (size > 0)
    out_.assign(reinterpret_cast<const char*>(data),
                static_cast<std::size_t>(size));
  return size >= 0;
}

bool http2_link::flush() {
  is_held_back_ = false;
  for (;;) {
    // What waits for the socket may have waited while the process was stopped.
    const bool may = may_send();
    if (!may)
      hold_back_unsent();
    if (out_.empty() && !next_frame())
      return false;
    if (out_.empty())
      break;
    if (!may && out_is_of_call_) {
      is_held_back_ = true;
      break;
    }
    std::size_t written = 0;
    const auto code = tls_->write(out_, written);
    if (code == upstream_link::io::again)
      break;
    if (code != upstream_link::io::done)
      return false;
    out_.erase(0, written);
  }
  tls_->watch(!out_.empty() && !is_held_back_);
  return true;
}

void http2_link::go_on_sending(time_point now) {
  if (state_ != state::open || (!is_held_back_ && deferred_.empty())
      || !may_send())
    return;
  now_ = now;
  for (const auto id : std::exchange(deferred_, {}))
    nghttp2_session_resume_data(session_.get(), id);
  if (!flush())
    lose("it could not be written to", now);
}

void http2_link::read(time_point now) {
  std::array<char, 16'384> piece;
  // The others have their turn, too; epoll tells that there is more.
  for (std::size_t left = bytes_in_turn_max;
       left > 0 && state_ == state::open;) {
    std::size_t count = 0;
    const auto code = tls_->read(piece.data(), piece.size(), count);
    if (code == upstream_link::io::again)
      return;
    if (code != upstream_link::io::done) {
      if (tls_->refusal() && !has_heard_)
        refuse_all(*tls_->refusal(), now);
      lose("the upstream closed it", now);
      return;
    }
    left -= std::min(left, count);
    heard_ = now;
    has_heard_ = true;
    if (nghttp2_session_mem_recv(
          session_.get(), reinterpret_cast<const std::uint8_t*>(piece.data()),
          count)
        < 0)
      lose("what came is not HTTP/2", now);
  }
}

void http2_link::socket_ready(time_point now) {
  if (state_ != state::open)
    return;
  now_ = now;
  read(now);
  if (state_ == state::open && !flush())
    lose("it could not be written to", now);
  // After its GOAWAY, and when nghttp2 has found a mistake of the upstream.
  if (state_ == state::open
      && ((retired_ && streams_.empty())
          || (nghttp2_session_want_read(session_.get()) == 0
              && nghttp2_session_want_write(session_.get()) == 0)))
    lose("the upstream closed it", now);
}

void http2_link::tick(time_point now) {
  go_on_sending(now);
  if (!ping_sent_ || now < *ping_sent_ + ping_max || retired_)
    return;
  // What it has under way may still be answered, or times out.
  retired_ = true;
  if (streams_.empty())
    lose("it did not answer", now);
}

std::optional<http2_link::time_point> http2_link::next_tick() const {
  std::optional<time_point> next;
  if (ping_sent_ && !retired_)
    next = *ping_sent_ + ping_max;
  if (is_held_back_ || !deferred_.empty()) {
    const auto look = std::chrono::steady_clock::now() + held_back_look_every;
    next = next ? std::min(*next, look) : look;
  }
  return next;
}

std::vector<http2_link::stream_ptr> http2_link::take_streams() {
  state_ = state::over;
  std::vector<stream_ptr> all;
  for (auto& [id, stream] : std::exchange(streams_, {})) {
    stream->link = nullptr;
    all.push_back(std::move(stream));
  }
  return all;
}

void http2_link::refuse_all(const error& why, time_point now) {
  for (auto& stream : take_streams()) {
    stream->sent = false;
    auto done = stream->failed(why.kind, why.detail, now);
    owner_.ended(std::move(stream), std::move(done));
  }
}

void http2_link::lose(const std::string& why, time_point now) {
  if (state_ == state::over)
    return;
  for (auto& stream : take_streams()) {
    if (stream->sent) {
      auto done = stream->failed(
        error_kind::connection_lost,
        clause_of(error_kind::connection_lost) + " (" + why + ")", now);
      owner_.ended(std::move(stream), std::move(done));
    } else {
      stream->body_sent = 0;
      owner_.refused(std::move(stream));
    }
  }
}

} // namespace handoff

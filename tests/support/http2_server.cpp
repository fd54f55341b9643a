#include "support/http2_server.hpp"

#include <array>
#include <map>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <thread>
#include <utility>
#include <vector>

namespace handoff::test {

using clock = std::chrono::steady_clock;

/// One connection.
class http2_server::conversation {
public:
  conversation(http2_server& of, SSL* ssl, int connection)
      : of_{of}, ssl_{ssl}, connection_{connection} {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              &on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, of_.streams_max_},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, of_.window_}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(),
                            settings.size());
    nghttp2_session_set_local_window_size(
      session_, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(of_.window_));
  }

  ~conversation() { nghttp2_session_del(session_); }

  void run() {
    std::array<unsigned char, 16'384> piece{};
    while (!of_.ending_) {
      answer_due();
      if (!flush() || closing_)
        return;
      if (frozen_) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        continue;
      }
      if (SSL_pending(ssl_) == 0) {
        pollfd ready{SSL_get_fd(ssl_), POLLIN, 0};
        if (::poll(&ready, 1, 5) <= 0)
          continue;
      }
      const int count =
        SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (count <= 0
          || nghttp2_session_mem_recv(session_, piece.data(),
                                      static_cast<std::size_t>(count))
               < 0)
        return;
    }
  }

private:
  struct answer {
    clock::time_point due;
    std::int32_t stream;
    action what;
  };

  static conversation& self(void* of) {
    return *static_cast<conversation*>(of);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* of) {
    const std::string key{reinterpret_cast<const char*>(name), name_size};
    const std::string text{reinterpret_cast<const char*>(value), value_size};
    auto& about = self(of).open_[frame->hd.stream_id];
    if (key == ":method")
      about.method = text;
    else if (key == ":path")
      about.path = text;
    about.head += key + ": " + text + "\n";
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream,
                     const std::uint8_t* data, std::size_t size, void* of) {
    self(of).open_[stream].body.append(reinterpret_cast<const char*>(data),
                                       size);
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* of) {
    const auto type = frame->hd.type;
    if ((type == NGHTTP2_HEADERS || type == NGHTTP2_DATA)
        && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      self(of).requested(frame->hd.stream_id);
    return 0;
  }

  void requested(std::int32_t stream) {
    auto about = std::move(open_[stream]);
    open_.erase(stream);
    about.connection = connection_;
    about.on_connection = ++on_connection_;
    about.number = ++of_.requests_;
    auto what = of_.handle_ ? of_.handle_(about) : action{};
    switch (what.what) {
    case action::kind::answer:
      answers_.push_back({clock::now() + what.delay, stream, std::move(what)});
      break;
    case action::kind::reset:
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, what.code);
      break;
    case action::kind::go_away:
      nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, stream - 2,
                            NGHTTP2_NO_ERROR, nullptr, 0);
      break;
    case action::kind::hang:
      break;
    case action::kind::close:
      closing_ = true;
      break;
    case action::kind::freeze:
      frozen_ = true;
      break;
    }
  }

  void answer_due() {
    for (auto at = answers_.begin(); at != answers_.end();) {
      if (frozen_ || at->due > clock::now()) {
        ++at;
        continue;
      }
      submit(at->stream, std::move(at->what));
      at = answers_.erase(at);
    }
  }

  void submit(std::int32_t stream, action what) {
    const auto status = std::to_string(what.status);
    const auto pair = [](std::string_view name, std::string_view value) {
      const auto bytes = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
      };
      return nghttp2_nv{bytes(name), bytes(value), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NONE};
    };
    std::vector<nghttp2_nv> fields{pair(":status", status)};
    if (!what.content_encoding.empty())
      fields.push_back(pair("content-encoding", what.content_encoding));
    bodies_[stream] = std::move(what.body);
    nghttp2_data_provider provider{};
    provider.read_callback =
      [](nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size,
         std::uint32_t* flags, nghttp2_data_source*, void* of) {
        auto& body = self(of).bodies_[id];
        const auto count = body.copy(reinterpret_cast<char*>(to), size);
        body.erase(0, count);
        if (body.empty())
          *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(count);
      };
    nghttp2_submit_response(session_, stream, fields.data(), fields.size(),
                            &provider);
  }

  bool flush() {
    for (;;) {
      const std::uint8_t* data = nullptr;
      const auto size = nghttp2_session_mem_send(session_, &data);
      if (size < 0)
        return false;
      if (size == 0)
        return true;
      if (SSL_write(ssl_, data, static_cast<int>(size)) <= 0)
        return false;
    }
  }

  http2_server& of_;
  SSL* ssl_;
  int connection_;
  int on_connection_ = 0;
  bool closing_ = false;
  bool frozen_ = false;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, request> open_;
  std::map<std::int32_t, std::string> bodies_;
  std::vector<answer> answers_;
};

void http2_server::answer_in_http1(SSL* ssl) {
  std::array<char, 4'096> piece{};
  while (SSL_read(ssl, piece.data(), static_cast<int>(piece.size())) > 0) {
    ++requests_;
    const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1.1";
    SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
  }
}

http2_server::http2_server(tls_identity identity, script handle,
                           std::uint32_t streams_max, std::uint32_t window)
    : handle_{std::move(handle)}, streams_max_{streams_max}, window_{window} {
  tls_server::options options;
  options.identity = std::move(identity);
  options.alpn = "h2";
  options.converse = [this](SSL* ssl, int connection) {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl, &name, &size);
    if (size == 0) {
      answer_in_http1(ssl);
      return;
    }
    conversation{*this, ssl, connection}.run();
  };
  tls_ = std::make_unique<tls_server>(std::move(options));
}

http2_server::~http2_server() {
  ending_ = true;
}

int http2_server::port() const {
  return tls_->port();
}

int http2_server::connections() const {
  return tls_->connections();
}

} // namespace handoff::test

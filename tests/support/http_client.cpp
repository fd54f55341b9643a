#include "tests/support/http_client.hpp"

#include <http_parser.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace handoff::support {

using kind = http_client_error::kind;

namespace {

[[noreturn]] void fail(const char* during) {
  const auto why = errno == EAGAIN || errno == EWOULDBLOCK ? kind::timed_out
                 : errno == ECONNRESET || errno == EPIPE   ? kind::reset
                                                           : kind::refused;
  throw http_client_error(why,
                          std::string{during} + ": " + std::strerror(errno));
}

/// Collects one answer.
class response_reader {
public:
  explicit response_reader(bool to_head) : to_head_{to_head} {
    http_parser_init(&parser_, HTTP_RESPONSE);
    parser_.data = this;
    http_parser_settings_init(&settings_);
    settings_.on_header_field = on_field;
    settings_.on_header_value = on_value;
    settings_.on_headers_complete = on_headers_complete;
    settings_.on_body = on_body;
    settings_.on_message_complete = on_complete;
  }

  /// Takes bytes off `data`, an empty one meaning the end; true when complete.
  bool feed(std::string& data) {
    const auto taken =
      http_parser_execute(&parser_, &settings_, data.data(), data.size());
    const auto problem = HTTP_PARSER_ERRNO(&parser_);
    if (!complete_ && problem != HPE_OK) {
      if (problem == HPE_INVALID_EOF_STATE)
        throw http_client_error(kind::closed, "closed within the answer");
      throw http_client_error(kind::not_http, http_errno_description(problem));
    }
    data.erase(0, taken);
    return complete_;
  }

  http_response take() { return std::move(response_); }

private:
  static response_reader& self(http_parser* parser) {
    return *static_cast<response_reader*>(parser->data);
  }

  static int on_field(http_parser* parser, const char* at, std::size_t size) {
    auto& reader = self(parser);
    if (reader.in_value_ || reader.response_.headers.empty())
      reader.response_.headers.emplace_back();
    reader.in_value_ = false;
    reader.response_.headers.back().name.append(at, size);
    return 0;
  }

  static int on_value(http_parser* parser, const char* at, std::size_t size) {
    self(parser).in_value_ = true;
    self(parser).response_.headers.back().value.append(at, size);
    return 0;
  }

  static int on_headers_complete(http_parser* parser) {
    self(parser).response_.status = static_cast<int>(parser->status_code);
    return self(parser).to_head_ ? 1 : 0;
  }

  static int on_body(http_parser* parser, const char* at, std::size_t size) {
    self(parser).response_.body.append(at, size);
    return 0;
  }

  static int on_complete(http_parser* parser) {
    if (parser->status_code < 200) {
      self(parser).response_ = {};
      return 0;
    }
    self(parser).complete_ = true;
    http_parser_pause(parser, 1);
    return 0;
  }

  http_parser parser_{};
  http_parser_settings settings_{};
  http_response response_;
  bool to_head_;
  bool in_value_ = false;
  bool complete_ = false;
};

} // namespace

std::string http_response::header(std::string_view name) const {
  const auto* value = find_header(headers, name);
  return value ? *value : std::string{};
}

nlohmann::json http_response::json() const {
  return nlohmann::json::parse(body);
}

http_connection::http_connection(std::uint16_t port,
                                 std::chrono::milliseconds timeout)
    : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  if (socket_ < 0)
    fail("socket");
  const timeval limit{timeout.count() / 1'000, timeout.count() % 1'000 * 1'000};
  const int on = 1;
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&where),
                sizeof(where))
      != 0) {
    const auto error = errno;
    close();
    errno = error;
    fail("connect");
  }
}

http_connection::http_connection(http_connection&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)},
      unread_{std::move(other.unread_)} {}

http_connection& http_connection::operator=(http_connection&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(unread_, other.unread_);
  return *this;
}

http_connection::~http_connection() {
  close();
}

http_response http_connection::request(std::string_view method,
                                       std::string_view path,
                                       const handoff::headers& fields,
                                       std::string_view body) {
  send_request(method, path, fields, body);
  return read_response(method == "HEAD");
}

void http_connection::send_request(std::string_view method,
                                   std::string_view path,
                                   const handoff::headers& fields,
                                   std::string_view body) {
  std::string text;
  text.append(method).append(" ").append(path).append(" HTTP/1.1\r\n");
  if (!find_header(fields, "Host"))
    text += "Host: 127.0.0.1\r\n";
  for (const auto& field : fields)
    text += field.name + ": " + field.value + "\r\n";
  const bool framed = find_header(fields, "Content-Length")
                   || find_header(fields, "Transfer-Encoding");
  if (!framed && (!body.empty() || method == "POST" || method == "PUT"))
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append("\r\n").append(body);
  send(text);
}

http_response http_connection::read_response(bool to_head) {
  response_reader reader{to_head};
  for (;;) {
    if (!unread_.empty() && reader.feed(unread_))
      return reader.take();
    unread_ = receive();
    if (!unread_.empty())
      continue;
    if (reader.feed(unread_)) // An answer may end with the stream.
      return reader.take();
    throw http_client_error(kind::closed, "closed without an answer");
  }
}

void http_connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count =
      ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string http_connection::receive(std::size_t bytes_max) {
  std::string bytes(bytes_max, '\0');
  for (;;) {
    const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail("recv");
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
  }
}

void http_connection::shut_down_sending() {
  ::shutdown(socket_, SHUT_WR);
}

void http_connection::close() {
  if (socket_ >= 0)
    ::close(socket_);
  socket_ = -1;
}

void http_connection::reset() {
  const linger at_once{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

http_response request(std::uint16_t port, std::string_view method,
                      std::string_view path, handoff::headers fields,
                      std::string_view body,
                      std::chrono::milliseconds timeout) {
  http_connection connection{port, timeout};
  if (!find_header(fields, "Connection"))
    fields.push_back({"Connection", "close"});
  return connection.request(method, path, fields, body);
}

} // namespace handoff::support

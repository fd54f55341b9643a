#include "tools/fake_api/message.hpp"

#include <strings.h>
#include <utility>

namespace fake_api {

namespace {

request_reader& reader_of(http_parser* parser) {
  return *static_cast<request_reader*>(parser->data);
}

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  if (digit >= 'a' && digit <= 'f')
    return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F')
    return digit - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

} // namespace

std::string_view request::key() const noexcept {
  const auto* value = handoff::find_header(headers, "Idempotency-Key");
  return value ? std::string_view{*value} : std::string_view{};
}

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.empty() && path.front() == '/')
    path.remove_prefix(1);
  if (path.empty())
    return segments;
  for (;;) {
    const auto slash = path.find('/');
    segments.push_back(percent_decoded(path.substr(0, slash)));
    if (slash == std::string_view::npos)
      return segments;
    path.remove_prefix(slash + 1);
  }
}

std::optional<std::string> query_value(std::string_view query,
                                       std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (percent_decoded(pair.substr(0, equals)) == name)
      return equals == std::string_view::npos
             ? std::string{}
             : percent_decoded(pair.substr(equals + 1));
    if (end == std::string_view::npos)
      break;
    query.remove_prefix(end + 1);
  }
  return std::nullopt;
}

request_reader::request_reader() {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
}

std::size_t request_reader::feed(std::string_view data) {
  const auto taken =
    http_parser_execute(&parser_, &callbacks(), data.data(), data.size());
  if (complete_)
    http_parser_pause(&parser_, 0);
  else if (HTTP_PARSER_ERRNO(&parser_) != HPE_OK)
    failed_ = true;
  return taken;
}

bool request_reader::take_expectation() noexcept {
  return std::exchange(expectation_, false);
}

request request_reader::take() {
  complete_ = false;
  const auto question = target_.find('?');
  current_.path = target_.substr(0, question);
  if (question != std::string::npos)
    current_.query = target_.substr(question + 1);
  return std::exchange(current_, {});
}

int request_reader::on_begin(http_parser* parser) {
  auto& self = reader_of(parser);
  self.current_ = {};
  self.target_.clear();
  self.in_value_ = false;
  self.expectation_ = false;
  return 0;
}

int request_reader::on_url(http_parser* parser, const char* at,
                           std::size_t size) {
  reader_of(parser).target_.append(at, size);
  return 0;
}

int request_reader::on_field(http_parser* parser, const char* at,
                             std::size_t size) {
  auto& self = reader_of(parser);
  // A field may come in pieces; only a value in between starts a new one.
  if (self.in_value_ || self.current_.headers.empty())
    self.current_.headers.emplace_back();
  self.in_value_ = false;
  self.current_.headers.back().name.append(at, size);
  return 0;
}

int request_reader::on_value(http_parser* parser, const char* at,
                             std::size_t size) {
  auto& self = reader_of(parser);
  self.in_value_ = true;
  self.current_.headers.back().value.append(at, size);
  return 0;
}

int request_reader::on_headers_complete(http_parser* parser) {
  auto& self = reader_of(parser);
  const auto* expect = handoff::find_header(self.current_.headers, "Expect");
  self.expectation_ =
    expect != nullptr && strcasecmp(expect->c_str(), "100-continue") == 0;
  return 0;
}

int request_reader::on_body(http_parser* parser, const char* at,
                            std::size_t size) {
  auto& body = reader_of(parser).current_.body;
  if (body.size() + size > body_bytes_max)
    return 1;
  body.append(at, size);
  return 0;
}

int request_reader::on_complete(http_parser* parser) {
  auto& self = reader_of(parser);
  self.current_.method =
    http_method_str(static_cast<http_method>(parser->method));
  self.current_.keep_alive = http_should_keep_alive(parser) != 0;
  self.complete_ = true;
  // One request at a time: what was sent ahead waits for its turn.
  http_parser_pause(parser, 1);
  return 0;
}

const http_parser_settings& request_reader::callbacks() {
  static const http_parser_settings settings = [] {
    http_parser_settings table;
    http_parser_settings_init(&table);
    table.on_message_begin = on_begin;
    table.on_url = on_url;
    table.on_header_field = on_field;
    table.on_header_value = on_value;
    table.on_headers_complete = on_headers_complete;
    table.on_body = on_body;
    table.on_message_complete = on_complete;
    return table;
  }();
  return settings;
}

} // namespace fake_api

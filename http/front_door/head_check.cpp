#include "http/front_door/head_check.hpp"

#include "config/duration.hpp"
#include "http/front_door/target.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace handoff {
namespace {

constexpr std::size_t method_bytes_max = 32;
constexpr std::size_t version_bytes = 8;
// More digits than that do not fit in 64 bits, whatever the limit is.
constexpr std::size_t length_digits_max = 19;

// Those that Pistache knows as well, without CONNECT, which asks for a tunnel.
constexpr std::array<std::string_view, 8> methods = {
  "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"};

// The comma of RFC 3986 is left out: it is what merged Host fields look like.
constexpr byte_set host_bytes{"-._~%!$&'()*+;=:[]0123456789"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz"};

bool is_token_byte(char c) noexcept {
  return token_bytes.has(c);
}

bool is_host(std::string_view text) noexcept {
  return host_bytes.has_all(text);
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

std::string_view without_space(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

bool same(std::string_view one, std::string_view other) noexcept {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) {
                      return std::tolower(static_cast<unsigned char>(a))
                          == std::tolower(static_cast<unsigned char>(b));
                    });
}

// Whether a list such as that of Connection has `token` in it.
bool lists(std::string_view value, std::string_view token) noexcept {
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    if (same(without_space(value.substr(0, comma)), token))
      return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

} // namespace

bool is_field_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

result<header> read_field(std::string_view line) {
  if (line.empty() || is_blank(line.front()))
    return error{error_kind::invalid_request,
                 "A header field must not be folded over lines."};
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return error{error_kind::invalid_request, "A header field has no name."};
  const auto field = line.substr(0, colon);
  if (!std::all_of(field.begin(), field.end(), is_token_byte))
    return error{error_kind::invalid_request,
                 "A header name has a character that it must not have."};
  return header{std::string(field),
                std::string(without_space(line.substr(colon + 1)))};
}

std::string too_large_body(std::size_t max_body, std::string_view key) {
  const auto size = format_size(max_body);
  return "The body is larger than "
       + (key.empty() ? size : std::string{key} + " (" + size + ")") + '.';
}

head_check::head_check(input_limits limits) : limits_(limits) {}

std::size_t head_check::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !complete_ && !failure_)
    take(bytes[taken++]);
  return taken;
}

bool head_check::take(char c) {
  begun_ = true;
  raw_.push_back(c);
  if (after_cr_) {
    after_cr_ = false;
    return c == '\n'
           ? end_line()
           : fail(error_kind::invalid_request, "A line ends with a bare CR.");
  }
  if (in_fields_ && ++section_bytes_ > limits_.max_headers)
    return fail(error_kind::headers_too_large,
                "The header fields have more bytes than this service takes.");
  if (c == '\r') {
    after_cr_ = true;
    return true;
  }
  if (c == '\n')
    return fail(error_kind::invalid_request, "A line ends with a bare LF.");
  if (in_fields_)
    return is_field_byte(c)
           ? true
           : fail(error_kind::invalid_request,
                  "A header field has a control character in it.");
  return take_request_line_byte(c);
}

// Refuses at the byte, not at the end of the line: a TLS hello has no line.
bool head_check::take_request_line_byte(char c) {
  if (c == ' ') {
    if (part_ == 2 || part_bytes_ == 0)
      return fail(error_kind::invalid_request,
                  "The request line has a space too many.");
    ++part_;
    part_bytes_ = 0;
    return true;
  }
  ++part_bytes_;
  if (c < 0x21 || c > 0x7e)
    return fail(error_kind::invalid_request, "This is not HTTP/1.1.");
  if (part_ == 0 && (part_bytes_ > method_bytes_max || !is_token_byte(c)))
    return fail(error_kind::invalid_request, "This is not HTTP/1.1.");
  if (part_ == 1 && part_bytes_ > limits_.max_target)
    return fail(error_kind::uri_too_long,
                "The target has more bytes than this service takes.");
  if (part_ == 2 && part_bytes_ > version_bytes)
    return fail(error_kind::invalid_request, "The HTTP version is malformed.");
  return true;
}

bool head_check::end_line() {
  const auto line =
    std::string_view(raw_).substr(line_start_, raw_.size() - line_start_ - 2);
  if (!in_fields_) {
    if (line.empty()) {
      // One empty line before a request is what RFC 9112, 2.2 lets pass.
      if (blank_skipped_)
        return fail(error_kind::invalid_request, "The request line is empty.");
      blank_skipped_ = true;
      begun_ = false;
      raw_.clear();
      return true;
    }
    in_fields_ = true;
    if (!read_request_line(line))
      return false;
  } else if (line.empty()) {
    return check_head();
  } else {
    auto field = read_field(line);
    if (auto* fault = std::get_if<error>(&field))
      return fail(fault->kind, fault->detail);
    if (head_.fields.size() == limits_.max_fields)
      return fail(error_kind::headers_too_large,
                  "There are more header fields than this service takes.");
    head_.fields.push_back(std::get<header>(std::move(field)));
  }
  line_start_ = raw_.size();
  return true;
}

bool head_check::read_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return fail(error_kind::invalid_request,
                "The request line is not a method, a target and a version.");
  head_.method = line.substr(0, first);
  head_.target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  const auto digit = [](char c) {
    return c >= '0' && c <= '9';
  };
  if (version.size() != version_bytes || !version.starts_with("HTTP/")
      || !digit(version[5]) || version[6] != '.' || !digit(version[7]))
    return fail(error_kind::invalid_request, "The HTTP version is malformed.");
  if (version != "HTTP/1.0" && version != "HTTP/1.1")
    return fail(error_kind::http_version_not_supported,
                "This service speaks HTTP/1.0 and HTTP/1.1.");
  head_.http_1_0 = version == "HTTP/1.0";
  if (std::find(methods.begin(), methods.end(), head_.method) == methods.end())
    return fail(error_kind::not_implemented,
                "This service does not know the method.");
  return read_target();
}

bool head_check::read_target() {
  if (head_.target.find('#') != std::string::npos)
    return fail(error_kind::invalid_request,
                "The target must not have a fragment.");
  if (auto absolute = read_absolute_target(head_.target)) {
    // RFC 9110, 4.2.1 and 4.2.4: a host must be there, a user must not.
    if (absolute->host.empty() || !is_host(absolute->host))
      return fail(error_kind::invalid_request,
                  "The host of the target is malformed.");
    head_.target = std::move(absolute->path);
    target_host_ = std::move(absolute->host);
  }
  const bool whole_server = head_.method == "OPTIONS" && head_.target == "*";
  if (!whole_server && !head_.target.starts_with('/'))
    return fail(error_kind::invalid_request,
                "The target must be a path that starts with a slash, or an "
                "absolute URL with http or https.");
  return true;
}

bool head_check::check_head() {
  ended_ = true;
  read_connection();
  complete_ = check_host() && check_framing() && check_expectation();
  return complete_;
}

bool head_check::check_host() {
  const auto hosts = count("Host");
  if (hosts > 1 || (hosts == 0 && !head_.http_1_0))
    return fail(error_kind::invalid_request,
                "There must be one Host field and no other.");
  const auto field =
    std::find_if(head_.fields.begin(), head_.fields.end(),
                 [](const header& each) { return same(each.name, "Host"); });
  if (field != head_.fields.end() && !is_host(field->value))
    return fail(error_kind::invalid_request, "The Host field is malformed.");
  // RFC 9112, 3.2.2: the host of the target counts instead.
  if (target_host_.empty())
    return true;
  if (field != head_.fields.end())
    field->value = std::move(target_host_);
  else
    head_.fields.push_back({"Host", std::move(target_host_)});
  return true;
}

bool head_check::check_framing() {
  const auto lengths = count("Content-Length");
  const auto codings = count("Transfer-Encoding");
  if (codings > 0 && (lengths > 0 || head_.http_1_0))
    return fail(error_kind::invalid_request,
                "Transfer-Encoding must come without Content-Length, and in "
                "HTTP/1.1 only.");
  if (lengths > 1)
    return fail(error_kind::invalid_request,
                "There is more than one Content-Length.");
  if (codings > 0) {
    head_.chunked =
      codings == 1
      && same(*find_header(head_.fields, "Transfer-Encoding"), "chunked");
    return head_.chunked ? true
                         : fail(error_kind::not_implemented,
                                "The only transfer coding known is chunked.");
  }
  if (lengths == 0)
    return true;
  const auto& text = *find_header(head_.fields, "Content-Length");
  const auto* end = text.data() + text.size();
  const auto [stopped, fault] =
    std::from_chars(text.data(), end, head_.content_length);
  if (text.empty() || text.size() > length_digits_max || fault != std::errc()
      || stopped != end)
    return fail(error_kind::invalid_request,
                "Content-Length is not a number of bytes.");
  if (head_.content_length > limits_.max_body)
    return fail(error_kind::payload_too_large,
                too_large_body(limits_.max_body, limits_.max_body_key));
  return true;
}

void head_check::read_connection() {
  bool closes = false;
  bool keeps = false;
  for (const auto& each : head_.fields) {
    if (!same(each.name, "Connection"))
      continue;
    closes = closes || lists(each.value, "close");
    keeps = keeps || lists(each.value, "keep-alive");
  }
  head_.keep_alive = !closes && (keeps || !head_.http_1_0);
}

bool head_check::check_expectation() {
  // RFC 9110, 10.1.1: from an HTTP/1.0 client it is to be ignored.
  if (head_.http_1_0)
    return true;
  for (const auto& each : head_.fields) {
    if (!same(each.name, "Expect") || each.value.empty())
      continue;
    if (!same(each.value, "100-continue"))
      return fail(error_kind::expectation_failed,
                  "The only expectation known is 100-continue.");
    head_.wants_continue = head_.chunked || head_.content_length > 0;
  }
  return true;
}

bool head_check::fail(error_kind kind, std::string_view detail) {
  failure_ = error{kind, std::string(detail)};
  return false;
}

std::size_t head_check::count(std::string_view field) const noexcept {
  return static_cast<std::size_t>(std::count_if(
    head_.fields.begin(), head_.fields.end(),
    [field](const header& each) { return same(each.name, field); }));
}

} // namespace handoff

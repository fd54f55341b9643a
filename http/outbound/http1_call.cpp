#include "http/outbound/http1_call.hpp"

#include "http/outbound/call_check.hpp"
#include "http/outbound/call_request.hpp"
#include "http/outbound/connect_error.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace handoff {

namespace {

/// A body up to this is written with the head, in one TLS record.
constexpr std::size_t small_body_bytes = 8'192;

/// What one call reads before others have their turn.
constexpr std::size_t bytes_in_turn_max = 262'144;

/// How many bytes of an answer may be neither fields nor body: so many, and for
/// each byte of the body as many as a chunk of one byte takes, and then some.
constexpr std::size_t beside_max = 65'536;
constexpr std::size_t framing_a_byte = 16;

std::string head_of(const transfer& work) {
  constexpr std::size_t usual_bytes = 512;
  std::string head;
  head.reserve(usual_bytes);
  head.append(work.call().method)
    .append(" ")
    .append(work.path())
    .append(" HTTP/1.1\r\nHost: ")
    .append(authority_of(work))
    .append("\r\n");
  each_request_field(work, [&](std::string_view name, std::string_view value) {
    head.append(name).append(value.empty() ? ":" : ": ");
    head.append(value).append("\r\n");
  });
  return head.append("\r\n");
}

} // namespace

/// What http_parser calls.
struct http1_call::callbacks {
  static http1_call& self(http_parser* parser) {
    return *static_cast<http1_call*>(parser->data);
  }

  /// Status lines count as fields do.
  static int count(http1_call& call, std::size_t bytes) {
    call.too_large_ = !call.answer_.count_field(bytes, *call.work_);
    return call.too_large_ ? 1 : 0;
  }

  static int on_status(http_parser* parser, const char*, std::size_t size) {
    return count(self(parser), size);
  }

  static int on_name(http_parser* parser, const char* at, std::size_t size) {
    auto& call = self(parser);
    if (std::exchange(call.in_value_, false))
      call.end_field();
    call.field_name_.append(at, size);
    return count(call, size);
  }

  static int on_value(http_parser* parser, const char* at, std::size_t size) {
    auto& call = self(parser);
    call.in_value_ = true;
    call.field_value_.append(at, size);
    return count(call, size);
  }

  static int on_head(http_parser* parser) {
    auto& call = self(parser);
    if (std::exchange(call.in_value_, false))
      call.end_field();
    auto& answer = call.answer_;
    answer.status = static_cast<int>(parser->status_code);
    if (answer.status < 100)
      return -1;
    // 1: nothing follows, whatever the fields say (RFC 9112, section 6.3).
    // Informational: another head does (RFC 9110, section 15.2). To change the
    // protocol was not asked for.
    if (answer.status < 200) {
      answer.fields.clear();
      return answer.status == 101 ? -1 : 1;
    }
    answer.has_head = true;
    if (call.work_->call().method == "HEAD" || answer.status == 204
        || answer.status == 304)
      return 1;
    if (call.has_codings_)
      return -1;
    constexpr auto unknown = ULLONG_MAX;
    call.too_large_ = parser->content_length != unknown
                   && parser->content_length > call.work_->options().max_answer;
    return call.too_large_ ? -1 : 0;
  }

  static int on_body(http_parser* parser, const char* at, std::size_t size) {
    auto& call = self(parser);
    call.too_large_ = !call.answer_.add_body({at, size}, *call.work_);
    return call.too_large_ ? 1 : 0;
  }

  static int on_end(http_parser* parser) {
    auto& call = self(parser);
    call.complete_ = call.answer_.has_head;
    if (call.complete_)
      http_parser_pause(parser, 1);
    return 0;
  }

  static const http_parser_settings& settings() {
    static const auto made = [] {
      http_parser_settings all;
      http_parser_settings_init(&all);
      all.on_status = &on_status;
      all.on_header_field = &on_name;
      all.on_header_value = &on_value;
      all.on_headers_complete = &on_head;
      all.on_body = &on_body;
      all.on_message_complete = &on_end;
      return all;
    }();
    return made;
  }
};

http1_call::http1_call(std::unique_ptr<transfer> work,
                       std::unique_ptr<upstream_link> link, bool was_used,
                       time_point now)
    : work_{std::move(work)},
      link_{std::move(link)},
      begun_{now},
      until_{now + work_->call().timeout},
      was_used_{was_used} {
  begin_to_read();
}

void http1_call::begin_to_read() {
  http_parser_init(&parser_, HTTP_RESPONSE);
  parser_.data = this;
  // A length beside chunks is ignored (RFC 9112, section 6.3); the connection
  // carries no other call after that.
  parser_.allow_chunked_length = 1;
}

std::unique_ptr<upstream_link> http1_call::take_link() {
  const bool is_whole = complete_ && rest_.empty() && body_.empty()
                     && !has_more_ && http_should_keep_alive(&parser_) != 0;
  const bool has_one_length =
    (parser_.flags & F_CHUNKED) == 0 || (parser_.flags & F_CONTENTLENGTH) == 0;
  return is_whole && has_one_length ? std::move(link_) : nullptr;
}

bool http1_call::is_to_be_repeated(const exchange& done) const noexcept {
  return was_used_ && answer_bytes_ == 0 && done.failure
      && done.failure->kind == error_kind::connection_lost
      && work_->call().purpose != call_class::clone && work_->origin().is_tls();
}

void http1_call::repeat(std::unique_ptr<upstream_link> link) {
  link_ = std::move(link);
  was_used_ = sent_ = write_failed_ = false;
  is_repeated_ = true;
  out_.clear();
  rest_ = body_ = {};
  begin_to_read();
}

http1_call::time_point http1_call::next_deadline() const noexcept {
  return sent_ ? until_ : std::min(until_, link_->connect_end());
}

exchange http1_call::failed(error_kind kind, std::string detail,
                            time_point now) const {
  return without_answer(kind, std::move(detail), sent_ || is_repeated_, begun_,
                        now);
}

exchange http1_call::lost(const std::string& why, time_point now) const {
  constexpr auto kind = error_kind::connection_lost;
  return failed(kind, clause_of(kind) + " (" + why + ")", now);
}

exchange http1_call::not_connected(time_point now) const {
  // What was sent before may have been processed, whatever this one says.
  if (is_repeated_)
    return lost("the upstream closed it, and no other was to be had", now);
  const auto& why = link_->why_not();
  return failed(why.kind, why.detail, now);
}

exchange http1_call::cut_off(const std::string& why, time_point now) const {
  if (!link_->refusal() || answer_bytes_ > 0 || is_repeated_)
    return lost(why, now);
  const auto& refused = *link_->refusal();
  return without_answer(refused.kind, refused.detail, false, begun_, now);
}

exchange http1_call::time_out(time_point now) {
  if (sent_ || (is_repeated_ && now >= until_))
    return failed(error_kind::attempt_timed_out,
                  clause_of(error_kind::attempt_timed_out), now);
  link_->time_out();
  return not_connected(now);
}

std::optional<exchange> http1_call::go_on(time_point now) {
  using state = upstream_link::state;
  if (link_->now() == state::shaking_hands)
    link_->shake_hands(now);
  if (link_->now() == state::failed)
    return not_connected(now);
  if (link_->now() != state::open)
    return std::nullopt;
  const bool begins = !sent_;
  if (begins) {
    // The process may have been stopped since the call had its turn.
    if (!may_send())
      return is_repeated_
             ? lost(transfer::held_back_detail, now)
             : failed(error_kind::overloaded, transfer::held_back_detail, now);
    out_ = head_of(*work_);
    body_ = work_->call().body;
    if (body_.size() <= small_body_bytes)
      out_.append(std::exchange(body_, {}));
    rest_ = out_;
    sent_ = true;
  }
  auto over = write(now);
  // Nothing can have been answered yet; epoll tells when it is.
  return over || (begins && !write_failed_) ? std::move(over) : read(now);
}

bool http1_call::may_send() const {
  const auto& may_call = work_->options().may_call;
  return !may_call || may_call();
}

std::optional<exchange> http1_call::write(time_point now) {
  while (!rest_.empty()) {
    // ... or while the rest waited for the socket.
    if (!may_send())
      return lost(transfer::held_back_detail, now);
    std::size_t count = 0;
    switch (link_->write(rest_, count)) {
    case upstream_link::io::done:
      break;
    case upstream_link::io::again:
      link_->watch(true);
      return std::nullopt;
    case upstream_link::io::ended:
    case upstream_link::io::lost:
      // Its answer may have come before: "too large", say.
      rest_ = body_ = {};
      write_failed_ = true;
      return std::nullopt;
    }
    rest_.remove_prefix(count);
    if (!rest_.empty())
      continue;
    out_ = {};
    rest_ = std::exchange(body_, {});
    if (rest_.empty())
      link_->watch(false);
  }
  return std::nullopt;
}

std::optional<exchange> http1_call::read(time_point now) {
  std::array<char, 16'384> piece;
  for (std::size_t left = bytes_in_turn_max; left > 0;) {
    std::size_t count = 0;
    switch (link_->read(piece.data(), piece.size(), count)) {
    case upstream_link::io::done:
      left -= std::min(left, count);
      if (auto over = parse({piece.data(), count}, now))
        return over;
      break;
    case upstream_link::io::again:
      return write_failed_
             ? std::optional{cut_off("it could not be written to", now)}
             : std::nullopt;
    case upstream_link::io::ended:
      // The end of an answer without a length (RFC 9112, section 6.3), or of
      // one that lacks something.
      if (auto over = parse({}, now))
        return over;
      return lost("the upstream closed it", now);
    case upstream_link::io::lost:
      return cut_off("the upstream closed it", now);
    }
  }
  // The others have their turn; epoll tells that there is more.
  return std::nullopt;
}

std::optional<exchange> http1_call::parse(std::string_view bytes,
                                          time_point now) {
  answer_bytes_ += bytes.size();
  const auto taken = http_parser_execute(&parser_, &callbacks::settings(),
                                         bytes.data(), bytes.size());
  if (complete_) {
    has_more_ = taken < bytes.size();
    return answer_.whole(*work_, begun_, now);
  }
  const auto wrong = HTTP_PARSER_ERRNO(&parser_);
  // What is neither a field nor the body must not go on for ever, either: the
  // sizes of chunks, say, and what stands beside them (RFC 9112,
  // section 7.1.1).
  const bool has_too_much =
    answer_bytes_ > work_->options().max_answer_headers + beside_max
                      + framing_a_byte * answer_.body.size();
  if (too_large_ || has_too_much || wrong == HPE_HEADER_OVERFLOW)
    return failed(error_kind::answer_too_large,
                  clause_of(error_kind::answer_too_large), now);
  if (wrong == HPE_OK)
    return std::nullopt;
  if (wrong == HPE_INVALID_EOF_STATE)
    return lost("the upstream closed it", now);
  return failed(error_kind::answer_malformed,
                clause_of(error_kind::answer_malformed) + " ("
                  + why_malformed(wrong) + ")",
                now);
}

std::string http1_call::why_malformed(http_errno wrong) const {
  if (wrong != HPE_CB_headers_complete)
    return http_errno_description(wrong);
  return answer_.status == 101 ? "it changes the protocol"
       : has_codings_          ? "its Transfer-Encoding is not chunked alone"
                      : "its status is " + std::to_string(answer_.status);
}

void http1_call::end_field() {
  if (is_same_name(field_name_, "Transfer-Encoding"))
    has_codings_ =
      has_codings_ || !is_same_name(trimmed(field_value_), "chunked");
  // What follows the header of the final answer are trailers, which must not be
  // taken for it (RFC 9110, section 6.5.1).
  if (!answer_.has_head)
    answer_.fields.push_back(
      {std::exchange(field_name_, {}), std::string{trimmed(field_value_)}});
  field_name_.clear();
  field_value_.clear();
}

} // namespace handoff

#include "http/front_door/input_check.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace handoff {
namespace {

constexpr std::size_t used_max = 65'536;
constexpr std::size_t marks_max = 256;

struct decoded_parts {
  std::string* body;
  bool* complete;
};

int on_body(http_parser* parser, const char* at, std::size_t length) {
  static_cast<decoded_parts*>(parser->data)->body->append(at, length);
  return 0;
}

// An upgrade is ignored (RFC 9110, 7.8: a server may): what follows is
// HTTP/1.1, and http_parser would take it for the other protocol.
int on_headers_complete(http_parser* parser) {
  parser->upgrade = 0;
  return 0;
}

int on_message_complete(http_parser* parser) {
  *static_cast<decoded_parts*>(parser->data)->complete = true;
  http_parser_pause(parser, 1);
  return 0;
}

http_parser_settings make_settings() {
  // Its own limit is one for the whole process; ours are checked before.
  http_parser_set_max_header_size(std::numeric_limits<std::uint32_t>::max());
  http_parser_settings made;
  http_parser_settings_init(&made);
  made.on_headers_complete = on_headers_complete;
  made.on_body = on_body;
  made.on_message_complete = on_message_complete;
  return made;
}

http_request bodiless_request(request_head head) {
  http_request made;
  made.method = std::move(head.method);
  const auto mark = std::min(head.target.find('?'), head.target.size());
  made.path = head.target.substr(0, mark);
  made.query = head.target.substr(std::min(mark + 1, head.target.size()));
  made.headers = std::move(head.fields);
  return made;
}

error disagreement() {
  return {error_kind::invalid_request, "The request is malformed."};
}

} // namespace

input_check::input_check(input_limits limits)
    : limits_(limits),
      unused_max_(limits.max_body + limits.max_headers + limits.max_target
                  + chunk_check::extension_bytes_max
                  + chunk_check::trailer_bytes_max),
      head_(limits),
      chunks_(limits.max_body, limits.max_body_key) {
  http_parser_init(&parser_, HTTP_REQUEST);
}

bool input_check::feed(std::string_view bytes, time_point now) {
  if (unused().size() + bytes.size() > unused_max_)
    return false;
  if (!bytes.empty())
    note_arrival(now);
  unused_.append(bytes);
  return true;
}

void input_check::note_arrival(time_point now) {
  // A sender of single bytes must not make us remember each: the bytes of one
  // mark count as come with those before them, where these are the fewest.
  if (marks_.size() == marks_max) {
    auto least = marks_.begin() + 1;
    for (auto each = least; each + 1 != marks_.end(); ++each)
      if ((each + 1)->first - (each - 1)->first
          < (least + 1)->first - (least - 1)->first)
        least = each;
    marks_.erase(least);
  }
  marks_.push_back({used_ever_ + unused().size(), now});
}

input_check::time_point input_check::arrival_of_next() {
  const auto after =
    std::find_if(marks_.begin(), marks_.end(),
                 [this](const auto& mark) { return mark.first > used_ever_; });
  if (after == marks_.begin())
    return arrived_; // nothing has come yet
  marks_.erase(marks_.begin(), after - 1);
  return marks_.front().second;
}

std::string_view input_check::unused() const noexcept {
  return std::string_view(unused_).substr(used_);
}

void input_check::use(std::size_t bytes) {
  used_ += bytes;
  used_ever_ += bytes;
  // Not at each request: a buffer full of small ones would be moved for each.
  if (used_ == unused_.size())
    marks_.clear();
  if (used_ == unused_.size() || used_ > used_max) {
    unused_.erase(0, used_);
    used_ = 0;
  }
}

bool input_check::begun() const noexcept {
  return in_body_ || head_.begun() || !unused().empty();
}

input_step input_check::next() {
  if (failure_)
    return rejection{*failure_};
  if (in_body_)
    return read_body();
  if (!head_.begun())
    arrived_ = arrival_of_next();
  use(head_.feed(unused()));
  if (head_.failure())
    return reject(*head_.failure());
  if (!head_.complete())
    return more_wanted{};
  return begin_body();
}

input_step input_check::begin_body() {
  in_body_ = true;
  const auto& head = head_.head();
  body_left_ = head.content_length;
  const bool has_body = head.chunked || body_left_ > 0;
  if (!decode(head_.raw()) || decoded_ == has_body)
    return reject(disagreement());
  if (head.wants_continue)
    return continue_wanted{};
  return read_body();
}

input_step input_check::read_body() {
  const bool chunked = head_.head().chunked;
  const auto part = chunked ? chunks_.feed(unused())
                            : static_cast<std::size_t>(std::min<std::uint64_t>(
                              body_left_, unused().size()));
  if (chunked && chunks_.failure())
    return reject(*chunks_.failure());
  if (!chunked)
    body_left_ -= part;
  if (part > 0 && !decode(unused().substr(0, part)))
    return reject(disagreement());
  use(part);
  const bool complete = chunked ? chunks_.complete() : body_left_ == 0;
  if (complete != decoded_)
    return reject(disagreement());
  if (!complete)
    return more_wanted{};
  return finish();
}

bool input_check::decode(std::string_view bytes) {
  static const auto settings = make_settings();
  decoded_parts parts{&body_, &decoded_};
  parser_.data = &parts;
  const auto used =
    http_parser_execute(&parser_, &settings, bytes.data(), bytes.size());
  parser_.data = nullptr;
  const auto fault = HTTP_PARSER_ERRNO(&parser_);
  return used == bytes.size()
      && (fault == HPE_OK || (fault == HPE_PAUSED && decoded_));
}

input_step input_check::reject(error why) {
  failure_ = std::move(why);
  unused_ = {};
  used_ = 0;
  body_ = {};
  return rejection{*failure_};
}

checked_request input_check::finish() {
  auto& head = head_.head();
  checked_request made;
  made.http_1_0 = head.http_1_0;
  made.keep_alive = head.keep_alive;
  made.what = bodiless_request(std::move(head));
  made.what.body = std::move(body_);
  made.what.arrived = arrived_;
  start_over();
  return made;
}

std::optional<http_request> input_check::known_head() const {
  if (!head_.ended())
    return std::nullopt;
  auto made = bodiless_request(head_.head());
  made.arrived = arrived_;
  return made;
}

void input_check::start_over() {
  head_ = head_check(limits_);
  chunks_ = chunk_check(limits_.max_body, limits_.max_body_key);
  in_body_ = false;
  decoded_ = false;
  body_ = {};
  // A sender that waits for its answer needs no room for what it sent.
  constexpr std::size_t kept_room_max = 4'096;
  if (unused_.empty() && unused_.capacity() > kept_room_max)
    std::string{}.swap(unused_);
  http_parser_init(&parser_, HTTP_REQUEST);
}

} // namespace handoff

#include "http/front_door/wire_reply.hpp"

#include "actors/replies.hpp"
#include "http/front_door/head_check.hpp"

#include <http_parser.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <strings.h>
#include <variant>

namespace handoff {
namespace {

// Framing and hop-by-hop fields, which are the front door's.
constexpr std::array<const char*, 8> own_fields = {
  "Content-Length", "Transfer-Encoding", "Connection", "Date",
  "Keep-Alive",     "Trailer",           "Upgrade",    "TE"};

bool is_own(const std::string& field) noexcept {
  return std::any_of(own_fields.begin(), own_fields.end(),
                     [&field](const char* each) {
                       return ::strcasecmp(each, field.c_str()) == 0;
                     });
}

bool is_writable(const reply& what) {
  if (what.status < 200 || what.status > 599)
    return false;
  return std::all_of(
    what.headers.begin(), what.headers.end(), [](const header& each) {
      const auto& value = each.value;
      return std::all_of(value.begin(), value.end(), is_field_byte)
          && std::holds_alternative<header>(read_field(each.name + ":"));
    });
}

// IMF-fixdate (RFC 9110, 5.6.7), not by strftime: that one asks the locale.
std::string http_date(std::chrono::system_clock::time_point now) {
  static constexpr std::array<const char*, 7> days = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = std::chrono::system_clock::to_time_t(now);
  std::tm at{};
  ::gmtime_r(&seconds, &at);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                days[static_cast<std::size_t>(at.tm_wday)], at.tm_mday,
                months[static_cast<std::size_t>(at.tm_mon)], at.tm_year + 1900,
                at.tm_hour, at.tm_min, at.tm_sec);
  return text.data();
}

void add_field(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\r\n");
}

} // namespace

bool asks_to_close(const reply& what) noexcept {
  const auto* field = find_header(what.headers, "Connection");
  return field && ::strcasecmp(field->c_str(), "close") == 0;
}

void add_missing(reply& to, const headers& fields) {
  for (const auto& each : fields)
    if (find_header(to.headers, each.name) == nullptr)
      to.headers.push_back(each);
}

std::string wire_reply(const reply& what, wire_options options,
                       std::chrono::system_clock::time_point now) {
  if (!is_writable(what)) {
    spdlog::error("front door: an answer of status {} cannot be written",
                  what.status);
    return wire_reply(
      problem_reply({error_kind::internal, "The answer cannot be written."}),
      options, now);
  }
  std::string bytes;
  bytes.reserve(512 + what.body.size());
  bytes.append("HTTP/1.1 ")
    .append(std::to_string(what.status))
    .append(" ")
    .append(::http_status_str(static_cast<::http_status>(what.status)))
    .append("\r\n");
  add_field(bytes, "Date", http_date(now));
  for (const auto& each : what.headers)
    if (!is_own(each.name))
      add_field(bytes, each.name, each.value);
  // RFC 9110, 8.6 and 15.4.5: a 204 has no length at all, a 304 no body.
  const bool bodiless = what.status == 204 || what.status == 304;
  // A stream ends with its connection (RFC 9112, section 6.3).
  if (!bodiless && !what.stream)
    add_field(bytes, "Content-Length", std::to_string(what.body.size()));
  if (options.close)
    add_field(bytes, "Connection", "close");
  else if (options.http_1_0)
    add_field(bytes, "Connection", "keep-alive");
  bytes.append("\r\n");
  if (!bodiless && !options.head_only)
    bytes.append(what.body);
  return bytes;
}

} // namespace handoff

#include "http/admin/origin_check.hpp"

#include "job/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <strings.h>

namespace handoff {
namespace {

// Of what was sent, in a refusal.
constexpr std::size_t shown_bytes_max = 100;

bool same_name(std::string_view one, std::string_view other) noexcept {
  return one.size() == other.size()
      && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

/// The host of "host", "host:port" or "[address]:port", without brackets; none
/// if it is malformed.
std::optional<std::string_view> host_of(std::string_view field) {
  std::string_view host;
  std::string_view port;
  if (field.starts_with('[')) {
    const auto close = field.find(']');
    if (close == npos)
      return std::nullopt;
    host = field.substr(1, close - 1);
    port = field.substr(close + 1);
  } else {
    const auto colon = std::min(field.find(':'), field.size());
    host = field.substr(0, colon);
    port = field.substr(colon);
  }
  const bool port_ok = port.empty()
                    || (port.front() == ':' && port.size() <= 6
                        && port.find_first_not_of("0123456789", 1) == npos);
  return port_ok ? std::optional{host} : std::nullopt;
}

bool is_ip_address(std::string_view host, int family) {
  const std::string text{host};
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return ::inet_pton(family, text.c_str(), ignored.data()) == 1;
}

bool is_safe(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

error cross_origin(std::string_view what, std::string_view value) {
  return {error_kind::cross_origin,
          std::string{what} + " is \""
            + std::string{value.substr(0, shown_bytes_max)}
            + "\"; only pages of this listener's own and tools that send no "
              "Origin may change something"};
}

/// Whether `origin` is "http://HOST" or, behind a proxy that ends TLS,
/// "https://HOST".
bool is_origin_of(std::string_view origin, std::string_view host) {
  const auto scheme_end = origin.find("://");
  if (scheme_end == npos)
    return false;
  const auto scheme = origin.substr(0, scheme_end);
  return (same_name(scheme, "http") || same_name(scheme, "https"))
      && same_name(origin.substr(scheme_end + 3), host);
}

} // namespace

bool origin_check::is_ours(std::string_view field) const {
  const auto host = host_of(field);
  if (!host)
    return false;
  if (field.starts_with('['))
    return is_ip_address(*host, AF_INET6);
  if (is_ip_address(*host, AF_INET) || same_name(*host, "localhost")
      || same_name(*host, address_))
    return true;
  // A name may be written as the absolute one that it is (RFC 3986, 3.2.2).
  const auto name =
    host->substr(0, host->size() - (host->ends_with('.') ? 1 : 0));
  return std::any_of(
    hosts_.begin(), hosts_.end(),
    [&](const std::string& each) { return same_name(name, each); });
}

std::optional<error> origin_check::refuse(const http_request& request) const {
  // HTTP/1.0 may come without one; browsers never do.
  const auto* host = find_header(request.headers, "Host");
  if (host != nullptr && !is_ours(*host))
    return error{error_kind::misdirected,
                 "Host is \"" + host->substr(0, shown_bytes_max)
                   + "\"; allowed are IP addresses, localhost, the address "
                     "of [admin] and its hosts"};
  if (is_safe(request.method))
    return std::nullopt;
  const auto* origin = find_header(request.headers, "Origin");
  if (origin != nullptr && (host == nullptr || !is_origin_of(*origin, *host)))
    return cross_origin("Origin", *origin);
  const auto* site = find_header(request.headers, "Sec-Fetch-Site");
  if (site != nullptr && !same_name(*site, "same-origin")
      && !same_name(*site, "none"))
    return cross_origin("Sec-Fetch-Site", *site);
  return std::nullopt;
}

headers admin_fields() {
  return {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"}};
}

} // namespace handoff

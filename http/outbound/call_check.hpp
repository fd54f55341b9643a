#pragma once

#include "http/outbound/curl_handle.hpp"
#include "job/error.hpp"
#include "job/exchange.hpp"

#include <string>
#include <string_view>

namespace handoff {

/// Where a call goes.
struct call_target {
  /// The upstream: `scheme://name:port`, in lower case, the port always there.
  std::string host;

  bool is_tls() const noexcept { return host.starts_with("https:"); }

  /// Of the host: a name, or an address without brackets.
  std::string name() const;
  std::string port() const;

  /// The name as certificates and `Host` have it: letters beyond ASCII as
  /// punycode (RFC 5890).
  std::string ascii_name() const;

  /// The URL as libcurl takes it apart, its path left as it is; never null.
  curl_url_parts url;
};

/// The target of a call that can be sent. `template_failed` if the URL is not
/// absolute http or https (RFC 9110, section 4.2) or holds a space or a control
/// character, if the method is none of GET, HEAD, POST, PUT, PATCH, DELETE and
/// OPTIONS, or if a header's name is no token or its value holds a CR, LF or
/// NUL (RFC 9110, section 5.5). The error repeats neither URL nor value: both
/// may hold a secret.
result<call_target> target_of(const outbound_call& call);

/// Whether the field called `name` frames the message or belongs to the
/// connection, and so is the client's alone to write.
bool belongs_to_client(std::string_view name) noexcept;

} // namespace handoff

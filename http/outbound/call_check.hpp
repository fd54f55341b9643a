#pragma once

#include "job/error.hpp"
#include "job/exchange.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace handoff {

/// An upstream, as the URL of a call names it. Flows name few.
struct call_origin {
  /// `scheme://name:port`, in lower case, the port always there.
  std::string host;
  std::string name; ///< or an address without brackets
  std::string port;
  /// The name as certificates have it: letters beyond ASCII as punycode (RFC
  /// 5890).
  std::string ascii_name;
  /// What `Host` says: without the scheme's own port (RFC 9110, section 7.2).
  std::string authority;
  /// What `Authorization` says for the user in the URL (RFC 7617); empty: none.
  std::string credentials;

  bool is_tls() const noexcept { return host.starts_with("https:"); }
};

/// Where a call goes.
struct call_target {
  std::shared_ptr<const call_origin> origin; ///< never null
  /// The path and the query (RFC 9112, section 3.2.1), left as they are.
  std::string path;
};

/// The target of a call that can be sent. `template_failed` if the URL is not
/// absolute http or https (RFC 9110, section 4.2) or holds a space or a control
/// character, if the method is none of GET, HEAD, POST, PUT, PATCH, DELETE and
/// OPTIONS, or if a header's name is no token or its value holds a CR, LF or
/// NUL (RFC 9110, section 5.5). The error repeats neither URL nor value: both
/// may hold a secret.
result<call_target> target_of(const outbound_call& call);

/// Whether both name the same field, whatever the case.
bool is_same_name(std::string_view a, std::string_view b) noexcept;

/// Whether the field called `name` frames the message or belongs to the
/// connection, and so is the client's alone to write.
bool belongs_to_client(std::string_view name) noexcept;

} // namespace handoff

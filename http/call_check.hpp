#pragma once

#include "http/curl_handle.hpp"
#include "job/error.hpp"
#include "job/exchange.hpp"

#include <string>
#include <string_view>

namespace handoff {

/// The upstream host of a call that can be sent: `scheme://name:port`, in lower
/// case, the port always there. `template_failed` if the URL is not absolute
/// http or https (RFC 9110, section 4.2) or holds a space or a control
/// character, if the method is none of GET, HEAD, POST, PUT, PATCH, DELETE and
/// OPTIONS, or if a header's name is no token or its value holds a CR, LF or
/// NUL (RFC 9110, section 5.5). The error repeats neither URL nor value: both
/// may hold a secret.
result<std::string> upstream_of(const outbound_call& call);

/// The parts of an absolute URL, whose path stays as it is; null if it is none.
curl_url_parts parse_url(const std::string& text);

/// Whether the field called `name` frames the message or belongs to the
/// connection, and so is the client's alone to write.
bool belongs_to_client(std::string_view name) noexcept;

/// `value` without white space at its ends, which is no part of a field's value
/// (RFC 9110, section 5.5).
std::string_view trimmed(std::string_view value) noexcept;

} // namespace handoff

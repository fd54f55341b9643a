#pragma once

#include <string>
#include <string_view>

namespace handoff {

/// The forms in which URLs and forms carry a text: percent-encoded (RFC 3986,
/// section 2.1) with one of the sets of characters that libraries leave as they
/// are, in either case of the hex digits, a space as "%20" or "+". They stand
/// in journals: append-only.
inline constexpr std::string_view secret_forms = "abcdefghijkl";

/// `value` in the form `form`; as it is if there is no such form.
std::string in_form(char form, std::string_view value);

} // namespace handoff

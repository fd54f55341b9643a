#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Decodes percent-encoding (RFC 3986, section 2.1); nothing where a "%" is not
/// followed by two hex digits. `plus_is_space` for queries of HTML forms.
std::optional<std::string> percent_decoded(std::string_view text,
                                           bool plus_is_space = false);

} // namespace handoff

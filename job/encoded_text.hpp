#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// A text with its encoding undone, and where each byte of it comes from.
struct decoded_text {
  std::string text;
  /// Of each byte of `text`, the bytes of the source from `first` up to, but
  /// not including, `second`.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sources;
};

/// Undoes percent-encoding (RFC 3986, section 2.1), hex digits of either case;
/// a "%" that no two of them follow stays. `plus_is_space` for HTML forms.
decoded_text without_percent(std::string_view text, bool plus_is_space);

/// Undoes the escapes of JSON strings (RFC 8259, section 7), wherever they
/// stand; what is no escape stays, as does half a surrogate pair.
decoded_text without_escapes(std::string_view text);

/// `last` was made of the text of `first`: the same with the sources of that.
decoded_text composed(const decoded_text& first, decoded_text last);

} // namespace handoff

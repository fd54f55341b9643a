#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

// What the functions of expressions do with a text in UTF-8. None of them looks
// at the locale or the time zone of the process.

/// Each character in upper case where it has one that is a single character.
std::string upper_text(std::string_view text);

/// Each character in lower case where it has one that is a single character.
std::string lower_text(std::string_view text);

/// The pieces between the occurrences of `separator`, which is not empty: one
/// more than there are of these.
std::vector<std::string> split_text(std::string_view text,
                                    std::string_view separator);

/// Lower case, a dash for each run of what is neither a letter nor a digit, no
/// dash at the ends; Latin letters without their accents ("Größe" is
/// "grosse"), other letters left out. May be empty.
std::string slug_of(std::string_view text);

/// A time in RFC 3339 (section 5.6) or in seconds since 1970, whole or with a
/// fraction, as strftime writes it in UTC and in the C locale. None if `text`
/// is no time in the years 0 to 9999, or the result is empty or longer than
/// 1,000 bytes.
std::optional<std::string> format_date(std::string_view text,
                                       const std::string& format);

} // namespace handoff

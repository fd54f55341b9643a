#pragma once

#include "config/verify.hpp"

#include <cstddef>
#include <string_view>

namespace handoff {

/// Bytes of a value of which anybody may have the HMAC.
inline constexpr std::size_t signable_word_bytes_max = 256;

/// Whether a rule of "handshake" that needs no signature may hand out HMACs of
/// words (letters, digits and `_-=+/`) beside this `rule`: whether no word is
/// ever what a webhook's sender signs, or only few are, which
/// is_signable_word() knows. `json_only`: bodies are always read as JSON.
///
/// No word is where "signed" surely has another byte in it: a literal such as
/// "v0:", `{{url}}`, a timestamp in RFC 3339. Few are where it has
/// nothing of the request but the body, the method and a number of seconds or
/// milliseconds: a word that is JSON is a number, true, false or null.
bool may_sign_words(const verify_rule& rule, bool json_only);

/// Whether anybody may have the HMAC of `word`. To be asked only where
/// may_sign_words() holds.
bool is_signable_word(const verify_rule& rule, std::string_view word);

} // namespace handoff

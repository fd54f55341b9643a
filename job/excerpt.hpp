#pragma once

#include "job/job.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace handoff {

/// Longest headline of an answer.
inline constexpr std::size_t headline_bytes_max = 200;

/// The first `bytes_max` bytes of `body`, without the values of members or form
/// fields whose names say that they are secret. For what may be no JSON, or cut
/// off: nothing is parsed.
std::string masked_excerpt(std::string_view body, std::size_t bytes_max);

/// The same of an answer, uncut, where names that are secret only as a whole
/// ("code") are those of errors.
std::string masked_answer(std::string_view body);

/// The fields of a form or a URL's query, without the values of those whose
/// names say that they are secret.
std::string masked_fields(std::string_view form);

/// What a request sends, uncut, without the values of such members (of JSON,
/// whatever the content type) and fields (of a form). Other texts stay.
std::string masked_request_body(std::string_view body,
                                std::string_view content_type);

/// An answer on one line: JSON without its line breaks, the title of a page of
/// HTML, else the first line that has something on it. Empty if there is none.
std::string headline(const answer_excerpt& response);

/// `text` with all that is not UTF-8 (RFC 3629) replaced by U+FFFD.
std::string as_utf8(std::string_view text);

} // namespace handoff

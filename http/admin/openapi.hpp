#pragma once

#include <string_view>

namespace handoff {

/// What both listeners answer, as OpenAPI 3.1: the text of
/// http/admin/openapi.json.
std::string_view openapi_document() noexcept;

} // namespace handoff

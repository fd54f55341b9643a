#pragma once

#include "http/front_door/front_door.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace handoff {

/// A file of the dashboard, as it was when the program was built.
struct page_file {
  std::string_view path; ///< "/" or "/assets/NAME"
  std::string_view type; ///< its Content-Type
  std::string_view etag; ///< quoted (RFC 9110, section 8.8.3)
  std::string_view bytes;
};

/// All of them; cmake/embed_page.cmake writes this function.
std::span<const page_file> page_files();

/// The dashboard (http/admin/page): none if `request` asks for something else.
/// It holds nothing but code, so that it needs no token; what it shows it asks
/// the admin API for, with the token that an operator gives it.
std::optional<reply> page_reply(const http_request& request);

} // namespace handoff

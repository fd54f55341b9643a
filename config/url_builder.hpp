#pragma once

#include "config/template.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Builds a URL of literals and values and watches that no value changes the
/// shape of its path (RFC 3986, section 3.3), neither as it is written nor for
/// a server that decodes it, be it more than once, before it routes.
///
/// All but unreserved characters of a value is percent-encoded, "%" always. In
/// the path a value may not be empty or have "/" or "\" in it, and no segment
/// that a value is a part of may be a dot segment, up to a ";" or its end; all
/// that percent-encoded, too. With `| segments` the slashes of a value separate
/// segments, none of which may be empty. Errors are `template_failed`.
class url_builder {
public:
  std::optional<error> literal(std::string_view text);

  std::optional<error> value(const template_expression& expression,
                             std::string_view text);

  std::optional<error> end();

  std::string take() { return std::move(out_); }

private:
  std::optional<error> path_literal(std::string_view text);
  std::optional<error> piece(const template_expression& expression,
                             std::string_view text);
  std::optional<error> end_segment();

  std::string out_;
  std::size_t segment_ = 0;
  bool in_query_ = false;
  /// The last expression in the segment that is being built.
  const template_expression* last_ = nullptr;
};

} // namespace handoff

#pragma once

#include "config/flow.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Reads an entry of `hosts`: `name` or `name:port`; none: it is malformed.
std::optional<address_rule::host> parse_host(std::string_view entry);

/// The URL that `value`, which an upstream gave, stands for: itself, or with
/// the rule's `base` before it where it is no absolute URL; without a fragment
/// (RFC 9110, section 10.2.2). Error `template_failed`: it is no URL that can
/// be called, or its host is not in the rule's list.
result<std::string> allowed_address(const address_rule& rule,
                                    std::string_view value);

} // namespace handoff

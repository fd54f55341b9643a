#pragma once

#include "config/connection.hpp"
#include "config/flow.hpp"
#include "job/job.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

namespace handoff {

/// The connection of this name; null if there is none.
using find_connection = std::function<connection_ptr(const std::string& name)>;

/// Adds to the clone, to each step and to each inquiry of `document`, that of
/// `record`, the call as its last attempt rendered it (or its first would),
/// with secrets masked:
/// `"request": {"method", "url", "headers", "body"}`, or `{"error"}` where it
/// cannot be rendered; "connection" where it goes through one. A body of more
/// than 64 KiB is cut, and "truncated".
void add_requests(nlohmann::json& document, const job& record,
                  const flow& definition, const find_connection& connections);

/// The same where there is no definition to render by.
void add_requests(nlohmann::json& document, const error& why);

} // namespace handoff

#pragma once

#include "journal/postgres/handle.hpp"

#include <string>

namespace handoff::postgres {

/// Makes or migrates `schema`; throws `failure`. Several may start at once.
void migrate(connection& on, const std::string& schema);

/// Throws `failure` where the server would lose or not take what is committed:
/// too old, a standby, or with `fsync` or `full_page_writes` off; or where its
/// clock and this machine's are more than a minute apart.
void expect_fit(connection& on);

/// Throws `failure` where a pooler lends sessions for a transaction only, so
/// that what one sets is another's: both are connections of this process.
void expect_own_sessions(connection& one, connection& other);

/// Throws `failure` where the server is a standby.
void expect_primary(connection& on);

/// What every session sets for itself: by statements, because poolers refuse
/// options in the start of a connection.
void prepare_session(connection& on, const std::string& schema);

} // namespace handoff::postgres

#pragma once

#include <string>
#include <string_view>

namespace handoff {

/// Where tests may break the process. Does nothing in builds without
/// HANDOFF_CRASH_POINTS, which are those that are shipped.
#ifdef HANDOFF_CRASH_POINTS

/// A named place at which a test may kill the process, as a power cut would.
/// `HANDOFF_CRASH_AT=NAME:N` has SIGKILL sent when the place is passed for the
/// N-th time.
///
/// `HANDOFF_HANG_AT=NAME:FILE` has the place, or the actor of that name, hang
/// for as long as there is such a file, as a disk does that never answers.
void crash_point(std::string_view name);

/// To be passed by an actor at the beginning of each message that it takes.
/// `HANDOFF_FAULT_AT=ACTOR:N[,ACTOR:N…]` has a `std::runtime_error` thrown at
/// the N-th message of all actors of that name together, `ACTOR:N+` at that one
/// and at each one after it.
void fault_point(std::string_view actor);

#else

inline void crash_point(std::string_view) {}

inline void fault_point(std::string_view) {}

#endif

/// What is wrong with HANDOFF_CRASH_AT, HANDOFF_FAULT_AT or HANDOFF_HANG_AT in
/// the environment; empty if none is set or all can be obeyed. A build without
/// crash points refuses them.
std::string crash_points_refused();

} // namespace handoff

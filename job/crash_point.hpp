#pragma once

#include <string>
#include <string_view>

namespace handoff {

/// A named place at which a test may kill the process, as a power cut would.
/// `HANDOFF_CRASH_AT=NAME:N` has SIGKILL sent when the place is passed for the
/// N-th time. Does nothing in builds without HANDOFF_CRASH_POINTS, which are
/// those that are shipped.
#ifdef HANDOFF_CRASH_POINTS
void crash_point(std::string_view name);
#else
inline void crash_point(std::string_view) {}
#endif

/// What is wrong with HANDOFF_CRASH_AT in the environment; empty if it is not
/// set or can be obeyed. A build without crash points refuses it.
std::string crash_points_refused();

} // namespace handoff

#pragma once

#include <filesystem>

namespace bench {

/// What this process has used of the processors since its start, user and
/// system, in seconds.
double processor_seconds();

/// What the disk does without us, for about a second: appends of 4 KiB to a
/// file in `directory`, each synced. Throws `std::runtime_error` where it
/// cannot.
double syncs_per_second(const std::filesystem::path& directory);

} // namespace bench

#pragma once

#include "config/settings.hpp"
#include "journal/journal.hpp"

#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>

namespace handoff {

/// Opens the journal that the settings name. Throws `std::runtime_error`, which
/// says why it cannot be opened. Waits up to 30 s for a database that is away;
/// `rest` rests for as long as it is told, or gives false: the start is called
/// off.
std::shared_ptr<journal>
open_journal(const settings& from, spdlog::logger& log,
             const std::function<bool(std::chrono::milliseconds)>& rest);

} // namespace handoff

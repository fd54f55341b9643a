#include "tools/handoff/journal_opening.hpp"

#include "journal/postgres/postgres_journal.hpp"
#include "journal/sqlite_backup.hpp"
#include "journal/sqlite_journal.hpp"
#include "tools/handoff/journal_place.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

/// How long a start waits for a database that is away.
constexpr std::chrono::seconds away_max{30};
constexpr std::chrono::milliseconds try_every{500};

std::shared_ptr<journal> open_sqlite(const settings& from,
                                     spdlog::logger& log) {
  sqlite_journal_options options;
  options.path = sqlite_path(from);
  if (lacks_its_log(options.path))
    log.warn("handoff: {} has no write-ahead log ({}-wal) beside it: if it "
             "was copied while a service ran, its newest jobs are missing; "
             "\"handoff journal backup\" makes a whole copy",
             options.path, options.path);
  const bool was_here = was_removed(options.path);
  const auto path = options.path;
  auto opened = sqlite_journal::open(std::move(options));
  if (const auto* failed = std::get_if<error>(&opened))
    throw std::runtime_error{failed->detail};
  if (was_here)
    log.warn("handoff: the journal is new and has no jobs, but there was one "
             "in its place before: is {} the right file?",
             path);
  return std::get<std::unique_ptr<sqlite_journal>>(std::move(opened));
}

std::shared_ptr<journal>
open_postgres(const settings& from, spdlog::logger& log,
              const std::function<bool(std::chrono::milliseconds)>& rest) {
  const auto until = clock::now() + away_max;
  for (bool is_first = true;; is_first = false) {
    auto opened = postgres_journal::open(postgres_options(from));
    if (auto* journal = std::get_if<std::unique_ptr<postgres_journal>>(&opened))
      return std::move(*journal);
    const auto& failed = std::get<error>(opened);
    if (failed.kind != error_kind::overloaded || clock::now() >= until)
      throw std::runtime_error{failed.detail};
    if (is_first)
      log.warn("handoff: {}; waiting for it, {} s at the most", failed.detail,
               away_max.count());
    if (!rest(try_every))
      throw std::runtime_error{"called off while the database was away"};
  }
}

} // namespace

std::shared_ptr<journal>
open_journal(const settings& from, spdlog::logger& log,
             const std::function<bool(std::chrono::milliseconds)>& rest) {
  return from.journal.is_shared() ? open_postgres(from, log, rest)
                                  : open_sqlite(from, log);
}

} // namespace handoff

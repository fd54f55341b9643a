#pragma once

#include "journal/postgres/node_life.hpp"
#include "journal/postgres/node_rows.hpp"
#include "journal/postgres/order_rows.hpp"
#include "journal/postgres/postgres_journal.hpp"
#include "journal/postgres/value_rows.hpp"
#include "journal/postgres/writer.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace handoff {

/// Of kind `journal_unavailable`.
error journal_unavailable(std::string why);

/// What a journal in PostgreSQL is made of: its node, the writer's connection,
/// which is made anew where it is lost, and how a commit is tried.
class postgres_journal::state final {
public:
  explicit state(postgres_journal_options given)
      : options{std::move(given)},
        writes{{.remembered_max = options.remembered_jobs_max,
                .is_shared = true,
                .row_bytes_max = options.row_bytes_max}} {}

  /// A connection with its session prepared; throws `failure`.
  std::shared_ptr<postgres::connection>
  connect(std::chrono::milliseconds patience) const;

  /// Those of the journal itself, for the writer's connection.
  static std::span<const postgres::statement> statements();

  void open();
  void expect_no_standby() const;
  void expect_connection();
  std::vector<batch_outcome>
  try_commit(std::span<const std::span<const job_event>> batches);
  std::vector<batch_outcome>
  commit(std::span<const std::span<const job_event>> batches);

  /// Runs `action` with a connection; a connection that is lost is given up.
  template <class Action>
  auto with_connection(Action&& action)
    -> result<std::invoke_result_t<Action>> {
    const std::scoped_lock lock{mutex};
    try {
      expect_connection();
      return std::forward<Action>(action)();
    } catch (const postgres::failure& caught) {
      note(caught);
      return journal_unavailable(caught.what());
    }
  }

  /// To be called with the mutex held.
  void note(const postgres::failure& why) {
    if (why.is_lost)
      writes.lose();
    else
      writes.forget_all();
    if (why.sql_state == postgres::fenced_state)
      life->fenced();
  }

  const postgres_journal_options options;
  std::mutex mutex;
  // Guarded by it; both on one connection.
  postgres::writer writes;
  std::unique_ptr<postgres::node_rows> rows;
  journal_owner owner;
  std::set<std::string, std::less<>> held_back;
  std::unique_ptr<postgres::order_rows> orders;
  std::shared_ptr<postgres::value_rows> values;
  std::shared_ptr<postgres::node_life> life;
};

} // namespace handoff

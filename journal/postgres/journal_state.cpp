#include "journal/postgres/journal_state.hpp"

#include "job/retention.hpp"
#include "journal/postgres/schema.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace handoff {
namespace {

using postgres::failure;
using postgres::node_rows;

/// How often a commit is made again that another node was in the way of.
constexpr int tries_max = 4;

/// Whether the same commit may succeed at once: another transaction was in the
/// way, or what is remembered is not what is stored.
bool is_passing(const failure& why) {
  constexpr std::array<std::string_view, 5> states{
    "23505", "40001", "40P01", "55P03", postgres::key_taken_state};
  return std::find(states.begin(), states.end(), why.sql_state) != states.end();
}

/// Whether it is about what one of the batches says.
bool is_of_batch(const failure& why) {
  return why.sql_state.starts_with("22") || why.sql_state.starts_with("23")
      || why.sql_state.starts_with("54");
}

} // namespace

error journal_unavailable(std::string why) {
  return {error_kind::journal_unavailable, std::move(why)};
}

std::shared_ptr<postgres::connection>
postgres_journal::state::connect(std::chrono::milliseconds patience) const {
  auto made = std::make_shared<postgres::connection>(options.uri, patience);
  postgres::prepare_session(*made, options.schema);
  return made;
}

void postgres_journal::state::expect_no_standby() const {
  try {
    postgres::connection any{options.uri, options.patience, true};
    postgres::expect_primary(any);
  } catch (const failure& why) {
    if (!why.is_away)
      throw;
  }
}

void postgres_journal::state::open() {
  std::shared_ptr<postgres::connection> on;
  try {
    on = connect(options.patience);
  } catch (const failure& why) {
    // A standby is not waited for, though there is no telling it from a server
    // that is away before it is asked.
    if (why.is_away)
      expect_no_standby();
    throw;
  }
  postgres::connection other{options.uri, options.patience};
  postgres::expect_own_sessions(*on, other);
  postgres::expect_fit(*on);
  postgres::migrate(*on, options.schema);
  on->prepare(statements());
  const auto identity = postgres::this_node(options.node, options.release);
  const auto entered = time_since_boot();
  rows = std::make_unique<node_rows>(*on);
  owner = {rows->enter(identity, options.lease)};
  rows->bury_predecessors(owner.number, identity);
  writes.use(on, {owner.number, 1});
  orders = std::make_unique<postgres::order_rows>(
    [this] { return connect(options.patience); }, owner.number);
  values = std::make_shared<postgres::value_rows>(
    [this] { return connect(options.patience); }, owner.number);
  postgres::node_life::options lived;
  lived.number = owner.number;
  lived.lease = options.lease;
  lived.connect = [this](std::chrono::milliseconds patience) {
    return connect(patience);
  };
  lived.entered = entered;
  life = std::make_shared<postgres::node_life>(std::move(lived));
}

void postgres_journal::state::expect_connection() {
  if (writes.is_connected())
    return;
  auto made = connect(options.patience);
  made->prepare(statements());
  rows = std::make_unique<node_rows>(*made);
  const auto session = rows->raise_session(owner.number);
  writes.use(std::move(made), {owner.number, session});
}

std::vector<batch_outcome> postgres_journal::state::try_commit(
  std::span<const std::span<const job_event>> batches) {
  for (int tries = 1;; ++tries) {
    try {
      expect_connection();
      return writes.commit(batches);
    } catch (const failure& why) {
      note(why);
      if (is_passing(why) && tries < tries_max)
        continue;
      const auto status = why.is_lost ? commit_status::unknown
                        : why.sql_state == postgres::fenced_state
                          ? commit_status::fenced
                        : is_passing(why)  ? commit_status::unavailable
                        : is_of_batch(why) ? commit_status::rejected
                                           : commit_status::unavailable;
      const auto* what = status == commit_status::fenced
                         ? "this node was declared dead; it has to stop"
                         : why.what();
      return std::vector(batches.size(),
                         batch_outcome{status, journal_unavailable(what), {}});
    } catch (const std::bad_alloc&) {
      writes.lose();
      return std::vector(
        batches.size(),
        batch_outcome{
          commit_status::unknown,
          journal_unavailable("there is no memory left; trying again may help"),
          {}});
    } catch (const std::exception& why) {
      writes.forget_all();
      return std::vector(batches.size(),
                         batch_outcome{commit_status::rejected,
                                       journal_unavailable(why.what()),
                                       {}});
    }
  }
}

std::vector<batch_outcome> postgres_journal::state::commit(
  std::span<const std::span<const job_event>> batches) {
  auto outcomes = try_commit(batches);
  const auto status = outcomes.front().status;
  const bool may_be_one =
    status == commit_status::rejected
    || (status == commit_status::unavailable && writes.is_connected());
  if (batches.size() == 1 || !may_be_one)
    return outcomes;
  // Each by itself, to find those that keep the others from it.
  outcomes.clear();
  for (std::size_t n = 0; n < batches.size(); ++n)
    outcomes.push_back(try_commit(batches.subspan(n, 1)).front());
  return outcomes;
}

} // namespace handoff

#pragma once

#include "actors/handles.hpp"
#include "actors/open_inquiries.hpp"
#include "actors/places.hpp"
#include "actors/request_deadlines.hpp"
#include "actors/supervision_log.hpp"
#include "actors/turns.hpp"
#include "actors/waiting_steps.hpp"
#include "config/connection_registry.hpp"
#include "job/clone_traffic.hpp"
#include "job/crash_point.hpp"
#include "job/foresight.hpp"
#include "job/job.hpp"
#include "job/restart_intensity.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace handoff {

struct clone_order;

/// How much work is taken on. Whoever does the work holds a place for it, which
/// gives itself back.
struct admission_counts {
  static constexpr auto no_limit = std::numeric_limits<std::size_t>::max();

  explicit admission_counts(std::size_t max_held = no_limit,
                            std::size_t max_jobs = no_limit,
                            std::size_t max_bytes = no_limit)
      : held{max_held}, jobs{max_jobs}, bytes{max_bytes} {}

  places held;  ///< webhooks whose sender waits
  places jobs;  ///< jobs that are not finished
  places bytes; ///< memory that the bodies of both take
  /// Jobs that a start took up again, until they wait or get further.
  places recovered{2'000};
  /// Keys that the journal was asked for and has not looked up yet. Who asked
  /// may have given up since, so that `jobs` does not bound them.
  std::atomic<std::size_t> lookups{0};
};

/// What every actor of the tree needs. Shared and immutable.
struct environment {
  journal_actor journal;
  journal_finder_actor finder;
  outbound_actor outbound;
  /// Null where no other node shares the journal.
  order_courier_actor courier;
  /// Who makes a call has a turn of its upstream before.
  std::shared_ptr<handoff::turns> turns = std::make_shared<unlimited_turns>();
  std::shared_ptr<admission_counts> admission;
  /// Who waits for one.
  std::shared_ptr<waiting_steps> waiting = std::make_shared<waiting_steps>();
  /// What they have asked beside their attempts.
  std::shared_ptr<open_inquiries> inquiries =
    std::make_shared<open_inquiries>();
  /// Told of each call beside the attempts of a job once it has ended. May be
  /// empty; called by any thread.
  std::function<void(const job&, const step_inquiry&)> asked;
  /// Where clones stand in line and how long they take.
  std::shared_ptr<clone_traffic> traffic = std::make_shared<clone_traffic>();
  /// What requests are made through.
  std::shared_ptr<connection_registry> connections =
    std::make_shared<connection_registry>();
  /// A definition with its secrets as they are now; null: as it is.
  std::function<flow_ptr(const flow_ptr&)> refreshed;
  /// What an upstream gives clones now; cheap. Null: no limits.
  std::function<clone_room(const std::string& upstream)> room;
  std::function<wall_time()> now;
  /// Compiles a definition that was journaled.
  std::function<result<flow_ptr>(const nlohmann::json&)> compile;
  /// In [0, 1).
  std::function<double()> random;
  /// What the supervisors had to do, for whoever asks how they are.
  std::shared_ptr<supervision_log> supervision =
    std::make_shared<supervision_log>();
  /// Of what actors ask each other. The root supervisor sees to the time.
  std::shared_ptr<request_deadlines> deadlines =
    std::make_shared<request_deadlines>();
  std::size_t pool_workers = 3; ///< sub-action actors a job
  restart_limits restarts;
  /// How long a journal that failed is left alone before it is tried again.
  std::chrono::milliseconds journal_pause{1'000};
  /// Told of a webhook that is refused after it was handed to the actors, and
  /// why. May be empty.
  std::function<void(const clone_order&, const error&)> turned_away;
  /// Called with an actor's name for each message that it takes; may throw.
  /// For tests of what happens then.
  std::function<void(std::string_view actor)> fault;

  flow_ptr fresh(const flow_ptr& definition) const {
    return refreshed ? refreshed(definition) : definition;
  }

  /// What an answer to `request` is judged with; `attempts` are those of its
  /// step.
  connection_ptr connection_of(const request_template& request) const {
    return request.connection.empty() ? nullptr
                                      : connections->find(request.connection);
  }

  void turn_away(const clone_order& order, const error& why) const {
    if (turned_away)
      turned_away(order, why);
  }

  void fault_point(std::string_view actor) const {
    if (fault)
      fault(actor);
    handoff::fault_point(actor);
  }
};

using environment_ptr = std::shared_ptr<const environment>;

/// For the error branch of requests: more than any honest answer needs.
inline constexpr std::chrono::seconds request_grace{5};

} // namespace handoff

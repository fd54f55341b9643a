#pragma once

#include "actors/journal_measures.hpp"
#include "actors/progress.hpp"
#include "actors/recovery.hpp"
#include "config/check.hpp"
#include "http/admin/event_feed.hpp"
#include "http/admin/flow_reloader.hpp"
#include "http/admin/minute_history.hpp"
#include "http/admin/span_exporter.hpp"
#include "http/admin/supervisor_view.hpp"
#include "http/front_door/front_door.hpp"
#include "http/ingress/ingress.hpp"
#include "job/retention.hpp"
#include "tools/handoff/guardian.hpp"
#include "tools/handoff/log_output.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace handoff {

class journal;
class journal_group;
struct journal_keeper_options;
class outbound_client;

/// Who hears how the service fares. Told on threads of the service; must not
/// block.
struct service_listener {
  /// The tree is drained.
  std::function<void()> drained;
  /// An actor has died that nothing can go on without; its name.
  std::function<void(const std::string& who)> lost;
  /// The flows are being read again, and: so many are in force now.
  std::function<void()> reload_begins;
  std::function<void(std::size_t flows)> reload_ended;
  /// The tree makes progress; told every `alive_every`, 0: never.
  std::function<void()> alive;
  std::chrono::milliseconds alive_every{0};
  /// Rests at the start, while what it needs is away; false: it is called off.
  std::function<bool(std::chrono::milliseconds)> rest;
};

/// Every part of the running service, wired. What is made first ends last.
class service {
public:
  /// Opens everything. Throws `std::runtime_error` that says what could not be
  /// opened.
  service(const checked_configuration& configuration,
          std::shared_ptr<spdlog::logger> log,
          std::shared_ptr<const log_output> log_to, service_listener listener);

  /// Ends everything; what is under way is cut short and stays journaled, and
  /// senders that still wait are told where to look it up.
  ~service();

  service(const service&) = delete;
  service& operator=(const service&) = delete;

  std::uint16_t ingress_port() const { return ingress_->port(); }

  std::uint16_t admin_port() const { return admin_->port(); }

  /// Takes no new webhooks from now on; tells `drained` once those that are
  /// held are answered and all attempts under way have ended.
  void drain();

  /// Reads the flows again and puts them in force, all or none.
  void reload_flows() { reloads_.ask(); }

  /// Whether senders still wait.
  bool holds_webhooks() const { return admission_->held.taken() > 0; }

private:
  void make_records();
  void take_journal(const settings& from, const service_listener& listener);
  /// Why this node takes nothing now; null where it has the journal to itself.
  std::function<std::optional<error>()> doubts() const;
  void follow_group(const service_listener& listener);
  void spawn_actors(const settings& from);
  void count(const settings& from);
  void spawn_journal(const settings& from);
  std::shared_ptr<environment> environment_of(const settings& from);
  void spawn_courier(const std::shared_ptr<environment>& env);
  void spawn_recovery(const std::shared_ptr<environment>& env);
  /// The time by which the journal forgets, which believes no jump of the
  /// clock.
  retained_time::options retention(const settings& from) const;
  supervisor_view_options supervisor_view_of(const settings& from) const;
  void spawn_reloader(const settings& from, const service_listener& listener);
  void spawn_guardian(service_listener listener);
  std::shared_ptr<journal_reader> open_reader();
  void open_doors(const settings& from);
  void wait_for_tree();
  void wait_for_answers() const;
  void stop();

  std::shared_ptr<spdlog::logger> log_;
  std::shared_ptr<const log_output> log_to_;
  std::shared_ptr<admission_counts> admission_;
  place_ptr unfinished_; ///< the jobs that the start found
  std::shared_ptr<const waiting_steps> waiting_;
  std::shared_ptr<const open_inquiries> inquiries_;
  std::shared_ptr<connection_refusals> ingress_refusals_ =
    std::make_shared<connection_refusals>();
  std::shared_ptr<connection_refusals> admin_refusals_ =
    std::make_shared<connection_refusals>();
  std::shared_ptr<std::atomic<bool>> draining_ =
    std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::atomic<bool>> journal_fails_ =
    std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<journal_measures> measures_ =
    std::make_shared<journal_measures>();
  std::shared_ptr<progress> progress_ = std::make_shared<progress>();
  std::shared_ptr<minute_history> history_;
  std::shared_ptr<flow_history> flows_history_;
  /// Null without a collector.
  std::shared_ptr<span_exporter> spans_;
  std::shared_ptr<webhook_log> webhooks_ = std::make_shared<webhook_log>();
  std::shared_ptr<shown_values> shown_;
  std::shared_ptr<event_feed> events_;
  std::shared_ptr<supervision_log> supervision_;
  std::shared_ptr<connection_registry> connections_;
  std::shared_ptr<flow_registry> flows_;
  std::shared_ptr<metrics> metrics_;
  std::shared_ptr<journal> store_;
  /// Null where this process has the journal to itself.
  std::shared_ptr<journal_group> group_;
  std::shared_ptr<outbound_client> client_;
  caf::actor_system_config caf_config_;
  std::optional<caf::actor_system> actors_;
  journal_actor journal_;
  journal_finder_actor finder_;
  outbound_actor outbound_;
  root_supervisor_actor root_;
  intake_actor intake_;
  job_viewer_actor viewer_;
  order_courier_actor courier_;
  supervisor_view_actor supervisor_view_;
  flow_reloader_actor reloader_;
  flow_reloads reloads_;
  recovery_actor recovery_;
  guardian_actor guardian_;
  std::function<result<flow_ptr>(const nlohmann::json&)> compile_;
  std::unique_ptr<front_door> ingress_;
  std::unique_ptr<front_door> admin_;
};

} // namespace handoff

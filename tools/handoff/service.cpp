#include "tools/handoff/service.hpp"

#include "actors/journal_keeper.hpp"
#include "actors/root_supervisor.hpp"
#include "http/admin.hpp"
#include "http/outbound.hpp"
#include "http/outbound_client.hpp"
#include "journal/memory_journal.hpp"
#include "tools/handoff/log.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <random>
#include <thread>

namespace handoff {
namespace {

/// How long senders that still wait may take to read what their webhooks came
/// to.
constexpr std::chrono::seconds answers_patience{1};

double draw() {
  thread_local std::mt19937 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
}

outbound_options outbound_options_of(const settings& from) {
  const auto& upstream = from.upstream;
  outbound_options options;
  options.governor.max_calls = upstream.max_calls;
  options.governor.reserved_for_clones = upstream.reserved_for_clones;
  options.governor.rate = upstream.rate;
  options.governor.breaker_failures = upstream.breaker_failures;
  options.governor.breaker_open = upstream.breaker_open;
  options.connect_timeout = upstream.connect_timeout;
  options.private_networks_allowed = upstream.private_networks_allowed;
  options.user_agent = "handoff/" HANDOFF_VERSION;
  return options;
}

front_door_options ingress_door(const http_settings& from) {
  front_door_options options;
  options.address = from.address;
  options.port = from.port;
  options.threads = from.threads;
  options.max_body = from.max_body;
  options.header_timeout = from.header_timeout;
  options.body_timeout = from.body_timeout;
  options.max_connections = from.max_connections;
  return options;
}

front_door_options admin_door(const admin_settings& from) {
  front_door_options options;
  options.address = from.address;
  options.port = from.port;
  options.threads = 1;
  options.max_connections = 1'000;
  return options;
}

} // namespace

service::service(const checked_configuration& configuration,
                 std::shared_ptr<spdlog::logger> log,
                 std::function<void()> drained,
                 std::function<void(const std::string&)> lost)
    : log_{std::move(log)} {
  const auto& from = configuration.settings;
  flows_ = std::make_shared<flow_registry>(configuration.flows);
  store_ = std::make_shared<memory_journal>();
  client_ = std::make_shared<outbound_client>(outbound_options_of(from));
  apply_caf_options(caf_config_, configuration.caf);
  actors_.emplace(caf_config_);
  journal_ = actors_->spawn(
    journal_keeper, store_,
    [log = log_](const job_event& event) { log_event(*log, event); });
  outbound_ =
    caf::actor_cast<outbound_actor>(actors_->spawn(outbound, client_));
  environment env;
  env.journal = journal_;
  env.outbound = outbound_;
  env.admission = admission_;
  env.now = [] {
    return std::chrono::system_clock::now();
  };
  env.random = draw;
  env.pool_workers = from.pool.workers;
  env.restarts = {from.supervisor.max_restarts, from.supervisor.within};
  root_ = actors_->spawn(root_supervisor,
                         std::make_shared<const environment>(std::move(env)));
  lookup_ = actors_->spawn(lookup, journal_);
  guardian_ = actors_->spawn(
    guardian, guardian_options{root_, journal_, outbound_, std::move(drained),
                               std::move(lost)});
  ingress_options routes;
  routes.flows = flows_;
  routes.admission = admission_;
  routes.draining = draining_;
  routes.root = root_;
  routes.lookup = lookup_;
  routes.deadline_limit = from.deadline.limit;
  routes.deadline_margin = from.deadline.margin;
  routes.max_held = from.admission.max_held;
  routes.max_jobs = from.admission.max_jobs;
  // The admin routes come first: a probe must not see a service that takes
  // webhooks but cannot be asked how it is.
  admin_ = std::make_unique<front_door>(
    admin_door(from.admin),
    admin(admin_options{lookup_, draining_, from.admin.token}));
  ingress_ = std::make_unique<front_door>(ingress_door(from.http),
                                          ingress(std::move(routes)));
}

void service::drain() {
  draining_->store(true);
  ingress_->close_after_answers();
  caf::anon_send(guardian_, drain_atom::value);
}

void service::wait_for_answers() const {
  using namespace std::chrono_literals;
  const auto until = std::chrono::steady_clock::now() + answers_patience;
  while (holds_webhooks() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
}

service::~service() {
  // Nobody is told any more of what is ended on purpose.
  caf::anon_send_exit(guardian_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
  // Its children have their ends before them when it has had its own: none of
  // them takes the end of the outbound client for that of its attempt.
  caf::scoped_actor {
    *actors_
    } -> wait_for(root_);
  wait_for_answers();
  ingress_.reset();
  admin_.reset();
  caf::anon_send_exit(lookup_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(outbound_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(journal_, caf::exit_reason::user_shutdown);
  guardian_ = nullptr;
  root_ = nullptr;
  lookup_ = nullptr;
  outbound_ = nullptr;
  journal_ = nullptr;
  client_.reset();
  actors_.reset();
}

} // namespace handoff

#include "tools/handoff/service.hpp"

#include "actors/intake.hpp"
#include "actors/journal_finder.hpp"
#include "actors/journal_keeper.hpp"
#include "actors/order_courier.hpp"
#include "actors/root_supervisor.hpp"
#include "actors/scheduler.hpp"
#include "config/connection_reader.hpp"
#include "config/flow_loader.hpp"
#include "config/fresh_flows.hpp"
#include "http/admin/admin.hpp"
#include "http/admin/origin_check.hpp"
#include "http/outbound/outbound.hpp"
#include "http/outbound/outbound_client.hpp"
#include "http/outbound/shared_tokens.hpp"
#include "job/job_id.hpp"
#include "journal/journal.hpp"
#include "tools/handoff/journal_opening.hpp"
#include "tools/handoff/log.hpp"

#include <caf/actor_registry.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <thread>

namespace handoff {
namespace {

/// How long senders that still wait may take to read what their webhooks came
/// to.
constexpr std::chrono::seconds answers_patience{1};

/// How long clone actors and job supervisors may take to hand the journal what
/// they have not written yet.
constexpr std::chrono::seconds tree_patience{1};

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
  options.governor.shared = upstream.shared;
  options.governor.breaker_failures = upstream.breaker_failures;
  options.governor.breaker_open = upstream.breaker_open;
  options.connect_timeout = upstream.connect_timeout;
  options.private_networks_allowed = upstream.private_networks_allowed;
  options.ca = upstream.ca;
  options.proxy = upstream.proxy;
  options.http2 = upstream.http2;
  options.user_agent = "handoff/" HANDOFF_VERSION;
  return options;
}

front_door_options ingress_door(const http_settings& from,
                                std::shared_ptr<connection_refusals> refusals) {
  front_door_options options;
  options.address = from.address;
  options.port = from.port;
  options.threads = from.threads;
  options.max_body = from.max_body;
  options.header_timeout = from.header_timeout;
  options.body_timeout = from.body_timeout;
  options.max_connections = from.max_connections;
  options.idle_timeout = from.keep_alive;
  options.refusals = std::move(refusals);
  return options;
}

/// What senders call: as `[http] public-url` says, else what is listened on.
std::string senders_url(const http_settings& from, std::uint16_t port) {
  if (!from.public_url.empty())
    return from.public_url.substr(0, from.public_url.find_last_not_of('/') + 1);
  const bool is_ipv6 = from.address.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? "[" + from.address + "]" : from.address) + ":"
       + std::to_string(port);
}

front_door_options admin_door(const admin_settings& from,
                              std::chrono::milliseconds keep_alive,
                              std::shared_ptr<connection_refusals> refusals) {
  front_door_options options;
  options.address = from.address;
  options.port = from.port;
  options.threads = 1;
  options.idle_timeout = keep_alive;
  options.max_connections = 1'000;
  options.for_operators = true;
  options.refusals = std::move(refusals);
  options.fields = admin_fields();
  return options;
}

/// Ends an actor, if it was ever begun.
template <class Handle>
void end(const Handle& actor) {
  if (actor)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

std::function<std::vector<upstream_counts>()>
counts_of(std::shared_ptr<const call_turns> turns) {
  return [turns = std::move(turns)] {
    return turns->counts();
  };
}

std::function<std::vector<connection_state>()>
states_of(const std::weak_ptr<const outbound_client>& client) {
  return [client] {
    const auto alive = client.lock();
    return alive ? alive->connections() : std::vector<connection_state>{};
  };
}

} // namespace

service::service(const checked_configuration& configuration,
                 std::shared_ptr<spdlog::logger> log,
                 std::shared_ptr<const log_output> log_to,
                 service_listener listener)
    : log_{std::move(log)}, log_to_{std::move(log_to)} {
  const auto& from = configuration.settings;
  admission_ = std::make_shared<admission_counts>(
    from.admission.max_held, from.admission.max_jobs, from.admission.max_bytes);
  take_journal(from, listener);
  make_records();
  connections_ = std::make_shared<connection_registry>(
    configuration.connections, connection_defaults_of(from));
  flows_ = std::make_shared<flow_registry>(
    flows_in_force{configuration.flows, configuration.flow_files,
                   std::chrono::system_clock::now()});
  auto calls = outbound_options_of(from);
  if (group_)
    calls.may_call = [group = group_] {
      return group->holds();
    };
  if (const auto values = store_->values();
      values && !from.journal.secret.empty())
    calls.tokens =
      std::make_shared<shared_tokens>(values, sealer{from.journal.secret});
  calls.connections = connections_;
  calls.governor.breaker_changed = [events = events_](std::string_view host,
                                                      std::string_view state) {
    events->breaker_changed(host, state);
  };
  client_ = std::make_shared<outbound_client>(std::move(calls));
  // Nothing of what nodes share is this one's before it has seen the others.
  if (group_)
    client_->turns()->set_share({0, 1, false});
  apply_caf_options(caf_config_, configuration.caf);
  use_scheduler(caf_config_, progress_.get());
  actors_.emplace(caf_config_);
  try {
    spawn_actors(configuration);
    spawn_reloader(from, listener);
    open_doors(configuration);
    follow_group(listener);
    spawn_guardian(std::move(listener));
  } catch (...) {
    // The actor system would wait for its actors for ever.
    stop();
    throw;
  }
}

void service::make_records() {
  const auto now = [] {
    return std::chrono::system_clock::now();
  };
  history_ = std::make_shared<minute_history>(now);
  flows_history_ = std::make_shared<flow_history>(now);
  shown_ = std::make_shared<shown_values>(now);
  event_feed_options feed;
  feed.now = now;
  feed.run = std::to_string(now().time_since_epoch().count());
  if (group_) {
    feed.is_heard_elsewhere = [group = group_] {
      return group->is_heard();
    };
    feed.tell = [group = group_](std::string words) {
      group->tell(std::move(words));
    };
  }
  events_ = std::make_shared<event_feed>(std::move(feed));
  supervision_ = std::make_shared<supervision_log>(
    [events = events_, history = history_](const supervision_change& change) {
      if (change.what == "restarted")
        history->restarted();
      events->observe(change);
    });
}

void service::take_journal(const settings& from,
                           const service_listener& listener) {
  store_ = open_journal(from, *log_, listener.rest);
  group_ = store_->group();
  // What other nodes work on takes no place here.
  std::uint64_t count = 0;
  if (!group_) {
    const auto unfinished = store_->count_unfinished();
    if (const auto* failed = std::get_if<error>(&unfinished))
      throw std::runtime_error{failed->detail};
    count = std::get<std::uint64_t>(unfinished);
  }
  unfinished_ = std::make_shared<place>(admission_->jobs.take_over(count));
  if (count > 0)
    log_->info("handoff: {} unfinished {} resumed", count,
               count == 1 ? "job is" : "jobs are");
  if (group_)
    log_->info("handoff: node {} of a shared journal", store_->owner().number);
}

std::function<std::optional<error>()> service::doubts() const {
  if (!group_)
    return nullptr;
  return [group = group_, fails = journal_fails_]() -> std::optional<error> {
    if (!group->holds())
      return error{error_kind::journal_unavailable,
                   "the lease of this node is in doubt: it cannot reach the "
                   "journal that it shares"};
    if (fails->load())
      return error{error_kind::journal_unavailable,
                   "the journal cannot commit"};
    return std::nullopt;
  };
}

void service::follow_group(const service_listener& listener) {
  if (!group_)
    return;
  group_listener follows;
  follows.fenced = [log = log_, lost = listener.lost] {
    log->critical("handoff: another node has declared this one dead, because "
                  "its lease had run out; it ends, and takes nothing with it");
    lost("this node");
  };
  follows.listens = [events = events_] {
    return events->is_heard();
  };
  follows.heard = [events = events_](const std::string& words) {
    events->observe_elsewhere(words);
  };
  follows.shared = [turns = client_->turns()](const lease_share& share) {
    turns->set_share(share);
  };
  follows.keeps_to_share = [turns = client_->turns()] {
    return turns->keeps_to_limits();
  };
  follows.warn = [log = log_](const std::string& what) {
    log->warn("handoff: {}", what);
  };
  group_->follow(std::move(follows));
}

void service::spawn_courier(const std::shared_ptr<environment>& env) {
  if (!group_)
    return;
  order_courier_options options;
  options.env = env;
  options.root = root_;
  options.store = store_;
  options.reader = open_reader();
  options.current = [flows = flows_](const std::string& name) {
    const auto now = flows->current();
    const auto found = now->find(name);
    return found != now->end() ? found->second : nullptr;
  };
  courier_ = actors_->spawn<caf::detached>(order_courier, std::move(options));
  // Nobody has sent the root supervisor anything yet.
  env->courier = courier_;
}

std::shared_ptr<journal_reader> service::open_reader() {
  auto opened = store_->open_reader();
  if (const auto* failed = std::get_if<error>(&opened))
    throw std::runtime_error{failed->detail};
  return std::get<std::unique_ptr<journal_reader>>(std::move(opened));
}

void service::spawn_actors(const checked_configuration& configuration) {
  const auto& from = configuration.settings;
  const auto now = [] {
    return std::chrono::system_clock::now();
  };
  metrics_sources counted;
  counted.admission = admission_;
  counted.supervision = supervision_;
  counted.history = history_;
  counted.flows_history = flows_history_;
  counted.upstreams = counts_of(client_->turns());
  counted.connections = states_of(client_);
  counted.ingress_refusals = ingress_refusals_;
  counted.admin_refusals = admin_refusals_;
  counted.draining = draining_;
  counted.watched = progress_;
  counted.journal = measures_;
  if (group_)
    counted.group = [group = group_] {
      return group->measures();
    };
  counted.flows = [flows = flows_] {
    std::vector<std::string> names;
    for (const auto& [name, flow] : flows->in_force()->flows)
      names.push_back(name);
    return names;
  };
  counted.log_lines_dropped = [to = log_to_] {
    return to->dropped();
  };
  counted.max_held = from.admission.max_held;
  counted.max_jobs = from.admission.max_jobs;
  counted.max_calls = from.upstream.max_calls;
  counted.max_waiting = from.admission.max_jobs * from.pool.workers;
  counted.max_lookups = lookups_max;
  if (!from.trace.otlp.empty()) {
    spans_ = std::make_shared<span_exporter>(span_exporter_options{
      from.trace.otlp, [log = log_](const std::string& problem) {
        if (problem.empty())
          log->info("handoff: the collector takes spans again");
        else
          log->warn("handoff: the collector takes no spans: {}", problem);
      }});
    counted.spans_dropped = [spans = spans_] {
      return spans->dropped();
    };
  }
  metrics_ = std::make_shared<metrics>(std::move(counted));
  journal_finder_options finder;
  finder.reader = open_reader();
  const auto retained = std::make_shared<retained_time>(retention(now, from));
  finder.now = [retained] {
    return retained->now();
  };
  finder.lookups = {admission_, &admission_->lookups};
  finder_ = actors_->spawn<caf::detached>(journal_finder, std::move(finder));
  journal_keeper_options keeper;
  keeper.store = store_;
  keeper.finder = finder_;
  keeper.now = now;
  keeper.observe = [log = log_, to = metrics_, events = events_,
                    spans = spans_](const job_event& event) {
    log_event(*log, event);
    to->observe(event);
    events->observe(event);
    if (spans)
      spans->observe(event);
  };
  keeper.committed = [to = metrics_](std::size_t events,
                                     std::chrono::microseconds took,
                                     bool succeeded) {
    to->committed(events, took, succeeded);
  };
  keeper.health = [log = log_, fails = journal_fails_,
                   supervision = supervision_,
                   now](const std::optional<error>& failure) {
    fails->store(failure.has_value());
    supervision->journal_changed(failure, now());
    if (failure)
      log->error("handoff: the journal cannot commit: {}", failure->detail);
    else
      log->info("handoff: the journal commits again");
  };
  keeper.commit_delay = from.journal.commit_delay;
  keeper.keep = from.journal.keep;
  keeper.keep_bytes = from.journal.keep_bytes;
  keeper.watched = &progress_->add();
  keeper.measures = measures_;
  keeper.retained_now = [retained] {
    return retained->now();
  };
  journal_ = actors_->spawn<caf::detached>(journal_keeper, std::move(keeper));
  outbound_ = outbound(*actors_, client_);
  auto env = std::make_shared<environment>();
  env->journal = journal_;
  env->finder = finder_;
  env->outbound = outbound_;
  env->admission = admission_;
  env->supervision = supervision_;
  waiting_ = env->waiting;
  env->turns = client_->turns();
  env->room = [turns = client_->turns()](const std::string& upstream) {
    return turns->room_for_clones(upstream);
  };
  env->now = now;
  env->random = draw;
  env->pool_workers = from.pool.workers;
  env->restarts = {from.supervisor.max_restarts, from.supervisor.within};
  compile_ = [defaults = defaults_of(from),
              connections = connections_](const nlohmann::json& definition) {
    auto in_force = defaults;
    in_force.connections = connections->current();
    return compile_flow(definition, in_force);
  };
  env->connections = connections_;
  env->refreshed = [flows = std::make_shared<fresh_flows>(compile_)](
                     const flow_ptr& definition) {
    return flows->now(definition);
  };
  env->compile = compile_;
  env->turned_away = [webhooks = webhooks_](const clone_order& order,
                                            const error& why) {
    webhooks->add(order, why);
  };
  root_ = actors_->spawn(root_supervisor, environment_ptr{env});
  spawn_courier(env);
  intake_ = actors_->spawn(intake, environment_ptr{env}, root_);
  viewer_ =
    actors_->spawn<caf::detached>(job_viewer, open_reader(), &progress_->add());
  recovery_options recover;
  recover.env = env;
  recover.root = root_;
  recover.reader = open_reader();
  recover.compile = compile_;
  recover.job_places = unfinished_;
  if (group_) {
    recover.look_again = std::chrono::seconds{1};
    recover.may_take = [group = group_] {
      return group->holds();
    };
  }
  recover.warn = [log = log_](const std::string& what, const job* about) {
    if (about != nullptr)
      log_about(*log, spdlog::level::warn,
                {about->id, about->flow, about->hook.trace.trace_id}, what);
    else
      log->warn("handoff: {}", what);
  };
  recovery_ = actors_->spawn<caf::detached>(recovery, std::move(recover));
  supervisor_view_ = actors_->spawn(supervisor_view, supervisor_view_of(from));
}

retained_time::options service::retention(std::function<wall_time()> now,
                                          const settings& from) const {
  retained_time::options made;
  made.now = std::move(now);
  made.keep = from.journal.keep;
  auto listed = store_->list({.limit = 1});
  if (const auto* failed = std::get_if<error>(&listed))
    throw std::runtime_error{failed->detail};
  const auto& jobs = std::get<job_page>(listed).jobs;
  if (!jobs.empty())
    made.newest = jobs[0].received;
  made.jumped = [log = log_](std::chrono::milliseconds ahead) {
    log->warn("handoff: the clock has jumped {} s ahead: finished jobs are "
              "kept for another hour, and then forgotten step by step; set the "
              "clock if it is wrong",
              std::chrono::duration_cast<std::chrono::seconds>(ahead).count());
  };
  return made;
}

supervisor_view_options
service::supervisor_view_of(const settings& from) const {
  supervisor_view_options options;
  options.root = root_;
  options.admission = admission_;
  options.log = supervision_;
  options.draining = draining_;
  options.upstreams = counts_of(client_->turns());
  options.now = [] {
    return std::chrono::system_clock::now();
  };
  options.limits = outbound_options_of(from).governor;
  options.max_held = from.admission.max_held;
  options.max_jobs = from.admission.max_jobs;
  options.started = options.now();
  return options;
}

void service::spawn_reloader(const settings& from,
                             const service_listener& listener) {
  flow_reloader_options options;
  options.flows = flows_;
  options.directory = from.flows.directory;
  options.connections = connections_;
  options.load = [from](bool must_exist) {
    return load_flows(from, must_exist);
  };
  options.now = [] {
    return std::chrono::system_clock::now();
  };
  options.inform = [log = log_](const std::string& what) {
    log->info("handoff: flows: {}", what);
  };
  options.complain = [log = log_](const std::string& what) {
    log->error("handoff: flows: {}", what);
  };
  options.begins = listener.reload_begins;
  options.ended = listener.reload_ended;
  reloader_ = actors_->spawn<caf::detached>(flow_reloader, std::move(options));
  reloads_ = flow_reloads{reloader_};
}

void service::spawn_guardian(service_listener listener) {
  guardian_options options;
  options.root = root_;
  const auto watch = [&](const char* name, const auto& actor) {
    options.watched.push_back(
      {name, caf::actor_cast<caf::strong_actor_ptr>(actor)});
  };
  watch("the root supervisor", root_);
  watch("the journal", journal_);
  watch("the look-up of jobs", finder_);
  watch("the intake", intake_);
  watch("the job viewer", viewer_);
  watch("the view of the supervisor", supervisor_view_);
  watch("the flow reloader", reloader_);
  if (courier_)
    watch("the courier of commands", courier_);
  watch("the recovery", recovery_);
  options.watched.back().may_end = true;
  options.drained = std::move(listener.drained);
  options.lost = std::move(listener.lost);
  options.hanging = [watched = progress_](std::chrono::milliseconds least) {
    return watched->longest(least);
  };
  options.hangs = [log = log_](const std::optional<hang>& what) {
    if (what)
      log->error("handoff: not ready: {} has been under way for {} ms",
                 what->what, what->under_way.count());
    else
      log->info("handoff: what hung goes on");
  };
  options.alive = std::move(listener.alive);
  options.alive_every = listener.alive_every;
  // On a thread of its own: where an actor hangs, it must have its turn.
  guardian_ = actors_->spawn<caf::detached>(guardian, std::move(options));
}

void service::open_doors(const checked_configuration& configuration) {
  const auto& from = configuration.settings;
  ingress_options routes;
  routes.flows = flows_;
  routes.admission = admission_;
  routes.draining = draining_;
  routes.refuses = doubts();
  routes.intake = intake_;
  const job_views views{viewer_};
  routes.views = views;
  routes.counted = metrics_;
  routes.log = webhooks_;
  routes.shown = shown_;
  routes.deadline_limit = from.deadline.limit;
  routes.deadline_margin = from.deadline.margin;
  routes.max_body = from.http.max_body;
  // The admin routes come first: a probe must not see a service that takes
  // webhooks but cannot be asked how it is.
  admin_options seen;
  seen.webhooks = webhooks_;
  seen.connections = {states_of(client_), counts_of(client_->turns())};
  seen.shown = shown_;
  seen.jobs =
    operator_options{views, root_, compile_, flows_, waiting_, connections_};
  seen.supervisor = supervisor_view_;
  seen.flows = flows_;
  seen.reloads = reloads_;
  seen.counted = metrics_;
  seen.history = history_;
  seen.flows_history = flows_history_;
  seen.measures = measures_;
  // Known once the other side is open; what is not there yet is not asked for.
  const auto port = std::make_shared<std::atomic<std::uint16_t>>(0);
  seen.senders_url = [port, http = from.http] {
    return senders_url(http, port->load());
  };
  seen.is_open = [port] {
    return port->load() != 0;
  };
  seen.events = events_;
  seen.draining = draining_;
  seen.journal_fails = journal_fails_;
  seen.not_ready = doubts();
  seen.watched = progress_;
  seen.token = from.admin.token;
  seen.address = from.admin.address;
  seen.hosts = from.admin.hosts;
  admin_ = std::make_unique<front_door>(
    admin_door(from.admin, from.http.keep_alive, admin_refusals_),
    admin(std::move(seen)));
  ingress_ = std::make_unique<front_door>(
    ingress_door(from.http, ingress_refusals_), ingress(std::move(routes)));
  port->store(ingress_->port());
}

void service::drain() {
  draining_->store(true);
  if (group_)
    group_->leave();
  events_->close();
  ingress_->close_after_answers();
  caf::anon_send(recovery_, drain_atom::value);
  caf::anon_send(guardian_, drain_atom::value);
}

void service::wait_for_answers() const {
  using namespace std::chrono_literals;
  const auto until = std::chrono::steady_clock::now() + answers_patience;
  while (holds_webhooks() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
}

void service::wait_for_tree() {
  using namespace std::chrono_literals;
  // The journal and its finder, the reloader and two views; the courier.
  const std::size_t others = courier_ ? 6 : 5;
  const auto until = std::chrono::steady_clock::now() + tree_patience;
  while (actors_->registry().running() > others
         && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
}

service::~service() {
  stop();
}

void service::stop() {
  // Where an actor has died, senders still come in.
  draining_->store(true);
  // Nobody is told any more of what is ended on purpose.
  end(guardian_);
  end(recovery_);
  end(intake_);
  end(root_);
  // Its children have their ends before them when it has had its own: none of
  // them takes the end of the outbound client for that of its attempt.
  if (root_) {
    // Counts as an actor, for whose end the system would wait below.
    caf::scoped_actor self{*actors_};
    self->wait_for(root_);
  }
  wait_for_tree();
  wait_for_answers();
  ingress_.reset();
  admin_.reset();
  end(reloader_);
  end(supervisor_view_);
  end(viewer_);
  end(courier_);
  end(journal_);
  end(finder_);
  guardian_ = nullptr;
  recovery_ = nullptr;
  intake_ = nullptr;
  root_ = nullptr;
  reloads_ = {};
  reloader_ = nullptr;
  supervisor_view_ = nullptr;
  viewer_ = nullptr;
  courier_ = nullptr;
  outbound_ = nullptr;
  journal_ = nullptr;
  finder_ = nullptr;
  client_.reset();
  actors_.reset();
}

} // namespace handoff

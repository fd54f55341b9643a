// The actors of the service, what each is given, and what counts them.

#include "actors/intake.hpp"
#include "actors/journal_finder.hpp"
#include "actors/journal_keeper.hpp"
#include "actors/order_courier.hpp"
#include "actors/root_supervisor.hpp"
#include "config/flow_loader.hpp"
#include "config/fresh_flows.hpp"
#include "http/outbound/outbound.hpp"
#include "http/outbound/outbound_client.hpp"
#include "journal/journal.hpp"
#include "tools/handoff/log.hpp"
#include "tools/handoff/outbound_settings.hpp"
#include "tools/handoff/service.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <random>
#include <stdexcept>

namespace handoff {
namespace {

/// `made`, which hides what the flow of its name does that is in force.
flow_ptr hiding_also(const flow_ptr& made,
                     const std::shared_ptr<const flow_set>& in_force) {
  const auto known = in_force->find(made->name);
  if (known == in_force->end() || known->second->hidden.empty())
    return made;
  auto copy = std::make_shared<flow>(*made);
  hide_also(copy->hidden, known->second->hidden);
  return copy;
}

double draw() {
  thread_local std::mt19937 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
}

wall_time wall_now() {
  return std::chrono::system_clock::now();
}

} // namespace

void service::spawn_actors(const settings& from) {
  count(from);
  spawn_journal(from);
  outbound_ = outbound(*actors_, client_);
  const auto env = environment_of(from);
  root_ = actors_->spawn(root_supervisor, environment_ptr{env});
  spawn_courier(env);
  intake_ = actors_->spawn(intake, environment_ptr{env}, root_);
  viewer_ =
    actors_->spawn<caf::detached>(job_viewer, open_reader(), &progress_->add());
  spawn_recovery(env);
  supervisor_view_ = actors_->spawn(supervisor_view, supervisor_view_of(from));
}

void service::count(const settings& from) {
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
}

void service::spawn_journal(const settings& from) {
  journal_finder_options finder;
  finder.reader = open_reader();
  const auto retained = std::make_shared<retained_time>(retention(from));
  finder.now = [retained] {
    return retained->now();
  };
  finder.lookups = {admission_, &admission_->lookups};
  finder_ = actors_->spawn<caf::detached>(journal_finder, std::move(finder));
  journal_keeper_options keeper;
  keeper.store = store_;
  keeper.finder = finder_;
  keeper.now = wall_now;
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
                   supervision =
                     supervision_](const std::optional<error>& failure) {
    fails->store(failure.has_value());
    supervision->journal_changed(failure, wall_now());
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
}

std::shared_ptr<environment> service::environment_of(const settings& from) {
  auto env = std::make_shared<environment>();
  env->journal = journal_;
  env->finder = finder_;
  env->outbound = outbound_;
  env->admission = admission_;
  env->supervision = supervision_;
  waiting_ = env->waiting;
  inquiries_ = env->inquiries;
  if (spans_)
    env->asked = [spans = spans_](const job& record,
                                  const step_inquiry& asked) {
      spans->observe(record, asked);
    };
  env->turns = client_->turns();
  env->room = [turns = client_->turns()](const std::string& upstream) {
    return turns->room_for_clones(upstream);
  };
  env->now = wall_now;
  env->random = draw;
  env->pool_workers = from.pool.workers;
  env->restarts = {from.supervisor.max_restarts, from.supervisor.within};
  compile_ = [defaults = defaults_of(from), connections = connections_,
              flows = flows_](const nlohmann::json& definition) {
    auto in_force = defaults;
    in_force.connections = connections->current();
    auto compiled = compile_flow(definition, in_force);
    // What proves a sender is not journaled, and answers may repeat it.
    if (auto* made = std::get_if<flow_ptr>(&compiled))
      *made = hiding_also(*made, flows->current());
    return compiled;
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
  return env;
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

void service::spawn_recovery(const std::shared_ptr<environment>& env) {
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
}

retained_time::options service::retention(const settings& from) const {
  retained_time::options made;
  made.now = wall_now;
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
  options.now = wall_now;
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
  options.now = wall_now;
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

} // namespace handoff

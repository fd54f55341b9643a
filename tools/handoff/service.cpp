#include "tools/handoff/service.hpp"

#include "actors/scheduler.hpp"
#include "config/connection_reader.hpp"
#include "http/outbound/outbound_client.hpp"
#include "http/outbound/shared_tokens.hpp"
#include "journal/journal.hpp"
#include "tools/handoff/journal_opening.hpp"
#include "tools/handoff/outbound_settings.hpp"

#include <caf/actor_registry.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
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

/// Ends an actor, if it was ever begun.
template <class Handle>
void end(const Handle& actor) {
  if (actor)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
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
    spawn_actors(from);
    spawn_reloader(from, listener);
    open_doors(from);
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

std::shared_ptr<journal_reader> service::open_reader() {
  auto opened = store_->open_reader();
  if (const auto* failed = std::get_if<error>(&opened))
    throw std::runtime_error{failed->detail};
  return std::get<std::unique_ptr<journal_reader>>(std::move(opened));
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

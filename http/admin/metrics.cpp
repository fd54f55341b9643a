#include "http/admin/metrics.hpp"

#include "http/admin/process_metrics.hpp"

#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sstream>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::MetricFamily;
using prometheus::MetricType;

const Histogram::BucketBoundaries durations{call_time_bounds.begin(),
                                            call_time_bounds.end()};
const Histogram::BucketBoundaries budgets{0, 0.1, 0.25, 0.5, 1, 2,
                                          3, 4,   5,    7.5, 10};
const Histogram::BucketBoundaries commits{0.0005, 0.001, 0.0025, 0.005, 0.01,
                                          0.025,  0.05,  0.1,    0.5,   1};
const Histogram::BucketBoundaries batches{1,  2,   4,   8,   16,   32,
                                          64, 128, 256, 512, 1'024};

Family<Counter>& counter(prometheus::Registry& to, const char* name,
                         const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(to);
}

Family<Histogram>& histogram(prometheus::Registry& to, const char* name,
                             const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(to);
}

/// A family whose values are looked up when somebody asks.
class looked_up {
public:
  looked_up(std::vector<MetricFamily>& to, const char* name, const char* help,
            MetricType type)
      : family_{to.emplace_back()} {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }

  looked_up& add(double value, const Labels& labels = {}) {
    auto& metric = family_.metric.emplace_back();
    for (const auto& [name, text] : labels)
      metric.label.push_back({name, text});
    if (family_.type == MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    return *this;
  }

  looked_up& add(std::size_t value, const Labels& labels = {}) {
    return add(static_cast<double>(value), labels);
  }

  looked_up& add(const call_times& times, const Labels& labels) {
    add(0.0, labels);
    auto& to = family_.metric.back().histogram;
    for (std::size_t at = 0; at < times.classes.size(); ++at) {
      to.sample_count += times.classes[at];
      to.bucket.push_back(
        {to.sample_count, at < call_time_bounds.size()
                            ? call_time_bounds[at]
                            : std::numeric_limits<double>::infinity()});
    }
    to.sample_sum = times.sum.count();
    return *this;
  }

private:
  MetricFamily& family_;
};

std::string_view outcome_of(const attempt& made) {
  if (!made.counted)
    return "uncounted";
  return made.failure ? name(made.failure->kind) : "succeeded";
}

/// The counters of a family by flow and one more label. The family itself would
/// make a map of labels and hash it each time, which costs more than what is
/// counted. Thread-safe.
class counters_by {
public:
  counters_by(Family<Counter>& family, const char* label)
      : family_{family}, label_{label} {}

  Counter& at(std::string_view flow, std::string_view value) {
    const std::scoped_lock lock{mutex_};
    auto& of_flow = at(known_, flow);
    auto*& counted = at(of_flow, value);
    if (counted == nullptr)
      counted = &family_.Add(
        {{"flow", std::string{flow}}, {label_, std::string{value}}});
    return *counted;
  }

private:
  template <class T>
  using by_text = std::map<std::string, T, std::less<>>;

  template <class T>
  static T& at(by_text<T>& all, std::string_view key) {
    const auto found = all.find(key);
    return found == all.end() ? all[std::string{key}] : found->second;
  }

  Family<Counter>& family_;
  const char* label_;
  std::mutex mutex_;
  by_text<by_text<Counter*>> known_;
};

/// What is counted of webhooks, by flow. Thread-safe.
class webhook_counters {
public:
  explicit webhook_counters(prometheus::Registry& to)
      : answers_{counter(to, "handoff_webhooks_total",
                         "Webhooks by flow and by the status of their answer; "
                         "0 is that of a sender which hung up before.")},
        held_{histogram(to, "handoff_webhook_duration_seconds",
                        "From the arrival of a webhook to its answer.")},
        left_{histogram(to, "handoff_reply_budget_left_seconds",
                        "What was left of the deadline when the answer was "
                        "written.")} {}

  void answered(std::string_view flow, int status, metrics::seconds held,
                metrics::seconds left) {
    const std::scoped_lock lock{mutex_};
    auto found = flows_.find(flow);
    if (found == flows_.end())
      found = flows_.emplace(flow, of_flow{}).first;
    auto& to = found->second;
    auto& answers = to.answers[status];
    if (answers == nullptr)
      answers = &answers_.Add(
        {{"flow", found->first}, {"status", std::to_string(status)}});
    answers->Increment();
    if (status == 0)
      return;
    if (to.held == nullptr) {
      to.held = &held_.Add({{"flow", found->first}}, durations);
      to.left = &left_.Add({{"flow", found->first}}, budgets);
    }
    to.held->Observe(held.count());
    to.left->Observe(left.count());
  }

private:
  struct of_flow {
    std::map<int, Counter*> answers; ///< by status
    Histogram* held = nullptr;
    Histogram* left = nullptr;
  };

  Family<Counter>& answers_;
  Family<Histogram>& held_;
  Family<Histogram>& left_;
  std::mutex mutex_;
  std::map<std::string, of_flow, std::less<>> flows_;
};

} // namespace

class metrics::counters {
public:
  prometheus::Registry registry;
  webhook_counters webhooks{registry};
  counters_by jobs{
    counter(registry, "handoff_jobs_total",
            "Jobs by flow and by the status that they ended with."),
    "status"};
  Family<Counter>& ignored =
    counter(registry, "handoff_webhooks_ignored_total",
            "Webhooks for which their flow's \"when\" does not hold.");
  Histogram& clone_time =
    histogram(registry, "handoff_clone_duration_seconds",
              "Clone attempts, from sending to their answer.")
      .Add({}, durations);
  Histogram& step_time =
    histogram(registry, "handoff_sub_action_duration_seconds",
              "Attempts of sub-actions, compensations and callbacks, from "
              "sending to their answer.")
      .Add({}, durations);
  counters_by clone_attempts{
    counter(registry, "handoff_clone_attempts_total",
            "Clone attempts by flow and by what came of them."),
    "outcome"};
  counters_by step_attempts{
    counter(registry, "handoff_sub_action_attempts_total",
            "Attempts of sub-actions, compensations and callbacks by flow and "
            "by what came of them."),
    "outcome"};
  counters_by retries{
    counter(registry, "handoff_retries_total",
            "Attempts after which another one of the same step was put down, "
            "by flow."),
    "step"};
  Histogram& commit_time =
    histogram(registry, "handoff_journal_commit_duration_seconds",
              "Commits of the journal, each of which is synced to the disk.")
      .Add({}, commits);
  Histogram& commit_size =
    histogram(registry, "handoff_journal_commit_events",
              "Events that one commit of the journal made durable.")
      .Add({}, batches);
  Counter& commit_failures =
    counter(registry, "handoff_journal_commit_failures_total",
            "Commits of the journal that failed.")
      .Add({});

  void attempt_ended(std::string_view flow, const attempt& made, bool is_clone,
                     bool again) {
    (is_clone ? clone_attempts : step_attempts)
      .at(flow, outcome_of(made))
      .Increment();
    if (made.counted)
      (is_clone ? clone_time : step_time)
        .Observe(metrics::seconds{made.duration}.count());
    if (again)
      retries.at(flow, is_clone ? "clone" : "sub_action").Increment();
  }

  void job_ended(std::string_view flow, job_status status) {
    jobs.at(flow, name(status)).Increment();
  }

  /// Its series are there before something happens: an increase from nothing
  /// is none to Prometheus.
  void knows(std::string_view flow) {
    for (const auto status : {job_status::succeeded, job_status::failed,
                              job_status::cancelled, job_status::ambiguous})
      jobs.at(flow, name(status));
    for (auto* const attempts : {&clone_attempts, &step_attempts})
      attempts->at(flow, "succeeded");
    for (const char* step : {"clone", "sub_action"})
      retries.at(flow, step);
  }
};

metrics::metrics(metrics_sources sources)
    : sources_{std::move(sources)}, counters_{std::make_unique<counters>()} {}

metrics::~metrics() = default;

void metrics::ignored(std::string_view flow) {
  counters_->ignored.Add({{"flow", std::string{flow}}}).Increment();
}

void metrics::answered(std::string_view flow, int status, seconds held,
                       seconds left) {
  if (sources_.history)
    sources_.history->answered(status, left <= seconds{0});
  if (sources_.flows_history)
    sources_.flows_history->answered(
      flow, status,
      std::chrono::duration_cast<std::chrono::milliseconds>(held));
  counters_->webhooks.answered(flow, status, held, left);
}

void metrics::observe(const job_event& event) {
  if (sources_.history)
    sources_.history->observe(event);
  if (sources_.flows_history)
    sources_.flows_history->observe(event);
  auto& to = *counters_;
  if (const auto* ended = std::get_if<clone_attempt_ended>(&event.change)) {
    to.attempt_ended(event.flow, ended->made, true,
                     ended->next_attempt.has_value());
  } else if (const auto* taken = std::get_if<clone_accepted>(&event.change)) {
    to.attempt_ended(event.flow, taken->made, true, false);
  } else if (const auto* done = std::get_if<clone_succeeded>(&event.change)) {
    if (done->made)
      to.attempt_ended(event.flow, *done->made, true, false);
  } else if (const auto* over = std::get_if<clone_settled>(&event.change)) {
    if (over->made)
      to.attempt_ended(event.flow, *over->made, true, false);
    to.job_ended(event.flow, over->status);
  } else if (const auto* step = std::get_if<step_ended>(&event.change)) {
    to.attempt_ended(event.flow, step->made, false,
                     step->next_attempt.has_value());
  } else if (const auto* job = std::get_if<job_finished>(&event.change)) {
    to.job_ended(event.flow, job->status);
  }
}

void metrics::committed(std::size_t events, seconds took, bool succeeded) {
  if (!succeeded) {
    counters_->commit_failures.Increment();
    return;
  }
  counters_->commit_time.Observe(took.count());
  counters_->commit_size.Observe(static_cast<double>(events));
}

std::string metrics::text() const {
  if (sources_.flows)
    for (const auto& each : sources_.flows()) {
      counters_->knows(each);
      counters_->ignored.Add({{"flow", each}});
    }
  auto all = counters_->registry.Collect();
  const auto gauge = [&](const char* name, const char* help) {
    return looked_up{all, name, help, MetricType::Gauge};
  };
  const auto total = [&](const char* name, const char* help) {
    return looked_up{all, name, help, MetricType::Counter};
  };
  gauge("handoff_build_info", "1; its label tells the version.")
    .add(1.0, {{"version", HANDOFF_VERSION}});
  gauge("handoff_draining", "1 while the service drains.")
    .add(sources_.draining->load() ? 1.0 : 0.0);
  gauge("handoff_webhooks_held", "Webhooks whose sender waits.")
    .add(static_cast<double>(sources_.admission->held.taken()));
  gauge("handoff_webhooks_held_limit", "[admission] max-held.")
    .add(sources_.max_held);
  auto refused =
    total("handoff_connections_refused_total",
          "Connections that were refused with 503, by listener and reason.");
  for (const auto& [listener, counted] :
       {std::pair{"ingress", sources_.ingress_refusals},
        std::pair{"admin", sources_.admin_refusals}})
    refused
      .add(static_cast<std::size_t>(counted->max_connections),
           {{"listener", listener}, {"reason", "max_connections"}})
      .add(static_cast<std::size_t>(counted->descriptors),
           {{"listener", listener}, {"reason", "descriptors"}});
  gauge("handoff_key_lookups_waiting",
        "Idempotency keys that wait to be looked up in the journal.")
    .add(sources_.admission->lookups.load());
  gauge("handoff_key_lookups_waiting_limit",
        "Idempotency keys that may wait to be looked up.")
    .add(sources_.max_lookups);
  gauge("handoff_jobs_unfinished", "Jobs that are not finished.")
    .add(static_cast<double>(sources_.admission->jobs.taken()));
  gauge("handoff_jobs_unfinished_limit", "[admission] max-jobs.")
    .add(sources_.max_jobs);
  gauge("handoff_admitted_bytes",
        "Memory that held webhooks and unfinished jobs take, as admission "
        "counts it.")
    .add(static_cast<double>(sources_.admission->bytes.taken()));
  gauge("handoff_admitted_bytes_limit", "[admission] max-bytes.")
    .add(static_cast<double>(sources_.admission->bytes.limit()));
  gauge("handoff_jobs_ambiguous",
        "Jobs that wait for a person, up to 1000 of them.")
    .add(sources_.journal ? sources_.journal->ambiguous.load()
                          : std::size_t{0});
  gauge("handoff_journal_size_bytes", "What the journal keeps.")
    .add(sources_.journal ? static_cast<double>(sources_.journal->bytes.load())
                          : 0.0);
  gauge("handoff_recovered_jobs_under_way",
        "Jobs that a start took up again and that are under way.")
    .add(static_cast<double>(sources_.admission->recovered.taken()));

  const auto known = sources_.supervision->counts();
  total("handoff_actor_restarts_total",
        "Actors that died and were replaced, by what they are.")
    .add(known.clone_restarts, {{"actor", "clone"}})
    .add(known.job_supervisor_restarts, {{"actor", "job_supervisor"}})
    .add(known.sub_action_restarts, {{"actor", "sub_action"}});
  total("handoff_quarantined_total",
        "Steps that were given up on because they ended their actor too often.")
    .add(known.quarantined);
  total("handoff_recovered_jobs_total",
        "Jobs that a start of the service took up again.")
    .add(known.recovered_jobs);
  total("handoff_jobs_set_aside_total",
        "Jobs that ended the process too often and were not taken up again.")
    .add(known.jobs_set_aside);
  gauge("handoff_journal_up", "1 while the journal commits.")
    .add(known.journal_failure ? 0.0 : 1.0);

  const bool is_shared = sources_.group != nullptr;
  const auto group = is_shared ? sources_.group() : group_measures{};
  auto lease = gauge("handoff_node_lease_left_seconds",
                     "Until other nodes may take the jobs of this one over.");
  if (is_shared)
    lease.add(seconds{group.lease_left}.count());
  auto nodes = gauge("handoff_nodes", "Nodes that share the journal.");
  if (is_shared)
    nodes.add(group.working, {{"state", "working"}})
      .add(group.leaving, {{"state", "leaving"}})
      .add(group.dead, {{"state", "dead"}});
  auto doubts = total("handoff_node_doubts_total",
                      "How often the lease of this node was in doubt.");
  if (is_shared)
    doubts.add(group.doubts);
  auto dead = total("handoff_nodes_declared_dead_total",
                    "Nodes that this one has declared dead.");
  if (is_shared)
    dead.add(group.declared_dead);
  auto taken = total("handoff_jobs_taken_over_total",
                     "Jobs that this node took up that were another's.");
  if (is_shared)
    taken.add(group.taken_over);

  gauge("handoff_stalled",
        "1 while a commit or an actor has been under way for more than 2 s.")
    .add(sources_.watched && sources_.watched->longest() ? 1.0 : 0.0);
  total("handoff_log_lines_dropped_total",
        "Lines of the log that were dropped because nobody read it or it could "
        "not be written.")
    .add(sources_.log_lines_dropped
           ? static_cast<std::size_t>(sources_.log_lines_dropped())
           : std::size_t{0});

  total("handoff_spans_dropped_total",
        "Spans that were dropped because the collector did not take them.")
    .add(sources_.spans_dropped
           ? static_cast<std::size_t>(sources_.spans_dropped())
           : std::size_t{0});

  const auto hosts = sources_.upstreams();
  auto in_flight = gauge("handoff_upstream_calls_in_flight",
                         "Calls under way, by upstream host.");
  for (const auto& each : hosts)
    in_flight.add(each.in_flight, {{"host", each.host}});
  gauge("handoff_upstream_calls_limit",
        "[upstream] max-calls, which holds for each host.")
    .add(sources_.max_calls);
  auto waiting = gauge("handoff_upstream_calls_waiting",
                       "Calls that wait for their turn, by upstream host.");
  for (const auto& each : hosts)
    waiting.add(each.waiting, {{"host", each.host}});
  auto calls = total("handoff_upstream_calls_total",
                     "Calls that were started, by upstream host.");
  for (const auto& each : hosts)
    calls.add(each.calls, {{"host", each.host}});
  auto failures =
    total("handoff_upstream_failures_total",
          "Calls that the breaker counts as failures, by upstream host.");
  for (const auto& each : hosts)
    failures.add(each.failures, {{"host", each.host}});
  auto put_off = total("handoff_upstream_calls_put_off_total",
                       "Calls whose turn had come and that had to wait for a "
                       "descriptor, by upstream host.");
  for (const auto& each : hosts)
    put_off.add(each.put_off, {{"host", each.host}});
  looked_up times{all, "handoff_upstream_call_duration_seconds",
                  "From the turn of a call to its end, by upstream host.",
                  MetricType::Histogram};
  for (const auto& each : hosts)
    times.add(each.times, {{"host", each.host}});
  gauge("handoff_upstream_calls_waiting_limit",
        "Calls that may wait for their turn, over all hosts.")
    .add(sources_.max_waiting);
  auto breaker = gauge("handoff_upstream_breaker_state",
                       "1 for the state that the host's breaker is in.");
  for (const auto& each : hosts)
    for (const char* state : {"closed", "half-open", "open"})
      breaker.add(each.breaker == state ? 1.0 : 0.0,
                  {{"host", each.host}, {"state", state}});
  const auto connections = sources_.connections
                           ? sources_.connections()
                           : std::vector<connection_state>{};
  const auto each_token = [&](const auto& visit) {
    for (const auto& each : connections)
      if (each.token)
        visit(*each.token, Labels{{"connection", each.connection->name}});
  };
  auto valid = gauge("handoff_connection_token_valid",
                     "1 where the connection has a token.");
  each_token([&](const auto& token, const Labels& labels) {
    valid.add(token.is_valid ? 1.0 : 0.0, labels);
  });
  auto lost = gauge("handoff_connection_chain_lost",
                    "1 where its refresh token is of no use any more.");
  each_token([&](const auto& token, const Labels& labels) {
    lost.add(token.is_chain_lost ? 1.0 : 0.0, labels);
  });
  auto requests = total("handoff_token_requests_total",
                        "Requests for a token, by connection.");
  each_token([&](const auto& token, const Labels& labels) {
    requests.add(token.requests, labels);
  });
  auto without =
    total("handoff_token_failures_total", "Of them, those that brought none.");
  each_token([&](const auto& token, const Labels& labels) {
    without.add(token.failures, labels);
  });
  add_process_metrics(all);

  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, all);
  return out.str();
}

} // namespace handoff

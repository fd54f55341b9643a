#include "tests/actors/actor_fixture.hpp"

#include "actors/intake.hpp"
#include "actors/journal_finder.hpp"
#include "actors/journal_keeper.hpp"
#include "actors/root_supervisor.hpp"
#include "config/flow_loader.hpp"
#include "job/job_id.hpp"
#include "job/retention.hpp"
#include "journal/job_codec.hpp"

#include <caf/atom.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

namespace handoff::test {
namespace {

using fake_outbound_actor =
  outbound_actor::extend<caf::reacts_to<std::uint64_t>>;

struct fake_outbound_state {
  struct pending {
    caf::typed_response_promise<exchange_ptr> promise;
    exchange_ptr done;
  };

  std::shared_ptr<fake_upstream> upstream;
  std::function<milliseconds()> now;
  std::map<std::uint64_t, pending> under_way;
  std::uint64_t last = 0;
};

scripted next_of(fake_upstream& upstream, const std::string& path) {
  const auto found = upstream.script.find(path);
  if (found == upstream.script.end() || found->second.empty())
    return answers(200);
  auto step = found->second.front();
  if (found->second.size() > 1)
    found->second.pop_front();
  return step;
}

fake_outbound_actor::behavior_type
fake_outbound(fake_outbound_actor::stateful_pointer<fake_outbound_state> self,
              std::shared_ptr<fake_upstream> upstream,
              std::function<milliseconds()> now) {
  self->state.upstream = std::move(upstream);
  self->state.now = std::move(now);
  return {
    [self](const outbound_call_ptr& call) {
      auto& state = self->state;
      auto& fake = *state.upstream;
      const auto scheme_end = call->url.find("//");
      const auto host_end = scheme_end == std::string::npos
                            ? 0 // through a connection
                            : call->url.find('/', scheme_end + 2);
      const auto path = call->url.substr(host_end);
      const auto* key = find_header(call->headers, "Idempotency-Key");
      const auto* trace = find_header(call->headers, "traceparent");
      fake.calls.push_back({path, key != nullptr ? *key : "",
                            trace != nullptr ? *trace : "", state.now(),
                            call->headers, call->body});
      fake.in_flight_max = std::max(fake.in_flight_max, ++fake.in_flight);
      auto step = next_of(fake, path);
      step.done.duration = step.delay;
      auto promise = self->make_response_promise<exchange_ptr>();
      if (step.delay == 0ms) {
        --fake.in_flight;
        promise.deliver(std::make_shared<const exchange>(step.done));
        return promise;
      }
      const auto number = ++state.last;
      state.under_way[number] = {promise,
                                 std::make_shared<const exchange>(step.done)};
      self->delayed_send(self, step.delay, number);
      return promise;
    },
    [self](std::uint64_t number) {
      auto ended = self->state.under_way.extract(number);
      --self->state.upstream->in_flight;
      ended.mapped().promise.deliver(ended.mapped().done);
    },
  };
}

} // namespace

scripted answers(int status, std::string body, milliseconds after) {
  exchange done;
  done.status = status;
  done.sent = true;
  done.body = std::move(body);
  return {after, std::move(done)};
}

scripted fails(error_kind kind, bool sent, milliseconds after) {
  exchange done;
  done.sent = sent;
  done.failure = error{kind, "scripted"};
  return {after, std::move(done)};
}

std::vector<seen_call> fake_upstream::calls_of(std::string_view path) const {
  std::vector<seen_call> found;
  for (const auto& each : calls)
    if (each.path == path)
      found.push_back(each);
  return found;
}

bool fake_responder::answer(reply what) {
  given.push_back(std::move(what));
  return given.size() == 1;
}

void fake_responder::answer_by(time_point when, reply what) {
  fallback_due = when;
  fallback = std::move(what);
}

void fake_responder::on_outcome(std::function<void(const reply_outcome&)>) {}

std::vector<batch_outcome> failing_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  if (fails)
    return std::vector(
      batches.size(),
      batch_outcome{commit_status::unavailable,
                    error{error_kind::journal_unavailable, "the disk is full"},
                    {}});
  const auto takes_key = [](const auto& batch) {
    return std::any_of(batch.begin(), batch.end(), [](const auto& each) {
      return std::holds_alternative<key_released>(each.change);
    });
  };
  if (rejects_takeover && batches.size() == 1 && takes_key(batches[0])) {
    rejects_takeover = false;
    return {
      batch_outcome{commit_status::rejected,
                    error{error_kind::conflict, "the job is another owner's"},
                    {}}};
  }
  ++commits;
  auto outcomes = memory_journal::commit_all(batches);
  for (std::size_t at = 0; at < batches.size(); ++at)
    if (outcomes[at].status == commit_status::done)
      for (const auto& each : batches[at])
        remember(each);
  return outcomes;
}

void failing_journal::remember(const job_event& event) {
  std::vector<std::uint8_t> bytes;
  encode(event, bytes);
  const auto* accepted = std::get_if<job_accepted>(&event.change);
  auto& story = stories[event.job];
  const auto flow = accepted != nullptr ? accepted->record->flow
                  : story.empty()       ? std::string{}
                                        : story.front().flow;
  for (auto& each : decode(wrap(1, bytes), event.job, flow)) {
    each.flow = flow;
    story.push_back(std::move(each));
  }
}

std::optional<error> failing_journal::check() {
  return commit({});
}

class fake_turns::ticket : public turn_ticket {
public:
  ticket(std::shared_ptr<line> in, std::uint64_t number)
      : in_{std::move(in)}, number_{number} {}

  ~ticket() override { in_->erase(number_); }

private:
  std::shared_ptr<line> in_;
  std::uint64_t number_;
};

std::variant<turn_ptr, turn_ticket_ptr>
fake_turns::ask(turn_request wanted, std::function<void(turn_ptr)> granted) {
  asked.push_back(std::move(wanted));
  if (!refuse)
    return std::make_shared<turn>();
  const auto number = ++last_;
  waiting_->emplace(number, std::move(granted));
  return std::make_unique<ticket>(waiting_, number);
}

void fake_turns::pause(const std::string& upstream, milliseconds time) {
  pauses.emplace_back(upstream, time);
}

void fake_turns::grant_all() {
  for (auto& [number, granted] : std::exchange(*waiting_, {}))
    granted(std::make_shared<turn>());
}

ActorTest::ActorTest() {
  config.set("scheduler.policy", caf::atom("testing"));
  system.emplace(config);
  options.now = [this] {
    return wall_time{std::chrono::hours{24 * 365 * 50}} + now();
  };
  // The longest of pauses, so that tests are exact.
  options.random = [] {
    return 0.0;
  };
  options.admission = std::make_shared<admission_counts>();
  options.turns = turns;
  options.room = [this](const std::string&) {
    return clone_room{0, slots, 0};
  };
}

// Only `apply` changes a record: what a journal folds from the events that it
// keeps is what its jobs are, whatever a test has done with them.
void ActorTest::expect_records_to_be_folds() {
  for (const auto& [id, story] : store->stories) {
    job folded;
    for (const auto& each : story)
      apply(folded, each);
    const auto found = store->find(id);
    const auto* record = std::get_if<std::optional<job>>(&found);
    if (folded.id.empty() || record == nullptr || !*record)
      continue;
    const auto& kept = **record;
    EXPECT_EQ(name(folded.status), name(kept.status)) << id;
    EXPECT_EQ(folded.clone.uid, kept.clone.uid) << id;
    EXPECT_EQ(folded.clone.counted, kept.clone.counted) << id;
    EXPECT_EQ(folded.recoveries, kept.recoveries) << id;
    for (const auto kind : {step_kind::sub_action, step_kind::compensation,
                            step_kind::callback}) {
      const auto& left = steps_of(folded, kind);
      const auto& right = steps_of(kept, kind);
      ASSERT_EQ(left.size(), right.size()) << id;
      for (std::size_t at = 0; at < left.size(); ++at) {
        EXPECT_EQ(left[at].name, right[at].name) << id;
        EXPECT_EQ(name(left[at].status), name(right[at].status)) << id;
        EXPECT_EQ(left[at].attempts.size(), right[at].attempts.size()) << id;
        EXPECT_EQ(left[at].counted, right[at].counted) << id;
        EXPECT_EQ(left[at].success, right[at].success) << id;
      }
    }
  }
}

ActorTest::~ActorTest() {
  expect_records_to_be_folds();
  for (const auto& each : {caf::actor_cast<caf::actor>(root),
                           caf::actor_cast<caf::actor>(options.journal),
                           caf::actor_cast<caf::actor>(options.finder),
                           caf::actor_cast<caf::actor>(options.outbound)})
    if (each)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  // Whatever still waits for its time gets it, and finds its actor gone.
  run_for(1ms);
  entrance = nullptr;
  root = nullptr;
  options = environment{};
  scheduler().run();
  scheduler().trigger_timeouts();
  scheduler().run();
}

caf::scheduler::test_coordinator& ActorTest::scheduler() {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
}

milliseconds ActorTest::now() const {
  return passed_;
}

void ActorTest::start() {
  options.outbound = caf::actor_cast<outbound_actor>(
    system->spawn(fake_outbound, upstream, [this] { return now(); }));
  journal_finder_options finder;
  finder.reader = store;
  finder.now = options.now;
  std::function<wall_time()> retained_now;
  if (running) {
    const auto retained = std::make_shared<retained_time>(
      retained_time::options{.now = options.now,
                             .running = running,
                             .jumped = [this](milliseconds ahead) {
                               jumps.push_back(ahead);
                             }});
    retained_now = [retained] {
      return retained->now();
    };
    finder.now = retained_now;
  }
  finder.lookups = {options.admission, &options.admission->lookups};
  options.finder = system->spawn(journal_finder, std::move(finder));
  journal_keeper_options keeper;
  keeper.store = store;
  keeper.finder = options.finder;
  keeper.now = options.now;
  keeper.retained_now = retained_now;
  keeper.commit_delay = commit_delay;
  keeper.keep_bytes = keep_bytes;
  keeper.rest = [this](std::chrono::microseconds time) {
    rests.push_back(time);
    while_resting();
  };
  keeper.watched = &watched.add();
  keeper.health = [this](const std::optional<error>& failure) {
    health.push_back(failure.has_value());
  };
  options.journal = system->spawn(journal_keeper, std::move(keeper));
  const environment_ptr env = std::make_shared<const environment>(options);
  root = system->spawn(root_supervisor, env);
  entrance = system->spawn(intake, env, root);
  scheduler().run();
}

void ActorTest::run_for(milliseconds span) {
  scheduler().run();
  for (const auto end = passed_ + span; passed_ < end;) {
    passed_ += 1ms;
    scheduler().advance_time(1ms);
    scheduler().run();
  }
}

flow_ptr ActorTest::load(nlohmann::json more,
                         const connection_set& connections) {
  nlohmann::json definition{
    {"name", "setup"},
    {"clone",
     {{"request",
       {{"method", "POST"},
        {"url", "http://127.0.0.1:9001/clone"},
        {"body", {{"name", "{{body/name}}"}}}}},
      {"uid", "/id"},
      {"timeout", "9s"}}},
    {"sub_actions", nlohmann::json::array()},
  };
  definition.merge_patch(more);
  flow_defaults defaults;
  defaults.connections = std::make_shared<const connection_set>(connections);
  auto loaded = read_flow(definition, defaults, "test.json");
  for (const auto& each : loaded.errors)
    ADD_FAILURE() << each.what;
  return loaded.flow;
}

flow_ptr ActorTest::load_with(const std::vector<std::string>& names) {
  auto list = nlohmann::json::array();
  for (const auto& each : names)
    list.push_back(
      {{"name", each},
       {"request",
        {{"method", "POST"}, {"url", "http://127.0.0.1:9001/" + each}}}});
  return load({{"sub_actions", list}});
}

std::shared_ptr<clone_order> ActorTest::order_of(const flow_ptr& definition,
                                                 bool respond_async,
                                                 nlohmann::json body) {
  auto order = std::make_shared<clone_order>();
  order->definition = definition;
  order->responder = responder;
  order->respond_async = respond_async;
  order->answer_by = system->clock().now() + 9500ms;
  order->journal_by = order->answer_by;
  auto& record = order->record;
  record.id = job_id_from(options.now(), {++posted_});
  record.flow = definition->name;
  record.flow_version = definition->version;
  record.hook.job = record.id;
  record.hook.flow = definition->name;
  record.hook.body = webhook_body::of(body);
  record.hook.received = options.now();
  record.hook.trace = continue_trace("");
  record.claim = claim;
  order->job_place =
    std::make_shared<place>(options.admission->jobs.take_over());
  return order;
}

std::string ActorTest::post(const flow_ptr& definition, bool respond_async,
                            nlohmann::json body) {
  const auto order = order_of(definition, respond_async, std::move(body));
  auto id = order->record.id;
  caf::anon_send(entrance, clone_order_ptr{order});
  scheduler().run();
  return id;
}

job ActorTest::job_of(const std::string& id) {
  auto found = store->find(id);
  auto* record = std::get_if<std::optional<job>>(&found);
  if (record == nullptr || !*record) {
    ADD_FAILURE() << "the journal does not know job " << id;
    return {};
  }
  return **record;
}

std::vector<std::string> ActorTest::statuses_of(const std::string& id) {
  std::vector<std::string> statuses;
  for (const auto& each : job_of(id).sub_actions)
    statuses.emplace_back(name(each.status));
  return statuses;
}

} // namespace handoff::test

// Every command in every state, whatever is under way at that moment: what is
// answered, what the job comes to, and what must hold in any case.

#include "tests/actors/actor_fixture.hpp"

#include <caf/send.hpp>
#include <gmock/gmock.h>

#include <functional>

namespace handoff::test {
namespace {

class CommandStates : public ActorTest {
public:
  using ActorTest::commit_delay;
  using ActorTest::run_for;
  using ActorTest::turns;
  using ActorTest::upstream;

  /// Loads the flow that all situations share, with `more` merged into it.
  void begin(nlohmann::json more = nlohmann::json::object()) {
    start();
    auto list = nlohmann::json::array();
    for (const auto* name : {"a", "b"})
      list.push_back(
        {{"name", name},
         {"retry", {{"max_attempts", 2}}},
         {"request",
          {{"method", "POST"},
           {"url", "http://127.0.0.1:9001/" + std::string{name}}}}});
    nlohmann::json flow{{"sub_actions", list}};
    flow.merge_patch(more);
    definition = load(flow);
  }

  void send() { id = post(definition); }

  /// A job that is in the journal and that nobody works on.
  void leave(std::vector<job_change> story) {
    job record;
    record.id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
    record.flow = definition->name;
    record.flow_version = definition->version;
    record.hook.trace = continue_trace("");
    record.hook.body = webhook_body::of({{"name", "n"}});
    id = record.id;
    std::vector<job_event> events{
      make_event(record, options.now(),
                 job_accepted{record, {definition, &definition->definition}})};
    for (auto& each : story)
      events.push_back(make_event(record, options.now(), std::move(each)));
    ASSERT_FALSE(store->commit(events));
  }

  /// Gives the commands' answer: its status, once it is there.
  int order(job_command wanted) {
    auto asker = std::make_shared<fake_responder>();
    caf::anon_send(root, std::make_shared<const job_order>(job_order{
                           id, std::move(wanted), definition, nullptr, asker}));
    run_for(10ms);
    calls_at_answer = upstream->calls.size();
    for (int waited = 0; asker->given.empty() && waited < 20; ++waited) {
      run_for(1s);
      calls_at_answer = upstream->calls.size();
    }
    EXPECT_EQ(asker->given.size(), 1u) << "one answer to one command";
    return asker->given.empty() ? 0 : asker->given[0].status;
  }

  void drain() {
    caf::anon_send(root, drain_atom::value);
    run_for(1ms);
  }

  flow_ptr definition;
  std::string id;
  std::size_t calls_at_answer = 0;
};

const auto failing = std::deque<scripted>{answers(400)};
const auto slow = std::deque<scripted>{answers(200, "{}", 2s)};
const auto slow_clone = std::deque<scripted>{answers(201, R"({"id":"p"})", 2s)};
const auto good_clone = std::deque<scripted>{answers(201, R"({"id":"p"})")};
const nlohmann::json calls_back{
  {"callback", {{"url", "http://127.0.0.1:9001/done"}}}};

/// What is under way when the command comes.
struct situation {
  const char* name;
  std::function<void(CommandStates&)> arrange;
};

const situation situations[] = {
  {"CloneWaitsForTurn",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.turns->refuse = true;
     test.send();
   }},
  {"CloneUnderWay",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = slow_clone;
     test.send();
   }},
  {"CloneBetweenAttempts",
   [](CommandStates& test) {
     test.begin({{"clone", {{"retry", {{"max_attempts", 3}}}}}});
     test.upstream->script["/clone"] = {answers(503),
                                        answers(201, R"({"id":"p"})")};
     test.send();
     test.run_for(10ms);
   }},
  {"UidCommitUnderWay",
   [](CommandStates& test) {
     test.commit_delay = 1s;
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.send();
     test.run_for(1500ms);
   }},
  {"StepWaitsForTurn",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = slow_clone;
     test.send();
     test.turns->refuse = true;
     test.run_for(2100ms);
   }},
  {"StepUnderWay",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = slow;
     test.upstream->script["/b"] = slow;
     test.send();
     test.run_for(10ms);
   }},
  {"StepBetweenAttempts",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = {answers(503), answers(200)};
     test.send();
     test.run_for(10ms);
   }},
  {"OneFailedOneUnderWay",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = {answers(400), answers(200)};
     test.upstream->script["/b"] = slow;
     test.send();
     test.run_for(10ms);
   }},
  {"CloneFailedCallbackUnderWay",
   [](CommandStates& test) {
     test.begin(calls_back);
     test.upstream->script["/clone"] = {answers(400),
                                        answers(201, R"({"id":"p"})")};
     test.upstream->script["/done"] = slow;
     test.send();
     test.run_for(10ms);
   }},
  {"SucceededCallbackUnderWay",
   [](CommandStates& test) {
     test.begin(calls_back);
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/done"] = slow;
     test.send();
     test.run_for(2100ms);
   }},
  {"CompensationUnderWay",
   [](CommandStates& test) {
     test.begin(
       {{"clone",
         {{"compensate",
           {{"method", "POST"}, {"url", "http://127.0.0.1:9001/undo"}}}}},
        {"sub_actions",
         {{{"name", "a"},
           {"on_failure", "compensate"},
           {"request",
            {{"method", "POST"}, {"url", "http://127.0.0.1:9001/a"}}}}}}});
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = failing;
     test.upstream->script["/undo"] = slow;
     test.send();
     test.run_for(10ms);
   }},
  {"StepsFailed",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = {answers(400), answers(200)};
     test.send();
     test.run_for(1s);
   }},
  {"CloneFailed",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = {answers(400),
                                        answers(201, R"({"id":"p"})")};
     test.send();
     test.run_for(1s);
   }},
  {"Ambiguous",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = {
       fails(error_kind::attempt_timed_out, true),
       answers(201, R"({"id":"p"})")};
     test.send();
     test.run_for(1s);
   }},
  {"Succeeded",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.send();
     test.run_for(1s);
   }},
  {"CancelledWithUid",
   [](CommandStates& test) {
     test.begin();
     test.leave(
       {clone_succeeded{std::nullopt, "p", nullptr, {"a", "b"}},
        step_settled{sub_action_at(0), sub_action_status::cancelled, {}},
        step_settled{sub_action_at(1), sub_action_status::cancelled, {}},
        job_finished{job_status::cancelled}});
   }},
  {"CancelledWithoutUid",
   [](CommandStates& test) {
     test.begin();
     test.leave({clone_settled{
       std::nullopt, job_status::cancelled, {error_kind::cancelled, "why"}}});
   }},
  {"RecoveryPendingClone",
   [](CommandStates& test) {
     test.begin({{"clone", {{"safe_to_repeat", true}}}});
     test.upstream->script["/clone"] = good_clone;
     test.leave({clone_attempt_begun{attempt{}}});
   }},
  {"RecoveryPendingSteps",
   [](CommandStates& test) {
     test.begin();
     test.leave({clone_succeeded{std::nullopt, "p", nullptr, {"a", "b"}},
                 step_begun{sub_action_at(0), attempt{}}});
   }},
  {"DrainingStepUnderWay",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = slow;
     test.upstream->script["/b"] = slow;
     test.send();
     test.run_for(10ms);
     test.drain();
   }},
  {"DrainingFailedJob",
   [](CommandStates& test) {
     test.begin();
     test.upstream->script["/clone"] = good_clone;
     test.upstream->script["/a"] = failing;
     test.send();
     test.run_for(1s);
     test.drain();
   }},
};

using js = job_status;

/// The answer to a command, and what the job is in the end.
struct outcome {
  int status;
  js end;
};

/// Of one situation: of retry, retry of "a", cancel, resolve by a UID, and
/// resolve by another clone.
struct expectation {
  const char* situation;
  outcome retry;
  outcome retry_a;
  outcome cancel;
  outcome resolve;
  outcome again;
};

const expectation expectations[] = {
  {"CloneWaitsForTurn",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"CloneUnderWay",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"CloneBetweenAttempts",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"UidCommitUnderWay",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"StepWaitsForTurn",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"StepUnderWay",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"StepBetweenAttempts",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"OneFailedOneUnderWay",
   {200, js::succeeded},
   {200, js::succeeded},
   {200, js::failed},
   {409, js::failed},
   {409, js::failed}},
  {"CloneFailedCallbackUnderWay",
   {200, js::succeeded},
   {409, js::failed},
   {409, js::failed},
   {409, js::failed},
   {409, js::failed}},
  {"SucceededCallbackUnderWay",
   {409, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"CompensationUnderWay",
   {409, js::failed},
   {409, js::failed},
   {200, js::failed},
   {409, js::failed},
   {409, js::failed}},
  {"StepsFailed",
   {200, js::succeeded},
   {200, js::succeeded},
   {409, js::failed},
   {409, js::failed},
   {409, js::failed}},
  {"CloneFailed",
   {200, js::succeeded},
   {409, js::failed},
   {409, js::failed},
   {409, js::failed},
   {409, js::failed}},
  {"Ambiguous",
   {409, js::ambiguous},
   {409, js::ambiguous},
   {200, js::cancelled},
   {200, js::succeeded},
   {200, js::succeeded}},
  {"Succeeded",
   {409, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"CancelledWithUid",
   {200, js::succeeded},
   {200, js::cancelled},
   {409, js::cancelled},
   {409, js::cancelled},
   {409, js::cancelled}},
  {"CancelledWithoutUid",
   {409, js::cancelled},
   {409, js::cancelled},
   {409, js::cancelled},
   {409, js::cancelled},
   {409, js::cancelled}},
  {"RecoveryPendingClone",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"RecoveryPendingSteps",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::cancelled},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"DrainingStepUnderWay",
   {409, js::succeeded},
   {409, js::succeeded},
   {200, js::succeeded},
   {409, js::succeeded},
   {409, js::succeeded}},
  {"DrainingFailedJob",
   {200, js::running},
   {200, js::running},
   {409, js::failed},
   {409, js::failed},
   {409, js::failed}},
};

struct row {
  const situation* now;
  const char* command;
  job_command wanted;
  outcome expected;
};

std::vector<row> rows() {
  std::vector<row> all;
  for (std::size_t at = 0; at < std::size(situations); ++at) {
    const auto& now = situations[at];
    const auto& each = expectations[at];
    all.push_back({&now, "Retry", retry_command{}, each.retry});
    all.push_back({&now, "RetryOne", retry_command{"a"}, each.retry_a});
    all.push_back({&now, "Cancel", cancel_command{}, each.cancel});
    all.push_back({&now, "Resolve", resolve_command{"q"}, each.resolve});
    all.push_back({&now, "CloneAgain", resolve_command{}, each.again});
  }
  return all;
}

void PrintTo(const row& one, std::ostream* out) {
  *out << one.now->name << one.command;
}

class CommandStatesTest : public CommandStates,
                          public testing::WithParamInterface<row> {};

TEST_P(CommandStatesTest, Holds) {
  const auto& one = GetParam();
  ASSERT_STREQ(
    one.now->name,
    expectations[static_cast<std::size_t>(one.now - std::begin(situations))]
      .situation);
  one.now->arrange(*this);
  const auto status = order(one.wanted);
  EXPECT_EQ(status, one.expected.status);
  const auto calls = calls_at_answer;
  turns->refuse = false;
  turns->grant_all();
  run_for(20s);
  const auto record = job_of(id);
  EXPECT_EQ(name(record.status), name(one.expected.end));
  const bool ended =
    record.status != js::running && record.status != js::cloning;
  const bool cancelled =
    std::holds_alternative<cancel_command>(one.wanted) && status == 200;
  EXPECT_FALSE(record.status == js::succeeded && record.clone.uid.is_null())
    << "no UID, no success";
  EXPECT_TRUE(!cancelled || upstream->calls.size() == calls)
    << "an attempt began after the answer";
  EXPECT_LE(upstream->calls_of("/clone").size(), 2u);
  for (const auto& each : record.sub_actions)
    EXPECT_TRUE(each.status != sub_action_status::skipped
                || each.attempts.empty())
      << each.name;
  EXPECT_TRUE(!ended || options.admission->jobs.taken() == 0u);
  EXPECT_EQ(upstream->in_flight, 0u);
}

std::string name_of(const testing::TestParamInfo<row>& info) {
  return std::string{info.param.now->name} + info.param.command;
}

INSTANTIATE_TEST_SUITE_P(All, CommandStatesTest, testing::ValuesIn(rows()),
                         name_of);

} // namespace
} // namespace handoff::test

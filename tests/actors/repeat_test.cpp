// Sub-actions that are made once for each element, and calls before the clone.

#include "job/clone_plan.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

namespace handoff {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using json = nlohmann::json;

class RepeatTest : public ActorTest {
protected:
  RepeatTest() {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})")};
  }

  static json request_to(const std::string& path, const char* method = "POST") {
    return {{"method", method}, {"url", "http://127.0.0.1:9001" + path}};
  }

  static json invite(json more = json::object()) {
    json made{{"name", "invite"},
              {"for_each", "{{body/members}}"},
              {"retry", {{"max_attempts", 1}}},
              {"request", request_to("/invite/{{item/id}}/{{index}}")}};
    made.merge_patch(more);
    return made;
  }

  static json members(std::size_t count) {
    auto all = json::array();
    for (std::size_t at = 0; at < count; ++at)
      all.push_back({{"id", at + 10}});
    return {{"name", "n"}, {"members", std::move(all)}};
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& each : upstream->calls)
      all.push_back(each.path);
    return all;
  }

  static const step_record* step_of(const job& record, std::string_view name) {
    for (const auto& each : record.sub_actions)
      if (each.name == name)
        return &each;
    return nullptr;
  }
};

TEST_F(RepeatTest, MakesAStepForEachElement) {
  start();
  for (const auto* at :
       {"/invite/10/0", "/invite/11/1", "/invite/12/2", "/invite/13/3"})
    upstream->script[at] = {answers(200, R"({"ok":1})", 100ms)};
  const auto id = post(load({{"sub_actions", {invite()}}}), false, members(4));
  run_for(50ms);
  EXPECT_EQ(upstream->in_flight, 3u) << "three at a time";
  run_for(1s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  ASSERT_THAT(record.sub_actions, SizeIs(5));
  EXPECT_EQ(record.sub_actions[0].elements, 4u);
  EXPECT_EQ(record.sub_actions[0].status, sub_action_status::succeeded);
  EXPECT_EQ(record.sub_actions[1].name, "invite.0");
  EXPECT_EQ(record.sub_actions[1].of, "invite");
  EXPECT_THAT(paths(), ElementsAre("/clone", "/invite/10/0", "/invite/11/1",
                                   "/invite/12/2", "/invite/13/3"));
  EXPECT_EQ(upstream->calls[2].key, id + ".invite.1");
}

TEST_F(RepeatTest, HasNothingToDoWithoutElements) {
  start();
  for (const auto& body :
       {json{{"name", "n"}, {"members", json::array()}},
        json{{"name", "n"}, {"members", nullptr}}, json{{"name", "n"}}}) {
    const auto id = post(load({{"sub_actions", {invite()}}}), false, body);
    run_for(1s);
    EXPECT_EQ(job_of(id).status, job_status::succeeded) << body;
    EXPECT_THAT(job_of(id).sub_actions, SizeIs(1)) << body;
  }
}

TEST_F(RepeatTest, FailsBeforeTheFirstCallOfTooMany) {
  start();
  const auto id =
    post(load({{"sub_actions", {invite({{"max", 3}})}}}), false, members(4));
  run_for(1s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_THAT(record.sub_actions[0].failure->detail, HasSubstr("4 elements"));
  EXPECT_THAT(paths(), ElementsAre("/clone"));
}

TEST_F(RepeatTest, FailsForWhatIsNoArray) {
  start();
  const auto id = post(load({{"sub_actions", {invite()}}}), false,
                       {{"name", "n"}, {"members", "x"}});
  run_for(1s);
  EXPECT_THAT(job_of(id).sub_actions[0].failure->detail,
              HasSubstr("must be an array"));
}

TEST_F(RepeatTest, GivesBatchesAsArrays) {
  start();
  const auto id =
    post(load({{"sub_actions",
                {invite({{"batch", 2},
                         {"request",
                          {{"url", "http://127.0.0.1:9001/b/{{index}}"},
                           {"body", {{"all", "{{item}}"}}}}}})}}}),
         false, members(5));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  ASSERT_THAT(upstream->calls, SizeIs(4));
  EXPECT_EQ(upstream->calls[3].path, "/b/2");
  EXPECT_EQ(json::parse(upstream->calls[3].body),
            json::parse(R"({"all":[{"id":14}]})"));
}

TEST_F(RepeatTest, LetsLaterStepsUseTheAnswers) {
  start();
  upstream->script["/invite/10/0"] = {answers(200, R"({"key":"a"})", 20ms)};
  upstream->script["/invite/11/1"] = {answers(200, R"({"key":"b"})")};
  const auto id =
    post(load({{"sub_actions",
                {invite(),
                 {{"name", "use"},
                  {"after", {"invite"}},
                  {"request",
                   {{"method", "POST"},
                    {"url", "http://127.0.0.1:9001/use/{{sub/invite/1/key}}"},
                    {"body", {{"all", "{{sub/invite}}"}}}}}}}}}),
         false, members(2));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  ASSERT_THAT(upstream->calls_of("/use/b"), SizeIs(1));
  EXPECT_EQ(json::parse(upstream->calls_of("/use/b")[0].body),
            json::parse(R"({"all":[{"key":"a"},{"key":"b"}]})"));
}

TEST_F(RepeatTest, SkipsWhatComesAfterAFailedElementOnlyOnceAllAreOver) {
  start();
  upstream->script["/invite/10/0"] = {answers(400)};
  upstream->script["/invite/14/4"] = {answers(200, "{}", 50ms)};
  const auto id = post(load({{"sub_actions",
                              {invite({{"on_failure", "halt"}}),
                               {{"name", "use"},
                                {"after", {"invite"}},
                                {"request", request_to("/use")}}}}}),
                       false, members(5));
  run_for(1s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_EQ(record.sub_actions[0].status, sub_action_status::failed);
  EXPECT_EQ(record.sub_actions[1].status, sub_action_status::skipped);
  EXPECT_EQ(step_of(record, "invite.4")->status, sub_action_status::succeeded);
}

TEST_F(RepeatTest, RetriesOneElement) {
  start();
  upstream->script["/invite/11/1"] = {answers(400), answers(200)};
  upstream->script["/invite/12/2"] = {answers(400)};
  const auto flow = load({{"sub_actions", {invite()}}});
  const auto id = post(flow, false, members(3));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root, std::make_shared<const job_order>(job_order{
                         id, retry_command{"invite.1"}, flow, nullptr, asker}));
  run_for(1s);
  ASSERT_THAT(asker->given, SizeIs(1));
  EXPECT_EQ(asker->given[0].status, 200);
  const auto record = job_of(id);
  EXPECT_EQ(step_of(record, "invite.1")->status, sub_action_status::succeeded);
  EXPECT_EQ(step_of(record, "invite.2")->status, sub_action_status::failed);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_THAT(upstream->calls_of("/invite/12/2"), SizeIs(1));
}

TEST_F(RepeatTest, RetriesAllThatFailed) {
  start();
  upstream->script["/invite/11/1"] = {answers(400), answers(200)};
  const auto flow = load({{"sub_actions", {invite()}}});
  const auto id = post(flow, false, members(3));
  run_for(1s);
  auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root, std::make_shared<const job_order>(job_order{
                         id, retry_command{"invite"}, flow, nullptr, asker}));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/invite/10/0"), SizeIs(1));
}

TEST_F(RepeatTest, CancelsWhatHasNotBegun) {
  start();
  for (std::size_t at = 0; at < 5; ++at)
    upstream->script["/invite/" + std::to_string(at + 10) + '/'
                     + std::to_string(at)] = {answers(200, "{}", 100ms)};
  const auto flow = load({{"sub_actions", {invite()}}});
  const auto id = post(flow, false, members(5));
  run_for(50ms);
  auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root, std::make_shared<const job_order>(job_order{
                         id, cancel_command{}, flow, nullptr, asker}));
  run_for(1s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::cancelled);
  EXPECT_EQ(step_of(record, "invite.2")->status, sub_action_status::succeeded);
  EXPECT_EQ(step_of(record, "invite.3")->status, sub_action_status::cancelled);
  EXPECT_THAT(upstream->calls, SizeIs(4));
}

TEST_F(RepeatTest, UndoesEachInReverseOrder) {
  start();
  upstream->script["/invite/10/0"] = {answers(200, R"({"k":"x"})", 50ms)};
  upstream->script["/invite/12/2"] = {answers(400, "{}", 80ms)};
  const auto id =
    post(load({{"sub_actions",
                {invite({{"on_failure", "compensate"},
                         {"compensate",
                          request_to("/undo/{{item/id}}", "DELETE")}})}}}),
         false, members(3));
  run_for(2s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  ASSERT_THAT(record.compensations, SizeIs(2));
  EXPECT_EQ(record.compensations[0].name, "invite.0");
  EXPECT_EQ(record.compensations[1].name, "invite.1");
  EXPECT_THAT(upstream->calls_of("/undo/10"), SizeIs(1));
  EXPECT_EQ(upstream->calls_of("/undo/11")[0].key, id + ".invite.1:compensate");
}

TEST_F(RepeatTest, UndoesEachByWhatItWasAnswered) {
  start();
  upstream->script["/invite/10/0"] = {answers(201, R"({"id":"m-0"})")};
  upstream->script["/invite/11/1"] = {answers(201, R"({"id":"m-1"})")};
  upstream->script["/invite/12/2"] = {answers(400, "{}", 80ms)};
  post(load({{"sub_actions",
              {invite({{"on_failure", "compensate"},
                       {"compensate",
                        request_to("/undo/{{sub/invite/id}}", "DELETE")}})}}}),
       false, members(3));
  run_for(2s);
  EXPECT_THAT(upstream->calls_of("/undo/m-0"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/undo/m-1"), SizeIs(1));
}

// A view of a temporary was read: what stood there depended on its length.
TEST_F(RepeatTest, MakesAUuidOfTheWholeNameOfEachStep) {
  start();
  const auto with_uuid = [](const std::string& path, const char* method) {
    auto made = request_to(path, method);
    made["headers"] = {{"X-Uuid", "{{uuid}}"}};
    return made;
  };
  const auto step = [&](const char* name) {
    return json{{"name", name},
                {"retry", {{"max_attempts", 2}, {"first", "1ms"}}},
                {"request", with_uuid(std::string{"/"} + name, "POST")}};
  };
  auto all = json::array({step("aa"), step("ab"), step("ba"), step("bb"),
                          invite({{"request", with_uuid("/i", "POST")}})});
  all[0]["compensate"] = with_uuid("/undo", "DELETE");
  all[3]["on_failure"] = "compensate";
  upstream->script["/bb"] = {answers(503)};
  const auto id = post(
    load({{"prepare",
           {{{"name", "p"}, {"request", with_uuid("/p", "GET")}},
            {{"name", "q"}, {"request", with_uuid("/q", "GET")}}}},
          {"clone", {{"request", with_uuid("/clone", "POST")}, {"uid", "/id"}}},
          {"sub_actions", std::move(all)}}),
    false, members(10));
  run_for(2s);
  std::map<std::string, std::string> uuids;
  std::set<std::string> different;
  for (const auto& each : upstream->calls) {
    const auto& uuid = *find_header(each.headers, "X-Uuid");
    EXPECT_THAT(uuid,
                testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                                      "[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_EQ(uuids.try_emplace(each.key, uuid).first->second, uuid)
      << "the same in each attempt";
    different.insert(uuid);
  }
  EXPECT_TRUE(uuids.contains(id + ".aa:compensate"));
  EXPECT_TRUE(uuids.contains(id + ".prepare:q"));
  EXPECT_TRUE(uuids.contains(id + ".invite.9"));
  EXPECT_EQ(different.size(), uuids.size());
  EXPECT_EQ(uuids.size(), 18u) << "p, q, clone, 4 steps, 10 elements, undo";
}

TEST_F(RepeatTest, JudgesAnswersByTheUuidThatWasSent) {
  start();
  auto step = json{{"name", "a"}, {"request", request_to("/a")}};
  step["request"]["headers"] = {{"X-Uuid", "{{uuid}}"}};
  step["retry"] = {{"max_attempts", 2}, {"first", "1s"}};
  step["outcome"] = {
    {{"if", {{"at", "/seen"}, {"is", "{{uuid}}"}}}, {"then", "succeed"}},
    {{"if", {{"status", "2xx"}}}, {"then", "fail"}}};
  upstream->script["/a"] = {answers(503)};
  const auto id = post(load({{"sub_actions", {step}}}));
  run_for(100ms);
  ASSERT_THAT(upstream->calls_of("/a"), SizeIs(1));
  const auto uuid = *find_header(upstream->calls_of("/a")[0].headers, "X-Uuid");
  upstream->script["/a"] = {answers(200, json{{"seen", uuid}}.dump())};
  run_for(2s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

// -- prepare
// -------------------------------------------------------------------

class PrepareTest : public RepeatTest {
protected:
  static json two_calls() {
    return {
      {"prepare",
       {{{"name", "order"}, {"request", request_to("/order", "GET")}},
        {{"name", "list"},
         {"request", request_to("/list/{{prepare/order/board}}", "GET")}}}},
      {"clone",
       {{"request",
         {{"method", "POST"},
          {"url", "http://127.0.0.1:9001/clone"},
          {"body", {{"list", "{{prepare/list/id}}"}}}}},
        {"uid", "/id"}}}};
  }
};

TEST_F(PrepareTest, RefusesWhatTheCloneCannotBeMadeOfBeforeTheFirstCall) {
  start();
  auto flow = two_calls();
  flow["clone"]["request"]["url"] =
    "http://127.0.0.1:9001/clone/{{body/folder ?? \"d\"}}";
  post(load(flow), false, {{"name", "n"}, {"folder", ".."}});
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).status, 400);
  EXPECT_THAT(paths(), ElementsAre());
}

TEST_F(PrepareTest, MakesTheCloneOfWhatWasAnswered) {
  start();
  upstream->script["/order"] = {answers(200, R"({"board":"b7"})", 10ms)};
  upstream->script["/list/b7"] = {answers(200, R"({"id":"l9"})", 10ms)};
  const auto id = post(load(two_calls()));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(paths(), ElementsAre("/order", "/list/b7", "/clone"));
  EXPECT_EQ(json::parse(upstream->calls[2].body),
            (json{{"list", "l9"}, {"name", "n"}}));
  EXPECT_EQ(responder->given[0].status, 200);
}

// They saw nothing: the wrong element was picked, and a failure was none.
TEST_F(PrepareTest, JudgesAnAnswerByThoseOfEarlierCalls) {
  start();
  upstream->script["/order"] = {answers(200, R"({"board":"B"})")};
  upstream->script["/list"] = {
    answers(200, R"({"items":[{"n":"A","id":1},{"n":"B","id":22}]})")};
  auto flow = two_calls();
  flow["prepare"][1] = {
    {"name", "list"},
    {"request", request_to("/list", "GET")},
    {"pick",
     {{"from", "/items"},
      {"where", {{"at", "/n"}, {"is", "{{prepare/order/board}}"}}}}}};
  post(load(flow));
  run_for(1s);
  ASSERT_THAT(paths(), ElementsAre("/order", "/list", "/clone"));
  EXPECT_EQ(json::parse(upstream->calls[2].body)["list"], 22);

  flow["prepare"][1]["outcome"] =
    json::array({{{"if", {{"value", "{{prepare/order/board}}"}, {"is", "B"}}},
                  {"then", "fail"}}});
  upstream->script["/order"] = {answers(200, R"({"board":"B"})")};
  const auto id = post(load(flow));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(PrepareTest, FailsTheJobForGood) {
  start();
  upstream->script["/order"] = {answers(404)};
  const auto id = post(load(two_calls()));
  run_for(1s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_THAT(record.clone.failure->detail, HasSubstr("prepare order"));
  EXPECT_THAT(paths(), ElementsAre("/order"));
  EXPECT_EQ(responder->given[0].status, 502);
}

TEST_F(PrepareTest, IsTriedAgainAsOtherCallsAre) {
  start();
  upstream->script["/order"] = {answers(503), answers(200, R"({"board":1})")};
  upstream->script["/list/1"] = {answers(200, R"({"id":"l9"})")};
  const auto id = post(load(two_calls()));
  run_for(3s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(paths(), ElementsAre("/order", "/order", "/list/1", "/clone"));
}

// Goal: an upstream is left alone for as long as it asked. After a crash it was
// called at once. Method: what a start would do with what the journal has.
TEST_F(PrepareTest, WaitsAfterACrashForAsLongAsItWasAsked) {
  start();
  auto early = answers(429);
  early.done.headers = {{"Retry-After", "12"}};
  upstream->script["/order"] = {early, answers(200, R"({"board":"b7"})")};
  upstream->script["/list/b7"] = {answers(200, R"({"id":"l9"})")};
  const auto flow = load(two_calls());
  const auto id = post(flow);
  run_for(2s);
  auto record = job_of(id);
  ASSERT_TRUE(record.clone.next_attempt);
  EXPECT_TRUE(record.clone.throttled_since);
  const clone_rules rules{flow->clone.retry, std::nullopt, false};
  const auto step = after_crash(rules, record, options.now(), 0);
  EXPECT_EQ(step.action, clone_action::attempt);
  EXPECT_GE(step.pause, 9s);
  EXPECT_LE(step.pause, 13s);
  run_for(20s);
  record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  EXPECT_FALSE(record.clone.throttled_since) << "the clone has its own time";
}

TEST_F(PrepareTest, BeginsAgainWithARetry) {
  start();
  upstream->script["/order"] = {answers(200, R"({"board":"b7"})")};
  upstream->script["/list/b7"] = {answers(200, R"({"id":"l9"})")};
  upstream->script["/clone"] = {answers(400), answers(201, R"({"id":"p-1"})")};
  const auto flow = load(two_calls());
  const auto id = post(flow);
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root, std::make_shared<const job_order>(
                         job_order{id, retry_command{}, flow, nullptr, asker}));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(paths(), ElementsAre("/order", "/list/b7", "/clone", "/order",
                                   "/list/b7", "/clone"));
}

TEST_F(PrepareTest, IsNotRepeatedOnceTheCloneHasBegun) {
  start();
  upstream->script["/order"] = {answers(200, R"({"board":"b7"})")};
  upstream->script["/list/b7"] = {answers(200, R"({"id":"l9"})")};
  upstream->script["/clone"] = {answers(503), answers(201, R"({"id":"p"})")};
  const auto id = post(load(two_calls()));
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(paths(), ElementsAre("/order", "/list/b7", "/clone", "/clone"));
}

// -- polls at addresses of the upstream
// ----------------------------------------

class PollAddressTest : public RepeatTest {
protected:
  static json at(const std::string& url) {
    return {{"clone",
             {{"request", request_to("/clone")},
              {"poll",
               {{"request", {{"method", "GET"}, {"url", url}}},
                {"hosts", {"127.0.0.1:9001"}},
                {"base", "http://127.0.0.1:9001"},
                {"until", {{"at", "/status"}, {"is", "done"}}},
                {"every", "1s"},
                {"for", "30s"}}},
              {"uid", "/id"}}}};
  }

  std::string accepted(json answer) {
    upstream->script["/clone"] = {answers(202, answer.dump())};
    upstream->script["/made/1"] = {
      answers(200, R"({"status":"done","id":"p-1"})")};
    return post(load(at("{{accepted/url}}")));
  }
};

TEST_F(PollAddressTest, AsksWhereTheUpstreamSays) {
  start();
  const auto id =
    accepted({{"url", "http://127.0.0.1:9001/made/1"}, {"status", "busy"}});
  run_for(3s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(PollAddressTest, PutsTheBaseBeforeARelativeOne) {
  start();
  const auto id = accepted({{"url", "/made/1"}, {"status", "busy"}});
  run_for(3s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(PollAddressTest, NeverAsksAnotherHost) {
  start();
  for (const auto* url :
       {"http://127.0.0.1:9002/made/1", "http://169.254.169.254/latest",
        "http://127.0.0.1:9001@evil.example/made/1", ".evil.example/made/1",
        "@evil.example/", "https://127.0.0.1/made/1", "0/made/1"}) {
    upstream->calls.clear();
    const auto id = accepted({{"url", url}, {"status", "busy"}});
    run_for(3s);
    EXPECT_EQ(job_of(id).status, job_status::ambiguous) << url;
    EXPECT_THAT(paths(), ElementsAre("/clone")) << url;
  }
}

TEST_F(PollAddressTest, LooksOnlyAsLongAsTheProbeMayWhereTheHandleIsGone) {
  start();
  upstream->script["/clone"] = {
    answers(202, R"({"url":"/made/1","status":"busy"})")};
  upstream->script["/made/1"] = {answers(404)};
  upstream->script["/probe"] = {answers(404)};
  auto flow = at("{{accepted/url}}");
  flow["clone"]["poll"]["for"] = "15min";
  flow["clone"]["probe"] = {{"request", request_to("/probe", "GET")},
                            {"uid", "/id"},
                            {"every", "1s"},
                            {"for", "5s"}};
  const auto id = post(load(flow));
  run_for(12s);
  EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

// -- a flow that has changed
// ---------------------------------------------------

TEST_F(RepeatTest, FollowsTheFlowAsItIsNowForWhatHasNotSucceeded) {
  start();
  upstream->script["/invite/11/1"] = {answers(400)};
  const auto before = load({{"sub_actions", {invite()}}});
  const auto id = post(before, false, members(3));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  const auto now = load({{"sub_actions",
                          {invite({{"request",
                                    {{"url", "http://127.0.0.1:9001/"
                                             "v2/{{item/id}}"}}}})}}});
  auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root,
                 std::make_shared<const job_order>(job_order{
                   id, retry_command{std::nullopt, true}, before, now, asker}));
  run_for(2s);
  ASSERT_THAT(asker->given, SizeIs(1));
  EXPECT_EQ(asker->given[0].status, 200);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/invite/10/0"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/v2/10"), IsEmpty());
  EXPECT_THAT(upstream->calls_of("/v2/11"), SizeIs(1));
}

// It was called although the flow does not want it any more.
TEST_F(RepeatTest, SkipsWhatTheFlowAsItIsNowDoesNotWant) {
  start();
  upstream->script["/a"] = {answers(400)};
  upstream->script["/invite/11/1"] = {answers(400)};
  const auto flow = [&](const json& when) {
    auto a = json{{"name", "a"}, {"request", request_to("/a")}};
    auto b =
      json{{"name", "b"}, {"after", {"a"}}, {"request", request_to("/b")}};
    auto each = invite();
    if (!when.is_null())
      a["when"] = each["when"] = when;
    return load({{"sub_actions", {a, b, each}}});
  };
  const auto before = flow(nullptr);
  const auto id = post(before, false, members(3));
  run_for(1s);
  ASSERT_EQ(job_of(id).status, job_status::failed);
  upstream->calls.clear();
  const auto now = flow({{"value", "{{body/name}}"}, {"is", "another"}});
  caf::anon_send(root, std::make_shared<const job_order>(job_order{
                         id, retry_command{std::nullopt, true}, before, now,
                         std::make_shared<fake_responder>()}));
  run_for(2s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  EXPECT_THAT(paths(), ElementsAre("/b"));
  for (const auto* name : {"a", "invite", "invite.1"}) {
    const auto* step = step_of(record, name);
    ASSERT_NE(step, nullptr) << name;
    EXPECT_EQ(step->status, sub_action_status::skipped) << name;
    EXPECT_TRUE(is_satisfied(*step)) << name;
  }
  EXPECT_THAT(step_of(record, "a")->attempts, SizeIs(1));
  EXPECT_THAT(step_of(record, "invite.1")->attempts, SizeIs(1));
  EXPECT_EQ(step_of(record, "invite.0")->status, sub_action_status::succeeded);
}

TEST_F(RepeatTest, KeepsTheAttemptsOfElementsThatAreTriedAgain) {
  start();
  upstream->script["/invite/11/1"] = {answers(400), answers(200)};
  const auto before = load({{"sub_actions", {invite()}}});
  const auto id = post(before, false, members(3));
  run_for(1s);
  const auto now = load({{"sub_actions", {invite({{"timeout", "9s"}})}}});
  caf::anon_send(root, std::make_shared<const job_order>(
                         job_order{id, retry_command{"invite.1", true}, before,
                                   now, std::make_shared<fake_responder>()}));
  run_for(2s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  ASSERT_THAT(step_of(record, "invite.1")->attempts, SizeIs(2));
  EXPECT_EQ(step_of(record, "invite.1")->attempts[1].number, 2u);
  EXPECT_THAT(upstream->calls, SizeIs(5));
}

// Goal: a job follows one definition. A supervisor that was started in place of
// one that had taken up the current definition went on by the one before, whose
// sub-actions stand in other places: what it called was not what it journaled.
TEST_F(RepeatTest, FollowsTheFlowAsItIsNowWhereItsSupervisorDies) {
  bool dies = false;
  options.fault = [&dies](std::string_view actor) {
    if (actor == "job_supervisor" && std::exchange(dies, false))
      throw std::runtime_error{"a fault"};
  };
  start();
  upstream->script["/invite/11/1"] = {answers(400)};
  upstream->script["/v2/11"] = {answers(503), answers(200, "{}")};
  const auto before = load({{"sub_actions", {invite()}}});
  const auto id = post(before, false, members(3));
  run_for(1s);
  const auto now = load({{"sub_actions",
                          {invite({{"retry", {{"max_attempts", 2}}},
                                   {"request",
                                    {{"url", "http://127.0.0.1:9001/"
                                             "v2/{{item/id}}"}}}})}}});
  caf::anon_send(root, std::make_shared<const job_order>(job_order{
                         id, retry_command{std::nullopt, true}, before, now,
                         std::make_shared<fake_responder>()}));
  run_for(100ms);
  ASSERT_THAT(upstream->calls_of("/v2/11"), SizeIs(1));
  dies = true;
  run_for(10s);
  EXPECT_FALSE(dies);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/v2/11"), SizeIs(2));
  EXPECT_THAT(upstream->calls_of("/invite/11/1"), SizeIs(1));
}

// A command that had been read before another one changed the definition went
// on by the one before.
TEST_F(RepeatTest, RefusesACommandThatWasReadBeforeTheFlowChanged) {
  start();
  upstream->script["/invite/11/1"] = {answers(400)};
  upstream->script["/v2/11"] = {answers(400)};
  const auto before = load({{"sub_actions", {invite()}}});
  const auto id = post(before, false, members(3));
  run_for(1s);
  const auto now = load({{"sub_actions",
                          {invite({{"request",
                                    {{"url", "http://127.0.0.1:9001/"
                                             "v2/{{item/id}}"}}}})}}});
  const auto order = [&](bool by_current) {
    auto asker = std::make_shared<fake_responder>();
    caf::anon_send(root, std::make_shared<const job_order>(job_order{
                           id, retry_command{std::nullopt, by_current}, before,
                           by_current ? now : nullptr, asker}));
    run_for(2s);
    return asker->given.empty() ? 0 : asker->given[0].status;
  };
  EXPECT_EQ(order(true), 200);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_EQ(order(false), 503);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_THAT(upstream->calls_of("/v2/11"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/invite/11/1"), SizeIs(1));
}

TEST_F(PollAddressTest, PollsAgainWhenAPersonSaysSo) {
  start();
  upstream->script["/clone"] = {
    answers(202, R"({"url":"/made/1","status":"busy"})")};
  upstream->script["/made/1"] = {answers(404), answers(404),
                                 answers(200, R"({"status":"done","id":7})")};
  const auto flow = load(at("{{accepted/url}}"));
  const auto id = post(flow);
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root, std::make_shared<const job_order>(
                         job_order{id, resolve_command{nullptr, nullptr, true},
                                   flow, nullptr, asker}));
  run_for(5s);
  ASSERT_THAT(asker->given, SizeIs(1));
  EXPECT_EQ(asker->given[0].status, 200);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

} // namespace
} // namespace handoff

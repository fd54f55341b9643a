// Goal: a sender has its answer before its patience ends, whatever the upstream
// does, and the next webhook is served as if nothing had been. Method: each
// fault of the clone alone; the time is taken where the sender stands.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <ostream>

namespace handoff::support {

using ::testing::AnyOf;
using namespace std::chrono;

namespace {

/// What the sender waits, of which 500 ms are the margin.
constexpr milliseconds limit{1'500};

struct upstream_fault {
  const char* name;
  nlohmann::json step;
  int status; ///< of the answer
};

void PrintTo(const upstream_fault& what, std::ostream* out) {
  *out << what.name;
}

nlohmann::json drip_from(const char* part) {
  return {
    {"fault", {{"drip", {{"every", "300ms"}, {"bytes", 1}, {"from", part}}}}}};
}

nlohmann::json status_later(int code) {
  return {{"delay", "100ms"}, {"status", code}};
}

const upstream_fault faults[] = {
  {"Hang", {{"fault", "hang"}}, 202},
  {"DripOfBody", drip_from("body"), 202},
  {"DripFromStart", drip_from("start"), 202},
  {"Reset", {{"fault", "reset"}}, 202},
  {"LateReset", {{"fault", "reset"}, {"delay", "300ms"}}, 202},
  {"Close", {{"fault", "close"}}, 202},
  {"Cut", {{"fault", "cut"}}, 202},
  {"Garbage", {{"fault", "garbage"}}, 202},
  {"Huge", {{"fault", "huge"}}, 202},
  {"HugeWithoutEnd", {{"fault", {{"huge", 1'000'000'000'000}}}}, 202},
  {"InternalError", status_later(500), 502},
  {"BadGateway", status_later(502), 202},
  {"Unavailable", status_later(503), 502},
  {"GatewayTimeout", status_later(504), 202},
  {"Redirect",
   {{"status", 302}, {"headers", {{"Location", "/projects/other/clone"}}}},
   502},
  {"UnavailableForLong",
   {{"status", 503}, {"headers", {{"Retry-After", "3600"}}}},
   202},
  {"UidThatIsTooLong", {{"body", {{"id", std::string(513, 'x')}}}}, 202},
  {"UidThatIsNoUid", {{"body", {{"id", {1, 2}}}}}, 202},
  {"NoJson", {{"body", "<html>"}}, 202},
  {"NoContent", {{"status", 204}}, 202},
};

} // namespace

class DeadlineTest : public ServiceTest,
                     public ::testing::WithParamInterface<upstream_fault> {
protected:
  DeadlineTest() {
    options.ini["deadline"] = {{"limit", "1500ms"}, {"margin", "500ms"}};
    flow["clone"]["retry"] = {{"max_attempts", 2}};
    good = flow;
    good["name"] = "good";
  }

  void start_both() {
    options.flows = {flow, good};
    service = std::make_unique<handoff_service>(options);
  }

  /// Posts, and expects an answer before the limit.
  http_response post_in_time() {
    const auto sent = steady_clock::now();
    auto answer = post();
    EXPECT_LT(duration_cast<milliseconds>(steady_clock::now() - sent).count(),
              limit.count());
    return answer;
  }

  void expect_next_is_served() {
    const auto answer = service->post("good", {{"template", "fine"}});
    EXPECT_EQ(answer.status, 200) << answer.body << service->log();
  }

  json good;
};

TEST_P(DeadlineTest, IsKept) {
  script(on("/projects/t/clone", GetParam().step));
  start_both();
  const auto answer = post_in_time();
  EXPECT_EQ(answer.status, GetParam().status) << answer.body << service->log();
  expect_next_is_served();
}

INSTANTIATE_TEST_SUITE_P(Upstream, DeadlineTest, ::testing::ValuesIn(faults),
                         [](const auto& one) { return one.param.name; });

TEST_F(DeadlineTest, IsKeptWhereNobodyListens) {
  // A port that was just free: that of a fake API that has ended.
  std::uint16_t closed = 0;
  {
    const fake_api gone;
    closed = gone.port();
  }
  flow["clone"]["request"]["url"] =
    "http://127.0.0.1:" + std::to_string(closed) + "/clone";
  start_both();
  const auto answer = post_in_time();
  EXPECT_EQ(answer.status, 502) << answer.body;
  EXPECT_NE(answer.json().at("type"), "/problems/clone-ambiguous");
  expect_next_is_served();
}

TEST_F(DeadlineTest, IsKeptWhereTheNameDoesNotResolve) {
  flow["clone"]["request"]["url"] = "http://api.invalid/clone";
  start_both();
  // How long a resolver takes to know is not ours.
  EXPECT_THAT(post_in_time().status, AnyOf(202, 502));
  expect_next_is_served();
}

TEST_F(DeadlineTest, IsKeptWhereTheCloneTimesOutFirst) {
  flow["clone"]["timeout"] = "200ms";
  flow["clone"]["safe_to_repeat"] = true;
  script(on("/projects/t/clone", hang));
  start_both();
  const auto answer = post_in_time();
  EXPECT_EQ(answer.status, 504) << answer.body;
  expect_next_is_served();
}

TEST_F(DeadlineTest, IsKeptWhereTheUpstreamTakesNoMoreCalls) {
  options.ini["upstream"]["max-calls"] = "1";
  options.ini["upstream"]["reserved-for-clones"] = "1.0";
  script(on("/projects/t/clone", hang));
  start_both();
  const auto first = post_in_time();
  ASSERT_EQ(first.status, 202);
  // Behind it there is no room for another.
  const auto second = post_in_time();
  EXPECT_THAT(second.status, AnyOf(202, 503));
  script();
  api.release();
  // Until they are gone, it looks as if there were none.
  service->wait_for_job(first.json().at("job"), "succeeded");
  if (second.status == 202)
    service->wait_for_job(second.json().at("job"), "succeeded");
  expect_next_is_served();
}

} // namespace handoff::support

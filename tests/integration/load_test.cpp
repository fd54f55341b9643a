// Goal: under load and failing upstreams, every sender has its answer before
// its deadline, no job that was acknowledged is lost, and no sub-action that
// had succeeded is made again. Method: volleys of webhooks from outside at the
// real service, upstreams that hang, fail or are slow; judged by what the
// senders got, what the journal says and what the fake API counted. Times are
// printed, not judged, but for the deadline.

#include "tests/integration/service_test.hpp"
#include "tools/bench/sender.hpp"

#include <algorithm>
#include <future>
#include <iostream>
#include <set>
#include <thread>

namespace handoff::support {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class LoadTest : public ServiceTest {
protected:
  using hits = std::vector<bench::hit>;

  LoadTest() {
    // What stands for the ten seconds of a sender; generous, because others
    // use this machine, too.
    options.ini["deadline"] = {{"limit", "4s"}, {"margin", "1s"}};
    options.ini["upstream"]["max-calls"] = "4000";
    flow["clone"]["safe_to_repeat"] = true;
  }

  static constexpr milliseconds limit{4'000};

  /// Sends `count` webhooks on a connection each, evenly within `spread`, and
  /// returns all answers.
  hits volley(std::size_t count, milliseconds spread = milliseconds{0},
              const std::string& to = "setup") const {
    std::vector<bench::shot> shots;
    for (std::size_t i = 0; i < count; ++i)
      shots.push_back(
        {spread * static_cast<int>(i) / static_cast<int>(count),
         bench::request_bytes(
           "POST", "/hooks/" + to,
           json{{"template", "t"}, {"name", "n" + std::to_string(i)}}.dump())});
    return bench::fire(service->port(), shots);
  }

  static std::size_t count_of(const hits& all, int status) {
    return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [status](const auto& each) {
        return each.status == status;
      }));
  }

  /// The jobs that were acknowledged.
  static std::vector<std::string> jobs_of(const hits& all) {
    std::vector<std::string> jobs;
    for (const auto& each : all)
      if (each.status == 200 || each.status == 202)
        jobs.push_back(json::parse(each.body).at("job"));
    return jobs;
  }

  static std::size_t in_time(const hits& all, milliseconds patience = limit) {
    return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [patience](const auto& each) {
        return each.status != 0
            && each.milliseconds() < static_cast<double>(patience.count());
      }));
  }

  /// Waits for each job to succeed; gives how many do not.
  std::size_t lost(const std::vector<std::string>& jobs) const {
    std::size_t count = 0;
    for (const auto& job : jobs)
      try {
        service->wait_for_job(job, "succeeded", seconds{60});
      } catch (const std::exception& failed) {
        if (++count == 1)
          ADD_FAILURE() << failed.what();
      }
    return count;
  }

  /// Successes of sub-actions beyond the first of each.
  static std::size_t repeated(const fake_api& upstream) {
    std::size_t count = 0;
    const auto counts = upstream.counts();
    for (const auto& [key, seen] : counts.at("keys").items())
      if (!key.ends_with(".clone") && seen.at("successes") > 1)
        count += seen.at("successes").get<std::size_t>() - 1;
    return count;
  }

  /// Expects what holds whatever happens, and prints it. Where the answers to
  /// sub-actions were lost, up to `unknown` of these may be repeated.
  void expect_nothing_lost(const hits& all, const fake_api& sub_actions_at,
                           steady_clock::time_point healed,
                           std::size_t unknown = 0) const {
    const auto answered = in_time(all);
    const auto gone = lost(jobs_of(all));
    const auto again = repeated(sub_actions_at);
    std::cout
      << "answers in time: " << answered << " of " << all.size()
      << ", jobs lost: " << gone << " of " << jobs_of(all).size()
      << ", sub-actions repeated: " << again << ", recovered in "
      << duration_cast<milliseconds>(steady_clock::now() - healed).count()
      << " ms" << std::endl;
    EXPECT_EQ(answered, all.size());
    EXPECT_EQ(gone, 0u);
    EXPECT_LE(again, unknown);
  }

  /// How many actors have died, as the admin side tells.
  int restarts_of(const std::string& actors) const {
    const auto tree = service->admin("GET", "/api/v1/supervisor").json();
    return tree.at("restarts").at(actors).get<int>();
  }

  struct attempt_counts {
    int failed = 0;  ///< with 503
    int put_off = 0; ///< not counted
  };

  /// Of the sub-actions of all these jobs.
  attempt_counts attempts_of(const std::vector<std::string>& jobs) const {
    attempt_counts count;
    for (const auto& job : jobs) {
      const auto record = service->job(job);
      for (const auto& each : record.at("sub_actions"))
        for (const auto& made : each.at("attempts")) {
          count.failed += made.at("http_status") == 503 ? 1 : 0;
          count.put_off += made.at("counted") == false ? 1 : 0;
        }
    }
    return count;
  }

  /// The flow, but called `name` and with its sub-actions at another upstream.
  json flow_at(const std::string& name, const fake_api& upstream) const {
    auto made = flow;
    made["name"] = name;
    for (auto& each : made["sub_actions"])
      each["request"]["url"] =
        upstream.url("/projects/{{uid}}/" + each["name"].get<std::string>());
    return made;
  }
};

TEST_F(LoadTest, AnswersEverybodyWhileTheUpstreamHangs) {
  script(on("/projects/*/clone", hang));
  start();
  const auto all = volley(500, milliseconds{500});
  EXPECT_EQ(count_of(all, 202), all.size());
  EXPECT_EQ(api.counts("POST /projects/t/clone")["in_flight"], 500);
  script();
  const auto healed = steady_clock::now();
  EXPECT_EQ(api.release(), 500u);
  expect_nothing_lost(all, api, healed);
}

TEST_F(LoadTest, FinishesEveryJobWhoseCloneIsSlowerThanTheDeadline) {
  options.ini["deadline"] = {{"limit", "1s"}, {"margin", "500ms"}};
  script(on("/projects/*/clone", json{{"delay", "2s"}}));
  start();
  const auto sent = steady_clock::now();
  const auto all = volley(200, milliseconds{200});
  EXPECT_EQ(count_of(all, 202), all.size());
  EXPECT_EQ(in_time(all, seconds{1}), all.size());
  expect_nothing_lost(all, api, sent);
}

TEST_F(LoadTest, FinishesEveryJobWhoseWorkersDie) {
  options.environment["HANDOFF_FAULT_AT"] =
    "sub_action:50,sub_action:100,sub_action:150,sub_action:200,sub_action:250";
  start();
  const auto sent = steady_clock::now();
  const auto all = volley(50, milliseconds{100});
  EXPECT_EQ(count_of(all, 200), all.size());
  expect_nothing_lost(all, api, sent);
  EXPECT_EQ(restarts_of("sub_actions"), 5);
}

TEST_F(LoadTest, FinishesEveryJobWhoseSupervisorDies) {
  constexpr std::size_t deaths = 5;
  options.environment["HANDOFF_FAULT_AT"] =
    "job_supervisor:50,job_supervisor:100,job_supervisor:150,"
    "job_supervisor:200,job_supervisor:250";
  start();
  const auto sent = steady_clock::now();
  const auto all = volley(50, milliseconds{100});
  EXPECT_EQ(count_of(all, 200), all.size());
  // What its three workers had under way, nobody learned the end of.
  expect_nothing_lost(all, api, sent, 3 * deaths);
  EXPECT_EQ(restarts_of("job_supervisors"), static_cast<int>(deaths));
}

TEST_F(LoadTest, HoldsBackWhatAnUnwellUpstreamRefuses) {
  // The breaker of the sub-actions' host opens; what waits for it is no
  // attempt, however long it waits.
  options.ini["upstream"]["breaker-failures"] = "5";
  options.ini["upstream"]["breaker-open"] = "200ms";
  options.ini["retry"]["attempt-timeout"] = "500ms";
  fake_api unwell{json::array({on("/**", status(503))})};
  flow = flow_at("setup", unwell);
  start();
  const auto all = volley(40);
  EXPECT_EQ(count_of(all, 200), all.size());
  std::this_thread::sleep_for(milliseconds{1'000});
  const auto refused = unwell.counts()["requests"].get<int>();
  EXPECT_LT(refused, 40 * 6) << "the breaker holds most of them back";
  unwell.set_script(json::array());
  expect_nothing_lost(all, unwell, steady_clock::now());
  const auto seen = attempts_of(jobs_of(all));
  EXPECT_EQ(seen.put_off, 0);
  EXPECT_EQ(seen.failed, unwell.counts()["requests"].get<int>() - 40 * 6);
  std::cout << seen.failed << " attempts failed" << std::endl;
}

TEST_F(LoadTest, SlowsNoJobOfAnUpstreamThatLivesBesideADeadOne) {
  options.ini["upstream"]["max-calls"] = "16";
  fake_api dead{json::array({on("/**", hang)})};
  auto of_dead = flow_at("dead", dead);
  options.flows = {flow, of_dead};
  service = std::make_unique<handoff_service>(options);
  const auto stuck = volley(50, milliseconds{0}, "dead");
  EXPECT_EQ(count_of(stuck, 200), stuck.size());
  ASSERT_TRUE(dead.wait_until(
    [](const json& counts) { return counts["in_flight"] == 8; }))
    << "as many as sub-actions may have under way at one host";
  const auto alive = volley(50);
  EXPECT_EQ(count_of(alive, 200), alive.size());
  expect_nothing_lost(alive, api, steady_clock::now());
  EXPECT_EQ(dead.counts()["answered"], 0) << "the others were waited for";
  EXPECT_EQ(dead.counts()["in_flight"], 8);
  dead.set_script(json::array());
  const auto healed = steady_clock::now();
  dead.release();
  expect_nothing_lost(stuck, dead, healed);
}

TEST_F(LoadTest, CarriesWhatItCanUnderFiveTimesThat) {
  // Four clones at once of 100 ms each: 40 a second, of which 200 come.
  constexpr int at_once = 4;
  constexpr std::size_t count = 1'000;
  options.ini["upstream"]["max-calls"] = std::to_string(at_once);
  flow["sub_actions"] = json::array();
  script(on("/projects/*/clone", json{{"delay", "100ms"}}));
  start();
  // So that it knows how long one takes.
  for (int i = 0; i < 10; ++i)
    accept_job();
  api.reset();
  auto sender =
    std::async(std::launch::async, [&] { return volley(count, seconds{5}); });
  std::vector<std::string> jobs_here;
  int told_when = 0;
  int refused_here = 0;
  while (sender.wait_for(milliseconds{100}) != std::future_status::ready) {
    // Does not wait for its clone, but is refused as all the others are.
    const auto answer = post({{"Prefer", "wait=0"}});
    if (answer.status != 503) {
      jobs_here.push_back(answer.json().at("job"));
      continue;
    }
    ++refused_here;
    const auto later = answer.header("Retry-After");
    EXPECT_FALSE(answer.json().contains("job"));
    told_when +=
      !later.empty() && std::stoi(later) >= 1 && std::stoi(later) <= 60 ? 1 : 0;
  }
  const auto all = sender.get();
  const auto healed = steady_clock::now();
  const auto refused = count_of(all, 503);
  EXPECT_EQ(jobs_of(all).size() + refused, all.size());
  EXPECT_GT(refused, count / 4);
  EXPECT_GT(refused_here, 0);
  EXPECT_EQ(told_when, refused_here) << "a refusal says when to come again";
  EXPECT_GT(count_of(all, 200), 0u);
  expect_nothing_lost(all, api, healed);
  EXPECT_EQ(lost(jobs_here), 0u);

  const auto counts = api.counts();
  EXPECT_EQ(counts["concurrent"], at_once);
  EXPECT_EQ(counts["requests"], counts["answered"]);
  // How much of the time its calls were taken up, from the first to the last.
  std::int64_t busy = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  for (const auto& each : api.requests("path=/projects/*/clone")) {
    const auto started = each.at("started_ms").get<std::int64_t>();
    const auto finished = each.at("finished_ms").get<std::int64_t>();
    begin = begin == 0 ? started : std::min(begin, started);
    end = std::max(end, finished);
    busy += finished - started;
  }
  const auto share =
    static_cast<double>(busy) / static_cast<double>(at_once * (end - begin));
  EXPECT_GT(share, 0.5) << "calls stood idle while senders were refused";
  std::vector<double> refusals;
  for (const auto& each : all)
    if (each.status == 503)
      refusals.push_back(each.milliseconds());
  std::sort(refusals.begin(), refusals.end());
  std::cout << count_of(all, 200) << " times 200, " << count_of(all, 202)
            << " times 202, " << refused << " times 503 (half of them within "
            << refusals[refusals.size() / 2] << " ms, all within "
            << refusals.back() << " ms); calls taken up "
            << static_cast<int>(100 * share) << " % of the time" << std::endl;
}

TEST_F(LoadTest, AnswersAThousandHeldWebhooksWhenItIsStopped) {
  // Half of the clones are done while it drains, the other half never is. The
  // next start makes those again: the flow says that it may.
  constexpr std::size_t count = 1'000;
  options.ini["deadline"] = {{"limit", "30s"}, {"margin", "1s"}};
  options.ini["drain"]["timeout"] = "5s";
  auto clones = on("/projects/*/clone", json{{"delay", "3s"}}, hang);
  clones["then"] = "repeat";
  script(clones);
  start();
  auto sender = std::async(std::launch::async,
                           [&] { return volley(count, milliseconds{500}); });
  ASSERT_TRUE(wait_for_requests("POST /projects/t/clone", count));
  EXPECT_EQ(service->stop(SIGTERM), 0) << service->log();
  const auto all = sender.get();
  EXPECT_EQ(count_of(all, 200) + count_of(all, 202), count);
  EXPECT_GE(count_of(all, 200), count / 2);
  EXPECT_EQ(in_time(all, seconds{30}), count);
  script();
  const auto started = steady_clock::now();
  service->restart();
  std::cout << count_of(all, 200) << " times 200, " << count_of(all, 202)
            << " times 202" << std::endl;
  const auto jobs = jobs_of(all);
  EXPECT_EQ((std::set<std::string>{jobs.begin(), jobs.end()}.size()), count);
  const auto gone = lost(jobs);
  std::cout
    << "answers in time: " << in_time(all, seconds{30}) << " of " << count
    << ", jobs lost: " << gone << " of " << jobs.size()
    << ", sub-actions repeated: " << repeated(api) << ", recovered in "
    << duration_cast<milliseconds>(steady_clock::now() - started).count()
    << " ms" << std::endl;
  EXPECT_EQ(gone, 0u);
  EXPECT_EQ(repeated(api), 0u);
}

} // namespace handoff::support

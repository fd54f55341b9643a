#include "tests/integration/crash_test.hpp"

#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

CrashTest::CrashTest() {
  script(on("/projects/*/clone", json{{"body", {{"id", "{{seq}}"}}}}),
         on("/made", json{{"body", {{"id", "{{made/key}}"}}}}));
}

void CrashTest::choose(unknown_clone what) {
  auto& clone = flow["clone"];
  // A crash uses up an attempt, as any other unknown outcome does.
  clone["retry"] = {{"max_attempts", 100}, {"first", "2ms"}, {"max", "5ms"}};
  if (what == unknown_clone::probed)
    clone["probe"] = {
      {"request",
       {{"method", "GET"}, {"url", api.url("/made?key={{job}}.clone")}}},
      {"uid", "/id"},
      {"every", "5ms"},
      {"for", "10ms"}};
  else if (what == unknown_clone::repeated)
    clone["safe_to_repeat"] = true;
}

void CrashTest::kill_and_restart() {
  service->kill();
  service->set_environment({});
  service->restart();
}

std::vector<nlohmann::json> CrashTest::jobs() const {
  std::vector<json> all;
  std::string cursor;
  do {
    const auto answer =
      service->admin("GET", "/api/v1/jobs?limit=1000" + cursor);
    if (answer.status != 200)
      throw std::runtime_error("admin: " + answer.body);
    const auto page = answer.json();
    for (const auto& each : page.at("jobs"))
      all.push_back(each);
    cursor = page.at("next").is_null()
             ? ""
             : "&cursor=" + page.at("next").get<std::string>();
  } while (!cursor.empty());
  return all;
}

std::vector<nlohmann::json>
CrashTest::wait_until_settled(milliseconds timeout) const {
  const auto end = steady_clock::now() + timeout;
  for (;;) {
    const auto unfinished =
      service->admin("GET", "/api/v1/jobs?limit=1&status=cloning")
        .json()["jobs"]
        .size()
      + service->admin("GET", "/api/v1/jobs?limit=1&status=running")
          .json()["jobs"]
          .size();
    if (unfinished == 0)
      break;
    if (steady_clock::now() >= end)
      throw std::runtime_error("not settled: " + json(jobs()).dump(2)
                               + service->log());
    std::this_thread::sleep_for(milliseconds{10});
  }
  std::vector<json> whole;
  for (const auto& each : jobs())
    whole.push_back(service->job(each.at("job")));
  return whole;
}

int CrashTest::resolve_ambiguous() {
  const auto sent = clones_sent();
  int count = 0;
  for (const auto& each : jobs()) {
    if (each.at("status") != "ambiguous")
      continue;
    ++count;
    const auto id = each.at("job").get<std::string>();
    json found = {{"clone", "again"}};
    if (sent.contains(id))
      found = {{"uid", api.requests("key=" + id + ".clone")[0].at("seq")}};
    const auto answer =
      service->admin("POST", "/api/v1/jobs/" + id + "/resolve", found.dump());
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  return count;
}

int CrashTest::retry_failed() {
  int count = 0;
  for (const auto& each : jobs()) {
    if (each.at("status") != "failed")
      continue;
    ++count;
    const auto path =
      "/api/v1/jobs/" + each.at("job").get<std::string>() + "/retry";
    const auto answer = service->admin("POST", path);
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  return count;
}

std::map<std::string, int> CrashTest::clones_sent() const {
  std::map<std::string, int> sent;
  const auto keys = api.counts().at("keys");
  for (const auto& [key, seen] : keys.items())
    if (key.ends_with(".clone"))
      sent[key.substr(0, key.find('.'))] = seen.at("requests");
  return sent;
}

int CrashTest::expect_each_sub_action_once(
  const std::vector<nlohmann::json>& jobs) {
  const auto keys = api.counts().at("keys");
  int repeats = 0;
  for (const auto& job : jobs) {
    EXPECT_EQ(job.at("status"), "succeeded") << job.dump(2);
    EXPECT_EQ(job.at("sub_actions").size(), sub_actions);
    for (const auto& sub : job.at("sub_actions")) {
      const auto key = job.at("job").get<std::string>() + "."
                     + sub.at("name").get<std::string>();
      const auto& attempts = sub.at("attempts");
      for (std::size_t at = 0; at < attempts.size(); ++at) {
        EXPECT_EQ(attempts[at].at("http_status") == 200,
                  at + 1 == attempts.size())
          << "an attempt after a journaled success: " << sub.dump(2);
      }
      if (!keys.contains(key)) {
        ADD_FAILURE() << key << " was never called";
        continue;
      }
      const auto successes = keys.at(key).at("successes").get<int>();
      EXPECT_GE(successes, 1) << key;
      repeats += successes - 1;
    }
  }
  return repeats;
}

} // namespace handoff::support

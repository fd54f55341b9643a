#include "tests/nodes/harmed_nodes.hpp"

#include "job/rfc3339.hpp"

#include <algorithm>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::array steps{"s1", "s2", "s3"};

/// The names that requests of a node have, one for each start.
constexpr auto start_variable = "HANDOFF_TEST_START";

std::string start_name(std::size_t n, int start) {
  return "start-of-node-" + std::to_string(n) + "-" + std::to_string(start);
}

bool is_final(const std::string& status) {
  return status != "cloning" && status != "running";
}

} // namespace

void HarmedNodesTest::SetUp() {
  SharedJournalTest::SetUp();
  if (IsSkipped())
    return;
  const json slow = {{"delay", "20ms"}, {"jitter", "60ms"}};
  auto cloned = slow;
  cloned["body"] = {{"id", "{{seq}}"}};
  script(on("/projects/*/clone", cloned),
         on("/made", json{{"body", {{"id", "{{made/key}}"}}}}),
         on("/**", slow));
  flow["clone"]["request"]["headers"] = {
    {"X-Start", std::string{"${env:"} + start_variable + "}"}};
  flow["clone"]["retry"] = {
    {"max_attempts", 100}, {"first", "5ms"}, {"max", "20ms"}};
  flow["sub_actions"] = json::array();
  for (const auto* name : steps) {
    auto step = sub_action(name);
    step["request"]["headers"] = flow["clone"]["request"]["headers"];
    flow["sub_actions"].push_back(step);
  }
  options.ini["drain"]["timeout"] = "5s";
  options.ini["deadline"]["limit"] = "10s";
  // What is taken for lost is looked for by people, not by this test.
  options.ini["retry"]["max-attempts"] = "1000";
}

void HarmedNodesTest::note_number(std::size_t n) {
  const auto log = nodes_[n]->log();
  constexpr std::string_view before = "handoff: node ";
  const auto at = log.find(before);
  if (at == std::string::npos)
    throw std::runtime_error{"it does not tell its number: " + log};
  numbers_[n] = std::stoll(log.substr(at + before.size()));
  number_by_start_[start_name(n, starts_[n])] = numbers_[n];
  ports_[n] = nodes_[n]->port();
}

void HarmedNodesTest::start_nodes() {
  auto blunt = flow;
  blunt["name"] = "blunt";
  flow["clone"]["probe"] = {
    {"request",
     {{"method", "GET"}, {"url", api.url("/made?key={{job}}.clone")}}},
    {"uid", "/id"},
    {"every", "20ms"},
    {"for", "200ms"}};
  for (std::size_t n = 0; n < node_count; ++n) {
    ways_.push_back(std::make_unique<cut_proxy>(cluster().socket()));
    auto own = options;
    own.flows = {flow, blunt};
    own.environment[start_variable] = start_name(n, 0);
    own.ini["journal"]["node"] = "\"node-" + std::to_string(n) + "\"";
    own.ini["journal"]["uri"] =
      "\"postgresql://handoff@127.0.0.1:" + std::to_string(ways_[n]->port())
      + "/" + database + "?sslmode=disable\"";
    nodes_.push_back(std::make_unique<handoff_service>(std::move(own)));
    note_number(n);
  }
  // Who declared whom dead, and when: the row itself is written again later.
  cluster().run("CREATE TABLE public.deaths (no bigint, at_ms bigint)",
                database);
  cluster().run("CREATE FUNCTION public.note_death() RETURNS trigger LANGUAGE "
                "plpgsql AS $$BEGIN INSERT INTO public.deaths VALUES (new.no, "
                "extract(epoch FROM clock_timestamp()) * 1000); RETURN NULL; "
                "END$$",
                database);
  cluster().run("CREATE TRIGGER deaths AFTER UPDATE OF state ON handoff.nodes "
                "FOR EACH ROW WHEN (new.state = 3 AND old.state < 3) EXECUTE "
                "FUNCTION public.note_death()",
                database);
}

void HarmedNodesTest::restart(std::size_t n) {
  ++starts_[n];
  nodes_[n]->set_environment({{start_variable, start_name(n, starts_[n])}});
  nodes_[n]->restart();
  note_number(n);
}

bool HarmedNodesTest::send_once(std::size_t node, const std::string& to,
                                const std::string& key) {
  try {
    const auto answer = request(
      ports_[node], "POST", "/hooks/" + to,
      {{"Content-Type", "application/json"}, {"Idempotency-Key", key}},
      json{{"template", "t"}, {"name", key}}.dump(), milliseconds{15'000});
    const std::lock_guard lock{mutex_};
    if (answer.status / 100 == 2)
      acknowledged_[key].push_back(answer.json());
    else if (answer.status != 503)
      wrong_.push_back(key + " got " + answer.body);
    if (answer.status == 503 && !draining_[node])
      ++refusals_;
    return answer.status != 503;
  } catch (const http_client_error&) {
    if (!draining_[node])
      ++refusals_;
    return false; // It was killed, is stopped, or is not there yet.
  }
}

void HarmedNodesTest::send_many(int sender) {
  for (int number = 0; !enough_; ++number) {
    const auto key = std::to_string(turn_) + "-" + std::to_string(sender) + "-"
                   + std::to_string(number);
    const auto* const to = number % 2 == 0 ? "setup" : "blunt";
    auto at = static_cast<std::size_t>(sender + number);
    const auto give_up = clock::now() + seconds{120};
    while (!send_once(at++ % node_count, to, key)) {
      if (clock::now() > give_up) {
        const std::lock_guard lock{mutex_};
        wrong_.push_back(key + " was not taken in 120 s");
        break;
      }
      std::this_thread::sleep_for(pause_);
    }
    std::this_thread::sleep_for(pause_);
  }
}

void HarmedNodesTest::begin_load(int senders, milliseconds pause) {
  enough_ = false;
  pause_ = pause;
  ++turn_;
  for (int sender = 0; sender < senders; ++sender)
    senders_.emplace_back([this, sender] { send_many(sender); });
}

void HarmedNodesTest::end_load() {
  enough_ = true;
  for (auto& each : senders_)
    each.join();
  senders_.clear();
}

bool HarmedNodesTest::was_declared_dead(std::int64_t number) const {
  return cluster().ask("SELECT count(*) FROM public.deaths WHERE no = "
                         + std::to_string(number),
                       database)
      != "0";
}

std::size_t HarmedNodesTest::deaths() const {
  return std::stoul(
    cluster().ask("SELECT count(*) FROM public.deaths", database));
}

std::size_t HarmedNodesTest::jobs_of(std::int64_t number) const {
  return std::stoul(cluster().ask(
    "SELECT count(*) FROM handoff.jobs WHERE owner = " + std::to_string(number),
    database));
}

std::size_t HarmedNodesTest::ambiguous_now() const {
  return std::stoul(cluster().ask(
    "SELECT count(*) FROM handoff.jobs WHERE status = 6", database));
}

std::map<std::string, nlohmann::json> HarmedNodesTest::jobs() const {
  std::map<std::string, json> all;
  std::string cursor;
  do {
    http_response answer;
    // A connection that a fault has cut is noticed by who asks.
    EXPECT_TRUE(wait_for(
      [&] {
        answer = nodes_[0]->admin("GET", "/api/v1/jobs?limit=1000" + cursor);
        return answer.status == 200;
      },
      seconds{120}))
      << answer.body;
    const auto page = answer.json();
    for (const auto& each : page.at("jobs"))
      all[each.at("job")] = each;
    cursor = page.at("next").is_null()
             ? ""
             : "&cursor=" + page.at("next").get<std::string>();
  } while (!cursor.empty());
  return all;
}

std::map<std::string, std::vector<HarmedNodesTest::seen_request>>
HarmedNodesTest::ledger() const {
  std::map<std::string, std::vector<seen_request>> all;
  const auto text = request(api.port(), "GET", "/_fake/requests").json();
  EXPECT_EQ(text.at("forgotten"), 0);
  for (const auto& each : text.at("requests")) {
    const auto& fields = each.at("headers");
    if (!fields.contains("X-Start"))
      continue; // a probe
    all[fields.at("Idempotency-Key").get<std::string>()].push_back(
      {each.at("started_ms").get<std::int64_t>(),
       fields.at("X-Start").get<std::string>(),
       each.at("outcome") == "answered"
         && each.at("status").get<int>() / 100 == 2});
  }
  return all;
}

void HarmedNodesTest::count_requests_of_dead(
  const std::map<std::string, std::vector<seen_request>>& all,
  counts& found) const {
  std::map<std::string, std::int64_t> died;
  for (const auto& [start, number] : number_by_start_) {
    const auto at =
      cluster().ask("SELECT min(at_ms) FROM public.deaths WHERE no = "
                      + std::to_string(number),
                    database);
    if (!at.empty())
      died[start] = std::stoll(at);
  }
  for (const auto& [key, requests] : all)
    for (const auto& each : requests) {
      ++found.requests;
      const auto dead = died.find(each.from);
      // Both clocks are this machine's, in whole milliseconds.
      if (dead == died.end() || each.began_ms <= dead->second + 1)
        continue;
      ++found.requests_of_dead;
      ADD_FAILURE() << key << " was sent by " << each.from << " "
                    << each.began_ms - dead->second
                    << " ms after it was declared dead";
    }
}

void HarmedNodesTest::count_steps(
  const json& shown,
  const std::map<std::string, std::vector<seen_request>>& all,
  counts& found) const {
  const auto job = shown.at("job").get<std::string>();
  for (const auto* step : steps) {
    const auto requests = all.find(job + "." + step);
    if (requests == all.end()) {
      ADD_FAILURE() << job << " has succeeded without " << step;
      continue;
    }
    if (requests->second.size() == 1)
      continue;
    const auto document = nodes_[0]->job(job);
    const auto& list = document.at("sub_actions");
    const auto record =
      std::find_if(list.begin(), list.end(),
                   [&](const json& each) { return each.at("name") == step; });
    const auto& last = record->at("attempts").back();
    const auto ended =
      parse_rfc3339(last.at("started").get<std::string>())->count()
      + last.at("waiting_ms").get<std::int64_t>()
      + last.at("duration_ms").get<std::int64_t>();
    std::size_t successes = 0;
    for (const auto& each : requests->second) {
      successes += each.succeeded ? 1 : 0;
      if (each.began_ms <= ended + 2)
        continue;
      ++found.repeated_successes;
      ADD_FAILURE() << job << "." << step << " was sent again "
                    << each.began_ms - ended
                    << " ms after the success that is journaled: " << document;
    }
    EXPECT_GE(successes, 1u) << job << "." << step;
    found.repeats += successes - std::min<std::size_t>(1, successes);
  }
}

void HarmedNodesTest::expect_whole_rows() {
  EXPECT_EQ(cluster().ask("SELECT count(*) FROM (SELECT job, count(*) AS n, "
                          "max(row) AS last, min(row) AS first FROM "
                          "handoff.events GROUP BY job) e WHERE first <> 0 OR "
                          "last <> n - 1",
                          database),
            "0")
    << "a job has a gap in its rows";
  EXPECT_EQ(cluster().ask("SELECT count(*) FROM handoff.jobs WHERE owner IS "
                          "NOT NULL OR finished IS NULL AND status <> 6",
                          database),
            "0")
    << "a job that is final still has an owner";
}

HarmedNodesTest::counts HarmedNodesTest::count() {
  counts found;
  {
    const std::lock_guard lock{mutex_};
    EXPECT_TRUE(wrong_.empty()) << wrong_.size() << ": " << wrong_.front();
  }
  std::map<std::string, json> all;
  EXPECT_TRUE(wait_for(
    [&] {
      all = jobs();
      return std::all_of(all.begin(), all.end(), [](const auto& each) {
        return is_final(each.second.at("status"));
      });
    },
    seconds{60}));
  const auto requests = ledger();
  count_requests_of_dead(requests, found);
  found.jobs = all.size();
  for (const auto& [job, shown] : all) {
    const auto status = shown.at("status").get<std::string>();
    found.cancelled += status == "cancelled" ? 1 : 0;
    if (status == "ambiguous") {
      ++found.ambiguous;
      EXPECT_EQ(shown.at("flow"), "blunt") << nodes_[0]->job(job);
    }
    EXPECT_NE(status, "failed") << nodes_[0]->job(job);
    const auto cloned = requests.find(job + ".clone");
    if (cloned != requests.end() && cloned->second.size() > 1) {
      ++found.doubled_clones;
      ADD_FAILURE() << "cloned " << cloned->second.size()
                    << " times: " << nodes_[0]->job(job);
    }
    if (status == "succeeded")
      count_steps(shown, requests, found);
  }
  found.acknowledged = acknowledged_.size();
  for (const auto& [key, answers] : acknowledged_)
    for (const auto& answer : answers) {
      EXPECT_EQ(answer.at("job"), answers[0].at("job")) << key;
      const auto job = all.find(answer.at("job"));
      const auto status =
        job == all.end() ? "" : job->second.at("status").get<std::string>();
      if (status == "succeeded" || status == "ambiguous")
        continue;
      ++found.lost;
      ADD_FAILURE() << "lost: " << key << ", answered " << answer;
    }
  expect_whole_rows();
  return found;
}

} // namespace handoff::support

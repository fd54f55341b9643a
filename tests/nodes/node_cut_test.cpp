// Goal: a node that is cut off from the database, however it is, does nothing
// that others cannot know of, and they do its work; an outage that hits all
// costs nobody anything. Method: a proxy between each node and the database.

#include "tests/nodes/shared_journal_test.hpp"
#include "tests/support/cut_proxy.hpp"

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using cut = cut_proxy::cut;

class NodesCutTest : public SharedJournalTest {
protected:
  static constexpr seconds lease{3};

  /// A node that reaches the database by a way of its own.
  handoff_service& start_behind_proxy(const std::string& name) {
    ways_.push_back(std::make_unique<cut_proxy>(cluster().socket()));
    auto own = options;
    own.flows = {flow};
    own.ini["journal"]["node"] = '"' + name + '"';
    own.ini["journal"]["uri"] =
      "\"postgresql://handoff@127.0.0.1:" + std::to_string(ways_.back()->port())
      + "/" + database + "?sslmode=disable\"";
    nodes_.push_back(std::make_unique<handoff_service>(std::move(own)));
    return *nodes_.back();
  }

  std::size_t dead() const {
    return std::stoul(cluster().ask(
      "SELECT count(*) FROM handoff.nodes WHERE state >= 3", database));
  }

  std::vector<std::unique_ptr<cut_proxy>> ways_;
  std::vector<std::unique_ptr<handoff_service>> nodes_;
};

TEST_F(NodesCutTest, DoesTheWorkOfNodesThatAreCutOff) {
  constexpr std::array kinds{cut::both, cut::to_server, cut::to_client,
                             cut::half_open};
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  for (std::size_t n = 0; n < kinds.size(); ++n)
    start_behind_proxy("cut-" + std::to_string(n));
  const auto survivor = start_node("survivor");
  std::vector<std::string> jobs;
  for (const auto& node : nodes_)
    jobs.push_back(accept_job_at(*node));
  ASSERT_TRUE(wait_for_in_flight(12));
  for (std::size_t n = 0; n < kinds.size(); ++n)
    ways_[n]->set(kinds[n]);
  const auto from = clock::now();
  EXPECT_TRUE(wait_for([&] { return dead() == kinds.size(); }));
  // What it has taken over by now hangs, too; what the others have under way is
  // answered, and nothing comes of it.
  script();
  api.release();
  for (const auto& job : jobs)
    survivor->wait_for_job(job, "succeeded");
  EXPECT_LT(clock::now() - from, lease + seconds{5});
  for (const auto& node : nodes_) {
    const auto refused = post_to(*node);
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_EQ(node->admin("GET", "/livez").status, 200);
  }
  const auto requests = api.counts()["requests"];
  for (const auto& way : ways_)
    way->set(cut::none);
  for (const auto& node : nodes_)
    EXPECT_EQ(node->program().wait(seconds{30}), 1) << node->log();
  EXPECT_EQ(api.counts()["requests"], requests);
  for (const auto& job : jobs)
    EXPECT_EQ(survivor->job(job).at("status"), "succeeded");
}

TEST_F(NodesCutTest, MakesNothingAmbiguousByAnOutageThatHitsAll) {
  script(on("/projects/*/clone", hang));
  for (const auto* name : {"a", "b", "c"})
    start_behind_proxy(name);
  std::vector<std::string> jobs;
  for (const auto& node : nodes_) {
    const auto answer = post_to(*node, {{"Prefer", "respond-async"}});
    ASSERT_EQ(answer.status, 202) << answer.body;
    jobs.push_back(answer.json().at("job"));
  }
  ASSERT_TRUE(wait_for_in_flight(3));
  for (const auto& way : ways_)
    way->set(cut::both);
  std::this_thread::sleep_for(lease + seconds{1});
  EXPECT_EQ(post_to(*nodes_[0]).status, 503);
  // The clones come to an end while nothing of it can be journaled.
  script();
  api.release();
  std::this_thread::sleep_for(lease);
  for (const auto& way : ways_)
    way->set(cut::none);
  for (std::size_t n = 0; n < jobs.size(); ++n)
    nodes_[n]->wait_for_job(jobs[n], "succeeded");
  EXPECT_EQ(dead(), 0u);
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 3);
}

// Goal: one key, one job, wherever its senders post it, and an answer for each
// in time, also if the node that makes the job is killed. Method: senders of
// each key at all nodes at once. HANDOFF_KEYS and HANDOFF_SENDERS say how many.
TEST_F(NodesCutTest, MakesOneJobOfEachKeyWhoseNodeIsKilled) {
  const auto number = [](const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::atoi(text) : otherwise;
  };
  const int keys = number("HANDOFF_KEYS", 40);
  const int senders = number("HANDOFF_SENDERS", 6);
  options.ini["deadline"]["limit"] = "5s";
  script(on("/projects/*/clone",
            json{{"delay", "100ms"}, {"body", {{"id", "{{seq}}"}}}}),
         on("/made", json{{"body", {{"id", "{{made/key}}"}}}}));
  flow["sub_actions"] = json::array();
  flow["clone"]["probe"] = {
    {"request",
     {{"method", "GET"}, {"url", api.url("/made?key={{job}}.clone")}}},
    {"uid", "/id"},
    {"every", "20ms"},
    {"for", "200ms"}};
  for (const auto* name : {"a", "b", "c"})
    nodes_.push_back(start_node(name));
  const std::array ports{nodes_[0]->port(), nodes_[1]->port(),
                         nodes_[2]->port()};
  std::mutex mutex;
  std::map<std::string, std::set<std::string>> jobs_of;
  std::size_t answered = 0;
  milliseconds longest{0};
  const auto send = [&](const std::string& key, std::size_t at) {
    for (;; ++at) {
      const auto from = clock::now();
      try {
        const auto answer = request(
          ports[at % ports.size()], "POST", "/hooks/setup",
          {{"Content-Type", "application/json"}, {"Idempotency-Key", key}},
          R"({"template":"t"})");
        if (answer.status == 503)
          continue;
        const std::scoped_lock lock{mutex};
        EXPECT_TRUE(answer.status == 200 || answer.status == 202)
          << answer.status << answer.body;
        jobs_of[key].insert(answer.json().at("job").get<std::string>());
        ++answered;
        longest = std::max(longest, std::chrono::duration_cast<milliseconds>(
                                      clock::now() - from));
        return;
      } catch (const http_client_error&) {
        std::this_thread::sleep_for(milliseconds{20});
      }
    }
  };
  std::vector<std::thread> all;
  for (int sender = 0; sender < senders; ++sender)
    for (int lane = 0; lane < 4; ++lane)
      all.emplace_back([&, sender, lane] {
        for (int key = lane; key < keys; key += 4)
          send("k" + std::to_string(key), static_cast<std::size_t>(sender));
      });
  EXPECT_TRUE(wait_for([&] {
    return api.counts("POST /projects/t/clone")["requests"].get<int>()
        >= keys / 3;
  }));
  nodes_[0]->kill();
  for (auto& each : all)
    each.join();
  EXPECT_EQ(answered, static_cast<std::size_t>(keys * senders));
  EXPECT_LT(longest, milliseconds{6'000});
  EXPECT_EQ(jobs_of.size(), static_cast<std::size_t>(keys));
  for (const auto& [key, jobs] : jobs_of) {
    EXPECT_EQ(jobs.size(), 1u) << key;
    nodes_[1]->wait_for_job(*jobs.begin(), "succeeded");
  }
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], keys);
}

} // namespace handoff::support

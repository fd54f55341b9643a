// Goal: under load at all of three nodes, whatever becomes of one of them or of
// the database loses nothing that was answered, makes no clone twice, and one
// key stays one job. Method: senders repeat their webhooks, each with its own
// Idempotency-Key and each time at another node, until they have a 2xx, while
// nodes are killed, stopped for longer and shorter than their lease and ended,
// and the database is crashed. HANDOFF_SEED sets the seed and
// HANDOFF_NODE_FAULTS the number of faults.

#include "tests/nodes/shared_journal_test.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <vector>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;

class NodesFaultsTest : public SharedJournalTest {
protected:
  static constexpr std::size_t node_count = 3;
  static constexpr int senders = 6;
  static constexpr seconds lease{3};

  void SetUp() override {
    SharedJournalTest::SetUp();
    if (IsSkipped())
      return;
    script(on("/projects/*/clone", json{{"body", {{"id", "{{seq}}"}}}}),
           on("/made", json{{"body", {{"id", "{{made/key}}"}}}}));
    auto& clone = flow["clone"];
    clone["retry"] = {{"max_attempts", 100}, {"first", "5ms"}, {"max", "20ms"}};
    clone["probe"] = {
      {"request",
       {{"method", "GET"}, {"url", api.url("/made?key={{job}}.clone")}}},
      {"uid", "/id"},
      {"every", "5ms"},
      {"for", "10ms"}};
    flow["sub_actions"] = json::array();
    for (const auto* name : {"s1", "s2", "s3"})
      flow["sub_actions"].push_back(sub_action(name));
    options.ini["drain"]["timeout"] = "5s";
    options.ini["deadline"]["limit"] = "10s";
  }

  static long number_from(const char* variable, long otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::strtol(text, nullptr, 10) : otherwise;
  }

  void start_nodes() {
    for (std::size_t n = 0; n < node_count; ++n) {
      nodes_.push_back(start_node("node-" + std::to_string(n)));
      ports_[n] = nodes_[n]->port();
    }
  }

  void restart(std::size_t n) {
    nodes_[n]->restart();
    ports_[n] = nodes_[n]->port();
  }

  /// One sender: webhook after webhook, each until it is acknowledged.
  void send_many(int sender) {
    for (int number = 0; !enough_; ++number) {
      const auto key = std::to_string(sender) + "-" + std::to_string(number);
      for (auto node = static_cast<std::size_t>(sender + number);
           !send_once(node % node_count, key) && !given_up_; ++node)
        std::this_thread::sleep_for(milliseconds{10});
      std::this_thread::sleep_for(milliseconds{10});
    }
  }

  bool send_once(std::size_t node, const std::string& key) {
    try {
      const auto answer = request(
        ports_[node], "POST", "/hooks/setup",
        {{"Content-Type", "application/json"}, {"Idempotency-Key", key}},
        json{{"template", "t"}, {"name", key}}.dump(), milliseconds{15'000});
      const std::lock_guard lock{mutex_};
      if (answer.status / 100 == 2)
        acknowledged_[key].push_back(answer.json());
      else if (answer.status != 503)
        wrong_.push_back(key + " got " + answer.body);
      return answer.status != 503;
    } catch (const http_client_error&) {
      return false; // It was killed, is stopped, or is not there yet.
    }
  }

  void kill_one(std::size_t n, std::mt19937& engine) {
    nodes_[n]->kill();
    // At once it takes its own jobs up; later, others have.
    if (engine() % 2 == 0)
      std::this_thread::sleep_for(lease + seconds{2});
    restart(n);
  }

  void stop_one(std::size_t n, std::mt19937& engine) {
    constexpr std::array<double, 3> leases{0.5, 1.0, 2.0};
    const auto pause = lease * leases[engine() % leases.size()];
    nodes_[n]->program().signal(SIGSTOP);
    std::this_thread::sleep_for(pause);
    nodes_[n]->program().signal(SIGCONT);
    // One that was declared dead ends by itself.
    if (const auto code = nodes_[n]->program().wait(seconds{5})) {
      EXPECT_EQ(*code, 1) << nodes_[n]->log();
      restart(n);
    }
  }

  void end_one(std::size_t n) {
    EXPECT_EQ(nodes_[n]->stop(), 0) << nodes_[n]->log();
    restart(n);
  }

  void do_harm(long faults, std::mt19937& engine) {
    for (long done = 0; done < faults; ++done) {
      std::this_thread::sleep_for(milliseconds{200 + engine() % 800});
      const auto n = engine() % node_count;
      switch (engine() % 7) {
      case 0:
      case 1:
        kill_one(n, engine);
        break;
      case 2:
      case 3:
        stop_one(n, engine);
        break;
      case 4:
      case 5:
        end_one(n);
        break;
      default:
        cluster().crash_and_restart();
      }
    }
  }

  std::map<std::string, json> jobs() const {
    std::map<std::string, json> all;
    std::string cursor;
    do {
      const auto page =
        nodes_[0]->admin("GET", "/api/v1/jobs?limit=1000" + cursor).json();
      for (const auto& each : page.at("jobs"))
        all[each.at("job")] = each;
      cursor = page.at("next").is_null()
               ? ""
               : "&cursor=" + page.at("next").get<std::string>();
    } while (!cursor.empty());
    return all;
  }

  std::vector<std::unique_ptr<handoff_service>> nodes_;
  std::array<std::atomic<std::uint16_t>, node_count> ports_{};
  std::atomic<bool> enough_{false};
  std::atomic<bool> given_up_{false};
  std::mutex mutex_;
  std::map<std::string, std::vector<json>> acknowledged_;
  std::vector<std::string> wrong_;
};

TEST_F(NodesFaultsTest, LosesAndDoublesNothing) {
  const auto seed =
    static_cast<unsigned>(number_from("HANDOFF_SEED", 20'261'129));
  const auto faults = number_from("HANDOFF_NODE_FAULTS", 8);
  std::cout << "seed " << seed << std::endl;
  std::mt19937 engine{seed};
  start_nodes();
  const auto began = clock::now();
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([this, sender] { send_many(sender); });
  try {
    do_harm(faults, engine);
  } catch (const std::exception& failed) {
    ADD_FAILURE() << failed.what();
    given_up_ = true;
  }
  enough_ = true;
  for (auto& thread : threads)
    thread.join();
  ASSERT_TRUE(wrong_.empty()) << wrong_.size() << ": " << wrong_.front();
  std::map<std::string, json> all;
  EXPECT_TRUE(wait_for(
    [&] {
      all = jobs();
      return std::all_of(all.begin(), all.end(), [](const auto& each) {
        const auto status =
          each.second.at("status").template get<std::string>();
        return status != "cloning" && status != "running";
      });
    },
    seconds{60}));
  const auto keys = api.counts()["keys"];
  std::size_t ambiguous = 0, cancelled = 0;
  int repeats = 0;
  for (const auto& [job, shown] : all) {
    const auto status = shown.at("status").get<std::string>();
    ambiguous += status == "ambiguous" ? 1 : 0;
    cancelled += status == "cancelled" ? 1 : 0;
    EXPECT_NE(status, "failed") << shown;
    const auto cloned = keys.find(job + ".clone");
    if (cloned != keys.end()) {
      EXPECT_EQ((*cloned)["requests"], 1) << shown;
    }
    if (status != "succeeded")
      continue;
    for (const auto* step : {".s1", ".s2", ".s3"}) {
      const int successes = keys.at(job + step)["successes"];
      EXPECT_GE(successes, 1) << job << step;
      repeats += successes - 1;
    }
  }
  EXPECT_EQ(ambiguous, 0u);
  for (const auto& [key, answers] : acknowledged_)
    for (const auto& answer : answers) {
      EXPECT_EQ(answer.at("job"), answers[0].at("job")) << key;
      const auto found = all.find(answer.at("job"));
      if (found == all.end() || found->second.at("status") != "succeeded")
        ADD_FAILURE() << "lost: " << key << ", answered " << answer;
    }
  std::cout << faults << " faults in "
            << std::chrono::duration<double>(clock::now() - began).count()
            << " s, " << acknowledged_.size() << " acknowledged, " << all.size()
            << " jobs, " << cancelled << " cancelled, " << repeats
            << " successes repeated" << std::endl;
}

} // namespace handoff::support

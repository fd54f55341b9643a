// Goal: under load, no `kill -9` at any moment loses what was answered or makes
// anything twice. Method: senders repeat their webhooks, each with its own
// Idempotency-Key, until they have a 2xx, while the service is killed after a
// random 5 to 60 ms and started again. HANDOFF_SEED sets the seed and
// HANDOFF_KILLS the number of kills.

#include "tests/integration/crash_test.hpp"

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class RandomKillTest : public CrashTest {
protected:
  static constexpr int senders = 6;

  RandomKillTest() {
    sub_actions = 3;
    flow["sub_actions"] = json::array();
    for (const auto* name : {"s1", "s2", "s3"})
      flow["sub_actions"].push_back(sub_action(name));
    options.ini["deadline"]["limit"] = "10s";
  }

  static long number_from(const char* variable, long otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::strtol(text, nullptr, 10) : otherwise;
  }

  /// One sender: webhook after webhook, each until it is acknowledged.
  void send_many(int sender) {
    for (int number = 0; !enough_; ++number) {
      const auto key = std::to_string(sender) + "-" + std::to_string(number);
      while (!send_once(key) && !given_up_)
        std::this_thread::sleep_for(milliseconds{5});
    }
  }

  /// True once it needs not be sent again.
  bool send_once(const std::string& key) {
    try {
      ++sent_;
      const auto answer = request(
        port_, "POST", "/hooks/setup",
        {{"Content-Type", "application/json"}, {"Idempotency-Key", key}},
        json{{"template", "t"}, {"name", key}}.dump());
      const std::lock_guard lock{mutex_};
      if (answer.status == 202 && answer.json().at("status") == "ambiguous")
        ++left_to_a_person_;
      else if (answer.status / 100 == 2)
        acknowledged_[key] = answer.json();
      else if (answer.status == 503)
        return false;
      else if (answer.body.find("/quarantined") != std::string::npos)
        ++left_to_a_person_;
      else
        wrong_.push_back(key + " got " + answer.body);
      return true;
    } catch (const http_client_error&) {
      return false; // It was killed, or is not there yet.
    }
  }

  void kill_many(long kills, std::mt19937& engine) {
    std::uniform_int_distribution<int> pause_ms{5, 60};
    for (long done = 0; done < kills; ++done) {
      std::this_thread::sleep_for(milliseconds{pause_ms(engine)});
      service->kill();
      service->restart();
      port_ = service->port();
    }
  }

  /// Each key has one job, and each acknowledged one is what its sender heard.
  void expect_one_job_of_each_key(const std::vector<json>& all) {
    std::map<std::string, json> job_of_key;
    for (const auto& each : all) {
      const auto key = each.at("request").at("body").at("name");
      EXPECT_TRUE(job_of_key.emplace(key, each).second)
        << key << " has two jobs: " << each.at("job");
    }
    for (const auto& [key, answer] : acknowledged_) {
      const auto found = job_of_key.find(key);
      if (found == job_of_key.end()) {
        ADD_FAILURE() << "lost: " << key << ", answered " << answer;
        continue;
      }
      EXPECT_EQ(found->second.at("job"), answer.at("job"));
      if (answer.contains("uid")) {
        EXPECT_EQ(found->second.at("uid"), answer.at("uid"));
      }
    }
  }

  void run(unknown_clone what, long kills) {
    choose(what);
    const auto seed =
      static_cast<unsigned>(number_from("HANDOFF_SEED", 20'221'122));
    std::cout << "seed " << seed << std::endl;
    std::mt19937 engine{seed};
    start();
    port_ = service->port();
    std::vector<std::thread> threads;
    for (int sender = 0; sender < senders; ++sender)
      threads.emplace_back([this, sender] { send_many(sender); });
    const auto began = steady_clock::now();
    try {
      kill_many(kills, engine);
    } catch (const std::exception& failed) {
      ADD_FAILURE() << failed.what();
      given_up_ = true;
    }
    enough_ = true;
    for (auto& thread : threads)
      thread.join();
    ASSERT_TRUE(wrong_.empty()) << wrong_.size() << ": " << wrong_.front();
    wait_until_settled();
    const int by_hand = resolve_ambiguous() + retry_failed();
    const auto all = wait_until_settled();
    expect_one_job_of_each_key(all);
    const int repeats = expect_each_sub_action_once(all);
    for (const auto& [job, count] : clones_sent())
      EXPECT_EQ(count, 1) << job;
    // Three of each job can be under way when it is killed.
    EXPECT_LE(repeats, 3 * senders * kills);
    const std::chrono::duration<double> took = steady_clock::now() - began;
    std::cout << kills << " kills in " << took.count() << " s, " << sent_
              << " sendings, " << acknowledged_.size() << " acknowledged, "
              << all.size() << " jobs, " << by_hand << " resolved by hand, "
              << repeats << " successes repeated" << std::endl;
  }

private:
  std::atomic<std::uint16_t> port_{0};
  std::atomic<bool> enough_{false};
  std::atomic<bool> given_up_{false};
  std::atomic<long> sent_{0};
  std::atomic<long> left_to_a_person_{0};
  std::mutex mutex_;
  std::map<std::string, json> acknowledged_;
  std::vector<std::string> wrong_;
};

TEST_F(RandomKillTest, LosesAndRepeatsNothingInTwoHundred) {
  run(unknown_clone::probed, number_from("HANDOFF_KILLS", 200));
}

TEST_F(RandomKillTest, SendsNoCloneTwiceWhereAPersonDecides) {
  run(unknown_clone::ambiguous, number_from("HANDOFF_KILLS", 200) / 5);
}

} // namespace handoff::support

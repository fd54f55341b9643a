// Goal: a sender gets its own answer or none, however many leave while they are
// held, so that their descriptors are those of the next; and the jobs of those
// that left are finished. Method: senders in numbers, of which half leave, by
// FIN or RST, at a moment that chance picks.

#include "tests/integration/service_test.hpp"

#include <atomic>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

namespace handoff::support {

class ChurnTest : public ServiceTest {
protected:
  static constexpr int senders = 4'000;
  static constexpr int at_once = 48;

  ChurnTest() {
    flow["reply"] = {
      {"body", {{"token", "{{body/token}}"}, {"uid", "{{uid}}"}}}};
    flow["sub_actions"] = json::array({sub_action("s1")});
    options.ini["deadline"]["limit"] = "30s";
    script(
      on("/projects/*/clone", json{{"delay", "1ms"},
                                   {"jitter", "20ms"},
                                   {"body", {{"id", "u-{{body/name}}"}}}}));
  }

  /// One thread's senders, one after the other.
  void send_many(unsigned seed) {
    std::mt19937 engine{seed};
    std::uniform_int_distribution<int> kind{0, 3};
    std::uniform_int_distribution<int> held_us{0, 20'000};
    for (int number = next_++; number < senders; number = next_++) {
      const auto what = kind(engine);
      const std::chrono::microseconds held{held_us(engine)};
      try {
        if (what < 2)
          stay(number);
        else
          leave(number, held, what == 2);
      } catch (const std::exception& failed) {
        complain(number, failed.what());
      }
    }
  }

  std::vector<std::string> complaints() const { return complaints_; }

  int stayed() const { return stayed_; }

private:
  static std::string body_of(int number) {
    const auto token = "t" + std::to_string(number);
    return json{{"template", "t"}, {"name", token}, {"token", token}}.dump();
  }

  void stay(int number) {
    const auto answer = service->post("setup", json(body_of(number)));
    const auto token = "t" + std::to_string(number);
    ++stayed_;
    if (answer.status != 200
        || answer.json() != json{{"token", token}, {"uid", "u-" + token}})
      complain(number, std::to_string(answer.status) + answer.body);
  }

  void leave(int number, std::chrono::microseconds held, bool with_reset) {
    http_connection connection{service->port()};
    connection.send_request("POST", "/hooks/setup", {}, body_of(number));
    std::this_thread::sleep_for(held);
    with_reset ? connection.reset() : connection.close();
  }

  void complain(int number, const std::string& what) {
    const std::lock_guard lock{mutex_};
    complaints_.push_back("t" + std::to_string(number) + " got " + what);
  }

  std::atomic<int> next_{0};
  std::atomic<int> stayed_{0};
  std::mutex mutex_;
  std::vector<std::string> complaints_;
};

TEST_F(ChurnTest, GivesNobodyTheAnswerOfAnotherAndFinishesEveryJob) {
  const auto seed =
    static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed());
  std::cout << "seeds " << seed << " to " << seed + at_once - 1 << std::endl;
  start();
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < at_once; ++thread)
    threads.emplace_back([this, seed, thread] { send_many(seed + thread); });
  for (auto& thread : threads)
    thread.join();
  ASSERT_TRUE(complaints().empty())
    << complaints().size() << ", such as " << complaints().front();

  // A sender that leaves at once may be gone before its request was read; each
  // clone that was begun is a job that must come to its end.
  ASSERT_TRUE(service->program().running());
  const auto settled = [](const json& counts) {
    return counts["in_flight"] == 0
        && counts["answered"]
             == 2
                  * counts["paths"]["POST /projects/t/clone"]["requests"]
                      .get<int>();
  };
  ASSERT_TRUE(api.wait_until(settled, std::chrono::seconds{60}));
  const auto counts = api.counts();
  int clones = 0;
  std::string of_last;
  for (const auto& [key, seen] : counts["keys"].items()) {
    EXPECT_EQ(seen["successes"], 1) << key;
    if (!key.ends_with(".clone"))
      continue;
    ++clones;
    of_last = key.substr(0, key.find('.'));
    if (clones % 100 == 0)
      service->wait_for_job(of_last, "succeeded");
  }
  EXPECT_EQ(counts["keys"].size(), static_cast<std::size_t>(2 * clones));
  std::cout << stayed() << " stayed, of those that left " << clones - stayed()
            << " became jobs" << std::endl;
  EXPECT_GT(clones - stayed(), (senders - stayed()) / 2);
}

} // namespace handoff::support

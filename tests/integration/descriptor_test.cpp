// Goal: short of descriptors the service answers everybody, refuses whom it
// cannot serve, says so in its metrics, and loses nothing of what it took.
// Method: the running program is left few descriptors (prlimit(2)), its clones
// outlast the patience of the senders, and more webhooks come than it has
// descriptors for.

#include "tests/http/front_door/raw_client.hpp"
#include "tests/integration/process_signs.hpp"
#include "tests/integration/service_test.hpp"

#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace handoff::support {

class DescriptorTest : public ServiceTest {
protected:
  static constexpr std::size_t more_descriptors = 64;
  static constexpr std::size_t senders = 120;

  DescriptorTest() {
    // One that counted as a failure would show.
    options.ini["upstream"]["breaker-failures"] = "1";
  }

  /// The running service gets no more than `more_descriptors` than it has open.
  void leave_few_descriptors() {
    const auto pid = service->program().pid();
    rlimit limit{};
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = process_signs{pid}.descriptors() + more_descriptors;
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), 0);
  }

  /// All senders at once, each on a connection of its own. Remembers the jobs
  /// that were acknowledged.
  void send_wave() {
    std::vector<std::unique_ptr<test::raw_client>> wave;
    for (std::size_t i = 0; i < senders; ++i) {
      wave.push_back(std::make_unique<test::raw_client>(service->port()));
      // Who is refused may be so before he has sent anything.
      wave.back()->send(test::post("/hooks/setup", R"({"template":"t"})"));
    }
    for (auto& sender : wave) {
      const auto answer = sender->read_answer();
      ASSERT_TRUE(answer) << "a sender was left without an answer";
      if (answer->status == 503) {
        EXPECT_EQ(answer->fields.count("retry-after"), 1u);
        // The other reason is a journal that was slower than the deadline.
        if (answer->body.find("All connections") != std::string::npos)
          ++refused_;
        continue;
      }
      ASSERT_EQ(answer->status, 202) << answer->body;
      const auto job = json::parse(answer->body).at("job").get<std::string>();
      EXPECT_TRUE(jobs_.insert(job).second);
    }
  }

  /// Idle connections to the upstream may take some descriptors for a while.
  void expect_served_soon() {
    auto answer = post();
    for (int tries = 0; tries < 1'000 && answer.status == 503; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
      answer = post();
    }
    EXPECT_EQ(answer.status, 200) << answer.body;
  }

  /// The sum of all series of that name whose labels have `label`.
  double metric(const std::string& name, const std::string& label = "") const {
    const auto answer = service->admin("GET", "/metrics");
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::istringstream lines{answer.body};
    double sum = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(name + "{") && line.find(label) != line.npos)
        sum += std::stod(line.substr(line.rfind(' ')));
    return sum;
  }

  std::size_t lines_in_log(const std::string& text) const {
    const auto log = service->log();
    std::size_t count = 0;
    for (auto at = log.find(text); at != log.npos; at = log.find(text, at + 1))
      ++count;
    return count;
  }

  std::set<std::string> jobs_;
  std::size_t refused_ = 0;
};

TEST_F(DescriptorTest, AnswersEverybodyAndLosesNothing) {
  script(on("/projects/*/clone", hang));
  start();
  leave_few_descriptors();
  // The clones of the first wave keep their descriptors, so that those of the
  // later ones have to wait.
  for (int wave = 0; wave < 3; ++wave)
    ASSERT_NO_FATAL_FAILURE(send_wave());
  EXPECT_GT(jobs_.size(), more_descriptors / 4);
  EXPECT_GT(refused_, senders);

  // Who wants to know why gets through.
  const auto refusals = "handoff_connections_refused_total";
  EXPECT_EQ(metric(refusals, R"(listener="ingress",reason="descriptors")"),
            static_cast<double>(refused_));
  EXPECT_EQ(metric(refusals, R"(reason="max_connections")"), 0);
  EXPECT_EQ(metric(refusals, R"(listener="admin")"), 0);
  EXPECT_GT(metric("handoff_upstream_calls_put_off_total"), 0);
  EXPECT_EQ(lines_in_log("are refused, no descriptors are left"), 1u);
  EXPECT_EQ(lines_in_log("calls wait, no descriptors are left"), 1u);

  script();
  api.release();
  for (const auto& job : jobs_)
    EXPECT_EQ(
      service->wait_for_job(job, "succeeded").at("clone").at("attempts").size(),
      1u);
  EXPECT_EQ(metric("handoff_upstream_failures_total"), 0);
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], jobs_.size());
  expect_served_soon();
  EXPECT_TRUE(service->program().running());
}

} // namespace handoff::support

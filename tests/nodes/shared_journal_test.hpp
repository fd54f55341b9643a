#pragma once

#include "tests/integration/service_test.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace handoff::support {

/// Services whose journal is in a database of a private PostgreSQL cluster.
class SharedJournalTest : public ServiceTest {
protected:
  using clock = std::chrono::steady_clock;

  void SetUp() override {
    if (!postgres_cluster::is_installed())
      GTEST_SKIP() << "PostgreSQL is not installed";
    database = cluster().make_database();
    options.ini["journal"]["uri"] = "\"" + cluster().uri(database) + "\"";
    options.ini["journal"]["lease"] = "3s";
  }

  void TearDown() override {
    if (!database.empty() && !HasFailure())
      cluster().drop_database(database);
  }

  static postgres_cluster& cluster() { return postgres_cluster::get(); }

  /// Another service on the same database.
  std::unique_ptr<handoff_service> start_node(const std::string& name) {
    auto own = options;
    own.flows = {flow};
    own.ini["journal"]["node"] = "\"" + name + "\"";
    return std::make_unique<handoff_service>(std::move(own));
  }

  http_response post_to(const handoff_service& node,
                        handoff::headers fields = {}) const {
    return node.post("setup", {{"template", "t"}, {"name", "n"}},
                     std::move(fields));
  }

  std::string accept_job_at(const handoff_service& node) const {
    const auto answer = post_to(node);
    EXPECT_EQ(answer.status, 200) << answer.body << node.log();
    return answer.json().at("job").get<std::string>();
  }

  /// Whether `done` comes within `timeout`.
  template <class Done>
  static bool
  wait_for(Done done,
           std::chrono::milliseconds timeout = std::chrono::seconds{20}) {
    const auto end = clock::now() + timeout;
    while (!done()) {
      if (clock::now() >= end)
        return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return true;
  }

  /// The counts of each sub-action of the job.
  void expect_each_succeeded_once(const std::string& job) const {
    const auto keys = api.counts()["keys"];
    for (int i = 1; i <= 6; ++i)
      EXPECT_EQ(keys.at(job + ".s" + std::to_string(i))["successes"], 1)
        << job << " s" << i;
  }

  std::string database;
};

} // namespace handoff::support

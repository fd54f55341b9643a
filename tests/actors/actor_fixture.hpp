#pragma once

#include "actors/environment.hpp"
#include "actors/progress.hpp"
#include "actors/responder.hpp"
#include "journal/memory_journal.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::test {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

/// What an upstream does with one call.
struct scripted {
  milliseconds delay{0};
  exchange done;
};

scripted answers(int status, std::string body = "{}", milliseconds after = 0ms);
scripted fails(error_kind kind, bool sent, milliseconds after = 0ms);

/// One call that an upstream saw, in virtual time since the start.
struct seen_call {
  std::string path;
  std::string key;
  std::string traceparent;
  milliseconds at{0};
  handoff::headers headers = {};
  std::string body = {};
};

inline void PrintTo(const seen_call& call, std::ostream* out) {
  *out << call.path << " at " << call.at.count() << " ms";
}

/// The upstreams of a test. What a path is not scripted for gets 200 `{}` at
/// once; the last answer of a script repeats.
struct fake_upstream {
  std::map<std::string, std::deque<scripted>, std::less<>> script;
  std::vector<seen_call> calls;
  std::size_t in_flight = 0;
  std::size_t in_flight_max = 0;

  std::vector<seen_call> calls_of(std::string_view path) const;
};

class fake_responder : public responder {
public:
  bool answer(reply what) override;
  void answer_by(time_point when, reply what) override;
  void on_outcome(std::function<void(const reply_outcome&)> told) override;

  std::vector<reply> given;
  std::optional<reply> fallback;
  std::optional<time_point> fallback_due;
};

/// A journal that can be made to fail.
class failing_journal : public memory_journal {
public:
  std::vector<batch_outcome>
  commit_all(std::span<const std::span<const job_event>> batches) override;
  std::optional<error> check() override;
  void remember(const job_event& event);

  bool fails = false;
  /// Whether the next batch that takes a key from its job is rejected, as if
  /// another owner had claimed that job.
  bool rejects_takeover = false;
  std::size_t commits = 0;
  /// All events that are durable, by their jobs, as a journal gives them back.
  std::map<std::string, std::vector<job_event>> stories;
};

/// Gives turns at once, or only when the test says so.
class fake_turns : public turns {
public:
  std::variant<turn_ptr, turn_ticket_ptr>
  ask(turn_request wanted, std::function<void(turn_ptr)> granted) override;
  void pause(const std::string& upstream, milliseconds time) override;

  void token_refused(const std::string& upstream,
                     std::uint64_t token) override {
    refused.emplace_back(upstream, token);
  }

  std::optional<turn_obstacle> obstacle(const std::string&,
                                        call_class) const override {
    return std::nullopt;
  }

  /// Those who wait for a turn.
  std::size_t waiting() const { return waiting_->size(); }

  /// Gives all who wait their turn.
  void grant_all();

  bool refuse = false;
  std::vector<turn_request> asked;
  std::vector<std::pair<std::string, milliseconds>> pauses;
  std::vector<std::pair<std::string, std::uint64_t>> refused;

private:
  using line = std::map<std::uint64_t, std::function<void(turn_ptr)>>;

  class ticket;

  std::shared_ptr<line> waiting_ = std::make_shared<line>();
  std::uint64_t last_ = 0;
};

/// Runs the real actors under CAF's test scheduler, in virtual time, against a
/// fake upstream and a journal in memory.
class ActorTest : public ::testing::Test {
protected:
  ActorTest();
  ~ActorTest() override;

  /// Loads a flow whose clone is `POST /clone` with the UID at `/id`. `more` is
  /// merged into it.
  flow_ptr load(nlohmann::json more = nlohmann::json::object(),
                const connection_set& connections = {});
  /// A flow with sub-actions of these names, each `POST /NAME`.
  flow_ptr load_with(const std::vector<std::string>& names);

  /// Starts the tree; `fault` and so on may be set in `options` before.
  void start();
  /// Hands in a webhook; gives the job's id.
  std::string post(const flow_ptr& definition, bool respond_async = false,
                   nlohmann::json body = {{"name", "n"}});
  /// What post() hands in.
  std::shared_ptr<clone_order> order_of(const flow_ptr& definition,
                                        bool respond_async = false,
                                        nlohmann::json body = {{"name", "n"}});
  void run_for(milliseconds span);
  milliseconds now() const;

  job job_of(const std::string& id);
  std::vector<std::string> statuses_of(const std::string& id);

  environment options;
  std::shared_ptr<fake_upstream> upstream = std::make_shared<fake_upstream>();
  std::shared_ptr<failing_journal> store = std::make_shared<failing_journal>();
  std::shared_ptr<fake_responder> responder =
    std::make_shared<fake_responder>();
  std::shared_ptr<fake_turns> turns = std::make_shared<fake_turns>();
  /// Of the webhooks that are posted from now on.
  std::optional<idempotency_claim> claim;
  /// How long the journal takes for each commit.
  milliseconds commit_delay{0};
  /// Above so many bytes the journal deletes finished jobs; 0: never.
  std::uint64_t keep_bytes = 0;
  /// Those that the journal took between commits.
  std::vector<std::chrono::microseconds> rests;
  std::function<void()> while_resting = [] {
  };
  /// What the journal keeper is in the middle of.
  progress watched;
  /// The journal's clock that nobody can set, and the jumps that it tells of.
  std::function<std::chrono::nanoseconds()> running;
  std::vector<milliseconds> jumps;
  /// Calls of clones that each upstream takes at once. The fake one takes any
  /// number: this is what is believed of it.
  std::size_t slots = 1'000'000;
  /// What the journal told of its health: true when it began to fail.
  std::vector<bool> health;
  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
  root_supervisor_actor root;
  intake_actor entrance;

private:
  caf::scheduler::test_coordinator& scheduler();
  void expect_records_to_be_folds();

  milliseconds passed_{0};
  std::uint8_t posted_ = 0;
};

} // namespace handoff::test

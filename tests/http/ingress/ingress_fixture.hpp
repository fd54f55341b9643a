#pragma once

#include "config/flow_loader.hpp"
#include "http/ingress/ingress.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace handoff::test {

using json = nlohmann::json;

using orders = std::vector<clone_order_ptr>;

inline intake_actor::behavior_type order_taker(intake_actor::pointer,
                                               std::shared_ptr<orders> taken) {
  return {
    [taken](const clone_order_ptr& order) { taken->push_back(order); },
    [](again_atom, const clone_order_ptr&) {},
    [](next_atom) {},
  };
}

class kept_answer : public responder {
public:
  bool answer(reply what) override {
    given.push_back(std::move(what));
    return true;
  }

  void answer_by(time_point, reply) override {}

  void on_outcome(std::function<void(const reply_outcome&)>) override {}

  std::vector<reply> given;
};

/// Which webhooks get past the endpoint: the order that the root supervisor
/// would get is taken in its place.
class ingress_fixture : public ::testing::Test {
protected:
  ingress_fixture() {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    options_.admission = std::make_shared<admission_counts>();
    options_.draining = std::make_shared<std::atomic<bool>>(false);
    options_.intake = system_->spawn(order_taker, taken_);
  }

  ~ingress_fixture() override {
    caf::anon_send_exit(options_.intake, caf::exit_reason::user_shutdown);
    run();
    options_.intake = nullptr;
    taken_->clear();
  }

  /// The flow is called "setup"; `more` is merged into it.
  void load(json more) {
    json definition{
      {"name", "setup"},
      {"clone",
       {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
        {"uid", "/id"}}}};
    definition.merge_patch(more);
    flow_defaults defaults;
    defaults.public_url = "https://hooks.example";
    auto loaded = read_flow(definition, defaults, "setup.json");
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << each.what;
    options_.flows = std::make_shared<flow_registry>(
      flows_in_force{flow_set{{"setup", loaded.flow}}});
  }

  /// The answer; status 0 where an order was given instead.
  /// From its first byte to its last.
  std::chrono::milliseconds took_to_come_{0};

  reply post(headers fields, std::string body = "{}", std::string query = "") {
    return ask("POST", std::move(query), std::move(fields), std::move(body));
  }

  reply ask(std::string method, std::string query, headers fields = {},
            std::string body = "") {
    const auto responder = std::make_shared<kept_answer>();
    http_request request;
    request.method = std::move(method);
    request.path = "/hooks/setup";
    request.query = std::move(query);
    request.headers = std::move(fields);
    request.body = std::move(body);
    request.arrived = std::chrono::steady_clock::now() - took_to_come_;
    ingress(options_).handle(std::move(request), responder);
    run();
    return responder->given.empty() ? reply{0, {}, {}}
                                    : responder->given.front();
  }

  const webhook& hook_of_order() {
    EXPECT_EQ(taken_->size(), 1u);
    return taken_->at(0)->record.hook;
  }

  std::string kept(std::string_view field) {
    const auto* found = find_header(hook_of_order().headers, field);
    return found != nullptr ? *found : "none";
  }

  void limit(std::size_t held, std::size_t bytes) {
    options_.admission = std::make_shared<admission_counts>(
      held, admission_counts::no_limit, bytes);
  }

  std::shared_ptr<orders> taken_ = std::make_shared<orders>();
  ingress_options options_;

private:
  void run() {
    dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler()).run();
  }

  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
};

} // namespace handoff::test

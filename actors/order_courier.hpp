#pragma once

#include "actors/environment.hpp"
#include "journal/journal.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

struct order_courier_options {
  environment_ptr env;
  root_supervisor_actor root;
  /// For orders only.
  std::shared_ptr<journal> store;
  /// For jobs and definitions; read on a thread of its own.
  std::shared_ptr<journal_reader> reader;
  /// The flow of this name as it is now; null if there is none.
  std::function<flow_ptr(const std::string&)> current;
  /// Between two looks at what has come from other nodes.
  std::chrono::milliseconds look_every{250};
  /// The same while answers are waited for.
  std::chrono::milliseconds look_for_answers_every{50};
  /// After the journal has failed.
  std::chrono::milliseconds try_every{1'000};
  /// How long an operator waits for the answer of another node.
  std::chrono::milliseconds patience{5'000};
};

/// The answers to orders of other nodes, given on any thread, until they are
/// written. Thread-safe.
class order_answers {
public:
  void add(std::int64_t number, std::string text);
  std::vector<std::pair<std::int64_t, std::string>> take();

private:
  std::mutex mutex_;
  std::vector<std::pair<std::int64_t, std::string>> given_;
};

/// Brings commands to the nodes that work on their jobs, by the journal, and
/// has those of other nodes obeyed here. A command that the other node has not
/// taken in time is taken back: nothing comes of it. Blocks on the journal, so
/// it is spawned detached. When it dies the service stops.
struct order_courier_state {
  using self_pointer =
    order_courier_actor::stateful_pointer<order_courier_state>;

  static inline const char* name = "order_courier";

  explicit order_courier_state(self_pointer actor) : self{actor} {}

  void post(const job_order_ptr& order, journal_owner to);
  /// Gives whether the journal could be asked.
  bool look();
  bool take_orders();
  void obey(const posted_order& order);
  bool write_answers();
  bool take_answers();

  /// A command on its way.
  struct posted {
    std::int64_t number = 0;
    job_order_ptr order;
    responder::time_point until;
  };

  self_pointer self;
  order_courier_options options;
  std::vector<posted> waiting;
  std::shared_ptr<order_answers> answers = std::make_shared<order_answers>();
  std::vector<std::pair<std::int64_t, std::string>> unwritten;
};

order_courier_actor::behavior_type
order_courier(order_courier_state::self_pointer self,
              order_courier_options options);

} // namespace handoff

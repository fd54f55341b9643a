#include "tools/handoff/simulated_api.hpp"

#include "tools/fake_api/answer.hpp"
#include "tools/fake_api/ledger.hpp"
#include "tools/handoff/simulated_exchange.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <map>
#include <random>

namespace handoff {
namespace {

using std::chrono::milliseconds;

using api_actor = outbound_actor::extend<caf::reacts_to<std::uint64_t>>;

struct pending {
  caf::typed_response_promise<exchange_ptr> promise;
  exchange_ptr done;
};

struct api_state {
  static inline const char* name = "simulated_api";

  std::shared_ptr<simulated_traffic> traffic;
  fake_api::ledger seen{false};
  // The same in each run.
  std::mt19937_64 random;
  std::map<std::uint64_t, pending> under_way;
  std::uint64_t last = 0;

  exchange answer(const outbound_call& call);
};

exchange api_state::answer(const outbound_call& call) {
  static const fake_api::step plain;
  const auto incoming = simulated_request(call);
  const auto ticket = seen.begin(incoming, 0);
  const auto* scripted = traffic->script.next(incoming);
  const auto& step = scripted != nullptr ? *scripted : plain;
  const auto made = fake_api::compose(incoming, step, ticket.seq, seen);
  auto took = step.delay;
  if (step.jitter.count() > 0)
    took += milliseconds{std::uniform_int_distribution<std::int64_t>{
      0, step.jitter.count()}(random)};
  if (step.fault == fake_api::fault_kind::drip)
    took += step.drip_every
          * static_cast<std::int64_t>(
              (made.body.size() + (step.drip_from_start ? made.head.size() : 0))
              / step.drip_bytes);
  auto done = simulated_exchange(made, step);
  if (step.fault == fake_api::fault_kind::hang || took > call.timeout) {
    took = call.timeout;
    done =
      simulated_failure(error_kind::attempt_timed_out, "no answer in time");
  }
  done.duration = took;
  done.token = simulated_token(*traffic->connections, call);
  seen.end(ticket, done.failure ? "closed" : "answered", done.status);
  return done;
}

api_actor::behavior_type
simulated_api(api_actor::stateful_pointer<api_state> self,
              std::shared_ptr<simulated_traffic> traffic) {
  self->state.traffic = std::move(traffic);
  return {
    [self](const outbound_call_ptr& call) {
      auto& state = self->state;
      const auto sent = through_connection(*state.traffic->connections, *call,
                                           "simulated-token");
      const auto done = state.answer(sent);
      const auto* key = find_header(call->headers, "Idempotency-Key");
      state.traffic->calls.push_back(
        {state.traffic->now(), sent.method, sent.url,
         key != nullptr ? *key : std::string{}, sent.headers, sent.body,
         done.duration, done.status, done.failure});
      auto promise = self->make_response_promise<exchange_ptr>();
      const auto number = ++state.last;
      state.under_way[number] = {promise,
                                 std::make_shared<const exchange>(done)};
      self->delayed_send(self, done.duration, number);
      return promise;
    },
    [self](std::uint64_t number) {
      auto ended = self->state.under_way.extract(number);
      ended.mapped().promise.deliver(ended.mapped().done);
    },
  };
}

} // namespace

outbound_actor spawn_simulated_api(caf::actor_system& system,
                                   std::shared_ptr<simulated_traffic> traffic) {
  return caf::actor_cast<outbound_actor>(
    system.spawn(simulated_api, std::move(traffic)));
}

} // namespace handoff

#include "tools/handoff/simulated_api.hpp"

#include "tools/fake_api/answer.hpp"
#include "tools/fake_api/ledger.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <sstream>

namespace handoff {
namespace {

using std::chrono::milliseconds;

// As the outbound client refuses it.
constexpr std::size_t answer_bytes_max = 1'048'576;

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

fake_api::request request_of(const outbound_call& call) {
  fake_api::request made;
  made.method = call.method;
  const auto host = call.url.find("//") + 2;
  const auto target =
    call.url.substr(std::min(call.url.find('/', host), call.url.size()));
  const auto question = target.find('?');
  made.path = target.substr(0, question);
  if (question != std::string::npos)
    made.query = target.substr(question + 1);
  made.headers = call.headers;
  made.body = call.body;
  return made;
}

headers fields_of(const std::string& head) {
  headers fields;
  std::istringstream lines{head};
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r'))
      line.pop_back();
    if (const auto colon = line.find(": "); colon != std::string::npos)
      fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  return fields;
}

exchange failed(error_kind kind, const char* why) {
  exchange done;
  done.sent = true;
  done.failure = error{kind, why};
  return done;
}

/// What the outbound client makes of the answer, and of what is wrong with it.
exchange exchange_of(const fake_api::answer& made, const fake_api::step& step) {
  using fake_api::fault_kind;
  switch (step.fault) {
  case fault_kind::reset:
  case fault_kind::close:
  case fault_kind::cut:
    return failed(error_kind::connection_lost, "the connection was lost");
  case fault_kind::garbage:
    return failed(error_kind::answer_malformed, "this is not HTTP");
  case fault_kind::none:
  case fault_kind::hang:
  case fault_kind::drip:
  case fault_kind::huge:
    break;
  }
  if (made.body.size() + made.filler_bytes > answer_bytes_max)
    return failed(error_kind::answer_too_large,
                  "the answer is longer than 1 MiB");
  exchange done;
  done.sent = true;
  done.status = made.status;
  done.headers = fields_of(made.head);
  done.body = made.body;
  return done;
}

exchange api_state::answer(const outbound_call& call) {
  static const fake_api::step plain;
  const auto incoming = request_of(call);
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
  auto done = exchange_of(made, step);
  if (step.fault == fake_api::fault_kind::hang || took > call.timeout) {
    took = call.timeout;
    done = failed(error_kind::attempt_timed_out, "no answer in time");
  }
  done.duration = took;
  seen.end(ticket, done.failure ? "closed" : "answered", done.status);
  return done;
}

/// The call as the outbound client would make it.
outbound_call through_connection(const simulated_traffic& traffic,
                                 const outbound_call& call) {
  const auto through = call.connection.empty()
                       ? nullptr
                       : traffic.connections->find(call.connection);
  if (through == nullptr)
    return call;
  auto made = completed(call, *through);
  authorize(made, *through, "simulated-token");
  return made;
}

api_actor::behavior_type
simulated_api(api_actor::stateful_pointer<api_state> self,
              std::shared_ptr<simulated_traffic> traffic) {
  self->state.traffic = std::move(traffic);
  return {
    [self](const outbound_call_ptr& call) {
      auto& state = self->state;
      const auto sent = through_connection(*state.traffic, *call);
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

#include "tools/handoff/rehearsal/upstreams.hpp"

#include "actors/call_builder.hpp"
#include "config/connection.hpp"
#include "http/outbound/call_turns.hpp"
#include "tools/fake_api/answer.hpp"
#include "tools/handoff/simulated_exchange.hpp"

#include <algorithm>
#include <utility>

namespace handoff::rehearsal {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// An upstream is well or unwell for so long.
constexpr seconds weather_lasts{20};

/// A probe sees a clone at the latest so much of its time after it was made.
constexpr double lag_max = 0.7;

called_step step_of(const outbound_call& call) {
  if (const auto* key = find_header(call.headers, "Idempotency-Key");
      key != nullptr && key->size() > call.job.size())
    return {call.job, key->substr(call.job.size() + 1)};
  const auto* id = find_header(call.headers, "webhook-id");
  const auto known = id != nullptr && id->size() > call.job.size();
  return {call.job,
          full_name(step_kind::callback, known ? id->substr(call.job.size() + 1)
                                               : std::string{"unknown"})};
}

exchange answered(int status, std::string body) {
  exchange done;
  done.sent = true;
  done.status = status;
  done.headers = {{"Content-Type", "application/json"}};
  done.body = std::move(body);
  return done;
}

exchange failed(error_kind kind, bool sent, const char* why) {
  exchange done;
  done.sent = sent;
  done.failure = error{kind, why};
  return done;
}

milliseconds usual_time(draws& random) {
  const auto kind = random.below(20);
  return kind < 14 ? random.between(20, 800)
       : kind < 19 ? random.between(800, 4'000)
                   : random.between(4'000, 8'500);
}

std::string uid_of(const called_step& step, std::size_t made) {
  return "p-" + step.job.substr(step.job.size() - 10) + '-'
       + std::to_string(made + 1);
}

} // namespace

void upstreams::start(const outbound_call_ptr& call,
                      std::function<void(exchange)> done) {
  const auto step = step_of(*call);
  const auto upstream = upstream_of(*call);
  auto* which = watched_.call_begins(step, *call, upstream);
  if (which == nullptr)
    return;
  auto made = make_answer(*which, step, *call, upstream);
  made.took = std::max(made.took, milliseconds{1});
  if (made.took > call->timeout) {
    made.took = call->timeout;
    made.done =
      failed(error_kind::attempt_timed_out, true, "no answer in time");
  }
  made.done.duration = made.took;
  ++in_flight_;
  time_.after(made.took, [this, call, step, upstream, process = process_,
                          generation = watched_.generation(),
                          answer = std::move(made.done),
                          done = std::move(done)]() mutable {
    --in_flight_;
    if (process != process_)
      return;
    watched_.call_ended(step, *call, upstream, generation);
    if (auto* turn = dynamic_cast<governed_turn*>(call->turn.get()))
      turn->finished(outcome_of(answer));
    done(std::move(answer));
  });
}

upstreams::answer upstreams::make_answer(job_truth& which,
                                         const called_step& step,
                                         const outbound_call& call,
                                         const std::string& upstream) {
  draws random{mixed({options_.seed, which.random, number_of(step.step),
                      which.steps[step.step].calls})};
  auto made = honest(which, step, call, random);
  made.has_effect = !made.done.failure && made.done.status < 300;
  if (options_.faults && !is_calm_
      && (weather(made, call, upstream, random)
          || fails(made, step, call, upstream, random)))
    ++report_.upstream_faults;
  if (made.has_effect)
    do_it(which, step, made, random);
  return made;
}

void upstreams::do_it(job_truth& which, const called_step& step,
                      const answer& made, draws& random) {
  auto& truth = which.steps[step.step];
  ++truth.effects;
  if (!truth.ready)
    truth.ready = time_.now() + made.took + random.between(0, 12'000);
  if (step.step != "clone")
    return;
  which.may_clone_again = false;
  const auto& probe = which.definition->clone.probe;
  const auto lag = probe ? probe->rules.limit : milliseconds{0};
  which.clones.push_back(
    {uid_of(step, which.clones.size()),
     time_.now()
       + std::min(made.took, milliseconds{static_cast<std::int64_t>(
                               random.unit() * 9'000)})
       + milliseconds{static_cast<std::int64_t>(
         random.unit() * lag_max * static_cast<double>(lag.count()))}});
}

namespace {

/// What stands where a UID is expected. Other members are for flows that refer
/// to them.
nlohmann::json with_uid(const nlohmann::json::json_pointer& at,
                        const std::string& uid) {
  nlohmann::json body{{"ok", true}, {"status", "done"}};
  if (at.empty())
    return uid;
  body[at] = uid;
  return body;
}

} // namespace

upstreams::answer upstreams::honest(job_truth& which, const called_step& step,
                                    const outbound_call& call, draws& random) {
  answer made;
  made.took = usual_time(random);
  if (options_.script) {
    const auto sent =
      through_connection(*options_.connections, call, "rehearsed-token");
    const auto incoming = simulated_request(sent);
    if (const auto* how = options_.script->next(incoming)) {
      made = scripted(*how, incoming, random);
      made.done.token = simulated_token(*options_.connections, sent);
      return made;
    }
  }
  const auto& flow = *which.definition;
  const auto now = time_.now();
  const auto& truth = which.steps[step.step];
  const bool is_ready = truth.ready && *truth.ready <= now;
  if (step.step == "clone") {
    made.done =
      flow.clone.poll
        ? answered(202, R"({"id":"h-1","status":"busy"})")
        : answered(
          201,
          with_uid(flow.clone.uid, uid_of(step, which.clones.size())).dump());
  } else if (step.step == "clone:probe") {
    made.took = random.between(10, 1'500);
    made.done = answered(404, R"({"error":"not found"})");
    // It is seen as it is when it is answered.
    for (const auto& each : which.clones)
      if (each.visible <= now + made.took) {
        made.done =
          answered(200, with_uid(flow.clone.probe->uid, each.uid).dump());
        break;
      }
  } else if (step.step == "clone:poll") {
    made.took = random.between(10, 1'500);
    const auto& begun = which.steps["clone"];
    if (which.clones.empty())
      made.done = answered(404, R"({"error":"not found"})");
    else if (!begun.ready || *begun.ready > now)
      made.done = answered(200, R"({"status":"busy"})");
    else
      made.done =
        answered(200, with_uid(flow.clone.uid, which.clones.back().uid).dump());
  } else {
    made.done = answered(200, is_ready ? R"({"id":"s-1","status":"done"})"
                                       : R"({"id":"s-1","status":"busy"})");
  }
  return made;
}

upstreams::answer upstreams::scripted(const fake_api::step& how,
                                      const fake_api::request& incoming,
                                      draws& random) {
  answer made;
  const auto ticket = seen_.begin(incoming, 0);
  const auto composed = fake_api::compose(incoming, how, ticket.seq, seen_);
  made.done = simulated_exchange(composed, how);
  made.took = how.delay + random.between(0, how.jitter.count());
  if (how.fault == fake_api::fault_kind::hang)
    made.took = std::chrono::hours{24};
  seen_.end(ticket, made.done.failure ? "closed" : "answered",
            made.done.status);
  return made;
}

bool upstreams::weather(answer& made, const outbound_call&,
                        const std::string& upstream, draws& random) {
  const auto slot =
    static_cast<std::uint64_t>(time_.now().time_since_epoch() / weather_lasts);
  const auto kind =
    draws{mixed({options_.seed, number_of(upstream), slot})}.below(100);
  if (kind < 3) {
    made.took = random.between(1, 3'000);
    made.done = failed(error_kind::connect_failed, false, "nobody listens");
    made.has_effect = false;
    return true;
  }
  if (kind < 6 && random.chance(0.5)) {
    made.took = random.between(5, 200);
    made.done = answered(429, R"({"error":"too many"})");
    made.done.headers.push_back(
      {"Retry-After", std::to_string(1 + random.below(8))});
    made.has_effect = false;
    return true;
  }
  if (kind < 10) {
    made.took *= 4;
    return false;
  }
  return false;
}

bool upstreams::fails(answer& made, const called_step& step,
                      const outbound_call& call, const std::string&,
                      draws& random) {
  if (!random.chance(0.07) || made.done.failure || made.done.status >= 300)
    return false;
  const bool looks = step.step == "clone:probe" || step.step == "clone:poll";
  const auto refuse = [&](int status, const char* body) {
    made.done = answered(status, body);
    made.has_effect = false;
  };
  switch (random.below(14)) {
  case 0:
    refuse(500, R"({"error":"broken"})");
    break;
  case 1:
  case 2:
    refuse(503, R"({"error":"not now"})");
    break;
  case 3:
    refuse(400, R"({"error":"bad"})");
    break;
  case 4:
    refuse(429, R"({"error":"too many"})");
    made.done.headers.push_back(
      {"Retry-After", std::to_string(1 + random.below(5))});
    break;
  case 5:
    // A probe that lies is no fault of the service's.
    if (looks) {
      refuse(500, "{}");
      break;
    }
    refuse(200, R"({"errors":[{"message":"no"}]})");
    // Whoever does not look for errors takes it for a success.
    made.has_effect = step.step != "clone";
    break;
  case 6:
    made.done = failed(error_kind::connection_lost, true, "lost before");
    made.has_effect = false;
    break;
  case 7:
  case 8:
    made.done = failed(error_kind::connection_lost, true, "lost after");
    break;
  case 9:
    made.took = call.timeout + milliseconds{1};
    break;
  case 10:
    made.took = call.timeout + milliseconds{1};
    made.has_effect = false;
    break;
  case 11:
    made.done = answered(random.chance(0.5) ? 502 : 504, "{}");
    made.has_effect = random.chance(0.5);
    break;
  case 12:
    if (looks)
      refuse(500, "{}");
    else
      made.done = answered(201, R"({"nothing":"to see"})");
    break;
  default:
    made.done = answered(200, std::string(300, '[') + std::string(300, ']'));
    break;
  }
  return true;
}

} // namespace handoff::rehearsal

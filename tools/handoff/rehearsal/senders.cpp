#include "tools/handoff/rehearsal/senders.hpp"

#include "actors/replies.hpp"
#include "job/allocation.hpp"
#include "job/job_id.hpp"
#include "job/json_text.hpp"
#include "job/webhook.hpp"
#include "tools/handoff/simulated_webhook.hpp"

#include <utility>

namespace handoff::rehearsal {

using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t deliveries_max = 6;

} // namespace

// -- what one of them is told -------------------------------------------------

rehearsed_responder::rehearsed_responder(agenda& time,
                                         std::shared_ptr<bool> alive,
                                         std::function<void(const reply&)> told)
    : time_{time}, alive_{std::move(alive)}, told_{std::move(told)} {}

rehearsed_responder::~rehearsed_responder() {
  if (outcome_ || !*alive_)
    return;
  // As the front door does it where nobody is left to answer.
  told_(otherwise_ ? *otherwise_
                   : reply{500, {}, "nobody is left to answer", {}});
  end({otherwise_ ? otherwise_->status : 500, true});
}

bool rehearsed_responder::answer(reply what) {
  if (outcome_ || !*alive_)
    return false;
  const auto kept = weak_from_this().lock();
  outcome_ = reply_outcome{what.status, true};
  told_(what);
  end(*outcome_);
  return true;
}

void rehearsed_responder::answer_by(time_point when, reply what) {
  otherwise_ = std::move(what);
  if (due_ && *due_ <= when) {
    due_ = when; // looked at when the earlier one is due
    return;
  }
  due_ = when;
  watch();
}

void rehearsed_responder::watch() {
  time_.at(*due_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->outcome_)
      return;
    if (*self->due_ > self->time_.now())
      self->watch();
    else
      self->answer(*self->otherwise_);
  });
}

void rehearsed_responder::on_outcome(
  std::function<void(const reply_outcome&)> told) {
  if (outcome_)
    told(*outcome_);
  else
    listeners_.push_back(std::move(told));
}

void rehearsed_responder::hang_up() {
  if (outcome_ || !*alive_)
    return;
  end({0, false});
}

void rehearsed_responder::end(reply_outcome outcome) {
  outcome_ = outcome;
  for (const auto& each : std::exchange(listeners_, {}))
    each(outcome);
}

// -- those who send -----------------------------------------------------------

/// What is drawn for one webhook.
struct senders::webhook_plan {
  std::size_t flow = 0; ///< its number
  std::string key;      ///< empty: none
  std::string body;
  std::string preference; ///< empty: none
  std::optional<milliseconds> hangs_up;
  std::optional<milliseconds> sent_twice;
  bool other_body = false; ///< the second time
};

struct senders::delivery {
  std::uint64_t number = 0;
  webhook_plan plan;
  std::function<life*()> where;
  std::uint32_t count = 0;
  std::weak_ptr<rehearsed_responder> held;
  agenda::time_point arrived;
  std::uint64_t place = 0; ///< among those who wait
};

senders::senders(const surroundings& around, const flow_book& flows)
    : around_{around},
      flows_{flows},
      ids_{mixed({around.options->seed, number_of("ids")})} {}

senders::webhook_plan senders::plan(std::uint64_t n) const {
  draws random{mixed({around_.options->seed, number_of("webhook"), n})};
  webhook_plan made;
  made.flow = random.below(flows_.size());
  if (random.chance(0.6))
    made.key = "key-" + std::to_string(n);
  nlohmann::json body{{"name", "n-" + std::to_string(n)},
                      {"loud", random.chance(0.5)}};
  for (auto left = random.below(5); left > 0; --left)
    body["members"].push_back("m-" + std::to_string(left));
  made.body = body.dump();
  const auto wish = random.below(20);
  if (wish < 2)
    made.preference = "respond-async";
  else if (wish == 2)
    made.preference = "wait=" + std::to_string(random.below(6));
  if (!around_.options->faults.senders)
    return made;
  if (random.chance(0.03))
    made.hangs_up = random.between(0, 9'000);
  if (!made.key.empty() && random.chance(0.15)) {
    made.sent_twice = random.between(0, random.chance(0.7) ? 3'000 : 90'000);
    made.other_body = random.chance(0.15);
  }
  return made;
}

void senders::send(std::uint64_t n, std::function<life*()> where) {
  auto first = std::make_shared<delivery>();
  first->number = n;
  first->plan = plan(n);
  first->where = std::move(where);
  if (first->plan.sent_twice) {
    auto second = std::make_shared<delivery>(*first);
    second->plan.hangs_up.reset();
    if (second->plan.other_body)
      second->plan.body = R"({"name":"other"})";
    again(second, *first->plan.sent_twice);
  }
  ++open_;
  deliver(first);
}

void senders::again(const std::shared_ptr<delivery>& what, milliseconds pause) {
  ++open_;
  around_.time->after(pause, [this, what] { deliver(what); });
}

order_facts senders::facts() {
  order_facts made;
  made.received = around_.now();
  job_id_entropy entropy{};
  for (auto& each : entropy)
    each = static_cast<std::uint8_t>(ids_.next() >> 56);
  made.job = job_id_from(made.received, entropy);
  made.trace.trace_id = "0123456789abcdef0123456789abcdef";
  made.now = around_.time->now();
  made.arrived = made.now;
  made.limit = around_.options->settings.deadline.limit;
  made.margin = around_.options->settings.deadline.margin;
  return made;
}

void senders::deliver(const std::shared_ptr<delivery>& what) {
  ++what->count;
  auto* const to = what->where();
  if (to == nullptr || to->is_draining()) {
    unanswered(what);
    return;
  }
  const auto& plan = what->plan;
  const auto& flow = flows_.current(plan.flow);
  headers fields{{"Content-Type", "application/json"}};
  if (!plan.key.empty())
    fields.push_back({"Idempotency-Key", plan.key});
  if (!plan.preference.empty())
    fields.push_back({"Prefer", plan.preference});
  auto read = read_body(plan.body, fields, *flow,
                        around_.options->settings.http.max_body);
  auto known = facts();
  const auto id = known.job;
  const auto held = std::make_shared<rehearsed_responder>(
    *around_.time, to->alive(), [this, what, id](const reply& told) {
      around_.watched->not_posted(id);
      answered(what, told);
    });
  what->held = held;
  what->arrived = around_.time->now();
  what->place = ++last_;
  waiting_.emplace(what->place, what);
  auto made = simulated_order(flow, fields, std::get<read_webhook>(read),
                              std::move(known));
  if (auto* at_once = std::get_if<reply>(&made)) {
    held->answer(std::move(*at_once));
    return;
  }
  auto order = std::get<std::shared_ptr<clone_order>>(std::move(made));
  auto& counts = *to->env().admission;
  auto place_held = counts.held.take();
  auto bytes = counts.bytes.take(job_memory(order->record.hook));
  auto job_place = counts.jobs.take();
  if (!place_held || !bytes || !job_place) {
    held->answer(
      overloaded_reply("too much is under way", std::chrono::seconds{1}));
    return;
  }
  held->on_outcome([kept = std::make_shared<place>(std::move(*place_held))](
                     const reply_outcome&) { kept->leave(); });
  order->bytes_place = std::make_shared<place>(std::move(*bytes));
  order->job_place = std::make_shared<place>(std::move(*job_place));
  order->responder = held;
  held->answer_by(order->journal_by,
                  overloaded_reply("it could not be journaled in time",
                                   std::chrono::seconds{1}));
  around_.watched->posted(id, what->number);
  if (plan.hangs_up && what->count == 1)
    around_.time->after(*plan.hangs_up, [this, what] { hang_up(what); });
  to->send(clone_order_ptr{std::move(order)});
}

void senders::hang_up(const std::shared_ptr<delivery>& what) {
  const auto there = what->held.lock();
  if (!there || there->is_over() || waiting_.erase(what->place) == 0)
    return;
  ++around_.report->hung_up;
  --open_;
  there->hang_up();
}

void senders::answered(const std::shared_ptr<delivery>& what,
                       const reply& told) {
  if (waiting_.erase(what->place) == 0)
    return;
  around_.watched->answered(told);
  if (around_.time->now() - what->arrived
      > around_.options->settings.deadline.limit)
    around_.watched->fail("a sender has its answer by its deadline",
                          "it came too late: " + told.body);
  if (told.status >= 500 && !what->plan.key.empty()
      && what->count < deliveries_max)
    again(what, milliseconds{1'000 * what->count});
  --open_;
}

void senders::unanswered(const std::shared_ptr<delivery>& what) {
  ++around_.report->cut_off;
  if (!what->plan.key.empty() && what->count < deliveries_max)
    again(what, milliseconds{1'000 * what->count});
  --open_;
}

void senders::cut_off() {
  for (const auto& [place, what] : std::exchange(waiting_, {}))
    unanswered(what);
}

} // namespace handoff::rehearsal

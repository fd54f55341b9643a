// One run: the service, those around it, and the seed that decides.

#include "actors/replies.hpp"
#include "config/flow_loader.hpp"
#include "tools/handoff/rehearsal/flows.hpp"
#include "tools/handoff/rehearsal/life.hpp"
#include "tools/handoff/rehearsal/rehearsal.hpp"
#include "tools/handoff/rehearsal/senders.hpp"

#include <map>
#include <memory>
#include <utility>

namespace handoff::rehearsal {
namespace {

using std::chrono::milliseconds;

/// After the last webhook, so long is waited for what is under way. All waits
/// of the flows that come with the program are shorter.
constexpr std::chrono::hours own_patience{6};
constexpr std::chrono::hours patience{24 * 8};

/// 2026-01-01.
constexpr wall_time first_day{std::chrono::seconds{1'767'225'600}};

class world {
public:
  explicit world(const rehearsal_options& options);

  rehearsal_report run();

private:
  /// Something that an outsider does, once so many messages have been taken.
  struct intrusion {
    std::uint64_t after = 0;
    bool is_crash = false;
  };

  promises::rules rules() const;
  /// As its author wrote it.
  flow_ptr flow_of(std::string_view version) const;
  /// As the service has it: the same, but for sabotage.
  flow_ptr served(const flow_ptr& written) const;
  result<flow_ptr> compiled(const nlohmann::json& definition) const;
  void send_next();
  void plan_intrusions();
  void intrude();
  void crash();
  void drain();
  void start();
  void command();
  void command(const std::string& id);
  job_command some_command(const job_truth& about);
  bool step();
  bool is_quiet() const;
  bool advance();
  void end();
  void settle();

  const rehearsal_options& options_;
  rehearsal_report report_;
  std::vector<flow_ptr> flows_;
  std::map<std::string, flow_ptr, std::less<>> by_version_;
  draws random_;
  agenda time_;
  promises watched_;
  surroundings around_;
  std::unique_ptr<upstreams> called_;
  std::unique_ptr<senders> senders_;
  std::unique_ptr<life> life_;
  std::uint64_t lives_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t crashes_planned_ = 0;
  std::uint64_t commands_planned_ = 0;
  std::multimap<std::uint64_t, bool> intrusions_; ///< true: a crash
  std::optional<agenda::time_point> ended_;       ///< sending
  bool is_stopped_ = false; ///< the drain of the process has come to its end
};

promises::rules world::rules() const {
  const auto& upstream = options_.settings.upstream;
  const auto all = static_cast<double>(upstream.max_calls);
  const auto kept =
    static_cast<std::size_t>(upstream.reserved_for_clones * all);
  return {options_.settings.pool.workers, upstream.max_calls,
          std::max<std::size_t>(1, upstream.max_calls - kept),
          options_.story_of, [this](std::string_view version) {
            return flow_of(version);
          }};
}

world::world(const rehearsal_options& options)
    : options_{options},
      flows_{options.flows.empty() ? own_flows(options.settings)
                                   : options.flows},
      random_{mixed({options.seed, number_of("world")})},
      time_{mixed({options.seed, number_of("agenda")})},
      watched_{time_, rules(), report_} {
  for (auto& each : flows_) {
    by_version_.emplace(each->version, each);
    each = served(each);
  }
  around_.options = &options_;
  around_.time = &time_;
  around_.watched = &watched_;
  around_.report = &report_;
  around_.store = std::make_shared<memory_store>();
  around_.connections =
    std::make_shared<connection_registry>(options.connections);
  around_.now = [this] {
    return first_day + time_.passed();
  };
  around_.compile = [this](const nlohmann::json& definition) {
    return compiled(definition);
  };
  called_ = std::make_unique<upstreams>(
    time_, watched_, report_,
    upstreams::options{mixed({options.seed, number_of("upstreams")}),
                       options.faults.upstreams, options.script,
                       around_.connections});
  around_.called = called_.get();
  watched_.needs_a_person = [this](const std::string& id) {
    if (options_.commands > 0 && !ended_)
      time_.after(random_.between(1'000, 60'000), [this, id] { command(id); });
  };
  senders_ = std::make_unique<senders>(around_, flows_);
}

flow_ptr world::flow_of(std::string_view version) const {
  const auto known = by_version_.find(version);
  return known != by_version_.end() ? known->second : nullptr;
}

flow_ptr world::served(const flow_ptr& written) const {
  const bool repeats = options_.broken == sabotage::repeat_clones;
  if (!repeats && options_.broken != sabotage::impatient_probes)
    return written;
  auto changed = std::make_shared<flow>(*written);
  if (repeats) {
    changed->clone.probe.reset();
    changed->clone.safe_to_repeat = true;
  } else if (changed->clone.probe) {
    changed->clone.probe->rules.limit = milliseconds{0};
  }
  return changed;
}

result<flow_ptr> world::compiled(const nlohmann::json& definition) const {
  for (const auto& each : flows_)
    if (each->definition == definition)
      return each;
  return error{error_kind::internal, "no flow has this definition"};
}

// -- what comes from outside --------------------------------------------------

void world::send_next() {
  if (sent_ == options_.jobs) {
    ended_ = time_.now();
    around_.is_calm = true;
    called_->calm_down();
    return;
  }
  senders_->send(sent_++, [this]() -> life* { return life_.get(); });
  ++report_.webhooks;
  plan_intrusions();
  // Twenty a second, now and then many at once.
  draws pause{mixed({options_.seed, number_of("pause"), sent_})};
  time_.after(pause.chance(0.2) ? milliseconds{0} : pause.between(1, 120),
              [this] { send_next(); });
}

void world::plan_intrusions() {
  // Spread over the webhooks, and some messages after one of them.
  draws when{mixed({options_.seed, number_of("intrusion"), sent_})};
  const auto due = [&](std::uint64_t all) {
    return static_cast<std::uint64_t>(static_cast<double>(all)
                                      * static_cast<double>(sent_)
                                      / static_cast<double>(options_.jobs));
  };
  for (; commands_planned_ < due(options_.commands); ++commands_planned_)
    intrusions_.emplace(report_.messages + when.below(2'000), false);
  for (; crashes_planned_ < due(options_.crashes); ++crashes_planned_)
    intrusions_.emplace(report_.messages + when.below(2'000), true);
}

void world::intrude() {
  while (!intrusions_.empty()
         && (intrusions_.begin()->first <= report_.messages)) {
    const bool is_crash = intrusions_.begin()->second;
    intrusions_.erase(intrusions_.begin());
    if (!is_crash)
      command();
    else if (life_ && options_.faults.drains && random_.chance(0.1))
      drain();
    else if (life_)
      crash();
  }
}

void world::crash() {
  ++report_.crashes;
  life_->cut_off();
  end();
}

void world::end() {
  watched_.cut_off();
  called_->cut_off();
  life_.reset();
  senders_->cut_off();
  time_.after(random_.chance(0.7) ? milliseconds{1}
                                  : random_.between(100, 5'000),
              [this] { start(); });
}

void world::drain() {
  if (life_->is_draining())
    return;
  ++report_.drains;
  life_->drain([this] { is_stopped_ = true; });
  // Who takes longer than [drain] timeout is ended.
  time_.after(options_.settings.drain.timeout, [this, number = lives_] {
    if (life_ && number == lives_ && !is_stopped_)
      crash();
  });
}

void world::start() {
  ++lives_;
  is_stopped_ = false;
  life_ = std::make_unique<life>(
    around_, mixed({options_.seed, number_of("life"), lives_}));
}

job_command world::some_command(const job_truth& about) {
  const auto kind = random_.below(10);
  if (about.status == job_status::ambiguous && kind < 7) {
    if (kind < 2)
      return resolve_command{nullptr, nullptr, true};
    if (!about.clones.empty())
      return resolve_command{about.clones.back().uid, {{"id", "h-1"}}};
    return resolve_command{};
  }
  if (kind < 3)
    return cancel_command{};
  if (kind == 9)
    return resolve_command{};
  retry_command wanted;
  if (random_.chance(0.3) && !about.folded.sub_actions.empty())
    wanted.sub_action =
      about.folded.sub_actions[random_.below(about.folded.sub_actions.size())]
        .name;
  return wanted;
}

void world::command() {
  command(watched_.some_job(random_));
}

void world::command(const std::string& id) {
  const auto* about = watched_.find(id);
  if (!life_ || life_->is_draining() || about == nullptr)
    return;
  ++report_.commands;
  auto wanted = some_command(*about);
  watched_.tell(id, "an operator gives a command: "
                      + std::string{wanted.index() == 0   ? "retry"
                                    : wanted.index() == 1 ? "cancel"
                                                          : "resolve"});
  auto order = std::make_shared<job_order>(
    job_order{id, wanted, served(about->definition), nullptr, nullptr});
  order->responder = std::make_shared<rehearsed_responder>(
    time_, life_->alive(), [this, id, wanted](const reply& told) {
      watched_.command_answered(id, wanted, told);
    });
  life_->send(job_order_ptr{std::move(order)});
}

// -- the run ------------------------------------------------------------------

bool world::is_quiet() const {
  return ended_ && senders_->are_done() && called_->in_flight() == 0 && life_
      && std::get<std::uint64_t>(around_.store->count_unfinished()) == 0;
}

bool world::advance() {
  auto next = time_.next();
  if (life_)
    if (const auto own = life_->next())
      next = next ? std::min(*next, *own) : *own;
  if (!next)
    return false;
  time_.advance_to(*next);
  if (life_)
    life_->look_at_clock();
  time_.run_one();
  return true;
}

bool world::step() {
  intrude();
  if (life_ && is_stopped_) {
    life_->stop();
    end();
  }
  // Time may pass while actors have mail.
  const bool is_slow =
    options_.faults.slow && !around_.is_calm && random_.chance(0.003);
  if (is_slow)
    if (const auto next = time_.next();
        next && *next - time_.now() < milliseconds{50})
      return advance();
  if (life_ && life_->run_one())
    return true;
  return advance();
}

rehearsal_report world::run() {
  start();
  time_.after(milliseconds{1}, [this] { send_next(); });
  while (!watched_.is_broken() && !is_quiet()) {
    if (!step())
      break;
    if (ended_
        && time_.now() - *ended_
             > (options_.flows.empty() ? own_patience : patience))
      break;
  }
  if (!watched_.is_broken())
    settle();
  report_.virtual_time = time_.passed();
  life_.reset();
  return report_;
}

void world::settle() {
  // What is on its way between actors yet, and the deadlines of requests.
  const auto until = time_.now() + std::chrono::minutes{2};
  while (!watched_.is_broken() && life_ && time_.now() < until)
    if (!step())
      break;
  if (!watched_.is_broken() && life_)
    if (const auto left = life_->left_over(); !left.empty())
      watched_.fail("nothing is left at the end", left);
  watched_.forget(around_.now() - keep, [this](const std::string& id) {
    return !std::get<std::optional<job>>(around_.store->find(id));
  });
  if (!watched_.is_broken())
    watched_.finish([this](const std::string& id) {
      return std::get<std::optional<job>>(around_.store->find(id));
    });
}

} // namespace

rehearsal_report rehearse(const rehearsal_options& options) {
  return world{options}.run();
}

} // namespace handoff::rehearsal

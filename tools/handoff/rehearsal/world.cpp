// One run: the service, those around it, and the seed that decides.

#include "tools/handoff/rehearsal/flow_book.hpp"
#include "tools/handoff/rehearsal/life.hpp"
#include "tools/handoff/rehearsal/operators.hpp"
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

/// Steps between two tellings of how far it has come.
constexpr std::uint64_t progress_every = 4'096;

/// How many jobs may be unfinished before senders hold back; drawn anew for
/// each `season_lasts` webhooks.
constexpr std::uint64_t crowds[] = {600, 40, 200};
constexpr std::uint64_t season_lasts = 1'000;
constexpr milliseconds crowd_look{200};
constexpr std::chrono::seconds look_every{60};

/// 2026-01-01.
constexpr wall_time first_day{std::chrono::seconds{1'767'225'600}};

class world {
public:
  explicit world(const rehearsal_options& options);

  rehearsal_report run();

private:
  /// What somebody does from outside, once so many messages have been taken.
  enum class intrusion { command, crash, reload, clock };

  /// How many of a kind there are, and how many have been planned.
  struct intrusions {
    intrusion kind;
    std::uint64_t all = 0;
    std::uint64_t planned = 0;
  };

  promises::rules rules() const;
  void send_next();
  bool is_crowded();
  void plan_intrusions();
  void intrude();
  void intrude(intrusion kind);
  void set_clock();
  void crash();
  void drain();
  void start();
  bool step();
  bool is_quiet() const;
  bool advance();
  void end();
  void settle();
  /// An unfinished job of a service that has nothing under way.
  void look_for_orphans();

  const rehearsal_options& options_;
  rehearsal_report report_;
  flow_book flows_;
  draws random_;
  draws clock_draws_;
  agenda time_;
  promises watched_;
  surroundings around_;
  std::unique_ptr<upstreams> called_;
  std::unique_ptr<senders> senders_;
  std::unique_ptr<operators> operators_;
  std::unique_ptr<life> life_;
  std::uint64_t lives_ = 0;
  std::uint64_t sent_ = 0;
  bool is_crowded_ = false;
  agenda::time_point crowded_since_;
  agenda::time_point looked_;   ///< for orphans
  milliseconds clock_ahead_{0}; ///< of what the wall clock should say
  std::vector<intrusions> planned_;
  std::multimap<std::uint64_t, intrusion> due_; ///< by messages taken
  std::optional<agenda::time_point> ended_;     ///< sending
  bool is_stopped_ = false; ///< the drain of the process has come to its end
};

promises::rules world::rules() const {
  const auto& upstream = options_.settings.upstream;
  const auto all = static_cast<double>(upstream.max_calls);
  const auto kept =
    static_cast<std::size_t>(upstream.reserved_for_clones * all);
  return {options_.settings.pool.workers,
          upstream.max_calls,
          std::max<std::size_t>(1, upstream.max_calls - kept),
          options_.story_of,
          [this](std::string_view version) { return flows_.written(version); },
          [this](const std::string& id) {
            return !std::get<std::optional<job>>(around_.store->find(id));
          }};
}

world::world(const rehearsal_options& options)
    : options_{options},
      flows_{options},
      random_{mixed({options.seed, number_of("world")})},
      clock_draws_{mixed({options.seed, number_of("clock")})},
      time_{mixed({options.seed, number_of("agenda")})},
      watched_{time_, rules(), report_} {
  const auto some = [&](bool drawn) {
    return drawn ? options.jobs / 100 : 0;
  };
  planned_ = {{intrusion::command, options.commands},
              {intrusion::crash, options.crashes},
              {intrusion::reload, some(options.faults.reloads)},
              {intrusion::clock, some(options.faults.clocks)}};
  around_.options = &options_;
  around_.time = &time_;
  around_.watched = &watched_;
  around_.report = &report_;
  around_.store = std::make_shared<memory_store>();
  around_.connections =
    std::make_shared<connection_registry>(options.connections);
  around_.now = [this] {
    return first_day + time_.passed() + clock_ahead_;
  };
  around_.compile = [this](const nlohmann::json& definition) {
    return flows_.compiled(definition);
  };
  called_ = std::make_unique<upstreams>(
    time_, watched_, report_,
    upstreams::options{mixed({options.seed, number_of("upstreams")}),
                       options.faults.upstreams, options.script,
                       around_.connections});
  around_.called = called_.get();
  operators_ = std::make_unique<operators>(around_, flows_,
                                           [this] { return life_.get(); });
  watched_.needs_a_person = [this](const std::string& id) {
    operators_->needed(id);
  };
  senders_ = std::make_unique<senders>(around_, flows_);
}

// -- what comes from outside --------------------------------------------------

void world::send_next() {
  if (sent_ == options_.jobs) {
    ended_ = time_.now();
    clock_ahead_ = milliseconds{0};
    around_.is_calm = true;
    called_->calm_down();
    return;
  }
  if (is_crowded()) {
    time_.after(crowd_look, [this] { send_next(); });
    return;
  }
  report_.kept_max =
    std::max<std::uint64_t>(report_.kept_max, watched_.known());
  senders_->send(sent_++, [this]() -> life* { return life_.get(); });
  ++report_.webhooks;
  plan_intrusions();
  // Twenty a second, now and then many at once.
  draws pause{mixed({options_.seed, number_of("pause"), sent_})};
  time_.after(pause.chance(0.2) ? milliseconds{0} : pause.between(1, 120),
              [this] { send_next(); });
}

/// Senders hold back while there is more to do than the service gets done
/// between two crashes, or the rehearsal would be of nothing but a backlog.
/// Some of the time they are few, some of the time many.
bool world::is_crowded() {
  const auto season =
    draws{mixed({options_.seed, number_of("season"), sent_ / season_lasts})}
      .below(std::size(crowds));
  const auto unfinished =
    std::get<std::uint64_t>(around_.store->count_unfinished());
  const auto most = crowds[season];
  const bool was_crowded =
    std::exchange(is_crowded_, unfinished > (is_crowded_ ? most / 2 : most));
  if (!is_crowded_)
    return false;
  if (!was_crowded)
    crowded_since_ = time_.now();
  // What does not come to an end by then never does, and that is told in the
  // end.
  return time_.now() - crowded_since_ < own_patience;
}

void world::plan_intrusions() {
  // Spread over the webhooks, and some messages after one of them.
  draws when{mixed({options_.seed, number_of("intrusion"), sent_})};
  for (auto& each : planned_) {
    const auto due = static_cast<std::uint64_t>(
      static_cast<double>(each.all) * static_cast<double>(sent_)
      / static_cast<double>(options_.jobs));
    for (; each.planned < due; ++each.planned)
      due_.emplace(report_.messages + when.below(2'000), each.kind);
  }
}

void world::intrude() {
  while (!due_.empty() && due_.begin()->first <= report_.messages)
    intrude(due_.extract(due_.begin()).mapped());
}

void world::intrude(intrusion kind) {
  switch (kind) {
  case intrusion::command:
    operators_->command();
    break;
  case intrusion::reload:
    operators_->reload();
    break;
  case intrusion::clock:
    set_clock();
    break;
  case intrusion::crash:
    if (life_ && options_.faults.drains && random_.chance(0.1))
      drain();
    else if (life_)
      crash();
    break;
  }
}

void world::set_clock() {
  if (around_.is_calm)
    return;
  ++report_.clock_steps;
  const auto kind = clock_draws_.below(100);
  const milliseconds most = kind < 40 ? milliseconds{0}
                          : kind < 65 ? std::chrono::seconds{3}
                          : kind < 90 ? std::chrono::minutes{2}
                                      : std::chrono::minutes{20};
  clock_ahead_ = clock_draws_.between(-most.count(), most.count());
  watched_.tell({}, "the wall clock is set: it is ahead by "
                      + std::to_string(clock_ahead_.count()) + " ms");
  // Somebody sees that.
  if (most > std::chrono::minutes{2})
    time_.after(clock_draws_.between(1'000, 20'000),
                [this] { clock_ahead_ = milliseconds{0}; });
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
  report_.unfinished_max =
    std::max(report_.unfinished_max,
             std::get<std::uint64_t>(around_.store->count_unfinished()));
  is_stopped_ = false;
  life_ = std::make_unique<life>(
    around_, mixed({options_.seed, number_of("life"), lives_}));
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
  for (std::uint64_t steps = 0; !watched_.is_broken() && !is_quiet(); ++steps) {
    if (!step())
      break;
    if (life_ && time_.now() - looked_ > look_every)
      look_for_orphans();
    if (steps % progress_every == 0 && options_.progress) {
      report_.virtual_time = time_.passed();
      options_.progress(report_);
    }
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

void world::look_for_orphans() {
  looked_ = time_.now();
  if (!life_->left_over().empty())
    return;
  const auto unfinished =
    std::get<std::vector<job>>(around_.store->unfinished({}, 1));
  if (!unfinished.empty())
    watched_.fail("every unfinished job is worked on",
                  "nobody works on it, and nothing is under way",
                  unfinished.front().id);
}

void world::settle() {
  // What is on its way between actors yet, and the deadlines of requests.
  const auto until = time_.now() + std::chrono::minutes{2};
  while (!watched_.is_broken() && life_ && time_.now() < until)
    if (!step())
      break;
  if (!watched_.is_broken() && life_)
    for (const auto& left : {life_->left_over(), life_->idle_actors()})
      if (!left.empty())
        watched_.fail("nothing is left at the end", left);
  watched_.forget(around_.now() - keep);
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

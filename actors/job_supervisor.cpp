#include "actors/job_supervisor.hpp"

#include "actors/commands.hpp"
#include "config/flow.hpp"
#include "config/repeat.hpp"
#include "job/pause_left.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace handoff {

using std::chrono::milliseconds;

namespace {

bool is_wanted(const flow& definition, const job& record,
               const sub_action_template& step) {
  if (!step.when)
    return true;
  auto context = context_of(definition, record);
  context.step = step.name;
  condition_view view;
  view.context = &context;
  return holds(*step.when, view);
}

/// Whether somebody wants it tried again, and it has not been: by another
/// definition it may not be wanted any more.
bool is_tried_anew(const step_record& step) {
  return step.status == sub_action_status::retrying && step.counted == 0
      && step.of.empty() && !step.wait_ends;
}

/// Skips what is not wanted: first what another definition made of it.
step_settled skip(const std::vector<step_record>& steps, std::size_t at) {
  for (std::size_t other = 0; other < steps.size(); ++other)
    if (steps[other].of == steps[at].name && !is_satisfied(steps[other])) {
      at = other;
      break;
    }
  return {sub_action_at(at), sub_action_status::skipped,
          error{error_kind::when_false, "its \"when\" does not hold"}};
}

} // namespace

job_supervisor_state::~job_supervisor_state() {
  for (const auto& each : slots)
    if (each.worker)
      caf::anon_send_exit(each.worker, caf::exit_reason::user_shutdown);
}

void job_supervisor_state::begin(job_supervisor_options options) {
  env = std::move(options.env);
  env->fault_point(name);
  definition = std::move(options.definition);
  root = std::move(options.root);
  recovery_place = std::move(options.recovery_place);
  draining = options.draining;
  record.emplace(self, env, std::move(options.record));
  set_rules();
  // The last one is for callbacks.
  slots.resize(env->pool_workers + 1);
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback})
    resume(kind);
  // All of them before the job may end: a refused one must not end it under
  // the next.
  for (const auto& each : options.orders)
    take(each);
  proceed();
}

void job_supervisor_state::resume(step_kind kind) {
  for (std::size_t at = 0; at < steps_of(**record, kind).size(); ++at) {
    const auto& step = steps_of(**record, kind)[at];
    const step_ref which{kind, at};
    if (step.elements)
      continue; // it follows its elements
    if (step.status == sub_action_status::running)
      record->change(after_cut_short(
        **record, which, step.attempts.back(),
        {error_kind::shut_down, "the service stopped while it was under way"},
        milliseconds{0}, env->now()));
    // Of those that an upstream had told to wait, one comes back first.
    if (step.throttled_since && definition)
      env->turns->pause(upstream_of_step(which), milliseconds{0});
    // Those who waited for an upstream do not come back at once.
    const auto* wanted =
      kind == step_kind::sub_action && definition ? sub_action_of(at) : nullptr;
    if (step.status == sub_action_status::retrying && step.wait_ends
        && wanted != nullptr)
      self->delayed_send(self,
                         after_restart(wanted->wait.value_or(wait_rules{}),
                                       *step.wait_ends, env->now(),
                                       env->random()),
                         again_atom::value, which);
    else
      wait_for_next_attempt(which);
  }
}

void job_supervisor_state::set_rules() {
  rules = follow_up_rules_of(**record, definition);
  planned_at.reset();
}

void job_supervisor_state::elements_known(step_ref whole) {
  set_rules();
  // By another definition some were attempted.
  const auto& steps = (*record)->sub_actions;
  for (std::size_t at = 0; at < steps.size(); ++at)
    if (steps[at].of == steps[whole.index].name)
      wait_for_next_attempt(sub_action_at(at));
}

bool job_supervisor_state::is_free(std::size_t at) const {
  const auto& after = rules.sub_actions[at].after;
  return std::all_of(after.begin(), after.end(), [&](auto other) {
    return is_final((*record)->sub_actions[other].status);
  });
}

const plan_step& job_supervisor_state::plan() const {
  if (planned_at != record->revision()) {
    planned = next_step(rules.sub_actions, (*record)->sub_actions);
    planned_at = record->revision();
  }
  return planned;
}

std::optional<job_change> job_supervisor_state::choice_due() const {
  if (!definition || next_of(**record) != job_work::steps)
    return std::nullopt;
  const auto& steps = (*record)->sub_actions;
  const auto is_skipped = [&](std::size_t at) {
    const auto* wanted = sub_action_of(at);
    return wanted != nullptr && steps[at].of.empty()
        && !is_wanted(*definition, **record, *wanted);
  };
  for (const auto* turn : {&plan().start, &plan().expand})
    for (const auto at : *turn)
      if (is_skipped(at))
        return skip(steps, at);
  for (std::size_t at = 0; at < steps.size(); ++at)
    if (is_tried_anew(steps[at]) && is_free(at) && is_skipped(at))
      return skip(steps, at);
  for (const auto at : plan().expand) {
    auto found = elements_of(*definition->sub_actions[at].for_each,
                             context_of(*definition, **record));
    if (auto* failed = std::get_if<error>(&found))
      return step_settled{sub_action_at(at), sub_action_status::failed,
                          masked(*definition, std::move(*failed))};
    return steps_expanded{sub_action_at(at),
                          std::get<std::vector<nlohmann::json>>(found).size()};
  }
  return std::nullopt;
}

const sub_action_template*
job_supervisor_state::sub_action_of(std::size_t index) const {
  const auto& of = (*record)->sub_actions[index].of;
  if (!of.empty())
    return find_sub_action(*definition, of);
  return index < definition->sub_actions.size()
         ? &definition->sub_actions[index]
         : nullptr;
}

void job_supervisor_state::wait_for_next_attempt(step_ref which) {
  const auto& step = steps_of(**record, which.kind)[which.index];
  if (step.status != sub_action_status::retrying)
    return;
  const auto now = env->now();
  const auto left =
    pause_left(step.next_attempt.value_or(now), step.pause_begun, now);
  if (left.count() <= 0)
    due.insert(which);
  else
    self->delayed_send(self, left, again_atom::value, which);
}

void job_supervisor_state::retry_due(step_ref which) {
  const auto& steps = steps_of(**record, which.kind);
  if (which.index >= steps.size()
      || steps[which.index].status != sub_action_status::retrying)
    return;
  due.insert(which);
  proceed();
}

void job_supervisor_state::settle() {
  for (;;) {
    auto changes = changes_due(**record, rules);
    if (changes.empty())
      if (auto choice = choice_due())
        changes.push_back(std::move(*choice));
    if (changes.empty())
      return;
    bool adds_steps = false;
    for (auto& each : changes) {
      adds_steps = adds_steps || std::holds_alternative<steps_added>(each);
      const auto* expanded = std::get_if<steps_expanded>(&each);
      const auto whole =
        expanded != nullptr ? std::optional{expanded->step} : std::nullopt;
      record->change(std::move(each));
      if (whole)
        elements_known(*whole);
    }
    if (!adds_steps)
      continue;
    // A crash must not forget why something was undone, or what was told: the
    // job might come to another end.
    ++saving;
    record->flush([this] {
      --saving;
      proceed();
    });
  }
}

void job_supervisor_state::proceed() {
  if (ended)
    return;
  // What begins may end at once, where its call cannot be built.
  do {
    settle();
    withdraw_turns();
  } while (!draining && definition && !record->is_commanded() && begin_ready());
  finish_if_done();
}

void job_supervisor_state::obey(const job_order_ptr& order) {
  take(order);
  finish_if_done();
}

void job_supervisor_state::take(const job_order_ptr& order) {
  const auto before = (*record)->flow_version;
  record->obey(
    order, definition,
    [&] {
      if ((*record)->flow_version != before)
        definition = order->current;
      set_rules();
      // What failed may be due again.
      for (const auto kind : {step_kind::sub_action, step_kind::compensation,
                              step_kind::callback})
        for (std::size_t at = 0; at < steps_of(**record, kind).size(); ++at)
          if (!due.contains({kind, at}))
            wait_for_next_attempt({kind, at});
      settle();
      withdraw_turns();
    },
    [this] { proceed(); });
}

void job_supervisor_state::drain() {
  draining = true;
  waiting.clear();
  // What the drain cuts off is not what ends the process.
  if (is_unfinished(**record)
      && ((*record)->recoveries > 0 || (*record)->rested
          || record->has_asked())) {
    record->change(job_handed_back{});
    record->flush();
  }
  proceed();
}

void job_supervisor_state::worker_died(const caf::actor_addr& worker) {
  for (std::size_t at = 0; at < slots.size(); ++at) {
    auto& slot = slots[at];
    if (!slot.worker || slot.worker->address() != worker)
      continue;
    if (slot.step)
      attempt_lost(at, slot.made.number);
    else
      slot.worker = sub_action_actor{};
    break;
  }
  proceed();
}

void job_supervisor_state::leave_recovery() {
  if (recovery_place)
    recovery_place->leave();
  recovery_place.reset();
}

void job_supervisor_state::rest() {
  // What only waits is not what ends the process.
  if ((*record)->recoveries > 0 && !(*record)->rested)
    record->change(job_rested{});
  leave_recovery();
}

void job_supervisor_state::stop_workers() {
  for (auto& each : slots) {
    if (!each.worker)
      continue;
    self->demonitor(each.worker->address());
    self->send_exit(each.worker, caf::exit_reason::user_shutdown);
    each.worker = sub_action_actor{};
  }
}

bool job_supervisor_state::is_idle() const {
  return std::none_of(slots.begin(), slots.end(),
                      [](const auto& each) { return each.step.has_value(); });
}

bool job_supervisor_state::is_done() const {
  return is_idle()
      && (draining || !definition || next_of(**record) != job_work::steps);
}

void job_supervisor_state::finish_if_done() {
  if (!is_done()) {
    if (is_idle())
      rest();
    record->flush();
    return;
  }
  if (draining && is_unfinished(**record))
    record->change(job_handed_back{});
  record->flush([this] {
    // Somebody may have ordered more in the meantime.
    if (!is_done() || std::exchange(ended, true))
      return;
    stop_workers();
    if (!draining && definition && next_of(**record) == job_work::clone)
      self->send(root, std::make_shared<const released_job>(
                         released_job{definition, record->release()}));
    self->quit();
  });
}

job_supervisor_actor::behavior_type
job_supervisor(job_supervisor_state::self_pointer self,
               job_supervisor_options options) {
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.worker_died(down.source); });
  self->state.begin(std::move(options));
  return {
    [self](again_atom, const step_ref& step) {
      self->state.env->fault_point(job_supervisor_state::name);
      self->state.retry_due(step);
    },
    [self](granted_atom, const step_ref& step, const turn_ptr& turn) {
      self->state.env->fault_point(job_supervisor_state::name);
      self->state.turn_granted(step, turn);
    },
    [self](const job_order_ptr& order) {
      self->state.obey(order);
      return taken_atom::value;
    },
    [self](save_atom) { self->state.record->flush(); },
    [self](drain_atom) { self->state.drain(); },
  };
}

} // namespace handoff

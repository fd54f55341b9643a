#include "actors/recovery.hpp"

#include "actors/ask.hpp"
#include "actors/call_builder.hpp"
#include "job/command.hpp"
#include "job/crash_point.hpp"
#include "job/pause_left.hpp"
#include "job/webhook.hpp"

#include <caf/error.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using std::chrono::milliseconds;

/// Far longer than a journal should take: jobs that are handed out are this
/// owner's, whether anybody waits for them yet or not.
constexpr std::chrono::minutes acquire_patience{5};

job_event event_of(const recovered_job& taken_up, wall_time now,
                   job_change change) {
  return {taken_up.job, now, std::move(change), taken_up.definition->name,
          taken_up.trace_id};
}

/// Upstreams that had said "not now" are left alone for as long as they asked,
/// by all jobs, and no longer than a step would wait for them: the wall clock
/// may have been set since.
void pause_upstreams(const job& record, const flow& definition,
                     const environment& env) {
  const auto pause = [&](const auto& step, const request_template& request,
                         const retry_policy& policy) {
    if (step.throttled_since && step.next_attempt)
      env.turns->pause(
        request.upstream,
        std::min(pause_left(*step.next_attempt, step.pause_begun, env.now()),
                 policy.throttled_for));
  };
  const bool prepares =
    !definition.prepare.empty() && record.clone.prepared.is_null();
  pause(record.clone,
        prepares ? definition.prepare.front().request
                 : definition.clone.request,
        prepares ? definition.prepare_retry : definition.clone.retry);
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
    const auto& step = record.sub_actions[at];
    if (!step.of.empty()) {
      if (const auto* whole = find_sub_action(definition, step.of))
        pause(step, whole->request, whole->retry);
    } else if (at < definition.sub_actions.size()) {
      pause(step, definition.sub_actions[at].request,
            definition.sub_actions[at].retry);
    }
  }
}

} // namespace

void recovery_state::later(std::chrono::milliseconds pause) {
  self->delayed_send(self, pause, next_atom::value);
}

flow_ptr recovery_state::definition_of(const job& record) {
  const auto known = definitions.find(record.flow_version);
  if (known != definitions.end())
    return known->second;
  const auto give_up = [&](const std::string& why) {
    options.warn("the jobs of flow " + record.flow + " in version "
                   + record.flow_version + " cannot go on: " + why,
                 nullptr);
    return nullptr;
  };
  flow_ptr compiled;
  auto stored = options.reader->flow_definition(record.flow_version);
  if (const auto* failed = std::get_if<error>(&stored)) {
    compiled = give_up(failed->detail);
  } else if (const auto& text =
               std::get<std::optional<nlohmann::json>>(stored)) {
    auto made = options.compile(*text);
    if (const auto* broken = std::get_if<error>(&made))
      compiled = give_up(broken->detail);
    else
      compiled = std::get<flow_ptr>(made);
  } else {
    compiled = give_up("the journal does not have the definition");
  }
  definitions.emplace(record.flow_version, compiled);
  return compiled;
}

place_ptr recovery_state::job_place() {
  auto& left = *options.job_places;
  return std::make_shared<place>(
    left ? left.split(1) : options.env->admission->jobs.take_over());
}

std::size_t recovery_state::room() const {
  const auto left = [](const places& of) {
    return of.limit() - std::min(of.limit(), of.taken());
  };
  const auto& counts = *options.env->admission;
  const auto free = left(counts.recovered);
  if (options.may_take && !options.may_take())
    return 0;
  return options.look_again.count() > 0 ? std::min(free, left(counts.jobs))
                                        : free;
}

std::size_t recovery_state::group_size(std::uint32_t recoveries) const {
  std::size_t size = 1;
  for (auto left = recoveries + 1; left < options.recoveries_max; ++left)
    size *= 10;
  return std::min(size, options.page);
}

void recovery_state::next_page() {
  if (taken) {
    write_down();
    return;
  }
  const auto free = room();
  if (free == 0) {
    later(options.pause);
    return;
  }
  ask(self, *options.env, options.env->journal, acquire_patience,
      acquire_atom::value, acquisition{std::min(options.page, free), {}})
    .then(
      [this](const jobs_acquired& acquired) {
        if (acquired.failure)
          try_again("the journal cannot be read: " + acquired.failure->detail);
        else if (last_reason.clear(); acquired.jobs.empty())
          next_group();
        else
          take_up(acquired.jobs);
      },
      [this](const caf::error&) {
        // What it hands out late nobody would ever work on.
        self->quit(caf::make_error(caf::sec::request_timeout,
                                   "the journal did not answer in time"));
      });
}

void recovery_state::take_up(const std::vector<job_ptr>& found) {
  const auto now = options.env->now();
  std::vector<job_event> events;
  std::vector<std::string> held_back;
  page_taken page;
  for (const auto& each : found) {
    if (each->recoveries >= options.recoveries_max) {
      options.warn("it is set aside", each.get());
      error why{
        error_kind::quarantined,
        "it was taken up " + std::to_string(each->recoveries)
          + " times after a stop of the service without getting any further"};
      auto settled = give_up(*each, why, now);
      events.insert(events.end(), settled.begin(), settled.end());
      page.set_aside.push_back({each, std::move(why)});
      continue;
    }
    auto definition = definition_of(*each);
    if (!definition) {
      held_back.push_back(each->id);
      continue;
    }
    // Before any of the page asks for its turn.
    pause_upstreams(*each, *definition, *options.env);
    recovered_job taken_up{
      each->id, std::move(definition), each->hook.trace.trace_id, job_place(),
      std::make_shared<place>(
        options.env->admission->bytes.take_over(job_memory(each->hook)))};
    if (each->recoveries >= options.suspect_after) {
      suspects.emplace(each->recoveries, std::move(taken_up));
      continue;
    }
    taken_up.recovery_place =
      std::make_shared<place>(options.env->admission->recovered.take_over());
    events.push_back(make_event(*each, now, job_recovered{}));
    page.ready.push_back(
      std::make_shared<const recovered_job>(std::move(taken_up)));
  }
  held_back_count += held_back.size();
  if (!held_back.empty())
    self->send(options.env->journal, release_atom::value, std::move(held_back),
               true);
  if (events.empty()) {
    later(options.pause);
    return;
  }
  page.events =
    std::make_shared<const std::vector<job_event>>(std::move(events));
  taken = std::move(page);
  write_down();
}

void recovery_state::next_group() {
  if (group.taken() > 0) {
    later(options.pause);
    return;
  }
  if (suspects.empty()) {
    // Others were taken up for an operator, who was faster.
    options.job_places->shrink_to(held_back_count);
    options.env->supervision->recovery_done();
    if (options.look_again.count() > 0)
      later(options.look_again);
    else
      self->quit();
    return;
  }
  // Those that were taken up least often first: one that does end the process
  // comes last, and holds up nobody.
  const auto recoveries = suspects.begin()->first;
  std::vector<job_event> events;
  page_taken page;
  const auto now = options.env->now();
  for (auto left = group_size(recoveries);
       left > 0 && !suspects.empty() && suspects.begin()->first == recoveries;
       --left) {
    auto next = suspects.extract(suspects.begin()).mapped();
    next.recovery_place = std::make_shared<place>(group.take_over());
    events.push_back(event_of(next, now, job_recovered{}));
    page.ready.push_back(
      std::make_shared<const recovered_job>(std::move(next)));
  }
  page.events =
    std::make_shared<const std::vector<job_event>>(std::move(events));
  taken = std::move(page);
  write_down();
}

void recovery_state::write_down() {
  // First it is written down that they are taken up, then they are: else a job
  // that ends the process could not be told from the others.
  crash_point("before-recovery-commit");
  ask(self, *options.env, options.env->journal, request_grace, taken->events)
    .then(
      [this](const commit_done& done) {
        crash_point("after-recovery-commit");
        options.env->fault_point(name);
        if (done.failure)
          try_again("jobs cannot be taken up: " + done.failure->detail);
        else
          begin_taken();
      },
      [this](const caf::error&) {
        try_again("jobs cannot be taken up: the journal did not answer in "
                  "time");
      });
}

void recovery_state::begin_taken() {
  const auto page = *std::exchange(taken, std::nullopt);
  auto& supervision = *options.env->supervision;
  for (const auto& each : page.set_aside) {
    job_place()->leave();
    supervision.given_up(*each.record, each.why, options.env->now());
  }
  supervision.jobs_set_aside(page.set_aside.size());
  for (const auto& each : page.ready) {
    supervision.job_recovered();
    self->send(options.root, each);
  }
  later(options.pause);
}

void recovery_state::try_again(const std::string& why) {
  // Once for each reason: it may last.
  if (std::exchange(last_reason, why) != why)
    options.warn(why, nullptr);
  later(options.env->journal_pause);
}

recovery_actor::behavior_type recovery(recovery_state::self_pointer self,
                                       recovery_options options) {
  self->state.options = std::move(options);
  self->send(self, next_atom::value);
  return {
    [self](next_atom) {
      self->state.options.env->fault_point(recovery_state::name);
      self->state.next_page();
    },
    [self](drain_atom) { self->quit(); },
  };
}

} // namespace handoff

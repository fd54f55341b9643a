#include "actors/recovery.hpp"

#include "actors/ask.hpp"
#include "job/command.hpp"
#include "job/crash_point.hpp"

#include <utility>

namespace handoff {
namespace {

job_event event_of(const recovered_job& taken_up, wall_time now,
                   job_change change) {
  return {taken_up.job, now, std::move(change), taken_up.definition->name,
          taken_up.trace_id};
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

void recovery_state::next_page() {
  if (taken) {
    write_down();
    return;
  }
  if (options.env->admission->recovered.load() >= options.under_way_max) {
    later(options.pause);
    return;
  }
  auto found = options.reader->unfinished(options.before, options.page);
  if (const auto* failed = std::get_if<error>(&found)) {
    try_again("the journal cannot be read: " + failed->detail);
    return;
  }
  const auto& jobs = std::get<std::vector<job>>(found);
  if (jobs.empty()) {
    next_suspect();
    return;
  }
  options.before = jobs.back().id;
  take_up(jobs);
}

void recovery_state::take_up(const std::vector<job>& found) {
  const auto now = options.env->now();
  std::vector<job_event> events;
  page_taken page;
  for (const auto& each : found) {
    auto definition = definition_of(each);
    if (each.recoveries >= options.recoveries_max) {
      options.warn("it is set aside", &each);
      error why{
        error_kind::quarantined,
        "it was taken up " + std::to_string(each.recoveries)
          + " times after a stop of the service without getting any further"};
      auto settled = give_up(each, why, now);
      events.insert(events.end(), settled.begin(), settled.end());
      page.set_aside.push_back({each, std::move(why)});
    } else if (definition) {
      auto taken_up = std::make_shared<const recovered_job>(recovered_job{
        each.id, std::move(definition), each.hook.trace.trace_id});
      if (each.recoveries >= options.suspect_after) {
        suspects.emplace(each.recoveries, std::move(taken_up));
      } else {
        events.push_back(make_event(each, now, job_recovered{}));
        page.ready.push_back(std::move(taken_up));
      }
    }
  }
  if (events.empty()) {
    later(options.pause);
    return;
  }
  page.events =
    std::make_shared<const std::vector<job_event>>(std::move(events));
  taken = std::move(page);
  write_down();
}

void recovery_state::next_suspect() {
  std::vector<job_event> events;
  page_taken page;
  const auto now = options.env->now();
  if (alone)
    // It was given its time by itself, and the process lives.
    events.push_back(
      event_of(*std::exchange(alone, nullptr), now, job_handed_back{}));
  if (!suspects.empty()) {
    // Those that were taken up least often first: one that does end the
    // process comes last, and holds up nobody.
    alone = suspects.extract(suspects.begin()).mapped();
    events.push_back(event_of(*alone, now, job_recovered{}));
    page.ready.push_back(alone);
    page.pause = options.suspect_pause;
  }
  if (events.empty()) {
    options.env->supervision->recovery_done();
    self->quit();
    return;
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
  options.env->admission->jobs.fetch_sub(page.set_aside.size());
  for (const auto& each : page.set_aside)
    supervision.given_up(each.record, each.why, options.env->now());
  supervision.jobs_set_aside(page.set_aside.size());
  for (const auto& each : page.ready) {
    supervision.job_recovered();
    options.env->admission->recovered.fetch_add(1);
    self->send(options.root, each);
  }
  later(page.pause.value_or(options.pause));
}

void recovery_state::try_again(const std::string& why) {
  options.warn(why, nullptr);
  later(options.env->journal_pause);
}

recovery_actor::behavior_type recovery(recovery_state::self_pointer self,
                                       recovery_options options) {
  self->state.options = std::move(options);
  self->send(self, next_atom::value);
  return {[self](next_atom) {
    self->state.options.env->fault_point(recovery_state::name);
    self->state.next_page();
  }};
}

} // namespace handoff

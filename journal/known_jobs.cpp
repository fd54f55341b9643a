#include "journal/known_jobs.hpp"

#include "job/claim.hpp"
#include "journal/job_codec.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

void drop_responses(std::vector<attempt>& attempts) {
  for (auto& each : attempts)
    each.response = nullptr;
}

/// The same job without what is large and decides nothing.
job without_bulk(const job& record) {
  job bare;
  bare.id = record.id;
  bare.flow = record.flow;
  bare.claim = record.claim;
  bare.status = record.status;
  bare.clone = record.clone;
  bare.clone.answer = nullptr;
  if (bare.clone.accepted)
    bare.clone.accepted->answer = nullptr;
  if (!bare.clone.prepared.is_null())
    bare.clone.prepared = nlohmann::json::object();
  bare.sub_actions = record.sub_actions;
  for (auto& each : bare.sub_actions)
    each.answer = nullptr;
  bare.compensations = record.compensations;
  bare.callbacks = record.callbacks;
  drop_responses(bare.clone.attempts);
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback})
    for (auto& each : steps_of(bare, kind))
      drop_responses(each.attempts);
  bare.hook.received = record.hook.received;
  bare.reply = record.reply;
  bare.finished = record.finished;
  bare.recoveries = record.recoveries;
  bare.recovered = record.recovered;
  bare.rested = record.rested;
  bare.cancel_requested = record.cancel_requested;
  bare.successes = record.successes;
  bare.flow_version = record.flow_version;
  return bare;
}

void drop_answer(job& record, const job_change& change) {
  if (std::holds_alternative<clone_succeeded>(change))
    record.clone.answer = nullptr;
  else if (std::holds_alternative<clone_accepted>(change))
    record.clone.accepted->answer = nullptr;
  else if (std::holds_alternative<clone_prepared>(change))
    record.clone.prepared = nlohmann::json::object();
  else if (std::holds_alternative<clone_attempt_ended>(change)
           || std::holds_alternative<clone_settled>(change))
    drop_responses(record.clone.attempts);
  else if (const auto* ended = std::get_if<step_ended>(&change)) {
    auto& step = *find_step(record, ended->step);
    step.answer = nullptr;
    drop_responses(step.attempts);
  }
}

/// Whether it makes a job that is over go on. Retention may have deleted the
/// job: nothing would be stored, and the command would be answered with a
/// success.
bool goes_on(const job_change& change) {
  if (const auto* settled = std::get_if<step_settled>(&change))
    return !is_final(settled->status);
  return std::holds_alternative<clone_reopened>(change)
      || std::holds_alternative<polling_resumed>(change)
      || std::holds_alternative<definition_changed>(change);
}

/// Flow names have no U+0000.
std::string joined(const std::string& flow, const std::string& key) {
  return flow + '\0' + key;
}

} // namespace

std::int64_t ms_since_1970(wall_time time) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  return floor<milliseconds>(time).time_since_epoch().count();
}

bool is_unfinished(const job_row& row) {
  return row.status == job_status::cloning || row.status == job_status::running
      || row.calling_back;
}

job_row known_job::row() const {
  job_row made;
  made.status = record.status;
  made.has_uid = !record.clone.uid.is_null();
  if (record.finished)
    made.finished = ms_since_1970(*record.finished);
  made.calling_back = is_calling_back(record);
  return made;
}

known_job* known_jobs::recall(std::string_view id) {
  const auto found = known_.find(id);
  if (found != known_.end())
    return &found->second;
  auto loaded = storage_.load(id);
  if (!loaded)
    return nullptr;
  auto& known = known_[std::string{id}];
  known.no = loaded->no;
  known.rows = loaded->rows;
  known.record = options_.keep_bulk ? std::move(loaded->record)
                                    : without_bulk(loaded->record);
  known.stored = known.row();
  return &known;
}

void known_jobs::change_key(key_change change) {
  last_changes_[joined(change.flow, change.claim.key)] = keys_.size();
  keys_.push_back(std::move(change));
}

const key_change* known_jobs::last_change(const std::string& flow,
                                          const std::string& key) const {
  if (keys_.empty())
    return nullptr;
  const auto found = last_changes_.find(joined(flow, key));
  return found != last_changes_.end() ? &keys_[found->second] : nullptr;
}

std::optional<std::string>
known_jobs::holder_of(const std::string& job, const std::string& flow,
                      const idempotency_claim& wanted, wall_time now,
                      std::span<const key_change> batch) {
  // What was said last counts: in this batch, else in this commit, else in what
  // is stored.
  const auto in_batch =
    std::find_if(batch.rbegin(), batch.rend(), [&](const key_change& each) {
      return each.claim.key == wanted.key && each.flow == flow;
    });
  const auto* const last =
    in_batch != batch.rend() ? &*in_batch : last_change(flow, wanted.key);
  if (last != nullptr) {
    const bool is_held =
      last->is_claim && last->job != job && last->claim.expires > now;
    return is_held ? std::optional{last->job} : std::nullopt;
  }
  const auto held = storage_.holder_of(flow, wanted.key, now);
  // A job that is forgotten holds nothing any more.
  if (!held || held->job == job || recall(held->job) == nullptr)
    return std::nullopt;
  return held->job;
}

std::optional<std::string>
known_jobs::held_key(std::span<const job_event> events) {
  std::vector<key_change> changes;
  for (const auto& event : events) {
    const auto* accepted = std::get_if<job_accepted>(&event.change);
    if (accepted != nullptr && accepted->record->claim) {
      const auto& record = *accepted->record;
      if (recall(event.job) != nullptr)
        continue; // it comes a second time
      if (auto holder =
            holder_of(event.job, record.flow, *record.claim, event.at, changes))
        return holder;
      changes.push_back(
        {record.flow, event.job, *record.claim, event.at, true});
    } else if (std::holds_alternative<clone_reopened>(event.change)) {
      // Its webhook came again and became another job: to clone for this one
      // as well would make two.
      const auto* known = recall(event.job);
      if (known != nullptr && known->record.claim
          && is_released(*known->record.claim))
        if (auto holder = holder_of(event.job, known->record.flow,
                                    *known->record.claim, event.at, changes))
          return holder;
    } else if (const auto* released =
                 std::get_if<key_released>(&event.change)) {
      const auto* known = recall(event.job);
      const bool is_taken_over =
        std::any_of(events.begin(), events.end(), [&](const auto& each) {
          return each.job != event.job
              && std::holds_alternative<job_accepted>(each.change);
        });
      // A job that was retried meanwhile keeps it.
      const bool is_let_go =
        known != nullptr
        && (!is_taken_over || known->record.status == job_status::failed);
      if (is_let_go && known->record.claim && !is_released(*known->record.claim)
          && known->record.claim->key == released->key)
        changes.push_back({known->record.flow,
                           event.job,
                           {released->key, {}, {}},
                           event.at,
                           false});
    }
  }
  return std::nullopt;
}

void known_jobs::accept(const job_event& event, const job_accepted& change) {
  if (recall(event.job) != nullptr)
    return;
  const auto& record = *change.record;
  auto& known = known_[event.job];
  known.record = options_.keep_bulk ? record : without_bulk(record);
  // The id that an event is found by is the job's.
  known.record.id = event.job;
  if (record.claim)
    change_key({record.flow, event.job, *record.claim, event.at, true});
  store_definition(record.flow_version, change.definition);
  tell(known, event);
}

void known_jobs::store_definition(
  const std::string& version,
  const std::shared_ptr<const nlohmann::json>& definition) {
  if (definition && stored_definitions_.insert(version).second)
    definitions_.push_back({version, definition});
}

void known_jobs::add(const job_event& event) {
  if (const auto* accepted = std::get_if<job_accepted>(&event.change)) {
    accept(event, *accepted);
    return;
  }
  auto* const known = recall(event.job);
  if (known == nullptr || !apply(known->record, event))
    return;
  if (!options_.keep_bulk)
    drop_answer(known->record, event.change);
  if (const auto* changed = std::get_if<definition_changed>(&event.change))
    store_definition(changed->version, changed->definition);
  if (const auto* released = std::get_if<key_released>(&event.change))
    change_key({known->record.flow,
                event.job,
                {released->key, {}, {}},
                event.at,
                false});
  tell(*known, event);
}

void known_jobs::tell(known_job& to, const job_event& event) {
  if (to.event_count++ == 0) {
    touched_.push_back(&to);
    // What the events of most jobs take in one commit.
    to.events.reserve(512);
  }
  encode(event, to.events);
  if (to.events.size() > options_.row_bytes_max)
    throw batch_rejected{"the events of job " + to.record.id
                         + " are larger than the journal takes at once; trying "
                           "again does not help"};
}

std::optional<error> known_jobs::forgotten(std::span<const job_event> events) {
  for (const auto& event : events)
    if (goes_on(event.change) && recall(event.job) == nullptr)
      return error{error_kind::unknown_job,
                   "job " + event.job + " was forgotten meanwhile"};
  return std::nullopt;
}

batch_outcome known_jobs::add(std::span<const job_event> events) {
  if (auto why = forgotten(events))
    return {commit_status::rejected, std::move(*why), {}};
  if (auto holder = held_key(events))
    return {commit_status::key_held,
            error{error_kind::conflict,
                  "job " + *holder + " holds this idempotency key"},
            std::move(*holder)};
  for (const auto& event : events)
    add(event);
  return {};
}

void known_jobs::committed() {
  for (auto* const each : touched_) {
    each->event_count = 0;
    // With its room: it may have held a large body.
    std::vector<std::uint8_t>{}.swap(each->events);
    each->stored = each->row();
    const bool is_over = is_final(each->record.status) && each->record.reply
                      && !each->stored->calling_back;
    // Nothing is likely to follow, or not from here alone.
    if (is_over || (options_.is_shared && !is_unfinished(*each->stored)))
      known_.erase(known_.find(each->record.id));
  }
  touched_.clear();
  keys_.clear();
  last_changes_.clear();
  definitions_.clear();
  // Whichever: what it knows of a job that comes up again is read again.
  while (known_.size() > options_.remembered_max)
    known_.erase(known_.begin());
}

void known_jobs::forget_all() {
  touched_.clear();
  keys_.clear();
  last_changes_.clear();
  definitions_.clear();
  known_.clear();
  stored_definitions_.clear();
}

void known_jobs::forget(std::string_view id) {
  const auto found = known_.find(id);
  if (found != known_.end())
    known_.erase(found);
}

} // namespace handoff

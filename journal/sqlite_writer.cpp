#include "journal/sqlite_writer.hpp"

#include "journal/job_codec.hpp"

#include <utility>

namespace handoff::sqlite {
namespace {

/// The same job without what is large and decides nothing.
job without_bulk(const job& record) {
  job bare;
  bare.id = record.id;
  bare.flow = record.flow;
  bare.claim = record.claim;
  bare.status = record.status;
  bare.clone = record.clone;
  bare.clone.answer = nullptr;
  bare.sub_actions = record.sub_actions;
  for (auto& each : bare.sub_actions)
    each.answer = nullptr;
  bare.compensations = record.compensations;
  bare.callbacks = record.callbacks;
  bare.hook.received = record.hook.received;
  bare.reply = record.reply;
  bare.finished = record.finished;
  bare.recoveries = record.recoveries;
  bare.recovered = record.recovered;
  return bare;
}

void drop_answer(job& record, const job_change& change) {
  if (std::holds_alternative<clone_succeeded>(change))
    record.clone.answer = nullptr;
  else if (const auto* ended = std::get_if<step_ended>(&change))
    find_step(record, ended->step)->answer = nullptr;
}

std::optional<std::int64_t> ms_of(const std::optional<wall_time>& time) {
  return time ? std::optional{sqlite::ms_of(*time)} : std::nullopt;
}

} // namespace

writer::writer(connection& on, reader& reads, std::size_t remembered_max)
    : on_{on},
      reads_{reads},
      remembered_max_{remembered_max},
      next_no_{on.ask("SELECT ifnull(max(no), 0) + 1 FROM jobs")},
      insert_job_{on, "INSERT INTO jobs (no, id, flow, status, uid, received, "
                      "finished, calling_back) VALUES (?, ?, ?, ?, ?, ?, ?, "
                      "?)"},
      update_job_{on, "UPDATE jobs SET status = ?2, uid = ?3, finished = ?4, "
                      "calling_back = ?5 WHERE no = ?1"},
      insert_events_{on, "INSERT INTO events (key, payload) VALUES (?, ?)"},
      claim_key_{on, "INSERT INTO idempotency_keys (flow, key, job, "
                     "fingerprint, expires) VALUES (?1, ?2, ?3, ?4, ?5) "
                     "ON CONFLICT (flow, key) DO UPDATE SET "
                     "job = ?3, fingerprint = ?4, expires = ?5 "
                     "WHERE expires <= ?6"},
      release_key_{on, "DELETE FROM idempotency_keys WHERE flow = ? AND "
                       "key = ? AND job = ?"},
      insert_definition_{on, "INSERT INTO flow_definitions (version, "
                             "definition) VALUES (?, ?) "
                             "ON CONFLICT (version) DO NOTHING"},
      prunable_{on, "SELECT no, id FROM jobs WHERE finished IS NOT NULL AND "
                    "finished < ? AND status IN (3, 4, 5) AND calling_back = 0 "
                    "ORDER BY finished LIMIT ?"},
      delete_job_{on, "DELETE FROM jobs WHERE no = ?"},
      delete_events_{on, "DELETE FROM events WHERE key BETWEEN ? AND ?"},
      delete_keys_{on, "DELETE FROM idempotency_keys WHERE (flow, key) IN "
                       "(SELECT flow, key FROM idempotency_keys "
                       "WHERE expires <= ? ORDER BY expires LIMIT ?)"} {}

writer::known_job* writer::recall(std::string_view id) {
  const auto found = known_.find(id);
  if (found != known_.end())
    return &found->second;
  auto loaded = reads_.load(id);
  if (!loaded)
    return nullptr;
  auto& known = known_[std::string{id}];
  known.no = loaded->no;
  known.rows = loaded->rows;
  known.record = without_bulk(loaded->record);
  known.stored = true;
  known.status = known.record.status;
  known.has_uid = !known.record.clone.uid.is_null();
  known.finished = ms_of(known.record.finished);
  known.calling_back = is_calling_back(known.record);
  return &known;
}

writer::known_job* writer::accept(const job_event& event,
                                  const job_accepted& change) {
  if (recall(event.job) != nullptr)
    return nullptr;
  const auto& record = *change.record;
  if (record.claim)
    free_if_forgotten(record.flow, record.claim->key, event.at);
  auto& known = known_[event.job];
  known.no = next_no_++;
  known.record = without_bulk(record);
  // The id that an event is found by is the job's.
  known.record.id = event.job;
  if (const auto& claim = record.claim)
    claim_key_.run(std::string_view{record.flow}, std::string_view{claim->key},
                   std::string_view{event.job},
                   std::string_view{claim->fingerprint},
                   sqlite::ms_of(claim->expires), sqlite::ms_of(event.at));
  if (change.definition && !definitions_.contains(record.flow_version)) {
    const auto bytes = nlohmann::json::to_cbor(*change.definition);
    insert_definition_.run(std::string_view{record.flow_version},
                           std::span<const std::uint8_t>{bytes});
    definitions_.insert(record.flow_version);
  }
  return &known;
}

void writer::free_if_forgotten(std::string_view flow, std::string_view key,
                               wall_time now) {
  const auto held = reads_.find_key(flow, key, now);
  if (const auto* failed = std::get_if<error>(&held))
    throw failure{failed->detail};
  const auto& holder = std::get<std::optional<key_holder>>(held);
  // The jobs of this commit are not stored yet, but they are recalled.
  if (holder && recall(holder->job) == nullptr)
    release_key_.run(flow, key, std::string_view{holder->job});
}

void writer::add(known_job& to, const job_event& event) {
  if (to.event_count++ == 0)
    touched_.push_back(&to);
  encode(event, to.events);
}

void writer::add(std::span<const job_event> events) {
  for (const auto& event : events) {
    if (const auto* accepted = std::get_if<job_accepted>(&event.change)) {
      if (auto* const known = accept(event, *accepted))
        add(*known, event);
      continue;
    }
    auto* const known = recall(event.job);
    if (known == nullptr || !apply(known->record, event))
      continue;
    drop_answer(known->record, event.change);
    if (const auto* released = std::get_if<key_released>(&event.change))
      release_key_.run(std::string_view{known->record.flow},
                       std::string_view{released->key},
                       std::string_view{event.job});
    add(*known, event);
  }
}

void writer::store() {
  for (auto* const each : touched_)
    store(*each);
}

void writer::store(known_job& each) {
  const auto& record = each.record;
  const auto status = static_cast<std::int64_t>(record.status);
  const auto finished = ms_of(record.finished);
  const bool has_uid = !record.clone.uid.is_null();
  const bool calling_back = is_calling_back(record);
  std::string storage;
  const auto uid = uid_value(record.clone.uid, storage);
  if (!each.stored)
    insert_job_.run(each.no, std::string_view{record.id},
                    std::string_view{record.flow}, status, uid,
                    sqlite::ms_of(record.hook.received), finished,
                    std::int64_t{calling_back});
  else if (each.status != record.status || each.has_uid != has_uid
           || each.finished != finished || each.calling_back != calling_back)
    update_job_.run(each.no, status, uid, finished, std::int64_t{calling_back});
  each.stored = true;
  each.status = record.status;
  each.has_uid = has_uid;
  each.finished = finished;
  each.calling_back = calling_back;
  if (each.rows >= event_key::rows_max)
    throw failure{"job " + record.id
                  + " has more events than the journal can keep; trying again "
                    "does not help"};
  const auto payload = wrap(each.event_count, each.events);
  insert_events_.run(event_key::first_of(each.no) + each.rows,
                     std::span<const std::uint8_t>{payload});
  ++each.rows;
}

std::size_t writer::prune(wall_time before, wall_time now, std::size_t limit) {
  std::vector<std::pair<std::int64_t, std::string>> old;
  {
    auto rows =
      prunable_.query(sqlite::ms_of(before), static_cast<std::int64_t>(limit));
    while (rows.next())
      old.emplace_back(rows.integer(0), rows.text(1));
  }
  for (const auto& [no, id] : old) {
    delete_events_.run(event_key::first_of(no), event_key::last_of(no));
    delete_job_.run(no);
    known_.erase(id);
  }
  delete_keys_.run(sqlite::ms_of(now), static_cast<std::int64_t>(limit));
  return old.size();
}

void writer::trim() {
  for (auto* const each : touched_) {
    each->event_count = 0;
    each->events = {};
    // Nothing is likely to follow.
    if (is_final(each->record.status) && each->record.reply
        && !is_calling_back(each->record))
      known_.erase(known_.find(each->record.id));
  }
  touched_.clear();
  // Whichever: what it knows of a job that comes up again is read again.
  while (known_.size() > remembered_max_)
    known_.erase(known_.begin());
}

void writer::forget_all() {
  touched_.clear();
  known_.clear();
  definitions_.clear();
}

} // namespace handoff::sqlite

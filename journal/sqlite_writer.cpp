#include "journal/sqlite_writer.hpp"

#include "journal/job_codec.hpp"

#include <utility>

namespace handoff::sqlite {

writer::writer(connection& on)
    : next_no_{on.ask("SELECT ifnull(max(no), 0) + 1 FROM jobs")},
      insert_job_{on, "INSERT INTO jobs (no, id, flow, status, uid, received, "
                      "finished, calling_back) VALUES (?, ?, ?, ?, ?, ?, ?, "
                      "?)"},
      update_job_{on, "UPDATE jobs SET status = ?2, uid = ?3, finished = ?4, "
                      "calling_back = ?5 WHERE no = ?1"},
      insert_events_{on, "INSERT INTO events (key, payload) VALUES (?, ?)"},
      claim_key_{on, "INSERT INTO idempotency_keys (flow, key, job, "
                     "fingerprint, expires) VALUES (?1, ?2, ?3, ?4, ?5) "
                     "ON CONFLICT (flow, key) DO UPDATE SET "
                     "job = ?3, fingerprint = ?4, expires = ?5"},
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

void writer::store(const known_jobs& folded) {
  for (const auto& each : folded.definitions()) {
    const auto bytes = nlohmann::json::to_cbor(*each.definition);
    insert_definition_.run(std::string_view{each.version},
                           std::span<const std::uint8_t>{bytes});
  }
  for (const auto& each : folded.keys())
    store(each);
  for (auto* const each : folded.touched())
    store(*each);
}

void writer::store(const key_change& change) {
  const std::string_view flow = change.flow;
  const std::string_view key = change.claim.key;
  const std::string_view job = change.job;
  if (change.is_claim)
    // Whoever held it was found to hold it no longer.
    claim_key_.run(flow, key, job, std::string_view{change.claim.fingerprint},
                   ms_since_1970(change.claim.expires));
  else
    release_key_.run(flow, key, job);
}

void writer::store(known_job& each) {
  const auto& record = each.record;
  const auto row = each.row();
  const auto status = static_cast<std::int64_t>(row.status);
  const auto calling_back = std::int64_t{row.calling_back};
  std::string storage;
  const auto uid = uid_value(record.clone.uid, storage);
  if (!each.stored) {
    each.no = next_no_++;
    insert_job_.run(each.no, std::string_view{record.id},
                    std::string_view{record.flow}, status, uid,
                    ms_since_1970(record.hook.received), row.finished,
                    calling_back);
  } else if (*each.stored != row) {
    update_job_.run(each.no, status, uid, row.finished, calling_back);
  }
  if (each.rows >= event_key::rows_max)
    throw batch_rejected{"job " + record.id
                         + " has more events than the journal can keep; trying "
                           "again does not help"};
  const auto payload = wrap(each.event_count, each.events);
  insert_events_.run(event_key::first_of(each.no) + each.rows,
                     std::span<const std::uint8_t>{payload});
  ++each.rows;
}

std::vector<std::string> writer::prune(wall_time before, wall_time now,
                                       std::size_t limit, reader& reads) {
  std::vector<std::pair<std::int64_t, std::string>> old;
  {
    auto rows =
      prunable_.query(ms_since_1970(before), static_cast<std::int64_t>(limit));
    while (rows.next())
      old.emplace_back(rows.integer(0), rows.text(1));
  }
  std::vector<std::string> forgotten;
  forgotten.reserve(old.size());
  for (auto& [no, id] : old) {
    // No index leads from a job to its key, which each job would pay for.
    if (const auto known = reads.load(id); known && known->record.claim)
      release_key_.run(std::string_view{known->record.flow},
                       std::string_view{known->record.claim->key},
                       std::string_view{id});
    delete_events_.run(event_key::first_of(no), event_key::last_of(no));
    delete_job_.run(no);
    forgotten.push_back(std::move(id));
  }
  delete_keys_.run(ms_since_1970(now), static_cast<std::int64_t>(limit));
  return forgotten;
}

} // namespace handoff::sqlite

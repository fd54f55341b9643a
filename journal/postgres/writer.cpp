#include "journal/postgres/writer.hpp"

#include "journal/job_codec.hpp"
#include "journal/postgres/job_columns.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <utility>
#include <variant>

namespace handoff::postgres {
namespace {

// In the order in which a pipeline has them. Each sees what came before it.
const std::array statements{
  // Keys of jobs that were found forgotten. Ids do not come back, so that this
  // takes no key from a job that lives. It must not stand in the claim's
  // condition: a query there does not see what the conflict sees.
  statement{"keys_free",
            "DELETE FROM idempotency_keys k USING unnest($1::text[], "
            "$2::bytea[], $3::uuid[]) AS u(flow, key, job) WHERE "
            "k.flow = u.flow AND k.key = u.key AND k.job = u.job AND NOT "
            "EXISTS (SELECT 1 FROM jobs WHERE id = u.job)"},
  statement{"keys_release",
            "DELETE FROM idempotency_keys k USING unnest($1::text[], "
            "$2::bytea[], $3::uuid[]) AS u(flow, key, job) WHERE "
            "k.flow = u.flow AND k.key = u.key AND k.job = u.job"},
  // Sorted, or two nodes could wait for each other.
  statement{"keys_claim",
            "INSERT INTO idempotency_keys AS k (flow, key, job, fingerprint, "
            "expires) SELECT * FROM unnest($1::text[], $2::bytea[], "
            "$3::uuid[], $4::bytea[], $5::int8[]) AS u(flow, key, job, "
            "fingerprint, expires) ORDER BY u.flow, u.key "
            "ON CONFLICT (flow, key) DO UPDATE SET job = excluded.job, "
            "fingerprint = excluded.fingerprint, expires = excluded.expires "
            "WHERE k.expires <= $6::int8"},
  // Fails where one of them is another job's after all.
  statement{"keys_check",
            "SELECT sqrt((SELECT count(*) FROM unnest($1::text[], $2::bytea[], "
            "$3::uuid[]) AS u(flow, key, job) JOIN idempotency_keys k ON "
            "k.flow = u.flow AND k.key = u.key AND k.job = u.job) - "
            "cardinality($3::uuid[]))"},
  statement{"definitions",
            "INSERT INTO flow_definitions SELECT * FROM unnest($1::text[], "
            "$2::bytea[]) AS u(version, definition) ORDER BY u.version "
            "ON CONFLICT (version) DO NOTHING"},
  statement{"jobs_new",
            "INSERT INTO jobs (id, flow, received, status, problem, uid, "
            "uid_number, finished, calling_back, owner) SELECT * FROM "
            "unnest($1::uuid[], $2::text[], $3::int8[], $4::int2[], "
            "$5::int2[], $6::bytea[], $7::bool[], $8::int8[], $9::bool[], "
            "$10::int8[])"},
  statement{"jobs_changed",
            "UPDATE jobs j SET status = u.status, problem = u.problem, "
            "uid = u.uid, uid_number = u.number, finished = u.finished, "
            "calling_back = u.calling, owner = CASE WHEN u.owner IS NULL THEN "
            "NULL WHEN u.owner = 0 THEN 0 WHEN j.owner IS NULL THEN u.owner "
            "ELSE j.owner END "
            "FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::bytea[], "
            "$5::bool[], $6::int8[], $7::bool[], $8::int8[]) AS u(id, status, "
            "problem, uid, number, finished, calling, owner) "
            "WHERE j.id = u.id"},
  statement{"events_new",
            "INSERT INTO events (job, row, payload) SELECT * FROM "
            "unnest($1::uuid[], $2::int4[], $3::bytea[])"},
  statement{"fence", "SELECT 1 / count(*) FROM (SELECT 1 FROM nodes WHERE "
                     "no = $1::int8 AND session = $2::int8 AND state < 3 FOR "
                     "KEY SHARE) held"},
};

std::set<std::string, std::less<>>
handed_back_in(std::span<const std::span<const job_event>> batches) {
  std::set<std::string, std::less<>> jobs;
  for (const auto& events : batches)
    for (const auto& each : events)
      if (std::holds_alternative<job_handed_back>(each.change))
        jobs.insert(each.job);
  return jobs;
}

void add_columns(connection& on, const char* name,
                 std::initializer_list<const column*> columns) {
  if ((*columns.begin())->empty())
    return;
  parameters given;
  for (const auto* each : columns)
    each->add_to(given);
  on.add(named(statements, name), given);
}

} // namespace

void writer::use(std::shared_ptr<connection> on, session as) {
  on->prepare(statements);
  reads_ = std::make_unique<reader>(on);
  on_ = std::move(on);
  session_ = as;
}

void writer::lose() {
  reads_.reset();
  on_.reset();
  forget_all();
}

void writer::forget_all() {
  known_.forget_all();
  freed_.clear();
  foreign_.clear();
}

void writer::add_fence() {
  on_->add(named(statements, "fence"),
           parameters{}.integer(session_.node).integer(session_.number));
}

std::optional<stored_job> writer::load(std::string_view id) {
  auto known = reads_->load(id);
  // What is remembered needs no such look: a job of this node stays so until
  // the node lets go of it or is declared dead, which the fence sees.
  if (known && known->no != 0 && known->no != session_.node)
    foreign_.insert(std::string{id});
  return known;
}

void writer::expect_own(
  std::span<const std::span<const job_event>> batches) const {
  if (foreign_.empty())
    return;
  for (const auto& events : batches)
    for (const auto& each : events)
      if (foreign_.contains(each.job))
        throw batch_rejected{"job " + each.job
                             + " is worked on by another node"};
}

std::optional<key_holder>
writer::holder_of(std::string_view flow, std::string_view key, wall_time now) {
  auto held = reads_->find_key(flow, key, now);
  if (const auto* failed = std::get_if<error>(&held))
    throw failure{failed->detail, {}, false};
  auto holder = std::get<std::optional<key_holder>>(std::move(held));
  if (holder && !reads_->has(holder->job)) {
    freed_.push_back({std::string{flow}, std::string{key}, holder->job});
    return std::nullopt;
  }
  return holder;
}

std::vector<batch_outcome>
writer::commit(std::span<const std::span<const job_event>> batches) {
  std::vector<batch_outcome> outcomes;
  outcomes.reserve(batches.size());
  for (const auto& events : batches)
    outcomes.push_back(known_.add(events));
  expect_own(batches);
  const auto handed_back = handed_back_in(batches);
  add_keys();
  add_jobs(handed_back);
  // Last, so that a client that is paused never holds the row that whoever
  // declares this node dead needs.
  add_fence();
  on_->sync();
  known_.committed();
  freed_.clear();
  for (const auto& each : handed_back)
    known_.forget(each);
  for (const auto& each : std::exchange(foreign_, {}))
    known_.forget(each);
  return outcomes;
}

void writer::add_keys() {
  column claim_flow{text_type}, claim_key{bytea_type}, claim_job{uuid_type},
    fingerprint{bytea_type}, expires{int8_type};
  column freed_flow{text_type}, freed_key{bytea_type}, freed_job{uuid_type};
  column lost_flow{text_type}, lost_key{bytea_type}, lost_job{uuid_type};
  for (const auto& each : freed_) {
    lost_flow.bytes(each.flow);
    lost_key.bytes(each.key);
    lost_job.bytes(uuid_of(each.job).value());
  }
  // A statement writes a key once: of several changes, the last counts.
  std::map<std::pair<std::string, std::string>, const key_change*> last;
  std::int64_t now = 0;
  for (const auto& each : known_.keys()) {
    auto& before = last[{each.flow, each.claim.key}];
    // What lets go of a key that another job then claims.
    if (before != nullptr && !before->is_claim && each.is_claim) {
      freed_flow.bytes(before->flow);
      freed_key.bytes(before->claim.key);
      freed_job.bytes(uuid_of(before->job).value());
    }
    before = &each;
    now = std::max(now, ms_since_1970(each.at));
  }
  for (const auto& [name, change] : last) {
    const auto job = uuid_of(change->job).value();
    if (change->is_claim) {
      claim_flow.bytes(change->flow);
      claim_key.bytes(change->claim.key);
      claim_job.bytes(job);
      fingerprint.bytes(change->claim.fingerprint);
      expires.big(ms_since_1970(change->claim.expires));
    } else {
      freed_flow.bytes(change->flow);
      freed_key.bytes(change->claim.key);
      freed_job.bytes(job);
    }
  }
  add_columns(*on_, "keys_free", {&lost_flow, &lost_key, &lost_job});
  add_columns(*on_, "keys_release", {&freed_flow, &freed_key, &freed_job});
  if (claim_flow.empty())
    return;
  parameters claims;
  for (const auto* each :
       {&claim_flow, &claim_key, &claim_job, &fingerprint, &expires})
    each->add_to(claims);
  claims.integer(now);
  on_->add(named(statements, "keys_claim"), claims);
  add_columns(*on_, "keys_check", {&claim_flow, &claim_key, &claim_job});
}

void writer::add_jobs(const std::set<std::string, std::less<>>& handed_back) {
  column version{text_type}, definition{bytea_type};
  for (const auto& each : known_.definitions()) {
    const auto bytes = nlohmann::json::to_cbor(*each.definition);
    version.bytes(each.version);
    definition.bytes(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  add_columns(*on_, "definitions", {&version, &definition});
  job_columns made, changed;
  column flow{text_type}, received{int8_type};
  column job{uuid_type}, row{int4_type}, payload{bytea_type};
  for (auto* const each : known_.touched()) {
    const bool is_free =
      !handed_back.empty() && handed_back.contains(each->record.id);
    const auto owner = is_free ? std::int64_t{0} : session_.node;
    if (!each->stored) {
      made.add(*each, owner);
      flow.bytes(each->record.flow);
      received.big(ms_since_1970(each->record.hook.received));
    } else if (*each->stored != each->row() || is_free) {
      changed.add(*each, owner);
    }
    const auto bytes = wrap(each->event_count, each->events);
    job.bytes(uuid_of(each->record.id).value());
    row.integer(static_cast<std::int32_t>(each->rows++));
    payload.bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  if (!made.id.empty()) {
    parameters given;
    for (const auto* each : {&made.id, &flow, &received})
      each->add_to(given);
    made.add_to(given);
    on_->add(named(statements, "jobs_new"), given);
  }
  if (!changed.id.empty()) {
    parameters given;
    changed.id.add_to(given);
    changed.add_to(given);
    on_->add(named(statements, "jobs_changed"), given);
  }
  add_columns(*on_, "events_new", {&job, &row, &payload});
}

} // namespace handoff::postgres

#include "tools/fake_api/ledger.hpp"

#include "job/json_text.hpp"
#include "tools/fake_api/script.hpp"

#include <algorithm>
#include <charconv>

namespace fake_api {

using nlohmann::json;
using namespace std::chrono;

namespace {

/// The entry of `name`; null once the table is full.
template <class Table>
auto* entry_of(Table& table, std::string name, std::size_t max,
               bool& overflowed) {
  if (table.size() >= max && !table.contains(name)) {
    overflowed = true;
    return static_cast<typename Table::mapped_type*>(nullptr);
  }
  return &table[std::move(name)];
}

std::size_t bytes_of(const request& what) {
  // Strings and vectors cost more than their bytes; this is near enough.
  std::size_t bytes = 256 + what.path.size() + what.query.size();
  for (const auto& field : what.headers)
    bytes += 64 + field.name.size() + field.value.size();
  return bytes + std::min(what.body.size(), ledger::body_bytes_max);
}

json header_map(const handoff::headers& fields) {
  json map = json::object();
  for (const auto& field : fields) {
    auto& value = map[field.name];
    value = value.is_null() ? field.value
                            : value.get<std::string>() + ", " + field.value;
  }
  return map;
}

} // namespace

ledger::ledger(bool recording)
    : recording_{recording},
      steady_start_{steady_clock::now()},
      system_start_ms_{
        duration_cast<milliseconds>(system_clock::now().time_since_epoch())
          .count()} {}

std::int64_t ledger::now_ms() const {
  // Not the system clock: it may be set back, and an end before its begin
  // would confuse whoever reads it.
  return system_start_ms_
       + duration_cast<milliseconds>(steady_clock::now() - steady_start_)
           .count();
}

ledger::ticket ledger::begin(const request& incoming,
                             std::uint64_t connection) {
  ticket made;
  made.seq = ++seq_;
  made.epoch = epoch_;
  in_flight_.up();
  ++events_;
  if (!recording_)
    return made;
  made.path = entry_of(paths_, incoming.method + ' ' + incoming.path, paths_max,
                       overflowed_);
  if (made.path) {
    ++made.path->requests;
    made.path->in_flight.up();
  }
  const auto key = incoming.key();
  if (!key.empty()) {
    made.key = entry_of(keys_, std::string{key}, keys_max, overflowed_);
    if (made.key && ++made.key->requests == 1)
      made.key->first = made.seq;
    const auto dot = key.find('.');
    if (dot != std::string_view::npos && !key.ends_with(".clone"))
      made.job =
        entry_of(jobs_, std::string{key.substr(0, dot)}, jobs_max, overflowed_);
  }
  if (made.job) {
    made.job->up();
    job_max_ = std::max(job_max_, made.job->max);
  }
  remember(incoming, made.seq, connection);
  return made;
}

void ledger::remember(const request& incoming, std::uint64_t seq,
                      std::uint64_t connection) {
  record one;
  one.bytes = bytes_of(incoming);
  one.what.method = incoming.method;
  one.what.path = incoming.path;
  one.what.query = incoming.query;
  one.what.headers = incoming.headers;
  one.what.body = incoming.body.substr(0, body_bytes_max);
  one.seq = seq;
  one.connection = connection;
  one.began = events_;
  one.started_ms = now_ms();
  record_bytes_ += one.bytes;
  records_.push_back(std::move(one));
  while (records_.size() > records_max || record_bytes_ > record_bytes_max) {
    record_bytes_ -= records_.front().bytes;
    records_.pop_front();
  }
}

void ledger::end(const ticket& which, std::string_view outcome, int status) {
  if (which.epoch != epoch_)
    return;
  const bool answered = status != 0;
  in_flight_.down();
  answered_ += answered ? 1 : 0;
  if (which.path) {
    which.path->in_flight.down();
    which.path->answered += answered ? 1 : 0;
  }
  if (which.key && status >= 200 && status < 300)
    ++which.key->successes;
  if (which.job)
    which.job->down();
  const auto counted = outcomes_.find(outcome);
  if (counted == outcomes_.end())
    outcomes_.emplace(outcome, 1);
  else
    ++counted->second;
  ++events_;
  if (records_.empty() || which.seq < records_.front().seq)
    return;
  auto& one = records_[which.seq - records_.front().seq];
  one.ended = events_;
  one.finished_ms = now_ms();
  one.status = status;
  one.outcome = outcome;
}

std::optional<std::uint64_t> ledger::first_of(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::nullopt
                              : std::optional{found->second.first};
}

void ledger::reset() {
  ++epoch_;
  seq_ = events_ = answered_ = malformed_ = job_max_ = 0;
  overflowed_ = false;
  in_flight_ = {};
  accepted_ = connections_.max = connections_.now;
  outcomes_.clear();
  paths_.clear();
  keys_.clear();
  jobs_.clear();
  records_.clear();
  record_bytes_ = 0;
}

json ledger::counts(bool summary) const {
  json shown = {{"requests", seq_},
                {"answered", answered_},
                {"in_flight", in_flight_.now},
                {"concurrent", in_flight_.max},
                {"max_in_flight_per_job", job_max_},
                {"malformed", malformed_},
                {"overflowed", overflowed_},
                {"outcomes", outcomes_},
                {"connections",
                 {{"now", connections_.now},
                  {"max", connections_.max},
                  {"accepted", accepted_}}}};
  if (summary)
    return shown;
  auto& paths = shown["paths"] = json::object();
  for (const auto& [name, one] : paths_)
    paths[name] = {{"requests", one.requests},
                   {"answered", one.answered},
                   {"in_flight", one.in_flight.now},
                   {"max_in_flight", one.in_flight.max}};
  auto& keys = shown["keys"] = json::object();
  for (const auto& [name, one] : keys_)
    keys[name] = {{"requests", one.requests}, {"successes", one.successes}};
  auto& jobs = shown["jobs"] = json::object();
  for (const auto& [name, one] : jobs_)
    jobs[name] = {{"in_flight", one.now}, {"max_in_flight", one.max}};
  return shown;
}

json ledger::shown(const record& one) {
  json made = {{"seq", one.seq},
               {"method", one.what.method},
               {"path", one.what.path},
               {"query", one.what.query},
               {"headers", header_map(one.what.headers)},
               {"body", one.what.body},
               {"connection", one.connection},
               {"began", one.began},
               {"started_ms", one.started_ms},
               {"outcome", one.outcome},
               {"ended", nullptr},
               {"finished_ms", nullptr},
               {"status", nullptr}};
  if (one.ended != 0) {
    made["ended"] = one.ended;
    made["finished_ms"] = one.finished_ms;
  }
  if (one.status != 0)
    made["status"] = one.status;
  return made;
}

std::string ledger::requests(std::string_view query) const {
  const auto key = query_value(query, "key");
  std::optional<path_pattern> pattern;
  if (const auto path = query_value(query, "path"))
    pattern.emplace(*path);
  std::size_t limit = records_max;
  if (const auto text = query_value(query, "limit")) {
    const auto* end = text->data() + text->size();
    const auto [stop, code] = std::from_chars(text->data(), end, limit);
    if (code != std::errc{} || stop != end)
      throw std::invalid_argument("limit: a whole number is needed");
  }
  std::vector<const record*> chosen;
  for (auto one = records_.rbegin();
       one != records_.rend() && chosen.size() < limit; ++one)
    if ((!key || one->what.key() == *key)
        && (!pattern || pattern->matches(segments_of(one->what.path))))
      chosen.push_back(&*one);
  std::string text = "{\"forgotten\":" + std::to_string(seq_ - records_.size())
                   + ",\"requests\":[";
  for (auto one = chosen.rbegin(); one != chosen.rend(); ++one) {
    if (one != chosen.rbegin())
      text += ",\n";
    // What came in need not be UTF-8.
    text += handoff::json_text(shown(**one));
  }
  return text += "]}\n";
}

} // namespace fake_api

#include "journal/memory_journal.hpp"

#include "job/json_text.hpp"

#include <algorithm>

namespace handoff {
namespace {

std::string text_of(const nlohmann::json& uid) {
  return uid.is_string() ? uid.get<std::string>() : json_text(uid);
}

bool matches(const job_query& query, const job& record) {
  return (query.flow.empty() || record.flow == query.flow)
      && (!query.status || record.status == *query.status)
      && (query.uid.empty()
          || (!record.clone.uid.is_null()
              && text_of(record.clone.uid) == query.uid))
      && (!query.since || record.hook.received >= *query.since);
}

job_summary summary_of(const job& record) {
  return {record.id,        record.flow,          record.status,
          record.clone.uid, record.hook.received, record.finished};
}

/// Reads through the store, which is thread-safe.
class view final : public journal_reader {
public:
  explicit view(std::shared_ptr<memory_store> store)
      : store_{std::move(store)} {}

  result<std::optional<job>> find(std::string_view id) override {
    return store_->find(id);
  }

  result<job_page> list(const job_query& query) override {
    return store_->list(query);
  }

  result<std::vector<job>> unfinished(std::string_view before,
                                      std::size_t limit) override {
    return store_->unfinished(before, limit);
  }

  result<std::uint64_t> count_unfinished() override {
    return store_->count_unfinished();
  }

  result<std::optional<key_holder>> find_key(std::string_view flow,
                                             std::string_view key,
                                             wall_time now) override {
    return store_->find_key(flow, key, now);
  }

  result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) override {
    return store_->flow_definition(version);
  }

  result<std::uint64_t> bytes() override { return store_->bytes(); }

private:
  std::shared_ptr<memory_store> store_;
};

error fenced() {
  return {error_kind::journal_unavailable,
          "this owner of the journal was fenced; it has to stop"};
}

batch_outcome rejected(std::string why) {
  return {
    commit_status::rejected, error{error_kind::conflict, std::move(why)}, {}};
}

} // namespace

// -- what they share --------------------------------------------------------

void memory_store::fence(journal_owner owner) {
  const std::scoped_lock lock{mutex_};
  living_.erase(owner.number);
}

bool memory_store::is_free(const entry& each) const {
  return !living_.contains(each.owner);
}

void memory_store::store(const known_job& each, journal_owner owner) {
  const auto& id = each.record.id;
  auto& stored = jobs_[id];
  const bool is_open = is_unfinished(each.record);
  const bool was_open = each.stored && is_unfinished(*each.stored);
  stored.record = each.record;
  if (!is_open)
    stored.owner = 0;
  else if (!was_open)
    stored.owner = owner.number;
  if (is_open)
    unfinished_.insert(id);
  else
    unfinished_.erase(id);
}

result<std::optional<job>> memory_store::find(std::string_view id) {
  const std::scoped_lock lock{mutex_};
  const auto found = jobs_.find(id);
  if (found == jobs_.end())
    return std::optional<job>{};
  return std::optional<job>{found->second.record};
}

result<job_page> memory_store::list(const job_query& query) {
  const std::scoped_lock lock{mutex_};
  job_page page;
  auto at =
    query.before.empty() ? jobs_.end() : jobs_.lower_bound(query.before);
  while (at != jobs_.begin()) {
    --at;
    const auto& record = at->second.record;
    if (!matches(query, record))
      continue;
    if (page.jobs.size() == query.limit) {
      page.next = page.jobs.back().id;
      break;
    }
    page.jobs.push_back(summary_of(record));
  }
  return page;
}

result<std::vector<job>> memory_store::unfinished(std::string_view before,
                                                  std::size_t limit) {
  const std::scoped_lock lock{mutex_};
  std::vector<job> found;
  auto at =
    before.empty() ? unfinished_.end() : unfinished_.lower_bound(before);
  while (at != unfinished_.begin() && found.size() < limit)
    found.push_back(jobs_.find(*--at)->second.record);
  return found;
}

result<std::uint64_t> memory_store::count_unfinished() {
  const std::scoped_lock lock{mutex_};
  return static_cast<std::uint64_t>(unfinished_.size());
}

result<std::optional<key_holder>>
memory_store::find_key(std::string_view flow, std::string_view wanted,
                       wall_time now) {
  const std::scoped_lock lock{mutex_};
  const auto found = keys_.find({std::string{flow}, std::string{wanted}});
  if (found == keys_.end() || found->second.claim.expires <= now)
    return std::optional<key_holder>{};
  return std::optional<key_holder>{found->second};
}

result<std::optional<nlohmann::json>>
memory_store::flow_definition(std::string_view version) {
  const std::scoped_lock lock{mutex_};
  const auto found = definitions_.find(version);
  if (found == definitions_.end())
    return std::optional<nlohmann::json>{};
  return std::optional<nlohmann::json>{*found->second};
}

result<std::uint64_t> memory_store::bytes() {
  const std::scoped_lock lock{mutex_};
  return static_cast<std::uint64_t>(jobs_.size() * sizeof(job));
}

// -- one owner of them ------------------------------------------------------

/// For the fold, within a commit, which holds the store.
class memory_journal::storage final : public stored_jobs {
public:
  explicit storage(memory_store& store) : store_{store} {}

  std::optional<stored_job> load(std::string_view id) override {
    const auto found = store_.jobs_.find(id);
    if (found == store_.jobs_.end())
      return std::nullopt;
    return stored_job{0, 0, found->second.record};
  }

  std::optional<key_holder> holder_of(std::string_view flow,
                                      std::string_view wanted,
                                      wall_time now) override {
    const auto found =
      store_.keys_.find({std::string{flow}, std::string{wanted}});
    if (found == store_.keys_.end() || found->second.claim.expires <= now)
      return std::nullopt;
    return found->second;
  }

private:
  memory_store& store_;
};

memory_journal::memory_journal(std::shared_ptr<memory_store> shared)
    : store_{std::move(shared)},
      storage_{std::make_unique<storage>(*store_)},
      // What others may change is not remembered.
      known_{*storage_,
             {.remembered_max = 0,
              .keep_bulk = true,
              .row_bytes_max = known_jobs_options{}.row_bytes_max}} {
  const std::scoped_lock lock{store_->mutex_};
  owner_ = {++store_->last_owner_};
  store_->living_.insert(owner_.number);
}

memory_journal::~memory_journal() {
  store_->fence(owner_);
}

journal_owner memory_journal::owner() const {
  return owner_;
}

bool memory_journal::is_fenced() const {
  return !store_->living_.contains(owner_.number);
}

std::vector<batch_outcome> memory_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  const std::scoped_lock lock{store_->mutex_};
  std::vector<batch_outcome> outcomes;
  for (const auto& events : batches)
    outcomes.push_back(commit_one(events));
  return outcomes;
}

batch_outcome memory_journal::commit_one(std::span<const job_event> events) {
  if (is_fenced())
    return {commit_status::fenced, fenced(), {}};
  batch_outcome outcome;
  try {
    outcome = fold_and_store(events);
  } catch (const std::exception& why) {
    outcome = rejected(why.what());
  }
  if (outcome.status == commit_status::done)
    known_.committed();
  else
    known_.forget_all();
  return outcome;
}

batch_outcome
memory_journal::fold_and_store(std::span<const job_event> events) {
  auto outcome = known_.add(events);
  if (outcome.status != commit_status::done)
    return outcome;
  // Also where what is told of it is no news: it must not be taken for done.
  for (const auto& each : events) {
    const auto found = store_->jobs_.find(each.job);
    if (found != store_->jobs_.end() && found->second.owner != 0
        && found->second.owner != owner_.number)
      return rejected("job " + each.job + " is worked on by another owner");
  }
  for (const auto& each : known_.definitions())
    store_->definitions_.try_emplace(each.version, each.definition);
  for (const auto& each : known_.keys()) {
    const memory_store::key name{each.flow, each.claim.key};
    const auto held = store_->keys_.find(name);
    if (each.is_claim)
      store_->keys_[name] = {each.job, each.claim};
    else if (held != store_->keys_.end() && held->second.job == each.job)
      store_->keys_.erase(held);
  }
  for (const auto* each : known_.touched())
    store_->store(*each, owner_);
  return outcome;
}

void memory_journal::take(memory_store::entry& each, std::vector<job>& taken) {
  each.owner = owner_.number;
  held_back_.erase(each.record.id);
  taken.push_back(each.record);
}

result<std::vector<job>> memory_journal::acquire(const acquisition& wanted) {
  const std::scoped_lock lock{store_->mutex_};
  if (is_fenced())
    return fenced();
  std::vector<job> taken;
  auto& jobs = store_->jobs_;
  const auto& open = store_->unfinished_;
  if (!wanted.job.empty()) {
    if (open.contains(wanted.job)
        && store_->is_free(jobs.find(wanted.job)->second))
      take(jobs.find(wanted.job)->second, taken);
    return taken;
  }
  for (auto id = open.rbegin(); id != open.rend(); ++id) {
    if (taken.size() == wanted.limit)
      break;
    auto& each = jobs.find(*id)->second;
    if (store_->is_free(each) && !held_back_.contains(*id))
      take(each, taken);
  }
  return taken;
}

result<std::optional<journal_owner>>
memory_journal::claim(std::string_view job) {
  const std::scoped_lock lock{store_->mutex_};
  if (is_fenced())
    return fenced();
  const auto found = store_->jobs_.find(job);
  if (found == store_->jobs_.end())
    return std::optional<journal_owner>{};
  if (store_->is_free(found->second)) {
    found->second.owner = owner_.number;
    held_back_.erase(found->first);
  }
  return std::optional{journal_owner{found->second.owner}};
}

std::optional<error> memory_journal::release(std::span<const std::string> jobs,
                                             bool held_back) {
  const std::scoped_lock lock{store_->mutex_};
  for (const auto& id : jobs) {
    const auto found = store_->jobs_.find(id);
    if (found == store_->jobs_.end() || found->second.owner != owner_.number)
      continue;
    found->second.owner = 0;
    if (held_back)
      held_back_.insert(id);
  }
  return std::nullopt;
}

result<std::optional<journal_owner>>
memory_journal::owner_of(std::string_view job) {
  const std::scoped_lock lock{store_->mutex_};
  const auto found = store_->jobs_.find(job);
  if (found == store_->jobs_.end() || store_->is_free(found->second))
    return std::optional<journal_owner>{};
  return std::optional{journal_owner{found->second.owner}};
}

result<std::int64_t> memory_journal::post_order(journal_owner to,
                                                std::string_view job,
                                                std::string_view command) {
  return store_->orders_.post(to, job, command);
}

result<std::vector<posted_order>> memory_journal::take_orders() {
  return store_->orders_.take(owner_);
}

std::optional<error> memory_journal::answer_order(std::int64_t number,
                                                  std::string_view answer) {
  store_->orders_.answer(owner_, number, answer);
  return std::nullopt;
}

result<std::optional<std::string>>
memory_journal::take_answer(std::int64_t number) {
  return store_->orders_.take_answer(number);
}

result<bool> memory_journal::withdraw_order(std::int64_t number) {
  return store_->orders_.withdraw(number);
}

std::optional<error> memory_journal::check() {
  const std::scoped_lock lock{store_->mutex_};
  return is_fenced() ? std::optional{fenced()} : std::nullopt;
}

result<std::optional<job>> memory_journal::find(std::string_view id) {
  return store_->find(id);
}

result<job_page> memory_journal::list(const job_query& query) {
  return store_->list(query);
}

result<std::vector<job>> memory_journal::unfinished(std::string_view before,
                                                    std::size_t limit) {
  return store_->unfinished(before, limit);
}

result<std::uint64_t> memory_journal::count_unfinished() {
  return store_->count_unfinished();
}

result<std::optional<key_holder>>
memory_journal::find_key(std::string_view flow, std::string_view key,
                         wall_time now) {
  return store_->find_key(flow, key, now);
}

result<std::optional<nlohmann::json>>
memory_journal::flow_definition(std::string_view version) {
  return store_->flow_definition(version);
}

result<std::size_t> memory_journal::prune(wall_time before, wall_time now,
                                          std::size_t limit) {
  const std::scoped_lock lock{store_->mutex_};
  if (is_fenced())
    return fenced();
  std::erase_if(store_->keys_, [&](const auto& each) {
    return each.second.claim.expires <= now;
  });
  std::vector<std::pair<wall_time, std::string>> old;
  for (const auto& [id, each] : store_->jobs_)
    if (is_final(each.record.status) && !is_calling_back(each.record)
        && each.record.finished < before)
      old.emplace_back(each.record.finished.value_or(wall_time{}), id);
  std::sort(old.begin(), old.end());
  old.resize(std::min(old.size(), limit));
  for (const auto& [finished, id] : old)
    store_->jobs_.erase(id);
  return old.size();
}

result<std::uint64_t> memory_journal::bytes() {
  return store_->bytes();
}

result<bool> memory_journal::maintain() {
  return false;
}

result<std::unique_ptr<journal_reader>> memory_journal::open_reader() {
  return std::make_unique<view>(store_);
}

} // namespace handoff

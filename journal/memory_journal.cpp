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

/// Reads through the journal, which is thread-safe.
class view final : public journal_reader {
public:
  explicit view(memory_journal& of) : of_{of} {}

  result<std::optional<job>> find(std::string_view id) override {
    return of_.find(id);
  }

  result<job_page> list(const job_query& query) override {
    return of_.list(query);
  }

  result<std::vector<job>> unfinished(std::string_view before,
                                      std::size_t limit) override {
    return of_.unfinished(before, limit);
  }

  result<std::uint64_t> count_unfinished() override {
    return of_.count_unfinished();
  }

  result<std::optional<key_holder>> find_key(std::string_view flow,
                                             std::string_view key,
                                             wall_time now) override {
    return of_.find_key(flow, key, now);
  }

  result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) override {
    return of_.flow_definition(version);
  }

  result<std::uint64_t> bytes() override { return of_.bytes(); }

private:
  memory_journal& of_;
};

} // namespace

std::optional<error> memory_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  const std::scoped_lock lock{mutex_};
  for (const auto& events : batches)
    add(events);
  return std::nullopt;
}

void memory_journal::add(std::span<const job_event> events) {
  for (const auto& event : events) {
    if (const auto* accepted = std::get_if<job_accepted>(&event.change)) {
      if (!jobs_.try_emplace(event.job, *accepted->record).second)
        continue;
      if (const auto& claim = accepted->record->claim) {
        auto& holder = keys_[{accepted->record->flow, claim->key}];
        if (!jobs_.contains(holder.job) || holder.claim.expires <= event.at)
          holder = {event.job, *claim};
      }
      if (accepted->definition)
        definitions_.try_emplace(accepted->record->flow_version,
                                 accepted->definition);
      continue;
    }
    const auto found = jobs_.find(event.job);
    if (found == jobs_.end() || !apply(found->second, event))
      continue;
    if (const auto* released = std::get_if<key_released>(&event.change)) {
      const auto held = keys_.find({found->second.flow, released->key});
      if (held != keys_.end() && held->second.job == event.job)
        keys_.erase(held);
    }
  }
}

std::optional<error> memory_journal::check() {
  return std::nullopt;
}

result<std::optional<job>> memory_journal::find(std::string_view id) {
  const std::scoped_lock lock{mutex_};
  const auto found = jobs_.find(id);
  if (found == jobs_.end())
    return std::optional<job>{};
  return std::optional<job>{found->second};
}

result<job_page> memory_journal::list(const job_query& query) {
  const std::scoped_lock lock{mutex_};
  job_page page;
  auto at =
    query.before.empty() ? jobs_.end() : jobs_.lower_bound(query.before);
  while (at != jobs_.begin()) {
    --at;
    if (!matches(query, at->second))
      continue;
    if (page.jobs.size() == query.limit) {
      page.next = page.jobs.back().id;
      break;
    }
    page.jobs.push_back(summary_of(at->second));
  }
  return page;
}

result<std::vector<job>> memory_journal::unfinished(std::string_view before,
                                                    std::size_t limit) {
  const std::scoped_lock lock{mutex_};
  std::vector<job> found;
  auto at = before.empty() ? jobs_.end() : jobs_.lower_bound(before);
  while (at != jobs_.begin() && found.size() < limit) {
    --at;
    if (is_unfinished(at->second))
      found.push_back(at->second);
  }
  return found;
}

result<std::uint64_t> memory_journal::count_unfinished() {
  const std::scoped_lock lock{mutex_};
  return static_cast<std::uint64_t>(
    std::count_if(jobs_.begin(), jobs_.end(),
                  [](const auto& each) { return is_unfinished(each.second); }));
}

result<std::optional<key_holder>>
memory_journal::find_key(std::string_view flow, std::string_view wanted,
                         wall_time now) {
  const std::scoped_lock lock{mutex_};
  const auto found = keys_.find({std::string{flow}, std::string{wanted}});
  if (found == keys_.end() || found->second.claim.expires <= now)
    return std::optional<key_holder>{};
  return std::optional<key_holder>{found->second};
}

result<std::optional<nlohmann::json>>
memory_journal::flow_definition(std::string_view version) {
  const std::scoped_lock lock{mutex_};
  const auto found = definitions_.find(version);
  if (found == definitions_.end())
    return std::optional<nlohmann::json>{};
  return std::optional<nlohmann::json>{*found->second};
}

result<std::size_t> memory_journal::prune(wall_time before, wall_time now,
                                          std::size_t limit) {
  const std::scoped_lock lock{mutex_};
  std::erase_if(
    keys_, [&](const auto& each) { return each.second.claim.expires <= now; });
  std::vector<std::pair<wall_time, std::string>> old;
  for (const auto& [id, record] : jobs_)
    if (is_final(record.status) && !is_calling_back(record)
        && record.finished < before)
      old.emplace_back(record.finished.value_or(wall_time{}), id);
  std::sort(old.begin(), old.end());
  old.resize(std::min(old.size(), limit));
  for (const auto& [finished, id] : old)
    jobs_.erase(id);
  return old.size();
}

result<std::uint64_t> memory_journal::bytes() {
  const std::scoped_lock lock{mutex_};
  return static_cast<std::uint64_t>(jobs_.size() * sizeof(job));
}

result<bool> memory_journal::maintain() {
  return false;
}

result<std::unique_ptr<journal_reader>> memory_journal::open_reader() {
  return std::make_unique<view>(*this);
}

} // namespace handoff

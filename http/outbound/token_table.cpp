#include "http/outbound/token_table.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// Whether a token of the one serves the other: it is for the same client and
/// for the same use.
bool is_same_client(const connection_auth& one, const connection_auth& other) {
  return one.grant == other.grant && one.token_url == other.token_url
      && one.client_id == other.client_id && one.scope == other.scope
      && one.audience == other.audience && one.claims == other.claims
      && one.store == other.store && one.is_in_journal == other.is_in_journal;
}

} // namespace

void token_table::configure(const connection_set& connections) {
  const std::scoped_lock lock{mutex_};
  std::erase_if(entries_, [&](const auto& each) {
    const auto known = connections.find(each.first);
    return known == connections.end() || !known->second->auth.wants_token()
        || !is_same_client(known->second->auth, each.second.auth);
  });
  for (const auto& [name, connection] : connections) {
    if (!connection->auth.wants_token())
      continue;
    auto& one = entries_[name];
    if (one.auth == connection->auth)
      continue;
    // What somebody has mended is tried at once.
    if (one.auth.refresh_token != connection->auth.refresh_token) {
      one.refresh_token.reset();
      one.version = 0;
    }
    one.auth = connection->auth;
    one.try_at = {};
    one.failed = 0;
  }
}

bool token_table::is_usable(const entry& one, time_point now) {
  return !one.text.empty() && (!one.valid_until || now < *one.valid_until);
}

bool token_table::is_due(const entry& one, time_point now) {
  if (one.is_under_way || one.pending || one.try_at > now)
    return false;
  if (!is_usable(one, now))
    return one.is_wanted;
  return one.is_used && one.renew_at && *one.renew_at <= now;
}

bool token_table::is_needed(const std::string& name) const {
  const std::scoped_lock lock{mutex_};
  return entries_.contains(name);
}

bool token_table::is_missing(const std::string& name, time_point now) const {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  return known != entries_.end() && !is_usable(known->second, now);
}

bool token_table::want(const std::string& name, time_point now) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return false;
  auto& one = known->second;
  const bool was_due = is_due(one, now);
  const bool was_wanted =
    std::exchange(is_usable(one, now) ? one.is_used : one.is_wanted, true);
  return !was_wanted || (!was_due && is_due(one, now));
}

std::optional<token_table::token> token_table::find(const std::string& name,
                                                    time_point now) const {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end() || !is_usable(known->second, now))
    return std::nullopt;
  return token{known->second.text, known->second.number};
}

bool token_table::refused(const std::string& name, std::uint64_t number) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end() || known->second.text.empty()
      || known->second.number != number)
    return false;
  auto& one = known->second;
  one.text.clear();
  one.valid_until.reset();
  one.renew_at.reset();
  one.is_wanted = true;
  return true;
}

std::vector<std::string> token_table::due(time_point now) {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> names;
  for (auto& [name, one] : entries_)
    if (is_due(one, now)) {
      one.is_under_way = true;
      ++one.requests;
      names.push_back(name);
    }
  return names;
}

std::vector<std::string> token_table::ended(time_point now) {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> names;
  for (auto& [name, one] : entries_)
    if (!one.text.empty() && !is_usable(one, now)) {
      one.text.clear();
      one.valid_until.reset();
      one.renew_at.reset();
      names.push_back(name);
    }
  return names;
}

std::optional<token_table::time_point> token_table::next_due() const {
  const std::scoped_lock lock{mutex_};
  std::optional<time_point> next;
  const auto at = [&](time_point when) {
    next = next ? std::min(*next, when) : when;
  };
  for (const auto& [name, one] : entries_) {
    if (!one.text.empty() && one.valid_until)
      at(*one.valid_until);
    if (one.is_under_way)
      continue;
    if (one.pending || (one.text.empty() && one.is_wanted))
      at(one.try_at);
    else if (!one.text.empty() && one.is_used && one.renew_at)
      at(std::max(*one.renew_at, one.try_at));
  }
  return next;
}

std::optional<std::string>
token_table::refresh_token(const std::string& name) const {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  return known == entries_.end() ? std::nullopt : known->second.refresh_token;
}

void token_table::take(entry& one, const token_answer& answer, time_point now) {
  one.text = answer.access_token;
  one.number = ++last_number_;
  one.valid_until.reset();
  one.renew_at.reset();
  if (answer.expires_in) {
    one.valid_until = now + *answer.expires_in;
    one.renew_at =
      now
      + duration_cast<milliseconds>(*answer.expires_in * token_renewal_share);
  }
  // Who waits uses it.
  one.is_used = std::exchange(one.is_wanted, false);
  one.failed = 0;
  one.try_at = {};
  one.is_chain_lost = false;
  one.last_error.reset();
  one.last_error_at.reset();
}

void token_table::fail(entry& one, const error& why,
                       std::optional<milliseconds> retry_after, time_point now,
                       wall_time wall_now) {
  ++one.failures;
  ++one.failed;
  one.try_at = now + token_backoff(one.failed, retry_after);
  one.last_error = why.detail;
  one.last_error_at = wall_now;
}

token_table::after_answer token_table::answered(
  const std::string& name, const result<token_answer>& answer, bool is_stored,
  std::optional<milliseconds> retry_after, time_point now, wall_time wall_now) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return after_answer::failed;
  auto& one = known->second;
  one.is_under_way = false;
  if (const auto* why = std::get_if<error>(&answer)) {
    fail(one, *why, retry_after, now, wall_now);
    const bool is_lost =
      one.auth.grant == connection_auth::grant_kind::refresh_token
      && why->kind == error_kind::unauthorized;
    one.is_chain_lost = one.is_chain_lost || is_lost;
    // Somebody may have put another into the store.
    if (is_lost)
      one.refresh_token.reset();
    return is_lost ? after_answer::chain_lost : after_answer::failed;
  }
  const auto& given = std::get<token_answer>(answer);
  const bool is_new = !given.refresh_token.empty();
  if (one.auth.grant == connection_auth::grant_kind::refresh_token) {
    if (is_new)
      one.refresh_token = given.refresh_token;
    // Who shares them shares both.
    if (is_stored && (is_new || one.auth.is_in_journal)) {
      one.pending = given;
      one.is_under_way = true;
      return after_answer::to_store;
    }
  }
  take(one, given, now);
  return after_answer::usable;
}

void token_table::stored(const std::string& name,
                         const std::optional<error>& failure, time_point now,
                         wall_time wall_now) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return;
  auto& one = known->second;
  one.is_under_way = false;
  if (failure) {
    fail(one, *failure, std::nullopt, now, wall_now);
    return;
  }
  if (const auto given = std::exchange(one.pending, std::nullopt)) {
    take(one, *given, now);
    ++one.version;
  }
}

void token_table::given(const std::string& name, const token_answer& tokens,
                        std::int64_t version, time_point now) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return;
  auto& one = known->second;
  one.is_under_way = false;
  --one.requests;
  one.version = version;
  one.refresh_token = tokens.refresh_token;
  take(one, tokens, now);
}

void token_table::postponed(const std::string& name, milliseconds wait,
                            time_point now) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return;
  known->second.is_under_way = false;
  --known->second.requests;
  known->second.try_at = now + wait;
}

void token_table::claimed(const std::string& name, std::int64_t version,
                          const std::string& refresh_token) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return;
  known->second.version = version;
  known->second.refresh_token = refresh_token;
}

std::int64_t token_table::version(const std::string& name) const {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  return known == entries_.end() ? 0 : known->second.version;
}

std::optional<token_answer>
token_table::pending(const std::string& name) const {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end() || !known->second.pending)
    return std::nullopt;
  auto made = *known->second.pending;
  if (made.refresh_token.empty())
    made.refresh_token = known->second.refresh_token.value_or("");
  return made;
}

void token_table::overtaken(const std::string& name, time_point now) {
  const std::scoped_lock lock{mutex_};
  const auto known = entries_.find(name);
  if (known == entries_.end())
    return;
  known->second.pending.reset();
  known->second.is_under_way = false;
  known->second.try_at = now;
}

std::vector<std::pair<std::string, std::string>>
token_table::to_store(time_point now) {
  const std::scoped_lock lock{mutex_};
  std::vector<std::pair<std::string, std::string>> tokens;
  for (auto& [name, one] : entries_)
    if (one.pending && !one.is_under_way && one.try_at <= now) {
      one.is_under_way = true;
      tokens.emplace_back(name, one.pending->refresh_token);
    }
  return tokens;
}

std::map<std::string, token_table::view>
token_table::views(time_point now, wall_time wall_now) const {
  const std::scoped_lock lock{mutex_};
  std::map<std::string, view> all;
  for (const auto& [name, one] : entries_) {
    view made;
    made.is_valid = is_usable(one, now);
    if (made.is_valid && one.valid_until)
      made.valid_until =
        wall_now + duration_cast<milliseconds>(*one.valid_until - now);
    made.last_error = one.last_error;
    made.last_error_at = one.last_error_at;
    made.is_chain_lost = one.is_chain_lost;
    made.requests = one.requests;
    made.failures = one.failures;
    all.emplace(name, std::move(made));
  }
  return all;
}

} // namespace handoff

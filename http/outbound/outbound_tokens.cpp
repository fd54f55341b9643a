// How the outbound loop makes calls through connections, and gets their tokens.

#include "http/outbound/call_check.hpp"
#include "http/outbound/outbound_loop.hpp"
#include "http/outbound/token_request.hpp"
#include "http/outbound/token_store.hpp"
#include "job/crash_point.hpp"
#include "job/retry.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

/// How often it is looked whether tokens may be asked for again.
constexpr auto look_again = std::chrono::milliseconds{100};

/// How often it is looked whether another node has renewed a token.
constexpr auto claimed_look_every = std::chrono::milliseconds{200};

std::map<std::string, governor_options, std::less<>>
limits_of_all(const connection_set& connections) {
  std::map<std::string, governor_options, std::less<>> limits;
  for (const auto& [name, connection] : connections)
    limits.emplace(name, limits_of(*connection));
  return limits;
}

} // namespace

void outbound_client::loop::follow_connections() {
  // One that is gone, or needs no token any more, keeps nobody waiting for it.
  const auto names = std::make_shared<std::set<std::string>>();
  const auto follow = [turns = turns_, tokens = tokens_,
                       names](const connection_set& connections) {
    tokens->configure(connections);
    turns->set_limits(limits_of_all(connections));
    for (const auto& [name, connection] : connections)
      names->insert(name);
    for (const auto& name : *names)
      turns->token_changed(name);
    std::erase_if(
      *names, [&](const auto& name) { return !connections.contains(name); });
    turns->wake();
  };
  options_.connections->on_change(follow);
  follow(*options_.connections->current());
}

std::shared_ptr<call_profile>
outbound_client::loop::profile_of(const connection_ptr& through) {
  const auto guard = std::lock_guard{profiles_mutex_};
  auto& known = profiles_[through->name];
  if (known.connection == through)
    return known.profile;
  known.connection = through;
  auto wanted = options_of(*through, options_);
  if (known.profile != nullptr && is_same_way(wanted, known.profile->options))
    return known.profile;
  // Its handles go where they are used.
  if (known.profile != nullptr)
    retired_.push_back(std::move(known.profile));
  known.profile =
    is_same_way(wanted, profile_->options)
      ? profile_
      : std::make_shared<call_profile>(++last_profile_, std::move(wanted));
  return known.profile;
}

outbound_client::loop::routed_call
outbound_client::loop::route(outbound_call_ptr call) {
  routed_call made{std::move(call), profile_, std::nullopt, std::nullopt};
  if (made.call->connection.empty())
    return made;
  const auto through = options_.connections->find(made.call->connection);
  if (through == nullptr) {
    made.refused =
      error{error_kind::unknown_connection,
            "there is no connection \"" + made.call->connection
              + "\" (any more): it is missing in flows.connections"};
    return made;
  }
  if (through->auth.wants_token()) {
    made.token = tokens_->find(through->name, clock::now());
    if (!made.token) {
      made.refused =
        error{error_kind::token_missing, "the connection has no token"};
      return made;
    }
  }
  auto whole = completed(*made.call, *through);
  authorize(whole, *through, made.token ? made.token->text : std::string{});
  if (!is_own_host(whole, *through))
    made.token.reset();
  made.call = std::make_shared<const outbound_call>(std::move(whole));
  made.profile = profile_of(through);
  return made;
}

void outbound_client::loop::request_tokens(time_point now) {
  for (const auto& name : tokens_->ended(now)) {
    turns_->token_changed(name);
    if (turns_->has_waiting(name))
      tokens_->want(name, now);
  }
  for (const auto& [name, refresh_token] : tokens_->to_store(now))
    store_token(name, refresh_token);
  // As any other call, none begins while this node may begin none.
  if (options_.may_call && !options_.may_call()) {
    const auto due = tokens_->next_due();
    next_token_ =
      due ? std::optional{std::max(*due, now + look_again)} : std::nullopt;
    return;
  }
  for (const auto& name : tokens_->due(now))
    request_token(name, now);
  next_token_ = tokens_->next_due();
}

void outbound_client::loop::request_token(const std::string& name,
                                          time_point now) {
  const auto through = options_.connections->find(name);
  if (through == nullptr)
    return; // its entry goes with it
  const auto& auth = through->auth;
  if (auth.is_in_journal && options_.tokens != nullptr) {
    look_for_shared_token(*through);
    return;
  }
  auto refresh_token = tokens_->refresh_token(name);
  if (!refresh_token && !auth.store.empty())
    refresh_token = token_store::read(auth.store, auth.refresh_token);
  request_token_with(*through, refresh_token.value_or(auth.refresh_token), now);
}

void outbound_client::loop::request_token_with(const connection& through,
                                               const std::string& refresh_token,
                                               time_point now) {
  const auto& name = through.name;
  auto made =
    token_request(through, refresh_token, std::chrono::system_clock::now());
  if (const auto* failed = std::get_if<error>(&made)) {
    token_answered(name, *failed, std::nullopt);
    return;
  }
  auto call = std::make_shared<const outbound_call>(
    std::get<outbound_call>(std::move(made)));
  auto checked = target_of(*call);
  if (const auto* failed = std::get_if<error>(&checked)) {
    token_answered(name, *failed, std::nullopt);
    return;
  }
  take(std::make_unique<transfer>(
         std::move(call), std::get<call_target>(std::move(checked)),
         [this, name](const exchange& done) {
           token_answered(
             name, read_token_answer(done),
             retry_after_of(done, std::chrono::system_clock::now()));
         },
         profile_of(options_.connections->find(name))),
       now);
}

void outbound_client::loop::look_for_shared_token(const connection& through) {
  store_.later(
    [this, known = tokens_->version(through.name),
     of = shared_tokens::chain{through.name, through.auth.refresh_token}] {
      auto found =
        options_.tokens->find(of, known, std::chrono::system_clock::now());
      {
        const auto guard = std::lock_guard{incoming_mutex_};
        tokens_found_.emplace_back(of.connection, std::move(found));
      }
      turns_->wake();
    });
}

void outbound_client::loop::take_shared_tokens(time_point now) {
  std::vector<std::pair<std::string, result<shared_tokens::found>>> all;
  {
    const auto guard = std::lock_guard{incoming_mutex_};
    all.swap(tokens_found_);
  }
  for (auto& [name, answer] : all) {
    if (const auto* failed = std::get_if<error>(&answer)) {
      token_answered(name, *failed, std::nullopt);
      continue;
    }
    auto& found = std::get<shared_tokens::found>(answer);
    const auto through = options_.connections->find(name);
    if (through == nullptr)
      continue; // a claim ends with its time
    if (found.is_claimed) {
      const auto refresh_token = found.tokens ? found.tokens->refresh_token
                                              : through->auth.refresh_token;
      tokens_->claimed(name, found.version, refresh_token);
      request_token_with(*through, refresh_token, now);
    } else if (found.tokens) {
      tokens_->given(name, *found.tokens, found.version, now);
      turns_->token_changed(name);
    } else {
      tokens_->postponed(name, claimed_look_every, now);
    }
  }
}

void outbound_client::loop::store_shared_token(const connection& through) {
  const auto pending = tokens_->pending(through.name);
  if (!pending)
    return;
  store_.later([this, given = *pending, before = tokens_->version(through.name),
                of = shared_tokens::chain{through.name,
                                          through.auth.refresh_token}] {
    crash_point("before-token-store");
    const auto now = clock::now();
    const auto done =
      options_.tokens->put(of, before, given, std::chrono::system_clock::now());
    crash_point("after-token-store");
    const auto* failed = std::get_if<error>(&done);
    if (failed != nullptr)
      spdlog::error("outbound: the connection {}: {}", of.connection,
                    failed->detail);
    if (failed == nullptr && !std::get<bool>(done))
      tokens_->overtaken(of.connection, now);
    else
      tokens_->stored(of.connection,
                      failed != nullptr ? std::optional{*failed} : std::nullopt,
                      now, std::chrono::system_clock::now());
    turns_->token_changed(of.connection);
    turns_->wake();
  });
}

void outbound_client::loop::token_answered(
  const std::string& name, const result<token_answer>& answer,
  std::optional<std::chrono::milliseconds> retry_after) {
  using after = token_table::after_answer;
  const auto all = options_.connections->current();
  const auto known = all->find(name);
  const bool is_shared = known != all->end() && options_.tokens != nullptr
                      && known->second->auth.is_in_journal;
  const bool is_stored =
    is_shared || (known != all->end() && !known->second->auth.store.empty());
  const auto next =
    tokens_->answered(name, answer, is_stored, retry_after, clock::now(),
                      std::chrono::system_clock::now());
  const auto* why = std::get_if<error>(&answer);
  if (why != nullptr && is_shared)
    store_.later(
      [tokens = options_.tokens,
       of = shared_tokens::chain{name, known->second->auth.refresh_token}] {
        tokens->release(of);
      });
  if (next == after::to_store) {
    store_token(name, std::get<token_answer>(answer).refresh_token);
  } else if (next == after::usable) {
    turns_->token_changed(name);
  } else if (why != nullptr && next == after::chain_lost) {
    spdlog::error("outbound: the connection {} has lost its chain of refresh "
                  "tokens: {}; get a new refresh token and put it into the "
                  "connections file",
                  name, why->detail);
  } else if (why != nullptr) {
    spdlog::warn("outbound: no token for the connection {}: {}", name,
                 why->detail);
  }
}

void outbound_client::loop::store_token(const std::string& name,
                                        const std::string& refresh_token) {
  const auto all = options_.connections->current();
  const auto known = all->find(name);
  if (known == all->end())
    return;
  const auto& auth = known->second->auth;
  if (auth.is_in_journal && options_.tokens != nullptr) {
    store_shared_token(*known->second);
    return;
  }
  store_.save(auth.store, auth.refresh_token, refresh_token,
              [this, name](const std::optional<error>& failure) {
                if (failure)
                  spdlog::error("outbound: the connection {}: {}", name,
                                failure->detail);
                tokens_->stored(name, failure, clock::now(),
                                std::chrono::system_clock::now());
                turns_->token_changed(name);
                turns_->wake();
              });
}

std::vector<connection_state> outbound_client::loop::connections() const {
  const auto tokens =
    tokens_->views(clock::now(), std::chrono::system_clock::now());
  std::vector<connection_state> all;
  for (const auto& [name, connection] : *options_.connections->current()) {
    const auto token = tokens.find(name);
    all.push_back({connection, token == tokens.end()
                                 ? std::nullopt
                                 : std::optional{token->second}});
  }
  return all;
}

} // namespace handoff

// Where calls of the outbound loop go: lookups of names, and which network
// connections may be used again.

#include "http/outbound/address_policy.hpp"
#include "http/outbound/outbound_loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace handoff {

namespace {

using clock = std::chrono::steady_clock;

/// Hosts whose connections' generation is remembered.
constexpr std::size_t generations_max = 4'096;

} // namespace

void outbound_client::loop::take(std::unique_ptr<transfer> work,
                                 time_point now) {
  const auto& to = work->target();
  auto name = to.name();
  const auto generation = generation_of(*work);
  const auto& options = work->options();
  // Where there is a proxy, it looks names up. One with letters beyond ASCII,
  // libcurl knows how to write (RFC 5890).
  const bool is_ascii = std::all_of(name.begin(), name.end(), [](char each) {
    return static_cast<unsigned char>(each) < 0x80;
  });
  if (!options.proxy.empty() || !is_ascii) {
    begin_in_turn(std::move(work), now);
    return;
  }
  if (is_address(name)) {
    if (generation != 0)
      work->connect_to({std::move(name)}, generation);
    begin_in_turn(std::move(work), now);
    return;
  }
  const auto known = names_.find(name, now);
  if (!known) {
    const auto until =
      now + std::min(options.connect_timeout, work->call().timeout);
    next_lookup_end_ = std::min(until, next_lookup_end_.value_or(until));
    unresolved_[name].push_back({std::move(work), until});
    return;
  }
  if (known->addresses.empty()) {
    work->tell(work->not_resolved(now));
    return;
  }
  work->connect_to(known->addresses, generation);
  begin_in_turn(std::move(work), now);
}

void outbound_client::loop::take_looked_up(
  const std::vector<std::string>& names, time_point now) {
  for (const auto& name : names) {
    auto waiting = unresolved_.extract(name);
    if (waiting)
      for (auto& each : waiting.mapped())
        take(std::move(each.work), now);
  }
}

void outbound_client::loop::give_up_lookups(time_point now) {
  if (!next_lookup_end_ || now < *next_lookup_end_)
    return;
  next_lookup_end_.reset();
  for (auto at = unresolved_.begin(); at != unresolved_.end();) {
    auto& waiting = at->second;
    const auto late =
      std::partition(waiting.begin(), waiting.end(),
                     [now](const auto& each) { return each.until > now; });
    std::for_each(late, waiting.end(), [now](auto& each) {
      each.work->tell(each.work->not_resolved(now));
    });
    waiting.erase(late, waiting.end());
    for (const auto& each : waiting)
      next_lookup_end_ =
        std::min(each.until, next_lookup_end_.value_or(each.until));
    at = waiting.empty() ? unresolved_.erase(at) : std::next(at);
  }
}

std::uint64_t& outbound_client::loop::generation_of(const transfer& work) {
  // Network connections of one profile are not those of another.
  const auto profile = work.profile_id();
  const auto host = profile == 0
                    ? work.target().host
                    : std::to_string(profile) + ' ' + work.target().host;
  const auto known = generations_.find(host);
  if (known != generations_.end())
    return known->second;
  // Those that are forgotten must not come back as what they were.
  if (generations_.size() >= generations_max) {
    generations_.clear();
    first_generation_ = ++last_generation_;
  }
  return generations_
    .emplace(host, profile == 0 ? first_generation_ : ++last_generation_)
    .first->second;
}

void outbound_client::loop::learn_from(const transfer& work,
                                       const exchange& done) {
  const auto& to = work.target();
  if (!done.failure) {
    if (const auto address = work.new_address(); !address.empty())
      names_.connected(to.name(), address);
    return;
  }
  switch (done.failure->kind) {
  case error_kind::connect_failed:
    names_.connect_failed(to.name());
    break;
  case error_kind::attempt_timed_out:
  case error_kind::connection_lost:
    // With HTTP/2, others are on that connection or would be next.
    if (auto& now = generation_of(work);
        to.is_tls() && now == work.generation())
      now = ++last_generation_;
    break;
  case error_kind::overloaded:
    if (shortage_.begins(clock::now()))
      spdlog::error("outbound: a call could not be made: {}",
                    done.failure->detail);
    break;
  default:
    break;
  }
}

} // namespace handoff

// Where calls of the outbound loop go: lookups of names.

#include "http/outbound/address_policy.hpp"
#include "http/outbound/outbound_loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace handoff {

namespace {

using clock = std::chrono::steady_clock;

} // namespace

void outbound_client::loop::take(std::unique_ptr<transfer> work,
                                 time_point now) {
  const auto& to = work->origin();
  const auto& name = to.name;
  const auto& options = work->options();
  // Where there is a proxy, it looks names up. One with letters beyond ASCII,
  // libcurl knows how to write (RFC 5890).
  const bool is_ascii = std::all_of(name.begin(), name.end(), [](char each) {
    return static_cast<unsigned char>(each) < 0x80;
  });
  if (!options.proxy.empty() || !is_ascii || is_address(name)) {
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
  work->connect_to(known->addresses);
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

void outbound_client::loop::learn_from(const transfer& work,
                                       const exchange& done) {
  if (!done.failure)
    return;
  switch (done.failure->kind) {
  case error_kind::connect_failed:
    names_.connect_failed(work.origin().name);
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

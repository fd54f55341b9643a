#include "http/outbound/call_profile.hpp"

#include <tuple>

namespace handoff {
namespace {

auto way_of(const outbound_options& options) {
  return std::tie(options.connect_timeout, options.private_networks_allowed,
                  options.ca, options.certificate, options.key, options.proxy,
                  options.http2);
}

} // namespace

outbound_options options_of(const connection& through, outbound_options all) {
  const auto& limits = through.limits;
  all.connect_timeout = limits.connect_timeout;
  all.private_networks_allowed = limits.private_networks_allowed;
  all.ca = limits.ca;
  all.proxy = limits.proxy;
  all.http2 = limits.http2;
  all.certificate = through.certificate;
  all.key = through.key;
  return all;
}

bool is_same_way(const outbound_options& one, const outbound_options& other) {
  return way_of(one) == way_of(other);
}

governor_options limits_of(const connection& through) {
  const auto& limits = through.limits;
  governor_options made;
  made.max_calls = limits.max_calls;
  made.reserved_for_clones = limits.reserved_for_clones;
  made.rate = limits.rate;
  made.shared = limits.shared;
  made.breaker_failures = limits.breaker_failures;
  made.breaker_open = limits.breaker_open;
  return made;
}

} // namespace handoff

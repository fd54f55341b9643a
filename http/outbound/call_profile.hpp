#pragma once

#include "config/connection.hpp"
#include "http/outbound/curl_handle.hpp"
#include "http/outbound/outbound_options.hpp"
#include "http/outbound/tls_context.hpp"
#include "http/outbound/trust_store.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// How calls get to their upstream: what TLS trusts and shows, through which
/// proxy, to which addresses. A network connection of one profile carries no
/// call of another. But for `options`, for the outbound loop's thread alone.
struct call_profile {
  call_profile(std::uint64_t its_id, outbound_options its_options)
      : id{its_id},
        options{std::move(its_options)},
        trusted{options.ca},
        tls{options, trusted} {}

  const std::uint64_t id; ///< 0: that of `[upstream]`
  const outbound_options options;
  trust_store trusted;
  tls_context tls;
  std::vector<curl_easy> spare; ///< handles that are configured for it
};

/// `all`, with what `through` says otherwise.
outbound_options options_of(const connection& through, outbound_options all);

/// Whether calls get to their upstream in the same way.
bool is_same_way(const outbound_options& one, const outbound_options& other);

/// The limits of a connection.
governor_options limits_of(const connection& through);

} // namespace handoff

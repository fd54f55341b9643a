#pragma once

#include "http/front_door/front_door.hpp"
#include "job/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// Keeps a browser from being used against the admin listener by a page of
/// somebody else's.
///
/// - DNS rebinding: a name that its owner points at this machine makes the
///   listener one origin with his page. So only hosts are answered that nobody
///   can point elsewhere: IP addresses, "localhost", and the configured
///   address and names. The port may be any, for that of a tunnel is another
///   one.
/// - Cross-site requests: a page can send a POST without being allowed to read
///   its answer. So whatever may change something has to come from a page of
///   the listener's own or, without `Origin` (RFC 6454, section 7) and
///   `Sec-Fetch-Site` (W3C Fetch Metadata), from no page at all.
class origin_check {
public:
  /// `address` is what the listener was told to listen on, `hosts` are the
  /// names that it answers to beside that.
  explicit origin_check(std::string address,
                        std::vector<std::string> hosts = {})
      : address_(std::move(address)), hosts_(std::move(hosts)) {}

  /// Error `misdirected` (421; RFC 9110, section 15.5.20) for a host that is
  /// not ours, `cross_origin` (403) for a request of another site's page.
  std::optional<error> refuse(const http_request& request) const;

private:
  bool is_ours(std::string_view host) const;

  std::string address_;
  std::vector<std::string> hosts_;
};

/// What every admin answer carries where it does not say otherwise itself: it
/// is not stored, not framed, not guessed at, and no other site's to embed; its
/// content may load nothing.
headers admin_fields();

} // namespace handoff

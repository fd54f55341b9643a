#pragma once

#include <string>
#include <sys/socket.h>

namespace handoff {

/// Whether `address` is a global unicast address: not loopback, link-local,
/// private, shared (RFC 6598), unspecified, multicast, broadcast, for
/// documentation or benchmarks, nor otherwise of special purpose (RFC 6890).
/// An IPv6 address that stands for an IPv4 one (mapped, NAT64) is judged by
/// that one; 6to4 and Teredo are refused, as they lead anywhere. False for
/// families other than AF_INET and AF_INET6.
bool is_public(const sockaddr* address) noexcept;

/// Whether `text` is an address, IPv6 without brackets, and no name.
bool is_address(const std::string& text);

} // namespace handoff

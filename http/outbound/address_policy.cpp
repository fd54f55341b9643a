#include "http/outbound/address_policy.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <span>

namespace handoff {

namespace {

struct ipv4_block {
  std::uint32_t first; ///< in host order
  int bits;
};

constexpr std::uint32_t ipv4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array special_ipv4{
  ipv4_block{ipv4(0, 0, 0, 0), 8},       // this network
  ipv4_block{ipv4(10, 0, 0, 0), 8},      // private
  ipv4_block{ipv4(100, 64, 0, 0), 10},   // shared by a carrier's customers
  ipv4_block{ipv4(127, 0, 0, 0), 8},     // loopback
  ipv4_block{ipv4(169, 254, 0, 0), 16},  // link-local, clouds' metadata
  ipv4_block{ipv4(172, 16, 0, 0), 12},   // private
  ipv4_block{ipv4(192, 0, 0, 0), 24},    // protocol assignments
  ipv4_block{ipv4(192, 0, 2, 0), 24},    // documentation
  ipv4_block{ipv4(192, 88, 99, 0), 24},  // 6to4 relays
  ipv4_block{ipv4(192, 168, 0, 0), 16},  // private
  ipv4_block{ipv4(198, 18, 0, 0), 15},   // benchmarks
  ipv4_block{ipv4(198, 51, 100, 0), 24}, // documentation
  ipv4_block{ipv4(203, 0, 113, 0), 24},  // documentation
  ipv4_block{ipv4(224, 0, 0, 0), 4},     // multicast
  ipv4_block{ipv4(240, 0, 0, 0), 4},     // reserved, broadcast
};

bool is_public_ipv4(std::uint32_t address) {
  return std::none_of(special_ipv4.begin(), special_ipv4.end(),
                      [address](const ipv4_block& block) {
                        auto mask = ~std::uint32_t{0} << (32 - block.bits);
                        return (address & mask) == block.first;
                      });
}

using ipv6_bytes = std::array<std::uint8_t, 16>;

bool starts_with(const ipv6_bytes& address,
                 std::span<const std::uint8_t> prefix, std::size_t bits) {
  auto whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + static_cast<long>(whole),
                  address.begin()))
    return false;
  auto rest = bits % 8;
  if (rest == 0)
    return true;
  auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (address[whole] & mask) == (prefix[whole] & mask);
}

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0,    0,
                                              0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b, 0, 0,
                                             0, 0,    0,    0,    0, 0};
constexpr std::array<std::uint8_t, 1> global_unicast{0x20};
constexpr std::array<std::uint8_t, 3> assignments{0x20, 0x01, 0x00};
constexpr std::array<std::uint8_t, 4> documentation{0x20, 0x01, 0x0d, 0xb8};
constexpr std::array<std::uint8_t, 3> documentation_2{0x3f, 0xff, 0x00};
constexpr std::array<std::uint8_t, 2> six_to_four{0x20, 0x02};

bool is_public_ipv6(const ipv6_bytes& address) {
  if (starts_with(address, mapped, 96) || starts_with(address, nat64, 96))
    return is_public_ipv4(
      ipv4(address[12], address[13], address[14], address[15]));
  return starts_with(address, global_unicast, 3)
      && !starts_with(address, assignments, 23)
      && !starts_with(address, documentation, 32)
      && !starts_with(address, documentation_2, 20)
      && !starts_with(address, six_to_four, 16);
}

} // namespace

bool is_public(const sockaddr* address) noexcept {
  // Copied out, because what libcurl hands over need not be aligned for us.
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof(in));
    return is_public_ipv4(ntohl(in.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof(in));
    ipv6_bytes bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return is_public_ipv6(bytes);
  }
  return false;
}

bool is_address(const std::string& text) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1
      || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

} // namespace handoff

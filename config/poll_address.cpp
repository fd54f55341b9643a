#include "config/poll_address.hpp"

#include "config/flow_check.hpp"
#include "job/exchange.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace handoff {
namespace {

/// Splits off what follows the last colon, outside of an IPv6 address.
std::pair<std::string_view, std::string_view>
split_port(std::string_view authority) {
  const auto colon = authority.rfind(':');
  if (colon == npos || authority.find(']', colon) != npos)
    return {authority, {}};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

} // namespace

std::optional<address_rule::host> parse_host(std::string_view entry) {
  if (entry.empty() || entry.find('/') != npos
      || !why_bad_url({"http://" + std::string{entry} + "/"}).empty())
    return std::nullopt;
  const auto [name, port] = split_port(entry);
  address_rule::host made{lower_case(name), 0};
  std::from_chars(port.data(), port.data() + port.size(), made.port);
  return made;
}

result<std::string> allowed_address(const address_rule& rule,
                                    std::string_view value) {
  const auto lower = lower_case(value.substr(0, 8));
  const bool is_absolute =
    lower.starts_with("http://") || lower.starts_with("https://");
  auto url = (is_absolute ? std::string{} : rule.base)
           + std::string{value.substr(0, value.find('#'))};
  const auto refuse = [&](const std::string& why) {
    return error{error_kind::template_failed, "the poll address " + why};
  };
  if (const auto why = why_bad_url({url}); !why.empty())
    return refuse("cannot be called: it " + why);
  const auto start = url.find("://") + 3;
  const auto end = std::min(url.find_first_of("/?", start), url.size());
  const auto [name, port] =
    split_port(std::string_view{url}.substr(start, end - start));
  const std::uint16_t own = start == 8 ? 443 : 80;
  std::uint16_t number = own;
  std::from_chars(port.data(), port.data() + port.size(), number);
  const auto host = lower_case(name);
  const bool is_known =
    std::any_of(rule.hosts.begin(), rule.hosts.end(), [&](const auto& each) {
      return each.name == host && (each.port == 0 ? own : each.port) == number;
    });
  if (!is_known)
    return refuse("is on " + host + ':' + std::to_string(number)
                  + ", which is not in \"hosts\"");
  return url;
}

} // namespace handoff

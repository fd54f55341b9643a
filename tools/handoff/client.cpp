#include "tools/handoff/client.hpp"

#include "config/check.hpp"

#include <cstdlib>
#include <filesystem>
#include <future>

namespace handoff {
namespace {

outbound_options command_options() {
  outbound_options options;
  // One person asks one service: a breaker would only hide what is wrong.
  options.governor.breaker_failures = 0;
  options.user_agent = "handoff/" HANDOFF_VERSION;
  return options;
}

std::string url_of(const std::string& address, std::uint16_t port) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? "[" + address + "]" : address) + ":"
       + std::to_string(port);
}

} // namespace

std::optional<std::string> service_url(const arguments& given,
                                       service_side side, std::string& failed) {
  if (auto url = given.value("url")) {
    while (url->ends_with('/'))
      url->pop_back();
    return url;
  }
  std::optional<std::filesystem::path> ini;
  if (const auto file = given.value("config-file"))
    ini = *file;
  const auto loaded = load_settings(ini, given.overrides);
  if (!loaded.errors.empty()) {
    failed = to_string(loaded.errors[0]);
    return std::nullopt;
  }
  const auto& from = loaded.values;
  return side == service_side::admin
         ? url_of(from.admin.address, from.admin.port)
         : url_of(from.http.address, from.http.port);
}

headers admin_credentials() {
  const char* token = std::getenv("HANDOFF_ADMIN_TOKEN");
  if (token == nullptr || *token == '\0')
    return {};
  return {{"Authorization", std::string{"Bearer "} + token}};
}

service_client::service_client() : outbound_{command_options()} {}

exchange service_client::call(outbound_call wanted) {
  std::promise<exchange> done;
  outbound_.start(std::move(wanted),
                  [&](exchange what) { done.set_value(std::move(what)); });
  return done.get_future().get();
}

} // namespace handoff

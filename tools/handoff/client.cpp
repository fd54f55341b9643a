#include "tools/handoff/client.hpp"

#include "config/check.hpp"
#include "job/json_reader.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>

namespace handoff {
namespace {

// A job shows its webhook's body, and [http] max-body may be large.
constexpr std::size_t answer_bytes_max = 256 * 1'048'576;

outbound_options command_options() {
  outbound_options options;
  options.user_agent = "handoff/" HANDOFF_VERSION;
  options.max_answer = answer_bytes_max;
  return options;
}

std::string url_of(const std::string& address, std::uint16_t port) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? "[" + address + "]" : address) + ":"
       + std::to_string(port);
}

/// Whether a path may be put behind it: a scheme, something of a host, and
/// neither a query nor a fragment.
bool is_base_url(const std::string& url) {
  const auto host = url.starts_with("http://")  ? 7u
                  : url.starts_with("https://") ? 8u
                                                : 0u;
  return host != 0 && url.size() > host
      && url.find_first_of("?#", host) == std::string::npos
      && std::all_of(url.begin(), url.end(),
                     [](char each) { return each > ' ' && each <= '~'; });
}

/// Whether what is wrong there keeps a command from finding the service; all
/// else of the INI is the service's business.
bool says_where(std::string_view key, bool is_admin) {
  const std::string section = is_admin ? "admin" : "http";
  return key.empty() || key == section + ".address" || key == section + ".port";
}

} // namespace

std::optional<std::string> service_url(const arguments& given,
                                       service_side side, std::string& failed) {
  if (auto url = given.value("url")) {
    while (url->ends_with('/'))
      url->pop_back();
    if (is_base_url(*url))
      return url;
    failed = "--url needs http://HOST:PORT or https://HOST:PORT";
    return std::nullopt;
  }
  std::optional<std::filesystem::path> ini;
  if (const auto file = given.value("config-file"))
    ini = *file;
  const auto loaded = load_settings(ini, given.overrides);
  const bool is_admin = side == service_side::admin;
  for (const auto& each : loaded.errors)
    if (says_where(each.where, is_admin)) {
      failed = to_string(each);
      return std::nullopt;
    }
  const auto& from = loaded.values;
  const auto port = is_admin ? from.admin.port : from.http.port;
  if (port != 0)
    return url_of(is_admin ? from.admin.address : from.http.address, port);
  failed = "the INI lets the service take a free port; --url says which it is";
  return std::nullopt;
}

headers admin_credentials() {
  const char* token = std::getenv("HANDOFF_ADMIN_TOKEN");
  if (token == nullptr || *token == '\0')
    return {};
  return {{"Authorization", std::string{"Bearer "} + token}};
}

nlohmann::json service_document(std::string_view body) {
  // A job's document has the webhook's body some levels down.
  json_limits limits;
  limits.bytes_max = answer_bytes_max;
  limits.depth_max += 20;
  limits.values_max = 10'000'000;
  auto read = read_json(body, limits);
  auto* const document = std::get_if<nlohmann::json>(&read);
  return document != nullptr
         ? std::move(*document)
         : nlohmann::json(nlohmann::json::value_t::discarded);
}

std::string no_answer(const std::string& url, const error& why) {
  const auto service = "the service at " + url;
  // What the outbound client adds to its own words for the kind.
  const auto at = why.detail.find(" (");
  const auto reason = at == std::string::npos ? "" : why.detail.substr(at);
  switch (why.kind) {
  case error_kind::connect_failed:
    return service + " could not be reached" + reason;
  case error_kind::name_not_resolved:
    return service + " could not be reached: its name was not resolved";
  case error_kind::attempt_timed_out:
    return service + " did not answer in time" + reason;
  case error_kind::connection_lost:
    return "the connection to " + service + " was lost" + reason;
  case error_kind::answer_too_large:
    return "the answer of " + service + " is too large";
  case error_kind::answer_malformed:
    return "the answer of " + service + " is malformed" + reason;
  default:
    return "no answer from " + service + ": " + why.detail;
  }
}

service_client::service_client() : outbound_{command_options()} {}

exchange service_client::call(outbound_call wanted) {
  std::promise<exchange> done;
  outbound_.start(std::make_shared<const outbound_call>(std::move(wanted)),
                  [&](exchange what) { done.set_value(std::move(what)); });
  return done.get_future().get();
}

} // namespace handoff

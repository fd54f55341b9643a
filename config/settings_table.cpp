#include "config/settings_table.hpp"

#include "config/caf_settings.hpp"
#include "config/duration.hpp"
#include "config/problem.hpp"

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstdint>

namespace handoff {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr double ms = 1e6;
constexpr double second = 1e9;
constexpr double minute = 60 * second;
constexpr double hour = 60 * minute;
constexpr double day = 24 * hour;
constexpr double kib = 1024;
constexpr double million = 1e6;

template <std::integral T>
void assign(T& field, const setting_value& value) {
  field = static_cast<T>(std::get<std::int64_t>(value));
}

void assign(bool& field, const setting_value& value) {
  if (const auto* plain = std::get_if<bool>(&value)) {
    field = *plain;
    return;
  }
  // Switches of ours are spelt as choices.
  const auto& choice = std::get<std::string>(value);
  field = choice == "allow" || choice == "auto";
}

void assign(double& field, const setting_value& value) {
  field = std::get<double>(value);
}

void assign(std::string& field, const setting_value& value) {
  field = std::get<std::string>(value);
}

void assign(std::vector<std::string>& field, const setting_value& value) {
  field = split_names(std::get<std::string>(value));
}

void assign(milliseconds& field, const setting_value& value) {
  field = std::chrono::round<milliseconds>(std::get<nanoseconds>(value));
}

template <std::integral T>
std::string text_of(const setting_key& key, T value) {
  const bool units = key.type == setting_type::size && value > 0;
  if (!units || value % 1024 != 0)
    return std::to_string(value);
  return "\"" + format_size(static_cast<std::uint64_t>(value)) + "\"";
}

std::string text_of(const setting_key& key, bool value) {
  if (key.type == setting_type::boolean)
    return value ? "true" : "false";
  return in_quotes(std::string{key.choices.at(value ? 0 : 1)});
}

std::string text_of(const setting_key&, double value) {
  return nlohmann::json(value).dump();
}

std::string text_of(const setting_key&, const std::string& value) {
  return value.empty() ? value : in_quotes(value);
}

std::string text_of(const setting_key&, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& each : names)
    text += (text.empty() ? "" : ", ") + each;
  return text.empty() ? text : in_quotes(text);
}

std::string text_of(const setting_key&, milliseconds value) {
  const auto text = format_duration(value);
  // The INI's own durations are whole and know no days.
  const bool plain = text.find('.') == std::string::npos && text.back() != 'd';
  return plain ? text : "\"" + text + "\"";
}

/// Completes a key with the field that it is kept in.
template <class Field>
setting_key kept_in(setting_key key, Field field) {
  key.set = [field](settings& all, const setting_value& value) {
    assign(field(all), value);
  };
  // `field` gives a reference to something that can be changed.
  const auto type_and_name = key;
  key.get = [field, type_and_name](const settings& all) {
    auto copy = all;
    return text_of(type_and_name, field(copy));
  };
  key.default_text = key.get(settings{});
  return key;
}

#define KEPT_IN(field)                                                         \
  [](settings & s) -> auto& {                                                  \
    return s.field;                                                            \
  }

std::vector<setting_key> service_keys() {
  using enum setting_type;
  return {
    kept_in({.section = "http", .key = "address", .type = address},
            KEPT_IN(http.address)),
    kept_in({.section = "http",
             .key = "port",
             .type = integer,
             .least = 0,
             .most = 65535},
            KEPT_IN(http.port)),
    kept_in({.section = "http",
             .key = "threads",
             .type = integer,
             .least = 1,
             .most = 64},
            KEPT_IN(http.threads)),
    kept_in({.section = "http",
             .key = "max-body",
             .type = size,
             .least = 1,
             .most = 64 * kib * kib},
            KEPT_IN(http.max_body)),
    kept_in({.section = "http",
             .key = "header-timeout",
             .type = duration,
             .least = 100 * ms,
             .most = 10 * minute},
            KEPT_IN(http.header_timeout)),
    kept_in({.section = "http",
             .key = "body-timeout",
             .type = duration,
             .least = 100 * ms,
             .most = 10 * minute},
            KEPT_IN(http.body_timeout)),
    kept_in({.section = "http",
             .key = "max-connections",
             .type = integer,
             .least = 1,
             .most = million},
            KEPT_IN(http.max_connections)),
    kept_in({.section = "http", .key = "public-url", .type = text},
            KEPT_IN(http.public_url)),
    kept_in({.section = "http",
             .key = "keep-alive",
             .type = duration,
             .least = 1 * second,
             .most = 1 * hour},
            KEPT_IN(http.keep_alive)),
    kept_in({.section = "admin", .key = "address", .type = address},
            KEPT_IN(admin.address)),
    kept_in({.section = "admin",
             .key = "port",
             .type = integer,
             .least = 0,
             .most = 65535},
            KEPT_IN(admin.port)),
    kept_in({.section = "admin", .key = "token", .type = secret},
            KEPT_IN(admin.token)),
    kept_in({.section = "admin", .key = "hosts", .type = host_names},
            KEPT_IN(admin.hosts)),
    kept_in({.section = "flows", .key = "directory", .type = text},
            KEPT_IN(flows.directory)),
    kept_in({.section = "flows", .key = "connections", .type = text},
            KEPT_IN(flows.connections)),
    kept_in({.section = "deadline",
             .key = "limit",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * hour},
            KEPT_IN(deadline.limit)),
    kept_in({.section = "deadline",
             .key = "margin",
             .type = duration,
             .least = 0,
             .most = 1 * hour},
            KEPT_IN(deadline.margin)),
    kept_in({.section = "admission",
             .key = "max-held",
             .type = integer,
             .least = 1,
             .most = million},
            KEPT_IN(admission.max_held)),
    kept_in({.section = "admission",
             .key = "max-jobs",
             .type = integer,
             .least = 1,
             .most = 100 * million},
            KEPT_IN(admission.max_jobs)),
    kept_in({.section = "admission",
             .key = "max-bytes",
             .type = size,
             .least = kib * kib,
             .most = 1024 * kib * kib * kib},
            KEPT_IN(admission.max_bytes)),
    kept_in({.section = "pool",
             .key = "workers",
             .type = integer,
             .least = 1,
             .most = 100},
            KEPT_IN(pool.workers)),
  };
}

std::vector<setting_key> work_keys() {
  using enum setting_type;
  return {
    kept_in({.section = "retry",
             .key = "max-attempts",
             .type = integer,
             .least = 1,
             .most = 1000},
            KEPT_IN(retry.max_attempts)),
    kept_in({.section = "retry",
             .key = "first",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * day},
            KEPT_IN(retry.first)),
    kept_in({.section = "retry",
             .key = "factor",
             .type = number,
             .least = 1,
             .most = 100},
            KEPT_IN(retry.factor)),
    kept_in({.section = "retry",
             .key = "max",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * day},
            KEPT_IN(retry.max)),
    kept_in({.section = "retry",
             .key = "jitter",
             .type = number,
             .least = 0,
             .most = 1},
            KEPT_IN(retry.jitter)),
    kept_in({.section = "retry",
             .key = "attempt-timeout",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * hour},
            KEPT_IN(retry.attempt_timeout)),
    kept_in({.section = "retry",
             .key = "throttled",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * day},
            KEPT_IN(retry.throttled)),
    kept_in({.section = "retry",
             .key = "throttled-for",
             .type = duration,
             .least = 1 * ms,
             .most = 7 * day},
            KEPT_IN(retry.throttled_for)),
    kept_in({.section = "supervisor",
             .key = "max-restarts",
             .type = integer,
             .least = 1,
             .most = 1000},
            KEPT_IN(supervisor.max_restarts)),
    kept_in({.section = "supervisor",
             .key = "within",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * day},
            KEPT_IN(supervisor.within)),
    kept_in({.section = "upstream",
             .key = "max-calls",
             .type = integer,
             .least = 1,
             .most = 100'000},
            KEPT_IN(upstream.max_calls)),
    kept_in({.section = "upstream",
             .key = "reserved-for-clones",
             .type = number,
             .least = 0,
             .most = 1},
            KEPT_IN(upstream.reserved_for_clones)),
    kept_in({.section = "upstream",
             .key = "rate",
             .type = number,
             .least = 0,
             .most = million},
            KEPT_IN(upstream.rate)),
    kept_in({.section = "upstream",
             .key = "breaker-failures",
             .type = integer,
             .least = 0,
             .most = million},
            KEPT_IN(upstream.breaker_failures)),
    kept_in({.section = "upstream",
             .key = "breaker-open",
             .type = duration,
             .least = 1 * ms,
             .most = 1 * day},
            KEPT_IN(upstream.breaker_open)),
    kept_in({.section = "upstream",
             .key = "connect-timeout",
             .type = duration,
             .least = 1 * ms,
             .most = 10 * minute},
            KEPT_IN(upstream.connect_timeout)),
    kept_in({.section = "upstream",
             .key = "private-networks",
             .type = choice,
             .choices = {"allow", "refuse"}},
            KEPT_IN(upstream.private_networks_allowed)),
    kept_in({.section = "upstream", .key = "ca", .type = certificates},
            KEPT_IN(upstream.ca)),
    kept_in({.section = "upstream", .key = "proxy", .type = proxy},
            KEPT_IN(upstream.proxy)),
    kept_in({.section = "upstream",
             .key = "http2",
             .type = choice,
             .choices = {"auto", "off"}},
            KEPT_IN(upstream.http2)),
    kept_in({.section = "upstream", .key = "shared", .type = boolean},
            KEPT_IN(upstream.shared)),
    kept_in({.section = "journal", .key = "uri", .type = journal_uri},
            KEPT_IN(journal.uri)),
    kept_in({.section = "journal",
             .key = "keep",
             .type = duration,
             .least = 1 * second,
             .most = 3650 * day},
            KEPT_IN(journal.keep)),
    kept_in({.section = "journal",
             .key = "keep-bytes",
             .type = size,
             .least = 0,
             .most = 1024 * kib * kib * kib},
            KEPT_IN(journal.keep_bytes)),
    kept_in({.section = "journal",
             .key = "commit-delay",
             .type = duration,
             .least = 0,
             .most = 1 * second},
            KEPT_IN(journal.commit_delay)),
    kept_in({.section = "journal",
             .key = "lease",
             .type = duration,
             .least = 3 * second,
             .most = 10 * minute},
            KEPT_IN(journal.lease)),
    kept_in({.section = "journal", .key = "node", .type = text},
            KEPT_IN(journal.node)),
    kept_in({.section = "journal", .key = "secret", .type = secret},
            KEPT_IN(journal.secret)),
    kept_in({.section = "drain",
             .key = "timeout",
             .type = duration,
             .least = 0,
             .most = 1 * hour},
            KEPT_IN(drain.timeout)),
    kept_in(
      {.section = "log",
       .key = "level",
       .type = choice,
       .choices = {"trace", "debug", "info", "warning", "error", "critical"}},
      KEPT_IN(log.level)),
    kept_in({.section = "log",
             .key = "format",
             .type = choice,
             .choices = {"text", "json"}},
            KEPT_IN(log.format)),
    kept_in({.section = "trace", .key = "otlp", .type = text},
            KEPT_IN(trace.otlp)),
  };
}

#undef KEPT_IN

} // namespace

std::span<const setting_key> setting_keys() {
  static const auto all = [] {
    auto keys = service_keys();
    for (auto&& more : {work_keys(), caf_keys()})
      keys.insert(keys.end(), more.begin(), more.end());
    return keys;
  }();
  return all;
}

} // namespace handoff

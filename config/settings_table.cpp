#include "config/settings_table.hpp"

#include "config/duration.hpp"
#include "config/problem.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>

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
    kept_in(
      {"http", "address", address, 0, 0, {}, {}, "Where webhooks are taken."},
      KEPT_IN(http.address)),
    kept_in({"http",
             "port",
             integer,
             0,
             65535,
             {},
             {},
             "Its TCP port; 0 takes a free one and prints it."},
            KEPT_IN(http.port)),
    kept_in({"http",
             "threads",
             integer,
             1,
             64,
             {},
             {},
             "Threads that read requests and write answers. None ever waits "
             "for an upstream."},
            KEPT_IN(http.threads)),
    kept_in({"http",
             "max-body",
             size,
             1,
             64 * kib * kib,
             {},
             {},
             "The largest body of a webhook; a larger one gets 413."},
            KEPT_IN(http.max_body)),
    kept_in({"http",
             "header-timeout",
             duration,
             100 * ms,
             10 * minute,
             {},
             {},
             "How long a sender may take for the head of a request."},
            KEPT_IN(http.header_timeout)),
    kept_in({"http",
             "body-timeout",
             duration,
             100 * ms,
             10 * minute,
             {},
             {},
             "How long a sender may take for the body of a request."},
            KEPT_IN(http.body_timeout)),
    kept_in({"http",
             "max-connections",
             integer,
             1,
             million,
             {},
             {},
             "Connections that are open at once."},
            KEPT_IN(http.max_connections)),
    kept_in({.section = "http",
             .key = "public-url",
             .type = text,
             .meaning = "What senders call: scheme, host, perhaps a port and a "
                        "path. Signatures over a URL are checked with it, "
                        "never with the Host field."},
            KEPT_IN(http.public_url)),
    kept_in({.section = "http",
             .key = "keep-alive",
             .type = duration,
             .least = 1 * second,
             .most = 1 * hour,
             .meaning = "How long a connection is kept open between two "
                        "requests, on the admin side too. More than the proxy "
                        "in front keeps it."},
            KEPT_IN(http.keep_alive)),
    kept_in({"admin",
             "address",
             address,
             0,
             0,
             {},
             {},
             "Where the dashboard and the API of operators are. One that is "
             "not of this machine only needs a token."},
            KEPT_IN(admin.address)),
    kept_in({"admin",
             "port",
             integer,
             0,
             65535,
             {},
             {},
             "Its TCP port; 0 takes a free one and prints it."},
            KEPT_IN(admin.port)),
    kept_in({"admin",
             "token",
             secret,
             0,
             0,
             {},
             {},
             "What operators authorize themselves with, as a bearer token."},
            KEPT_IN(admin.token)),
    kept_in({.section = "admin",
             .key = "hosts",
             .type = host_names,
             .meaning = "Names that the admin side answers to (Host) beside "
                        "localhost, IP addresses and its own address: of the "
                        "service that probes use, or of a proxy."},
            KEPT_IN(admin.hosts)),
    kept_in({"flows",
             "directory",
             text,
             0,
             0,
             {},
             {},
             "Where the flows are; relative to the folder of the INI. Must "
             "exist if it is given."},
            KEPT_IN(flows.directory)),
    kept_in({"flows",
             "connections",
             text,
             0,
             0,
             {},
             {},
             "What flows say of their upstreams in one place; relative to the "
             "folder of the INI. Must exist if it is given."},
            KEPT_IN(flows.connections)),
    kept_in({"deadline",
             "limit",
             duration,
             1 * ms,
             1 * hour,
             {},
             {},
             "When a sender has its answer at the latest: the UID, or a 202. "
             "A flow may ask for less."},
            KEPT_IN(deadline.limit)),
    kept_in({"deadline",
             "margin",
             duration,
             0,
             1 * hour,
             {},
             {},
             "How long before that the answer is written, for the way back. "
             "Less than the limit."},
            KEPT_IN(deadline.margin)),
    kept_in({"admission",
             "max-held",
             integer,
             1,
             million,
             {},
             {},
             "Webhooks that wait for their clone at once; one more gets 503."},
            KEPT_IN(admission.max_held)),
    kept_in({"admission",
             "max-jobs",
             integer,
             1,
             100 * million,
             {},
             {},
             "Jobs that are not finished; one more gets 503."},
            KEPT_IN(admission.max_jobs)),
    kept_in(
      {"admission",
       "max-bytes",
       size,
       kib * kib,
       1024 * kib * kib * kib,
       {},
       {},
       "Memory that held webhooks and unfinished jobs may take; a webhook "
       "beyond it gets 503."},
      KEPT_IN(admission.max_bytes)),
    kept_in({"pool",
             "workers",
             integer,
             1,
             100,
             {},
             {},
             "Sub-actions of one job that run at once."},
            KEPT_IN(pool.workers)),
  };
}

std::vector<setting_key> work_keys() {
  using enum setting_type;
  return {
    kept_in({"retry",
             "max-attempts",
             integer,
             1,
             1000,
             {},
             {},
             "Attempts, the first one counted: 3 is three requests at most."},
            KEPT_IN(retry.max_attempts)),
    kept_in({"retry",
             "first",
             duration,
             1 * ms,
             1 * day,
             {},
             {},
             "The wait after the first failed attempt. At most max."},
            KEPT_IN(retry.first)),
    kept_in({"retry",
             "factor",
             number,
             1,
             100,
             {},
             {},
             "How much longer each wait is than the one before."},
            KEPT_IN(retry.factor)),
    kept_in(
      {"retry",
       "max",
       duration,
       1 * ms,
       1 * day,
       {},
       {},
       "The longest wait between attempts, also where an upstream asks for "
       "more."},
      KEPT_IN(retry.max)),
    kept_in({"retry",
             "jitter",
             number,
             0,
             1,
             {},
             {},
             "The share of each wait that chance may take away."},
            KEPT_IN(retry.jitter)),
    kept_in({"retry",
             "attempt-timeout",
             duration,
             1 * ms,
             1 * hour,
             {},
             {},
             "How long one request may take, from the first byte sent to the "
             "last one received."},
            KEPT_IN(retry.attempt_timeout)),
    kept_in({"retry",
             "throttled",
             duration,
             1 * ms,
             1 * day,
             {},
             {},
             "The wait after an answer of \"not now\" (429, or 403 with "
             "Retry-After or X-RateLimit-Remaining: 0) that does not say how "
             "long."},
            KEPT_IN(retry.throttled)),
    kept_in({"retry",
             "throttled-for",
             duration,
             1 * ms,
             7 * day,
             {},
             {},
             "How long such answers are put up with. They are no attempts, and "
             "max does not cap what they ask for."},
            KEPT_IN(retry.throttled_for)),
    kept_in({"supervisor",
             "max-restarts",
             integer,
             1,
             1000,
             {},
             {},
             "Crashes of a sub-action's actor within that time after which it "
             "is quarantined."},
            KEPT_IN(supervisor.max_restarts)),
    kept_in({"supervisor",
             "within",
             duration,
             1 * ms,
             1 * day,
             {},
             {},
             "The time in which they are counted."},
            KEPT_IN(supervisor.within)),
    kept_in({"upstream",
             "max-calls",
             integer,
             1,
             100'000,
             {},
             {},
             "Requests to one host that are under way at once."},
            KEPT_IN(upstream.max_calls)),
    kept_in({"upstream",
             "reserved-for-clones",
             number,
             0,
             1,
             {},
             {},
             "The share of these that only clones may use, because behind a "
             "clone a sender waits."},
            KEPT_IN(upstream.reserved_for_clones)),
    kept_in({"upstream",
             "rate",
             number,
             0,
             million,
             {},
             {},
             "Requests a second to one host, in bursts of one second's worth; "
             "0 means no limit."},
            KEPT_IN(upstream.rate)),
    kept_in({"upstream",
             "breaker-failures",
             integer,
             0,
             million,
             {},
             {},
             "Failures in a row that open the breaker of a host, which clones "
             "and sub-actions have one each of; 0 is never."},
            KEPT_IN(upstream.breaker_failures)),
    kept_in({"upstream",
             "breaker-open",
             duration,
             1 * ms,
             1 * day,
             {},
             {},
             "How long it stays open before one request tries the host again."},
            KEPT_IN(upstream.breaker_open)),
    kept_in({"upstream",
             "connect-timeout",
             duration,
             1 * ms,
             10 * minute,
             {},
             {},
             "How long it may take to connect to a host."},
            KEPT_IN(upstream.connect_timeout)),
    kept_in({"upstream",
             "private-networks",
             choice,
             0,
             0,
             {"allow", "refuse"},
             {},
             "Whether requests may go to private, loopback and link-local "
             "addresses."},
            KEPT_IN(upstream.private_networks_allowed)),
    kept_in({"upstream",
             "ca",
             certificates,
             0,
             0,
             {},
             {},
             "The authorities that vouch for hosts, best as ${file:ca.pem}; "
             "without it those of the system."},
            KEPT_IN(upstream.ca)),
    kept_in({"upstream",
             "proxy",
             proxy,
             0,
             0,
             {},
             {},
             "Through which all requests go (CONNECT). Without it none, "
             "whatever the environment says."},
            KEPT_IN(upstream.proxy)),
    kept_in({"upstream",
             "http2",
             choice,
             0,
             0,
             {"auto", "off"},
             {},
             "Whether sub-actions are sent as HTTP/2 to hosts that offer it; a "
             "clone has an HTTP/1.1 connection of its own."},
            KEPT_IN(upstream.http2)),
    kept_in({"journal",
             "uri",
             journal_uri,
             0,
             0,
             {},
             {},
             "Where jobs are kept; the path is relative to the folder of the "
             "INI."},
            KEPT_IN(journal.uri)),
    kept_in({"journal",
             "keep",
             duration,
             1 * second,
             3650 * day,
             {},
             {},
             "How long finished jobs are kept."},
            KEPT_IN(journal.keep)),
    kept_in({"journal",
             "keep-bytes",
             size,
             0,
             1024 * kib * kib * kib,
             {},
             {},
             "Above this size the oldest finished jobs go earlier; 0 means no "
             "limit."},
            KEPT_IN(journal.keep_bytes)),
    kept_in({"journal",
             "commit-delay",
             duration,
             0,
             1 * second,
             {},
             {},
             "How long a commit waits for others to share its fsync. Every "
             "answer waits as long. After a commit that 16 or more waited "
             "for, the next one is made 3ms later at the earliest."},
            KEPT_IN(journal.commit_delay)),
    kept_in({"drain",
             "timeout",
             duration,
             0,
             1 * hour,
             {},
             {},
             "How long work under way may take to end after SIGTERM; the next "
             "start goes on with the rest."},
            KEPT_IN(drain.timeout)),
    kept_in({"log",
             "level",
             choice,
             0,
             0,
             {"trace", "debug", "info", "warning", "error", "critical"},
             {},
             "The least important lines that are logged."},
            KEPT_IN(log.level)),
    kept_in({"log",
             "format",
             choice,
             0,
             0,
             {"text", "json"},
             {},
             "What a line looks like."},
            KEPT_IN(log.format)),
    kept_in(
      {"trace",
       "otlp",
       text,
       0,
       0,
       {},
       {},
       "The URL of a collector that spans are sent to, as OTLP by HTTP in "
       "JSON: one for each webhook and each attempt. Without a path, "
       "/v1/traces. Without it none are made."},
      KEPT_IN(trace.otlp)),
  };
}

#undef KEPT_IN

/// CAF's options that do something in this service. Their defaults are CAF's,
/// but for the first two: an idle service shall cost nothing.
std::vector<setting_key> caf_keys() {
  using enum setting_type;
  constexpr double many = 1e9;
  return {
    {"scheduler",
     "policy",
     choice,
     0,
     0,
     {"sharing", "stealing"},
     "\"sharing\"",
     "How threads get their work. Sharing wakes no more of them than there "
     "is work for; stealing is CAF's own and polls when idle."},
    {"scheduler",
     "max-threads",
     integer,
     1,
     1024,
     {},
     "2",
     "Threads that run actors."},
    {"scheduler",
     "max-throughput",
     integer,
     1,
     many,
     {},
     "100",
     "Messages that an actor handles before another has its turn."},
    {"scheduler",
     "enable-profiling",
     boolean,
     0,
     0,
     {},
     "",
     "Writes what the actors cost to a file."},
    {"scheduler",
     "profiling-resolution",
     duration,
     1 * ms,
     1 * hour,
     {},
     "",
     "How often."},
    {"scheduler", "profiling-output-file", text, 0, 0, {}, "", "To which."},
    {"work-stealing",
     "aggressive-poll-attempts",
     integer,
     0,
     many,
     {},
     "",
     "Polls without a pause."},
    {"work-stealing",
     "aggressive-steal-interval",
     integer,
     1,
     many,
     {},
     "",
     "Every how many of these steals."},
    {"work-stealing",
     "moderate-poll-attempts",
     integer,
     0,
     many,
     {},
     "",
     "Polls with a short pause."},
    {"work-stealing",
     "moderate-steal-interval",
     integer,
     1,
     many,
     {},
     "",
     "Every how many of these steals."},
    {"work-stealing",
     "moderate-sleep-duration",
     duration,
     1e3,
     1 * minute,
     {},
     "",
     "The short pause."},
    {"work-stealing",
     "relaxed-steal-interval",
     integer,
     1,
     many,
     {},
     "",
     "Every how many polls with a long pause steals."},
    {"work-stealing",
     "relaxed-sleep-duration",
     duration,
     1e3,
     1 * minute,
     {},
     "",
     "The long pause."},
    {"stream",
     "desired-batch-complexity",
     duration,
     1e3,
     1 * minute,
     {},
     "",
     "Time that a batch of a stream is made for."},
    {"stream",
     "max-batch-delay",
     duration,
     1e3,
     1 * minute,
     {},
     "",
     "How long a batch may wait until it is full."},
    {"stream",
     "credit-round-interval",
     duration,
     1e3,
     1 * minute,
     {},
     "",
     "How often credit is given."},
  };
}

std::string range_text(double least, double most) {
  return " from " + std::to_string(static_cast<std::int64_t>(least)) + " to "
       + std::to_string(static_cast<std::int64_t>(most));
}

} // namespace

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    auto name = text.substr(at, end - at);
    name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
    name = name.substr(0, name.find_last_not_of(" \t") + 1);
    names.emplace_back(name);
    at = end + 1;
  }
  return names;
}

std::span<const setting_key> setting_keys() {
  static const auto all = [] {
    auto keys = service_keys();
    for (auto&& more : {work_keys(), caf_keys()})
      keys.insert(keys.end(), more.begin(), more.end());
    return keys;
  }();
  return all;
}

std::vector<std::string_view> setting_sections() {
  std::vector<std::string_view> made;
  for (const auto& key : setting_keys())
    if (std::find(made.begin(), made.end(), key.section) == made.end())
      made.push_back(key.section);
  return made;
}

std::vector<std::string_view> setting_names(std::string_view section) {
  std::vector<std::string_view> made;
  for (const auto& key : setting_keys())
    if (key.section == section)
      made.push_back(key.key);
  return made;
}

const setting_key* find_setting(std::string_view section,
                                std::string_view key) {
  const auto keys = setting_keys();
  const auto it =
    std::find_if(keys.begin(), keys.end(), [&](const auto& known) {
      return known.section == section && known.key == key;
    });
  return it == keys.end() ? nullptr : &*it;
}

std::string allowed_by(const setting_key& key) {
  switch (key.type) {
  case setting_type::text:
    return "text that is not empty";
  case setting_type::address:
    return "an IP address or \"localhost\"";
  case setting_type::host_names:
    return "names of hosts without a port, such as \"handoff.internal\", "
           "separated by commas or in a list";
  case setting_type::secret:
    return "visible ASCII characters without spaces";
  case setting_type::journal_uri:
    return "\"sqlite:PATH\"";
  case setting_type::integer:
    return "a whole number" + range_text(key.least, key.most);
  case setting_type::size:
    return "a number of bytes or a text such as \"64KiB\", from "
         + format_size(static_cast<std::uint64_t>(key.least)) + " to "
         + format_size(static_cast<std::uint64_t>(key.most));
  case setting_type::number:
    return "a number" + range_text(key.least, key.most);
  case setting_type::boolean:
    return "true or false";
  case setting_type::duration:
    return "a duration such as 500ms, 10s, \"9.5s\" or \"7d\", from "
         + format_duration(nanoseconds{static_cast<std::int64_t>(key.least)})
         + " to "
         + format_duration(nanoseconds{static_cast<std::int64_t>(key.most)});
  case setting_type::choice:
    return one_of(key.choices);
  case setting_type::certificates:
    return "the PEM text of certificates, such as ${file:ca.pem}";
  case setting_type::proxy:
    return "\"http://HOST:PORT\"";
  }
  return {};
}

} // namespace handoff

#include "tools/handoff/job_filter.hpp"

#include "config/duration.hpp"
#include "config/nearest_name.hpp"
#include "job/job_id.hpp"
#include "job/status.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

namespace handoff {
namespace {

std::string wrong_status(const std::string& given) {
  std::vector<std::string_view> names;
  for (const auto each :
       {job_status::cloning, job_status::running, job_status::succeeded,
        job_status::failed, job_status::cancelled, job_status::ambiguous})
    names.push_back(name(each));
  return "\"" + given + "\" is not a status of a job"
       + did_you_mean(given, names);
}

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, number);
  return failure == std::errc{} && end == last ? std::optional{number}
                                               : std::nullopt;
}

bool is_timestamp(const std::string& text) {
  std::tm broken{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &broken);
  return rest != nullptr && text.ends_with('Z');
}

/// As the service takes it; empty if it is no time.
std::string since_of(const std::string& text) {
  if (is_timestamp(text))
    return text;
  if (const auto number = whole_number(text))
    return *number >= 0 ? text : std::string{};
  const auto ago = parse_duration(text);
  if (!ago)
    return {};
  const auto then = std::chrono::duration_cast<std::chrono::seconds>(
    (std::chrono::system_clock::now() - *ago).time_since_epoch());
  return std::to_string(std::max<std::int64_t>(then.count(), 0));
}

} // namespace

std::string filter_value(const std::string& option, const std::string& text,
                         std::string& failed) {
  if (option == "status" && !job_status_from(text)) {
    failed = wrong_status(text);
  } else if (option == "limit") {
    const auto number = whole_number(text);
    if (!number || *number < 1 || *number > 1'000)
      failed = "--limit needs a whole number from 1 to 1000";
  } else if (option == "cursor" && !is_job_id(text)) {
    failed = "--cursor needs what the page before said";
  } else if (option == "since") {
    const auto since = since_of(text);
    if (since.empty())
      failed = "--since needs a time in UTC such as 2026-01-31T12:00:00Z, "
               "seconds since 1970, or how long ago, such as 90min";
    return since;
  } else if (text.empty()) {
    failed = "--" + option + " needs a value";
  }
  return text;
}

} // namespace handoff

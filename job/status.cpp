#include "job/status.hpp"

#include <array>
#include <utility>

namespace handoff {
namespace {

using std::string_view;

constexpr std::array<std::pair<job_status, string_view>, 6> job_names{{
  {job_status::cloning, "cloning"},
  {job_status::running, "running"},
  {job_status::succeeded, "succeeded"},
  {job_status::failed, "failed"},
  {job_status::cancelled, "cancelled"},
  {job_status::ambiguous, "ambiguous"},
}};

constexpr std::array<std::pair<sub_action_status, string_view>, 7>
  sub_action_names{{
    {sub_action_status::waiting, "waiting"},
    {sub_action_status::running, "running"},
    {sub_action_status::retrying, "retrying"},
    {sub_action_status::succeeded, "succeeded"},
    {sub_action_status::failed, "failed"},
    {sub_action_status::skipped, "skipped"},
    {sub_action_status::cancelled, "cancelled"},
  }};

template <class Names, class Status>
string_view name_in(const Names& names, Status status) noexcept {
  for (const auto& [value, text] : names)
    if (value == status)
      return text;
  return "unknown";
}

template <class Status, class Names>
std::optional<Status> value_in(const Names& names,
                               string_view wanted) noexcept {
  for (const auto& [value, text] : names)
    if (text == wanted)
      return value;
  return std::nullopt;
}

} // namespace

string_view name(job_status status) noexcept {
  return name_in(job_names, status);
}

string_view name(sub_action_status status) noexcept {
  return name_in(sub_action_names, status);
}

std::optional<job_status> job_status_from(string_view text) noexcept {
  return value_in<job_status>(job_names, text);
}

std::optional<sub_action_status>
sub_action_status_from(string_view text) noexcept {
  return value_in<sub_action_status>(sub_action_names, text);
}

bool is_final(job_status status) noexcept {
  return status == job_status::succeeded || status == job_status::failed
      || status == job_status::cancelled;
}

bool is_final(sub_action_status status) noexcept {
  return status == sub_action_status::succeeded
      || status == sub_action_status::failed
      || status == sub_action_status::skipped
      || status == sub_action_status::cancelled;
}

} // namespace handoff

#pragma once

#include "journal/journal.hpp"

#include <string>
#include <vector>

namespace handoff {

/// A moment `ms` after the one at which all tests begin.
wall_time at(std::int64_t ms);

/// The id of the `n`-th job, received at `at(n)`.
std::string nth_id(std::uint64_t n);

/// Tells the life of one job, event by event.
class job_story {
public:
  explicit job_story(std::uint64_t n, std::string flow = "setup");

  const std::string& id() const noexcept { return id_; }

  job_event accepted() const;
  job_event accepted_with_key(std::string key, wall_time expires) const;
  job_event clone_begun(std::uint32_t attempt = 1) const;
  job_event clone_failed(std::uint32_t attempt, wall_time next) const;
  job_event cloned(nlohmann::json uid = "uid-1",
                   std::vector<std::string> sub_actions = {"share",
                                                           "folder"}) const;
  job_event settled(job_status status) const;
  job_event begun(std::size_t index, std::uint32_t attempt = 1) const;
  job_event
  ended(std::size_t index, std::uint32_t attempt = 1,
        sub_action_status status = sub_action_status::succeeded) const;
  job_event skipped(std::size_t index) const;
  job_event added(step_kind kind, std::vector<std::string> names) const;
  job_event begun(step_ref step) const;
  job_event ended(step_ref step) const;
  job_event finished(job_status status, wall_time when) const;
  job_event replied() const;
  job_event recovered(wall_time when) const;

  /// From the first event to the last, succeeding; two sub-actions.
  std::vector<job_event> whole(wall_time finished_at) const;

private:
  std::uint64_t n_;
  std::string flow_;
  std::string id_;
};

/// Everything of a job in one text, to compare jobs by.
std::string text_of(const job& record);

/// The value of a result; fails the test if it is an error.
template <class T>
T value_of(result<T> given);

} // namespace handoff

#include <gtest/gtest.h>

template <class T>
T handoff::value_of(result<T> given) {
  if (const auto* failed = std::get_if<error>(&given)) {
    ADD_FAILURE() << failed->detail;
    return T{};
  }
  return std::get<T>(std::move(given));
}

#pragma once

#include "journal/journal.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace handoff {

/// A journal under test, and what is around it.
class journal_fixture {
public:
  virtual ~journal_fixture() = default;

  virtual handoff::journal& journal() = 0;

  /// Whether it outlives a crash of its process.
  virtual bool survives() const { return false; }

  /// Leaves everything as a kill would, and opens what is left.
  virtual void crash_and_reopen() {}

  /// Ends the journal in order, and opens it again: another owner.
  virtual void reopen() = 0;

  /// Gives the place of the journal's owner to another, which it does not know.
  virtual void fence() = 0;

  /// A journal of another owner over the same jobs; null where there is one
  /// owner at a time.
  virtual handoff::journal* other() { return nullptr; }
};

using job_list = std::vector<std::string>;

inline job_list ids_of(const std::vector<job>& jobs) {
  job_list ids;
  for (const auto& each : jobs)
    ids.push_back(each.id);
  return ids;
}

struct backend {
  std::string name;
  std::function<std::unique_ptr<journal_fixture>()> make;
};

/// What any journal must do. Instantiated for each backend, by name.
class JournalConformance : public testing::TestWithParam<backend> {
protected:
  void SetUp() override { fixture_ = GetParam().make(); }

  handoff::journal& journal() { return fixture_->journal(); }

  void crash_and_reopen() { fixture_->crash_and_reopen(); }

  bool survives() const { return fixture_->survives(); }

  void reopen() { fixture_->reopen(); }

  void fence() { fixture_->fence(); }

  handoff::journal* other() { return fixture_->other(); }

  batch_outcome outcome_of(const std::vector<job_event>& events) {
    const std::span<const job_event> batch{events};
    return journal().commit_all({&batch, 1}).front();
  }

private:
  std::unique_ptr<journal_fixture> fixture_;
};

} // namespace handoff

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
};

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

private:
  std::unique_ptr<journal_fixture> fixture_;
};

} // namespace handoff

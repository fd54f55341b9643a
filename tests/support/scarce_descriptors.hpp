#pragma once

#include "http/front_door/descriptors.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace handoff::test {

/// Takes descriptors of this process away, until it ends. The client and the
/// server of a test share what is left.
class scarce_descriptors {
public:
  /// From now on no more than are open and `more`.
  explicit scarce_descriptors(std::size_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    set_limit(open_descriptors().value() + more);
  }

  ~scarce_descriptors() {
    for (const int fd : taken_)
      ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  scarce_descriptors(const scarce_descriptors&) = delete;
  scarce_descriptors& operator=(const scarce_descriptors&) = delete;

  /// Takes all whose number is below `end`.
  void take_below(std::size_t end) {
    for (;;) {
      const int fd = ::eventfd(0, EFD_CLOEXEC);
      if (fd < 0)
        return;
      if (static_cast<std::size_t>(fd) >= end) {
        ::close(fd);
        return;
      }
      taken_.push_back(fd);
    }
  }

  /// Takes all of them.
  void take_all() { take_below(before_.rlim_max); }

  /// There are none from now on, not even those that are given back.
  void forbid_all() { set_limit(0); }

  /// Gives back those that were taken last.
  void give_back(std::size_t count) {
    for (; count > 0; --count) {
      ASSERT_FALSE(taken_.empty());
      ::close(taken_.back());
      taken_.pop_back();
    }
  }

  void give_back_all() { give_back(taken_.size()); }

private:
  void set_limit(rlim_t limit) {
    const rlimit now{limit, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }

  rlimit before_{};
  std::vector<int> taken_;
};

} // namespace handoff::test

#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace handoff {

/// The files that `${file:…}` has read, as they were then. Immutable.
class secret_files {
public:
  secret_files() = default;

  /// Notes `path`, before it is read.
  void add(const std::string& path);

  bool empty() const noexcept { return files_.empty(); }

  /// Whether one of them is another by now, or gone. One `stat` for each.
  bool have_changed() const;

private:
  struct stamp {
    std::string path;
    std::uint64_t inode = 0;
    std::int64_t size = -1; ///< -1: there is none
    std::timespec modified{};
    std::timespec changed{};
  };

  static stamp stamp_of(const std::string& path);
  static bool same(const stamp& one, const stamp& other);

  std::vector<stamp> files_;
};

} // namespace handoff

#include "config/secret_files.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace handoff {
namespace {

bool same_time(const std::timespec& one, const std::timespec& other) {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

} // namespace

secret_files::stamp secret_files::stamp_of(const std::string& path) {
  stamp made;
  made.path = path;

  struct stat about {};

  if (::stat(path.c_str(), &about) != 0)
    return made;
  made.inode = about.st_ino;
  made.size = about.st_size;
  made.modified = about.st_mtim;
  made.changed = about.st_ctim;
  return made;
}

bool secret_files::same(const stamp& one, const stamp& other) {
  return one.inode == other.inode && one.size == other.size
      && same_time(one.modified, other.modified)
      && same_time(one.changed, other.changed);
}

void secret_files::add(const std::string& path) {
  const bool known =
    std::any_of(files_.begin(), files_.end(),
                [&](const auto& each) { return each.path == path; });
  if (!known)
    files_.push_back(stamp_of(path));
}

bool secret_files::have_changed() const {
  return std::any_of(files_.begin(), files_.end(), [](const auto& each) {
    return !same(each, stamp_of(each.path));
  });
}

} // namespace handoff

#pragma once

#include <functional>
#include <memory>
#include <string>

struct sqlite3_vfs;

namespace handoff {

/// What the journal is about to ask of the disk.
enum class disk_operation { write, sync, truncate };

/// How the disk answers.
enum class disk_answer {
  done,   ///< it does it
  full,   ///< there is no room: nothing was done
  failed, ///< an I/O error: nothing was done
  /// An I/O error although all was done: what a disk may do at a sync.
  failed_late,
};

/// Asked before each operation; `file` is "db" or "wal". Called on the thread
/// that uses the journal.
using disk_fault =
  std::function<disk_answer(disk_operation what, const std::string& file)>;

namespace sqlite {

/// A layer between SQLite and the operating system that asks a `disk_fault`
/// before it writes. Outlives the connections that are opened through it.
class faulty_disk {
public:
  explicit faulty_disk(disk_fault fault);
  faulty_disk(const faulty_disk&) = delete;
  faulty_disk& operator=(const faulty_disk&) = delete;
  ~faulty_disk();

  /// What a connection is opened with.
  const std::string& name() const noexcept { return name_; }

  disk_answer ask(disk_operation what, const std::string& file) const {
    return fault_(what, file);
  }

private:
  disk_fault fault_;
  std::string name_;
  std::unique_ptr<sqlite3_vfs> layer_;
};

} // namespace sqlite
} // namespace handoff

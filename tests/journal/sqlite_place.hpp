#pragma once

#include "journal/sqlite_journal.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace handoff {

/// A directory of its own for journals, gone with it.
class sqlite_place {
public:
  sqlite_place();
  sqlite_place(const sqlite_place&) = delete;
  sqlite_place& operator=(const sqlite_place&) = delete;
  ~sqlite_place();

  std::string path(const std::string& name = "journal.db") const;

  /// What a kill would leave of the journal called `from`, as `to`: the main
  /// file and the log as they are while it is open, without the shared memory.
  void take_crash_image(const std::string& from, const std::string& to) const;

  /// Opens a journal here; fails the test if that fails.
  std::unique_ptr<sqlite_journal> open(const std::string& name = "journal.db",
                                       disk_fault fault = {}) const;

  /// Why a journal here does not open; empty if it does.
  std::string refusal(const std::string& name = "journal.db") const;

private:
  std::filesystem::path directory_;
};

std::string bytes_of(const std::string& path);
void write_bytes(const std::string& path, const std::string& bytes);

} // namespace handoff

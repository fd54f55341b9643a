#include "tests/journal/sqlite_place.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <stdlib.h>

namespace handoff {

namespace fs = std::filesystem;

sqlite_place::sqlite_place() {
  auto name = (fs::temp_directory_path() / "handoff-journal-XXXXXX").string();
  directory_ = ::mkdtemp(name.data());
}

sqlite_place::~sqlite_place() {
  std::error_code ignored;
  fs::permissions(directory_, fs::perms::owner_all, ignored);
  fs::remove_all(directory_, ignored);
}

std::string sqlite_place::path(const std::string& name) const {
  return (directory_ / name).string();
}

void sqlite_place::take_crash_image(const std::string& from,
                                    const std::string& to) const {
  constexpr auto over = fs::copy_options::overwrite_existing;
  fs::copy_file(path(from), path(to), over);
  if (fs::exists(path(from + "-wal")))
    fs::copy_file(path(from + "-wal"), path(to + "-wal"), over);
}

std::unique_ptr<sqlite_journal> sqlite_place::open(const std::string& name,
                                                   disk_fault fault) const {
  sqlite_journal_options options;
  options.path = path(name);
  options.fault = std::move(fault);
  auto opened = sqlite_journal::open(std::move(options));
  if (const auto* failed = std::get_if<error>(&opened)) {
    ADD_FAILURE() << failed->detail;
    return nullptr;
  }
  return std::get<std::unique_ptr<sqlite_journal>>(std::move(opened));
}

std::string sqlite_place::refusal(const std::string& name) const {
  sqlite_journal_options options;
  options.path = path(name);
  const auto opened = sqlite_journal::open(std::move(options));
  const auto* failed = std::get_if<error>(&opened);
  if (failed == nullptr)
    return {};
  EXPECT_EQ(failed->kind, error_kind::journal_unavailable);
  return failed->detail;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

} // namespace handoff

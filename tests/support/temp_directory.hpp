#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace handoff::support {

/// A directory of the test's own, gone with everything in it at the end.
class temp_directory {
public:
  temp_directory() {
    auto pattern =
      (std::filesystem::temp_directory_path() / "handoff-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = pattern;
  }

  temp_directory(const temp_directory&) = delete;
  temp_directory& operator=(const temp_directory&) = delete;

  ~temp_directory() {
    std::error_code ignored; // A test that has passed does not fail for this.
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }

  /// Writes a file, and the folders above it; returns where it is.
  std::filesystem::path write(const std::filesystem::path& name,
                              std::string_view content) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream{file, std::ios::binary | std::ios::trunc};
    stream << content;
    if (!stream.flush())
      throw std::runtime_error("cannot write " + file.string());
    return file;
  }

private:
  std::filesystem::path path_;
};

} // namespace handoff::support

#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace handoff::test {

/// A folder that is gone with the test.
class temporary_folder {
public:
  temporary_folder() {
    auto name =
      (std::filesystem::temp_directory_path() / "handoff-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"no temporary folder"};
    path_ = name;
  }

  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  ~temporary_folder() { std::filesystem::remove_all(path_); }

  std::filesystem::path write(const std::string& name,
                              std::string_view text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file, std::ios::binary} << text;
    return file;
  }

  const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream{file, std::ios::binary}.rdbuf();
  return text.str();
}

/// A flow that is good but for `members`; R in it stands for a request.
inline std::string flow_with(std::string_view members) {
  const std::string request = R"({"method": "GET", "url": "http://a/"})";
  std::string text = R"({"name": "a", "clone": {"uid": "/id", "request": R}, )";
  text += members;
  text += "}";
  for (auto at = text.find(": R"); at != std::string::npos;
       at = text.find(": R", at + 3))
    text.replace(at + 2, 1, request);
  return text;
}

} // namespace handoff::test

#include "config/flow_loader.hpp"
#include "config/settings_loader.hpp"
#include "tests/config/bad_inputs.hpp"
#include "tests/config/files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace handoff::test {

namespace {

class BadInputsTest : public ::testing::Test {
protected:
  void SetUp() override {
    ::setenv("S", "s3cr3t-value", 1);
    ::setenv("HANDOFF_BAD_TOKEN", "s3cr3t-value with spaces", 1);
    ::unsetenv("HANDOFF_NOT_SET");
  }

  temporary_folder folder_;
};

std::string messages(const problems& found) {
  std::string text;
  for (const auto& each : found)
    text += (text.empty() ? "" : "\n") + to_string(each);
  return text;
}

/// With HANDOFF_PRINT_MESSAGES what is said is printed, to be judged and put
/// into the table.
void compare(std::string_view input, const std::string& said,
             std::string_view expected) {
  if (std::getenv("HANDOFF_PRINT_MESSAGES") != nullptr)
    std::ofstream{"messages.txt", std::ios::app} << input << '\1' << said
                                                 << '\0';
  EXPECT_EQ(said, expected) << input;
  EXPECT_EQ(said.find("s3cr3t"), std::string::npos);
}

std::string with_file(const std::string& file, std::string_view message) {
  return file + (message.starts_with(':') ? "" : ": ") + std::string{message};
}

} // namespace

TEST_F(BadInputsTest, SaysWhatIsWrongWithAnIni) {
  for (const auto& [input, message] : bad_inis()) {
    const auto loaded = read_settings("handoff.ini", input, "", {});
    compare(input, messages(loaded.errors), with_file("handoff.ini", message));
  }
}

TEST_F(BadInputsTest, SaysWhatIsWrongWithAFlow) {
  const auto file = folder_.write("a.json", "");
  for (const auto& [input, message] : bad_flows()) {
    folder_.write("a.json", flow_with(input));
    auto said = messages(load_flow(file, {}).errors);
    if (said.starts_with(file.string()))
      said.replace(0, file.string().size(), "a.json");
    compare(input, said, with_file("a.json", message));
  }
}

} // namespace handoff::test

// Goal: outputs that nobody reads, that are full or closed neither kill a
// command nor end up in a file of the service.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace handoff::support {

using std::chrono::seconds;
using ::testing::HasSubstr;

class OutputTest : public ServiceTest {
protected:
  struct outcome {
    std::optional<int> code;
    std::string told;
  };

  static outcome run(std::vector<std::string> arguments, int output) {
    process::options chosen;
    chosen.arguments = std::move(arguments);
    chosen.output = output;
    process program{handoff_binary(), chosen};
    const auto code = program.wait(seconds{20});
    return {code, program.standard_error()};
  }

  /// A pipe whose reader has gone.
  static int broken_pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    return ends[1];
  }
};

TEST_F(OutputTest, EndsACommandWhoseReaderHasGone) {
  const int output = broken_pipe();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"version"},
        std::vector<std::string>{"completion", "bash"}}) {
    const auto ended = run(arguments, output);
    EXPECT_EQ(ended.code, 1) << "a signal is a negative number";
    EXPECT_EQ(ended.told, "");
  }
  ::close(output);
}

TEST_F(OutputTest, EndsWatchingWhenTheReaderHasGone) {
  script(on("/projects/*/s1", hang));
  start();
  const auto job = accept_job();
  const int output = broken_pipe();
  const auto ended =
    run({"watch", job,
         "--url=http://127.0.0.1:" + std::to_string(service->admin_port())},
        output);
  EXPECT_EQ(ended.code, 1) << "it would watch a job that never ends";
  ::close(output);
}

TEST_F(OutputTest, TellsOfAFullDisk) {
  const int output = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  const auto ended = run({"version"}, output);
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.told, HasSubstr("could not be written"));
  ::close(output);
}

TEST_F(OutputTest, TakesNoFileOfTheServiceForItsLog) {
  start();
  ASSERT_EQ(service->stop(), 0);
  const auto folder = service->directory().path();
  std::filesystem::remove(folder / "handoff.db");
  process::options chosen;
  chosen.arguments = {"-c", "exec '" + handoff_binary()
                              + "' serve --config-file=handoff.ini "
                                "0<&- 1>&- 2>&-"};
  chosen.working_directory = folder.string();
  process program{"/bin/sh", chosen};
  const auto end = std::chrono::steady_clock::now() + seconds{20};
  while (!std::filesystem::exists(folder / "handoff.db")
         && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  ASSERT_TRUE(program.running());
  for (const char* number : {"0", "1", "2"})
    EXPECT_EQ(std::filesystem::read_symlink(
                "/proc/" + std::to_string(program.pid()) + "/fd/" + number),
              "/dev/null")
      << number;
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(seconds{40}), 0);
}

} // namespace handoff::support

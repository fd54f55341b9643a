#include "tools/handoff/log_output.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <optional>
#include <string>
#include <unistd.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::Lt;

/// A pipe of one page, full to the brim, that nobody reads yet.
class LogOutputTest : public ::testing::Test {
protected:
  LogOutputTest() {
    std::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    ::fcntl(ends_[1], F_SETPIPE_SZ, 4'096);
    filled_ = static_cast<std::size_t>(::fcntl(ends_[1], F_GETPIPE_SZ));
    const std::string filler(filled_, '.');
    EXPECT_EQ(::write(ends_[1], filler.data(), filled_),
              static_cast<ssize_t>(filled_));
  }

  ~LogOutputTest() override {
    // With nobody to read, what still waits fails, and the writer ends.
    ::close(ends_[0]);
    output.reset();
    ::close(ends_[1]);
  }

  void start(std::size_t lines_max, std::size_t bytes_max = 1'000'000) {
    log_output_options options;
    options.descriptor = ends_[1];
    options.lines_max = lines_max;
    options.bytes_max = bytes_max;
    options.patience = 200ms;
    options.gap_line = [](std::uint64_t lines) {
      return std::to_string(lines) + " missing\n";
    };
    output.emplace(std::move(options));
  }

  void write(int first, int last) {
    for (int at = first; at <= last; ++at)
      output->write(std::to_string(at) + "\n");
  }

  /// What is read after the filler, until a text that ends so.
  std::string read_until(const std::string& end) {
    std::string text;
    while (!text.ends_with(end)) {
      char part[4'096];
      const auto got = ::read(ends_[0], part, sizeof part);
      if (got <= 0)
        break;
      text.append(part, static_cast<std::size_t>(got));
      const auto skipped = std::min(filled_, text.size());
      filled_ -= skipped;
      text.erase(0, skipped);
    }
    return text;
  }

  std::optional<log_output> output;

private:
  int ends_[2] = {-1, -1};
  std::size_t filled_ = 0;
};

TEST_F(LogOutputTest, DropsWhatIsTooMuchAndTellsWhere) {
  start(5);
  write(1, 8);
  EXPECT_EQ(output->dropped(), 3u);
  EXPECT_EQ(read_until("missing\n"), "1\n2\n3\n4\n5\n3 missing\n");
}

TEST_F(LogOutputTest, TellsOfAGapOnce) {
  start(5);
  write(1, 8);
  read_until("missing\n");
  write(9, 10);
  EXPECT_EQ(read_until("10\n"), "9\n10\n");
  EXPECT_EQ(output->dropped(), 3u);
}

TEST_F(LogOutputTest, BoundsTheBytesThatWait) {
  start(1'000, 10);
  write(1, 9);
  EXPECT_EQ(output->dropped(), 4u) << "a line of this kind has two bytes";
  output->write(std::string(100, 'x'));
  EXPECT_EQ(output->dropped(), 5u);
}

TEST_F(LogOutputTest, KeepsTheOrder) {
  start(10'000);
  write(1, 2'000);
  std::string expected;
  for (int at = 1; at <= 2'000; ++at)
    expected += std::to_string(at) + "\n";
  EXPECT_EQ(read_until("\n2000\n"), expected);
  EXPECT_TRUE(output->flush());
  EXPECT_EQ(output->dropped(), 0u);
}

TEST_F(LogOutputTest, EndsAlthoughNobodyReads) {
  start(5);
  write(1, 3);
  EXPECT_FALSE(output->flush());
  const auto began = steady_clock::now();
  output.reset();
  EXPECT_THAT(steady_clock::now() - began, Lt(5s));
}

TEST_F(LogOutputTest, WritesWhatWaitsBeforeItsEnd) {
  start(5);
  write(1, 3);
  auto text =
    std::async(std::launch::async, [this] { return read_until("3\n"); });
  output.reset();
  EXPECT_EQ(text.get(), "1\n2\n3\n");
}

TEST_F(LogOutputTest, CountsWhatCannotBeWrittenAndGoesOn) {
  log_output_options options;
  options.descriptor = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  options.gap_line = [](std::uint64_t) {
    return std::string{"gap\n"};
  };
  output.emplace(options);
  for (int at = 1; at <= 3; ++at) {
    output->write("lost\n");
    EXPECT_TRUE(output->flush());
    EXPECT_EQ(output->dropped(), static_cast<std::uint64_t>(at));
  }
  output.reset();
  ::close(options.descriptor);
}

} // namespace
} // namespace handoff

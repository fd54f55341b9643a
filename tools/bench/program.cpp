#include "tools/bench/program.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace bench {

using namespace std::chrono;

namespace {

std::string content_of(const std::string& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

/// All zero where there is no such process.
usage used_by(pid_t pid) {
  usage found;
  const auto directory = "/proc/" + std::to_string(pid);
  std::istringstream status{content_of(directory + "/status")};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:"))
      found.peak_kib = std::stoull(line.substr(6));
    if (line.starts_with("Threads:"))
      found.threads = std::stoull(line.substr(8));
    if (line.starts_with("VmRSS:"))
      found.resident_kib = std::stoull(line.substr(6));
  }
  const auto stat = content_of(directory + "/stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos)
    return {};
  // The 14th and 15th fields of proc(5); the third follows the name.
  std::istringstream fields{stat.substr(name_end + 1)};
  std::string ignored;
  for (int field = 3; field < 14; ++field)
    fields >> ignored;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  found.cpu_seconds =
    (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::istringstream children{
    content_of(directory + "/task/" + std::to_string(pid) + "/children")};
  for (pid_t child = 0; children >> child;) {
    const auto its = used_by(child);
    found.cpu_seconds += its.cpu_seconds;
    found.peak_kib += its.peak_kib;
    found.resident_kib += its.resident_kib;
    found.threads += its.threads;
  }
  return found;
}

} // namespace

program::program(const std::vector<std::string>& command,
                 std::string output_file)
    : output_file_{std::move(output_file)} {
  std::vector<char*> words;
  for (const auto& each : command)
    words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0)
    throw std::system_error{errno, std::generic_category(), "fork"};
  if (pid_ > 0)
    return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int output =
    ::open(output_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  if (output >= 0 && ::dup2(output, STDOUT_FILENO) >= 0
      && ::dup2(output, STDERR_FILENO) >= 0)
    ::execv(words[0], words.data());
  ::_exit(127);
}

program::~program() {
  if (pid_ > 0)
    stop();
}

std::uint16_t program::port_after(std::string_view text) {
  const auto end = steady_clock::now() + seconds{20};
  while (steady_clock::now() < end) {
    const auto output = content_of(output_file_);
    const auto found = output.find(text);
    const auto line_end = output.find('\n', found);
    if (found != std::string::npos && line_end != std::string::npos)
      return static_cast<std::uint16_t>(
        std::stoi(output.substr(output.rfind(':', line_end) + 1)));
    std::this_thread::sleep_for(milliseconds{10});
  }
  throw std::runtime_error{"a program did not start:\n"
                           + content_of(output_file_)};
}

usage program::used() const {
  auto found = used_by(pid_);
  if (found.peak_kib == 0)
    throw std::runtime_error{"a program has ended:\n"
                             + content_of(output_file_)};
  return found;
}

std::string program::output_at_end(seconds patience) {
  const auto end = steady_clock::now() + patience;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (steady_clock::now() >= end)
      throw std::runtime_error{"a program does not end:\n"
                               + content_of(output_file_)};
    std::this_thread::sleep_for(milliseconds{10});
  }
  pid_ = -1;
  return content_of(output_file_);
}

int program::stop() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  const auto end = steady_clock::now() + seconds{40};
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (steady_clock::now() >= end)
      ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(milliseconds{10});
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace bench

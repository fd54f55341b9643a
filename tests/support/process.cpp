#include "tests/support/process.hpp"

#include <fcntl.h>
#include <iterator>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace handoff::support {

using namespace std::chrono;

namespace {

constexpr milliseconds poll_interval{2};

std::vector<std::string>
environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    if (!added.contains(std::string{text.substr(0, text.find('='))}))
      all.emplace_back(text);
  }
  for (const auto& [name, value] : added)
    all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// A file to be written to by the program alone.
int created(const std::string& file) {
  const int opened =
    ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (opened < 0)
    throw std::system_error(errno, std::generic_category(), file);
  return opened;
}

/// In the child, between fork and exec: system calls only, because a lock of
/// another thread of the test may be held for good here.
[[noreturn]] void become(const char* program, char** arguments,
                         char** environment, const char* directory, int output,
                         int error, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) // It died before the line above.
    _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (dup2(open("/dev/null", O_RDONLY), STDIN_FILENO) < 0
      || dup2(output, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0
      || (*directory != '\0' && chdir(directory) != 0))
    _exit(127);
  execve(program, arguments, environment);
  _exit(127);
}

std::string content_of(const std::string& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

std::optional<std::string> line_with(const std::string& output,
                                     std::string_view text) {
  const auto found = output.find(text);
  if (found == std::string::npos)
    return std::nullopt;
  const auto end = output.find('\n', found);
  if (end == std::string::npos)
    return std::nullopt;
  const auto before = output.rfind('\n', found);
  const auto begin = before == std::string::npos ? 0 : before + 1;
  return output.substr(begin, end - begin);
}

} // namespace

process::process(const std::string& program, const options& chosen)
    : output_file_{(directory_.path() / "stdout").string()},
      error_file_{(directory_.path() / "stderr").string()} {
  auto arguments = chosen.arguments;
  arguments.insert(arguments.begin(), program);
  auto environment = environment_with(chosen.environment);
  const auto argument_pointers = pointers_to(arguments);
  const auto environment_pointers = pointers_to(environment);
  const auto output =
    chosen.output < 0 ? created(output_file_) : ::dup(chosen.output);
  const auto error =
    chosen.error < 0 ? created(error_file_) : ::dup(chosen.error);
  const auto parent = getpid();
  pid_ = fork();
  if (pid_ == 0)
    become(program.c_str(), const_cast<char**>(argument_pointers.data()),
           const_cast<char**>(environment_pointers.data()),
           chosen.working_directory.c_str(), output, error, parent);
  const int failure = errno;
  ::close(output);
  ::close(error);
  if (pid_ < 0)
    throw std::system_error(failure, std::generic_category(), "fork");
}

process::~process() {
  signal(SIGTERM);
  if (wait(seconds{5}))
    return;
  signal(SIGKILL);
  wait(seconds{5});
}

void process::signal(int number) {
  // Once it is reaped, its number may be another program's.
  if (running())
    kill(pid_, number);
}

std::optional<int> process::wait(milliseconds timeout) {
  const auto end = steady_clock::now() + timeout;
  while (!exit_) {
    int status = 0;
    const auto reaped = waitpid(pid_, &status, WNOHANG);
    if (reaped == pid_)
      exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    else if (reaped < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "waitpid");
    else if (steady_clock::now() >= end)
      break;
    else
      std::this_thread::sleep_for(poll_interval);
  }
  return exit_;
}

std::string process::standard_output() const {
  return content_of(output_file_);
}

std::string process::standard_error() const {
  return content_of(error_file_);
}

std::optional<std::string> process::wait_for_line(std::string_view text,
                                                  milliseconds timeout) {
  const auto end = steady_clock::now() + timeout;
  for (;;) {
    // Asked first: what it wrote before its end is to be found, too.
    const bool last = !running() || steady_clock::now() >= end;
    if (auto line = line_with(standard_error(), text))
      return line;
    if (auto line = line_with(standard_output(), text))
      return line;
    if (last)
      return std::nullopt;
    std::this_thread::sleep_for(poll_interval);
  }
}

} // namespace handoff::support

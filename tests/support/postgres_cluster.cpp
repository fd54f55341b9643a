#include "tests/support/postgres_cluster.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace handoff {
namespace {

namespace fs = std::filesystem;

/// Who runs it where this program is root.
const passwd* unprivileged() {
  if (::geteuid() != 0)
    return nullptr;
  for (const auto* name : {"postgres", "nobody"})
    if (const auto* user = ::getpwnam(name))
      return user;
  return nullptr;
}

pid_t spawn(const std::vector<std::string>& command, const std::string& log) {
  const auto* user = unprivileged();
  const auto child = ::fork();
  if (child != 0)
    return child;
  // It must not outlive this program, however that ends.
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (user != nullptr
      && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0
          || ::setuid(user->pw_uid) != 0))
    ::_exit(126);
  // A change of user clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int out =
    ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  std::vector<char*> words;
  for (const auto& each : command)
    words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  ::setenv("LC_ALL", "C", 1);
  ::execv(words[0], words.data());
  ::_exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string installed() {
  for (int version = 17; version >= 13; --version) {
    const auto programs =
      "/usr/lib/postgresql/" + std::to_string(version) + "/bin";
    if (fs::exists(programs + "/initdb"))
      return programs;
  }
  return {};
}

} // namespace

bool postgres_cluster::is_installed() {
  return !installed().empty();
}

postgres_cluster& postgres_cluster::get() {
  static postgres_cluster one{installed()};
  return one;
}

postgres_cluster::postgres_cluster(std::string programs)
    : programs_{std::move(programs)} {
  auto name = (fs::temp_directory_path() / "handoff-pg-XXXXXX").string();
  directory_ = ::mkdtemp(name.data());
  if (const auto* user = unprivileged())
    if (::chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error{"the cluster's directory cannot be given away"};
  const auto made =
    spawn({programs_ + "/initdb", "-D", directory_ + "/data", "-A", "trust",
           "-U", "handoff", "-E", "UTF8", "--locale=C"},
          directory_ + "/log");
  if (wait_for(made) != 0)
    throw std::runtime_error{"initdb failed; see " + directory_ + "/log"};
  start();
}

postgres_cluster::~postgres_cluster() {
  for (const auto each : poolers_) {
    ::kill(each, SIGKILL);
    wait_for(each);
  }
  if (standby_ >= 0) {
    ::kill(standby_, SIGQUIT);
    wait_for(standby_);
  }
  stop(SIGINT);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string postgres_cluster::uri(const std::string& database) const {
  return "postgresql:///" + database + "?host=" + directory_ + "&user=handoff";
}

std::string postgres_cluster::make_database() {
  static int last = 0;
  const auto name = "d" + std::to_string(++last);
  run("CREATE DATABASE " + name);
  return name;
}

void postgres_cluster::drop_database(const std::string& name) {
  run("DROP DATABASE " + name + " WITH (FORCE)");
}

void postgres_cluster::start() {
  server_ = spawn({programs_ + "/postgres", "-D", directory_ + "/data", "-k",
                   directory_, "-c", "listen_addresses=", "-c",
                   "shared_buffers=16MB", "-c", "max_connections=90"},
                  directory_ + "/log");
  await(directory_, server_);
}

void postgres_cluster::await(const std::string& directory, pid_t server) const {
  // After a crash it syncs every file before anything else.
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes{3};
  while (std::chrono::steady_clock::now() < until) {
    const auto asked = spawn({programs_ + "/pg_isready", "-q", "-h", directory},
                             directory_ + "/log");
    if (wait_for(asked) == 0)
      return;
    if (::waitpid(server, nullptr, WNOHANG) == server)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  throw std::runtime_error{"postgres does not start; see " + directory_
                           + "/log"};
}

bool postgres_cluster::has_pooler() {
  return fs::exists("/usr/sbin/pgbouncer");
}

std::string postgres_cluster::start_pooler(const std::string& mode,
                                           const std::string& database) {
  // By a socket, as the server: there is no port to find.
  const auto place = directory_ + "/" + mode;
  fs::create_directory(place);
  fs::permissions(place, fs::perms::all);
  std::ofstream{place + "/users"} << "\"handoff\" \"\"\n";
  std::ofstream{place + "/ini"}
    << "[databases]\n* = host=" << directory_ << " user=handoff\n"
    << "[pgbouncer]\nlisten_port = 5432\nauth_type = any\nauth_file = " << place
    << "/users\npool_mode = " << mode << "\nunix_socket_dir = " << place
    << "\nlogfile = " << place << "/log\n";
  poolers_.push_back(
    spawn({"/usr/sbin/pgbouncer", place + "/ini"}, directory_ + "/log"));
  await(place, poolers_.back());
  return "postgresql:///" + database + "?host=" + place + "&user=handoff";
}

std::string postgres_cluster::start_standby() {
  const auto place = directory_ + "/standby";
  const auto made =
    spawn({programs_ + "/pg_basebackup", "-h", directory_, "-U", "handoff",
           "-D", place, "-R", "-N", "-X", "fetch", "-c", "fast"},
          directory_ + "/log");
  if (wait_for(made) != 0)
    throw std::runtime_error{"pg_basebackup failed; see " + directory_
                             + "/log"};
  standby_ = spawn({programs_ + "/postgres", "-D", place, "-k", place, "-c",
                    "listen_addresses=", "-c", "shared_buffers=16MB", "-c",
                    "max_connections=90", "-c", "fsync=off"},
                   directory_ + "/log");
  await(place, standby_);
  return "postgresql:///postgres?host=" + place + "&user=handoff";
}

void postgres_cluster::stop(int signal) {
  if (server_ < 0)
    return;
  ::kill(server_, signal);
  wait_for(server_);
  server_ = -1;
}

void postgres_cluster::run(const std::string& sql,
                           const std::string& database) {
  ask(sql, database);
}

std::string postgres_cluster::ask(const std::string& sql,
                                  const std::string& database) {
  const auto out = directory_ + "/answer";
  std::error_code ignored;
  fs::remove(out, ignored);
  const auto asked =
    spawn({programs_ + "/psql", "-q", "-A", "-t", "-h", directory_, "-U",
           "handoff", "-o", out, "-c", sql, database},
          directory_ + "/log");
  if (wait_for(asked) != 0)
    throw std::runtime_error{"psql failed; see " + directory_ + "/log"};
  std::ifstream answer{out};
  std::string line;
  std::getline(answer, line);
  return line;
}

void postgres_cluster::set(const std::string& name, const std::string& value) {
  run("ALTER SYSTEM SET " + name + " = " + value);
  crash_and_restart();
}

void postgres_cluster::crash_and_restart() {
  stop(SIGQUIT);
  start();
}

} // namespace handoff

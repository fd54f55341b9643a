#include "job/crash_point.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/journal_place.hpp"
#include "tools/handoff/life_report.hpp"
#include "tools/handoff/log.hpp"
#include "tools/handoff/service.hpp"
#include "tools/handoff/start_advice.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

constexpr const char* help =
  R"(Usage: handoff serve [--config-file=FILE] [--SECTION.KEY=VALUE ...]

Runs the service until SIGTERM or SIGINT, which drain it: no new webhooks, held
ones are answered, attempts under way end. A second one of them stops it at
once. SIGHUP reads the flows again and puts them in force, all or none.

  --config-file=FILE     the INI; without one, the defaults
  --SECTION.KEY=VALUE    overrides a key of the INI
)";

/// A descriptor that is closed with its owner.
class descriptor {
public:
  explicit descriptor(int value) : value_{value} {
    if (value < 0)
      throw std::system_error{errno, std::generic_category(), "descriptor"};
  }

  ~descriptor() { ::close(value_); }

  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  int get() const { return value_; }

private:
  int value_;
};

/// Blocks the signals that tell the service what to do, in this thread and in
/// all that come after it, and makes them readable.
int told_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, each);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that has gone is an error of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  // Nor is a limit on the size of files: it is a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// A held webhook takes two descriptors: as many as we may have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// What the main thread waits for.
class stop_watch {
public:
  void on_drained() { wake(1); }

  void on_lost() { wake(lost); }

  enum class event { stop, reload, drained, lost, timeout };

  event wait(std::optional<clock::time_point> until) const {
    for (;;) {
      int timeout = -1;
      if (until)
        timeout = static_cast<int>(std::max<std::int64_t>(
          0, std::chrono::ceil<std::chrono::milliseconds>(*until - clock::now())
               .count()));
      pollfd watched[] = {{signals_.get(), POLLIN, 0},
                          {events_.get(), POLLIN, 0}};
      const int ready = ::poll(watched, 2, timeout);
      if (ready == 0)
        return event::timeout;
      signalfd_siginfo info{};
      if (::read(signals_.get(), &info, sizeof info) == sizeof info)
        return info.ssi_signo == SIGHUP ? event::reload : event::stop;
      std::uint64_t count = 0;
      if (::read(events_.get(), &count, sizeof count) == sizeof count)
        return count >= lost ? event::lost : event::drained;
    }
  }

private:
  static constexpr std::uint64_t lost = 1'000;

  void wake(std::uint64_t count) const {
    // An eventfd takes eight bytes or, far beyond our counts, nothing.
    [[maybe_unused]] const auto written =
      ::write(events_.get(), &count, sizeof count);
  }

  descriptor signals_{told_signals()};
  descriptor events_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

/// From the first signal on. False if a part of the service died meanwhile.
bool drain(service& running, const stop_watch& watch,
           const drain_settings& settings, life_report& manager,
           spdlog::logger& log) {
  using namespace std::chrono_literals;
  manager.draining(settings.timeout);
  log.info(
    "handoff: draining, {} ms at the most; a second signal stops at once",
    settings.timeout.count());
  const auto until = clock::now() + settings.timeout;
  running.drain();
  auto what = watch.wait(until);
  while (what == stop_watch::event::reload) {
    log.info("handoff: flows: not read again, the service is draining");
    what = watch.wait(until);
  }
  if (what == stop_watch::event::stop)
    log.warn("handoff: a second signal, stopping at once");
  else if (what == stop_watch::event::timeout)
    log.warn("handoff: not drained in time; what is left goes on at the next "
             "start");
  if (what != stop_watch::event::drained)
    return what != stop_watch::event::lost;
  // What was answered last is on its way to the socket.
  while (running.holds_webhooks() && clock::now() < until) {
    const auto last = watch.wait(clock::now() + 10ms);
    if (last == stop_watch::event::stop || last == stop_watch::event::lost)
      return last != stop_watch::event::lost;
  }
  return true;
}

/// Whether it stands for all addresses of this machine.
bool is_wildcard(const std::string& address) {
  return address == "0.0.0.0" || address == "::" || address == "[::]";
}

/// Until the service has ended; gives the exit code.
int run(const checked_configuration& configuration,
        const std::vector<std::string>& advice, stop_watch& watch,
        const std::shared_ptr<spdlog::logger>& log,
        const std::shared_ptr<const log_output>& log_to) {
  life_report manager{notify_address()};
  if (!manager.problem().empty())
    log->warn("handoff: {}", manager.problem());
  for (const auto& each : configuration.warnings)
    log->warn("{}", to_string(each));
  for (const auto& each : advice)
    log->warn("handoff: {}", each);
  std::optional<service> running;
  try {
    service_listener listener;
    listener.drained = [&] {
      watch.on_drained();
    };
    listener.lost = [&, log](const std::string& who) {
      log->critical("handoff: {} has died", who);
      manager.lost(who);
      watch.on_lost();
    };
    listener.reload_begins = [&] {
      manager.reload_begins();
    };
    listener.reload_ended = [&](std::size_t flows) {
      manager.reload_ended(flows);
    };
    listener.alive = [&] {
      manager.alive();
    };
    listener.rest = [&](std::chrono::milliseconds pause) {
      // Flows that are to be read again are read at the start anyway.
      const auto what = watch.wait(clock::now() + pause);
      return what == stop_watch::event::timeout
          || what == stop_watch::event::reload;
    };
    // Twice as often as it is waited for, as sd_watchdog_enabled(3) advises.
    listener.alive_every =
      std::chrono::ceil<std::chrono::milliseconds>(watchdog_patience() / 2);
    running.emplace(configuration, log, log_to, std::move(listener));
  } catch (const std::exception& failed) {
    log->critical("handoff: cannot start: {}", failed.what());
    manager.cannot_start(failed.what());
    return exit_failed;
  }
  const auto& from = configuration.settings;
  log->info("handoff: ingress listening on {}:{}", from.http.address,
            running->ingress_port());
  log->info("handoff: admin listening on {}:{}", from.admin.address,
            running->admin_port());
  log->info("handoff: dashboard at http://{}:{}/",
            is_wildcard(from.admin.address) ? "127.0.0.1" : from.admin.address,
            running->admin_port());
  log->info("handoff: {} {} loaded", configuration.flows.size(),
            configuration.flows.size() == 1 ? "flow" : "flows");
  manager.ready(configuration.flows.size());
  log->info("handoff: ready");
  auto what = watch.wait(std::nullopt);
  while (what == stop_watch::event::reload) {
    running->reload_flows();
    what = watch.wait(std::nullopt);
  }
  const bool is_lost = what == stop_watch::event::lost
                    || !drain(*running, watch, from.drain, manager, *log);
  // Ends in order either way: who is held gets an answer.
  running.reset();
  log->info("handoff: stopped");
  return is_lost ? exit_failed : exit_done;
}

int serve(const checked_configuration& configuration,
          const std::vector<std::string>& advice) {
  raise_descriptor_limit();
  // Before there are threads: each inherits which signals are blocked.
  stop_watch watch;
  const auto output = make_log_output(configuration.settings.log);
  const auto log = make_log(configuration.settings.log, output);
  // The front door's own, too; it would go to the standard output.
  spdlog::set_default_logger(log);
  const int code = run(configuration, advice, watch, log, output);
  output->flush();
  return code;
}

} // namespace

int serve_command(const command_words& words) {
  const auto given = read_arguments("serve", words);
  if (given.error || !given.positional.empty()) {
    std::cerr << "handoff serve: "
              << given.error.value_or("takes no \""
                                      + (given.positional.empty()
                                           ? std::string{}
                                           : given.positional[0])
                                      + "\"")
              << '\n'
              << help;
    return exit_usage;
  }
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  std::optional<std::filesystem::path> ini;
  if (const auto file = given.value("config-file"))
    ini = *file;
  if (const auto refused = crash_points_refused(); !refused.empty()) {
    std::cerr << "handoff serve: " << refused << '\n';
    return exit_usage;
  }
  auto configuration = check(ini, given.overrides);
  check_journal(configuration, ini);
  if (!configuration.errors.empty()) {
    for (const auto& each : configuration.errors)
      std::cerr << to_string(each) << '\n';
    return exit_usage;
  }
  std::error_code failed;
  return serve(
    configuration,
    start_advice(configuration, ini, std::filesystem::current_path(failed)));
}

} // namespace handoff

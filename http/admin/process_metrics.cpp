#include "http/admin/process_metrics.hpp"

#include "http/front_door/descriptors.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

namespace handoff {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

void add(std::vector<MetricFamily>& to, const char* name, const char* help,
         MetricType type, double value) {
  auto& family = to.emplace_back();
  family.name = name;
  family.help = help;
  family.type = type;
  auto& metric = family.metric.emplace_back();
  if (type == MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec)
       + static_cast<double>(time.tv_usec) / 1e6;
}

/// The clock's ticks at which this process began, and the time of the boot that
/// they are counted from (proc(5)).
std::optional<double> start_time() {
  std::string line;
  std::getline(std::ifstream{"/proc/self/stat"}, line);
  // The name, in brackets, may have anything in it.
  std::istringstream fields{
    line.substr(std::min(line.rfind(')'), line.size()))};
  std::string field;
  for (int number = 2; number <= 22 && fields >> field;)
    ++number;
  std::ifstream stat{"/proc/stat"};
  for (std::string name; stat >> name;)
    if (double booted = 0; name == "btime" && stat >> booted)
      return field.empty()
             ? std::nullopt
             : std::optional{booted
                             + std::strtod(field.c_str(), nullptr)
                                 / static_cast<double>(::sysconf(_SC_CLK_TCK))};
  return std::nullopt;
}

} // namespace

void add_process_metrics(std::vector<MetricFamily>& to) {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0)
    add(to, "process_cpu_seconds_total", "User and system CPU time spent.",
        MetricType::Counter,
        seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
  long pages = 0;
  long resident = 0;
  if (std::ifstream{"/proc/self/statm"} >> pages >> resident) {
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    add(to, "process_resident_memory_bytes", "Resident memory size.",
        MetricType::Gauge, static_cast<double>(resident) * page);
    add(to, "process_virtual_memory_bytes", "Virtual memory size.",
        MetricType::Gauge, static_cast<double>(pages) * page);
  }
  if (const auto started = start_time())
    add(to, "process_start_time_seconds",
        "When the process started, in seconds since 1970.", MetricType::Gauge,
        *started);
  if (const auto open = open_descriptors())
    add(to, "process_open_fds", "Number of open file descriptors.",
        MetricType::Gauge, static_cast<double>(*open));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    add(to, "process_max_fds", "Maximum number of open file descriptors.",
        MetricType::Gauge, static_cast<double>(limit.rlim_cur));
}

} // namespace handoff

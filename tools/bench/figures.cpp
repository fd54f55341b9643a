#include "tools/bench/figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace bench {

double percentile(std::vector<double> values, double share) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  const auto rank = std::ceil(share * static_cast<double>(values.size())) - 1.0;
  return values[static_cast<std::size_t>(std::max(0.0, rank))];
}

std::string spread(const std::vector<double>& milliseconds) {
  char text[100];
  std::snprintf(text, sizeof text, "p50 %.1f, p99 %.1f, max %.1f ms",
                percentile(milliseconds, 0.5), percentile(milliseconds, 0.99),
                percentile(milliseconds, 1.0));
  return text;
}

std::string median_of(std::vector<double> values, int digits) {
  if (values.empty())
    return "none";
  std::sort(values.begin(), values.end());
  char text[100];
  std::snprintf(text, sizeof text, "%.*f (%.*f-%.*f)", digits,
                percentile(values, 0.5), digits, values.front(), digits,
                values.back());
  return text;
}

void print_line(std::string_view what, const std::string& figures) {
  std::cout << "  " << std::left << std::setw(28) << what << figures
            << std::endl;
}

void print_machine(const std::string& commit) {
  utsname kernel{};
  ::uname(&kernel);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const auto memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES))
                    * static_cast<double>(::sysconf(_SC_PAGESIZE));
  char text[200];
  std::snprintf(text, sizeof text,
                "%u cores, %.1f GiB of memory, %s %s, %llu descriptors",
                std::thread::hardware_concurrency(),
                memory / (1024.0 * 1024 * 1024), kernel.sysname, kernel.release,
                static_cast<unsigned long long>(files.rlim_max));
  print_line("machine", text);
  print_line("build", BUILD_TYPE ", commit " + commit);
}

} // namespace bench

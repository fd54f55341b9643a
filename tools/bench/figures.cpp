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

void samples::add(const std::string& name, double value, int digits) {
  auto found =
    std::find_if(figures_.begin(), figures_.end(),
                 [&name](const figure& each) { return each.name == name; });
  if (found == figures_.end())
    found = figures_.insert(found, {name, digits, {}});
  found->values.push_back(value);
}

void samples::add_latencies(const std::string& name,
                            const std::vector<double>& ms) {
  add(name + " p50 ms", percentile(ms, 0.5), 1);
  add(name + " p99 ms", percentile(ms, 0.99), 1);
  add(name + " max ms", percentile(ms, 1.0), 1);
}

double samples::latest(const std::string& name) const {
  for (const auto& each : figures_)
    if (each.name == name)
      return each.values.back();
  return 0;
}

void samples::print() const {
  for (const auto& each : figures_) {
    char text[100];
    std::snprintf(text, sizeof text, "%.*f (%.*f-%.*f)", each.digits,
                  percentile(each.values, 0.5), each.digits,
                  percentile(each.values, 0.0), each.digits,
                  percentile(each.values, 1.0));
    print_line(each.name, text);
  }
}

void print_line(std::string_view what, const std::string& figures) {
  std::cout << "  " << std::left << std::setw(40) << what << figures
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

std::string commit_of_sources() {
  std::string told;
  // A path with a quote in it is one that git does not find, and no more.
  const auto command = std::string{"git -C '"} + SOURCE_DIRECTORY
                     + "' describe --always --dirty 2>/dev/null";
  if (auto* git = ::popen(command.c_str(), "r")) {
    char text[100];
    if (std::fgets(text, sizeof text, git) != nullptr)
      told = text;
    ::pclose(git);
  }
  told.erase(std::remove(told.begin(), told.end(), '\n'), told.end());
  return told.empty() ? "unknown" : told;
}

} // namespace bench

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// The value that `share` of all (0 to 1) do not exceed; 0 without any.
double percentile(std::vector<double> values, double share);

/// What the runs of one thing came to: each figure by its name, in the order in
/// which they were first told.
class samples {
public:
  /// One run's figure; `digits` after the point are shown.
  void add(const std::string& name, double value, int digits);

  /// The median, the 99th percentile and the longest of one run, each as a
  /// figure. All are in ms.
  void add_latencies(const std::string& name, const std::vector<double>& ms);

  /// That of the last run; 0 without any.
  double latest(const std::string& name) const;

  /// Each figure on a line: "2.0 (1.0-3.0)", the median and the range.
  void print() const;

private:
  struct figure {
    std::string name;
    int digits;
    std::vector<double> values;
  };

  std::vector<figure> figures_;
};

/// One line of a report.
void print_line(std::string_view what, const std::string& figures);

/// What it was measured on: cores, memory, kernel, build and commit.
void print_machine(const std::string& commit);

/// What git calls the sources that this was built from, as they are now;
/// "unknown" without git.
std::string commit_of_sources();

} // namespace bench

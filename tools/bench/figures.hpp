#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// The value that `share` of all (0 to 1) do not exceed; 0 without any.
double percentile(std::vector<double> values, double share);

/// "p50 1.0, p99 2.0, max 3.0 ms".
std::string spread(const std::vector<double>& milliseconds);

/// "2.0 (1.0-3.0)": the median and the range.
std::string median_of(std::vector<double> values, int digits);

/// One line of a report.
void print_line(std::string_view what, const std::string& figures);

/// What it was measured on: cores, memory, kernel, build, and the commit that
/// the caller names.
void print_machine(const std::string& commit);

} // namespace bench

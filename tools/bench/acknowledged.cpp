#include "tools/bench/figures.hpp"
#include "tools/bench/machine.hpp"
#include "tools/bench/sections.hpp"

#include <cstdio>
#include <iostream>

namespace bench {

using namespace std::chrono;

namespace {

constexpr std::size_t open_max = 512;

std::string rate(double value, const char* unit) {
  char text[60];
  std::snprintf(text, sizeof text, "%.0f %s a second", value, unit);
  return text;
}

} // namespace

bool acknowledged(const section_options& chosen) {
  std::cout << "acknowledged: " << chosen.webhooks << " webhooks, " << open_max
            << " at a time\n";
  auto options = chosen.at;
  options.webhooks_max = open_max;
  stand at{options};
  print_line("settings", at.settings());
  const auto before = syncs_per_second(at.directory());
  std::vector<shot> shots;
  for (std::size_t number = 0; number < chosen.webhooks; ++number)
    shots.push_back({{}, stand::webhook(number)});
  volley_limits limits;
  limits.open_max = open_max;
  const auto began = clock::now();
  const auto hits = fire(at.port(), shots, limits);
  std::size_t good = 0;
  std::vector<double> answer_ms;
  auto last = began;
  for (const auto& each : hits) {
    good += each.status == 200 ? 1 : 0;
    answer_ms.push_back(each.milliseconds());
    last = std::max(last, each.answered);
  }
  const duration<double> took = last - began;
  const auto after_answers = at.service_used();
  const bool done = at.wait_for_jobs(chosen.webhooks, milliseconds{60'000});
  const duration<double> whole = clock::now() - began;
  const auto after = syncs_per_second(at.directory());
  const auto jobs = static_cast<double>(chosen.webhooks);
  print_line("disk before", rate(before, "fdatasyncs"));
  print_line("acknowledged with their UID",
             rate(static_cast<double>(good) / took.count(), "jobs"));
  print_line("whole jobs", rate(jobs / whole.count(), "jobs"));
  print_line("disk after", rate(after, "fdatasyncs"));
  print_line("answer after", spread(answer_ms));
  char text[60];
  std::snprintf(text, sizeof text, "%.2f ms a job",
                after_answers.cpu_seconds * 1e3 / jobs);
  print_line("CPU of the service", text);
  return good == chosen.webhooks && done;
}

} // namespace bench

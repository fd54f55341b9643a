#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"
#include "tools/bench/wrk.hpp"

#include <cstdio>
#include <iostream>
#include <thread>
#include <vector>

namespace bench {

using namespace std::chrono;

namespace {

constexpr int tenths = 10;
constexpr seconds drain_patience{60};

/// What was seen from outside at one moment.
struct sight {
  clock::time_point when;
  double jobs = 0;
  double cpu_seconds = 0;
  double resident_mib = 0;
};

/// What a tenth of the time came to.
struct tenth {
  double jobs_a_second = 0;
  double cpu_ms_a_job = 0;
  double resident_mib = 0; ///< at its end
};

sight look(const stand& at, std::size_t sub_actions) {
  const auto used = at.service_used();
  return {clock::now(),
          static_cast<double>(at.calls_answered())
            / static_cast<double>(1 + sub_actions),
          used.cpu_seconds, static_cast<double>(used.resident_kib) / 1'024};
}

tenth between(const sight& before, const sight& after) {
  const auto jobs = after.jobs - before.jobs;
  return {jobs / duration<double>(after.when - before.when).count(),
          (after.cpu_seconds - before.cpu_seconds) * 1'000 / jobs,
          after.resident_mib};
}

void print_row(const std::string& name, const tenth& row, int digits) {
  char text[100];
  std::snprintf(text, sizeof text, "%14.*f %14.3f %14.*f", digits,
                row.jobs_a_second, row.cpu_ms_a_job, digits + 1,
                row.resident_mib);
  print_line(name, text);
}

tenth beside(const tenth& last, const tenth& first) {
  return {last.jobs_a_second / first.jobs_a_second,
          last.cpu_ms_a_job / first.cpu_ms_a_job,
          last.resident_mib / first.resident_mib};
}

/// Until the upstream has answered all calls of that many jobs or more, and the
/// service has no unfinished job; false if that takes too long.
bool drained(const stand& at, std::size_t jobs) {
  return at.wait_for_jobs(jobs, drain_patience)
      && at.wait_for_ends(drain_patience);
}

} // namespace

bool steady(const section_options& chosen) {
  std::cout << "steady: " << chosen.senders << " senders for "
            << chosen.sending.count() << " s\n";
  auto options = chosen.at;
  options.webhooks_max = chosen.senders;
  options.recording = false;
  stand at{options};
  at.print_settings();
  print_line("tenth", " jobs a second   CPU ms a job     memory MiB");
  std::vector<tenth> rows;
  wrk load{at.port(), chosen.senders, chosen.sending,
           at.directory() / "wrk.log"};
  auto before = look(at, chosen.at.sub_actions);
  const auto began = before.when;
  for (int number = 1; number <= tenths; ++number) {
    std::this_thread::sleep_until(
      began + milliseconds{chosen.sending} * number / tenths);
    const auto after = look(at, chosen.at.sub_actions);
    rows.push_back(between(before, after));
    print_row(std::to_string(number), rows.back(), 0);
    before = after;
  }
  print_row("decay: the last beside the first",
            beside(rows.back(), rows.front()), 3);
  const auto told = load.told();
  const auto stopped = clock::now();
  const bool empty = drained(at, told.answers - told.bad);
  const duration<double> took = clock::now() - stopped;
  char text[100];
  std::snprintf(text, sizeof text, "p50 %.1f, p99 %.1f", told.p50_ms,
                told.p99_ms);
  print_line("answers, ms", text);
  print_line("answers, of these bad",
             std::to_string(told.answers) + ", " + std::to_string(told.bad));
  std::snprintf(text, sizeof text, "%s, %.2f s after the last webhook",
                empty ? "yes" : "NO", took.count());
  print_line("drained", text);
  print_line("jobs unfinished", std::to_string(at.jobs_unfinished()));
  return told.bad == 0 && empty;
}

} // namespace bench

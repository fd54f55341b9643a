#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"
#include "tools/bench/wrk.hpp"

#include <iostream>
#include <thread>

namespace bench {

using namespace std::chrono;

namespace {

/// The samples of all runs of one contender.
struct samples {
  std::vector<double> jobs_a_second;
  std::vector<double> cpu_ms_a_job;
  std::vector<double> p50_ms;
  std::vector<double> p99_ms;
  std::vector<double> drain_seconds;
  std::vector<double> peak_mib;
  bool good = true;
};

/// What is under way when wrk ends is in no count of its: all is done once
/// nothing more comes for a while. Gives the moment of the last.
clock::time_point wait_until_quiet(const stand& at) {
  constexpr auto quiet = milliseconds{500};
  auto seen = at.calls_answered();
  auto last = clock::now();
  while (clock::now() - last < quiet) {
    std::this_thread::sleep_for(milliseconds{20});
    if (const auto now = at.calls_answered(); now != seen) {
      seen = now;
      last = clock::now();
    }
  }
  return last;
}

void run_once(const section_options& chosen, contender service, samples& to) {
  auto options = chosen.at;
  options.service = service;
  options.webhooks_max = chosen.senders;
  stand at{options};
  const auto cpu_before = at.service_used().cpu_seconds;
  const auto began = clock::now();
  const auto told =
    wrk{at.port(), chosen.senders, chosen.sending, at.directory() / "wrk.log"}
      .told();
  const auto stopped = clock::now();
  // A pool of threads may be far behind; what it has not done then, it is not
  // waited for.
  at.wait_for_jobs(told.answers - told.bad, 2 * chosen.sending);
  const auto last = wait_until_quiet(at);
  const auto used = at.service_used();
  const auto calls = 1 + chosen.at.sub_actions;
  const auto jobs =
    static_cast<double>(at.calls_answered()) / static_cast<double>(calls);
  to.jobs_a_second.push_back(jobs / duration<double>(last - began).count());
  to.cpu_ms_a_job.push_back((used.cpu_seconds - cpu_before) * 1'000 / jobs);
  to.p50_ms.push_back(told.p50_ms);
  to.p99_ms.push_back(told.p99_ms);
  to.drain_seconds.push_back(
    std::max(0.0, duration<double>(last - stopped).count()));
  to.peak_mib.push_back(static_cast<double>(used.peak_kib) / 1'024);
  to.good =
    to.good && told.bad == 0 && jobs >= static_cast<double>(told.answers);
}

void print(const char* name, const samples& of) {
  std::cout << name << '\n';
  print_line("whole jobs a second", median_of(of.jobs_a_second, 0));
  print_line("CPU ms a job", median_of(of.cpu_ms_a_job, 3));
  print_line("answers p50 ms", median_of(of.p50_ms, 1));
  print_line("answers p99 ms", median_of(of.p99_ms, 1));
  print_line("drained after s", median_of(of.drain_seconds, 1));
  print_line("peak memory MiB", median_of(of.peak_mib, 0));
  print_line("all good, all done", of.good ? "yes" : "no");
}

} // namespace

double cpu_of_a_job_ms(const section_options& chosen) {
  samples once;
  run_once(chosen, contender::handoff, once);
  return once.cpu_ms_a_job.front();
}

bool throughput(const section_options& chosen) {
  std::cout << "throughput: " << chosen.senders << " senders for "
            << chosen.sending.count() << " s, " << chosen.at.sub_actions
            << " sub-actions, runs of each: " << chosen.runs
            << "; medians (ranges)\n";
  samples ours;
  samples theirs;
  for (std::size_t run = 0; run < chosen.runs; ++run) {
    if (chosen.only != contender::baseline)
      run_once(chosen, contender::handoff, ours);
    if (chosen.only != contender::handoff)
      run_once(chosen, contender::baseline, theirs);
  }
  if (chosen.only != contender::baseline)
    print("handoff", ours);
  if (chosen.only != contender::handoff)
    print("baseline: Flask, ThreadPoolExecutor(3), gunicorn", theirs);
  if (!chosen.only) {
    std::cout << "handoff beside the baseline\n";
    print_line("jobs a second, times",
               median_of({percentile(ours.jobs_a_second, 0.5)
                          / percentile(theirs.jobs_a_second, 0.5)},
                         1));
    print_line("CPU a job, times",
               median_of({percentile(ours.cpu_ms_a_job, 0.5)
                          / percentile(theirs.cpu_ms_a_job, 0.5)},
                         3));
  }
  return ours.good;
}

} // namespace bench

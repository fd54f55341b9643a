#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"
#include "tools/bench/wrk.hpp"

#include <iostream>
#include <thread>

namespace bench {

using namespace std::chrono;

namespace {

constexpr auto jobs_a_second = "whole jobs a second";
constexpr auto cpu_ms_a_job = "CPU ms a job";

/// All runs of one contender.
struct contest {
  samples found;
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

void run_once(const section_options& chosen, contender service, bool first,
              contest& to) {
  auto options = chosen.at;
  options.service = service;
  options.webhooks_max = chosen.senders;
  options.recording = false;
  stand at{options};
  if (first)
    at.print_settings();
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
  auto& found = to.found;
  found.add(jobs_a_second, jobs / duration<double>(last - began).count(), 0);
  found.add(cpu_ms_a_job, (used.cpu_seconds - cpu_before) * 1'000 / jobs, 3);
  found.add("answers p50 ms", told.p50_ms, 1);
  found.add("answers p99 ms", told.p99_ms, 1);
  found.add("drained after s",
            std::max(0.0, duration<double>(last - stopped).count()), 1);
  found.add("peak memory MiB", static_cast<double>(used.peak_kib) / 1'024, 0);
  to.good =
    to.good && told.bad == 0 && jobs >= static_cast<double>(told.answers);
}

void print(const char* name, const contest& of) {
  std::cout << name << '\n';
  of.found.print();
  print_line("all good, all done", of.good ? "yes" : "no");
}

} // namespace

double cpu_of_a_job_ms(const section_options& chosen) {
  contest once;
  run_once(chosen, contender::handoff, false, once);
  return once.found.latest(cpu_ms_a_job);
}

bool throughput(const section_options& chosen) {
  std::cout << "throughput: " << chosen.senders << " senders for "
            << chosen.sending.count() << " s, runs of each: " << chosen.runs
            << "; medians (ranges)\n";
  contest ours;
  contest theirs;
  samples beside;
  for (std::size_t run = 0; run < chosen.runs; ++run) {
    if (chosen.only != contender::baseline)
      run_once(chosen, contender::handoff, run == 0, ours);
    if (chosen.only != contender::handoff)
      run_once(chosen, contender::baseline, run == 0, theirs);
    if (!chosen.only)
      for (const auto* name : {jobs_a_second, cpu_ms_a_job})
        beside.add(std::string{name} + ", times",
                   ours.found.latest(name) / theirs.found.latest(name), 3);
  }
  if (chosen.only != contender::baseline)
    print("handoff", ours);
  if (chosen.only != contender::handoff)
    print("baseline: Flask, ThreadPoolExecutor(3), gunicorn", theirs);
  if (!chosen.only) {
    std::cout << "handoff beside the baseline\n";
    beside.print();
  }
  return ours.good;
}

} // namespace bench

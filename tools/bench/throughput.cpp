#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"

#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace bench {

using namespace std::chrono;

namespace {

/// What wrk tells at its end.
struct sent {
  std::size_t answers = 0;
  std::size_t bad = 0; ///< other than 2xx and 3xx, and those that were missed
  double p50_ms = 0;
  double p99_ms = 0;
};

/// What follows `label` in `text`, up to the end of its line; empty if it is
/// not there.
std::string after(const std::string& text, const std::string& label) {
  const auto found = text.find(label);
  if (found == std::string::npos)
    return {};
  const auto begin = text.find_first_not_of(' ', found + label.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// "12.34us", "1.20ms" or "1.50s", in milliseconds.
double milliseconds_of(const std::string& text) {
  if (text.empty())
    throw std::runtime_error{"wrk told no latency"};
  std::size_t end = 0;
  const auto value = std::stod(text, &end);
  const auto unit = text.substr(end);
  return unit.starts_with("us") ? value / 1'000
       : unit.starts_with("ms") ? value
                                : value * 1'000;
}

sent read_wrk(const std::string& output) {
  sent found;
  const auto total = output.find(" requests in ");
  if (total == std::string::npos)
    throw std::runtime_error{"wrk failed:\n" + output};
  const auto line = output.rfind('\n', total) + 1;
  found.answers = std::stoull(output.substr(line, total - line));
  if (const auto bad = after(output, "Non-2xx or 3xx responses:"); !bad.empty())
    found.bad += std::stoull(bad);
  // "connect 0, read 2, write 0, timeout 1"
  if (const auto missed = after(output, "Socket errors:"); !missed.empty())
    for (const auto* kind : {"connect ", "read ", "write ", "timeout "})
      found.bad += std::stoull(after(missed, kind));
  found.p50_ms = milliseconds_of(after(output, "\n     50%"));
  found.p99_ms = milliseconds_of(after(output, "\n     99%"));
  return found;
}

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
  program wrk{{"/usr/bin/wrk", "--threads=1",
               "--connections=" + std::to_string(chosen.senders),
               "--duration=" + std::to_string(chosen.sending.count()) + "s",
               "--timeout=10s", "--latency",
               std::string{"--script="} + WEBHOOK_LUA,
               "http://127.0.0.1:" + std::to_string(at.port())},
              (at.directory() / "wrk.log").string()};
  const auto told = read_wrk(wrk.output_at_end(chosen.sending + 30s));
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

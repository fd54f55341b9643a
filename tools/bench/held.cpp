#include "tools/bench/figures.hpp"
#include "tools/bench/outcome.hpp"
#include "tools/bench/sections.hpp"

#include <iostream>

namespace bench {

using namespace std::chrono;

namespace {

constexpr double deadline_ms = 10'000;   // the service's default
constexpr milliseconds patience{60'000}; // for what is left after the answers

/// The sums over all runs.
struct sums {
  tally answers;
  tally jobs;
};

/// True if all was as promised.
bool hold_once(const section_options& chosen, bool first, samples& to,
               sums& counted) {
  auto options = chosen.at;
  options.webhooks_max = chosen.webhooks;
  stand at{options};
  if (first)
    at.print_settings();
  const auto began = clock::now();
  const auto hits = fire(at.port(), webhooks(chosen.webhooks, chosen.spread));
  const bool done = at.wait_for_jobs(chosen.webhooks, patience);
  const auto ended = clock::now();
  const auto used = at.service_used();
  const auto made = outcome_of(hits, at.clones_finished());
  // The answer to a job's last call comes before the commit of its end.
  const bool all_ended = at.wait_for_ends(patience);
  const auto jobs = at.statuses_of(made.jobs);
  add_up(counted.answers, made.statuses);
  add_up(counted.jobs, jobs);
  to.add_latencies("answer after", made.answer_ms);
  to.add("after the clone's answer p50 ms", percentile(made.added_ms, 0.5), 1);
  to.add("after the clone's answer p99 ms", percentile(made.added_ms, 0.99), 1);
  to.add("peak memory MiB", static_cast<double>(used.peak_kib) / 1'024, 1);
  to.add("CPU s", used.cpu_seconds, 2);
  to.add("threads", static_cast<double>(used.threads), 0);
  to.add("all done after the last answer s",
         duration<double>(ended - made.last_answer).count(), 2);
  to.add("all done after the first webhook s",
         duration<double>(ended - began).count(), 2);
  to.add("sub-actions of a job at once", static_cast<double>(at.most_at_once()),
         0);
  const auto succeeded = jobs.find("succeeded");
  return made.with_uid() == chosen.webhooks
      && percentile(made.answer_ms, 1.0) < deadline_ms && done && all_ended
      && succeeded != jobs.end() && succeeded->second == chosen.webhooks;
}

} // namespace

bool held(const section_options& chosen) {
  std::cout << "held: " << chosen.webhooks << " webhooks at once, sent within "
            << chosen.spread.count() << " ms, runs: " << chosen.runs
            << "; medians (ranges)\n";
  samples found;
  sums counted;
  bool kept = true;
  for (std::size_t run = 0; run < chosen.runs; ++run)
    kept = hold_once(chosen, run == 0, found, counted) && kept;
  found.print();
  print_line("answers of all runs", text_of(counted.answers));
  print_line("jobs of all runs", text_of(counted.jobs));
  print_line("all with their UID in time, all done", kept ? "yes" : "NO");
  return kept;
}

} // namespace bench

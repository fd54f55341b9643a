#include "tools/bench/figures.hpp"
#include "tools/bench/machine.hpp"
#include "tools/bench/outcome.hpp"
#include "tools/bench/sections.hpp"

#include <iostream>

namespace bench {

using namespace std::chrono;

namespace {

constexpr std::size_t open_max = 512;

/// True if all were acknowledged with their UID and all jobs ended.
bool acknowledge_once(const section_options& chosen, bool first, samples& to) {
  auto options = chosen.at;
  options.webhooks_max = open_max;
  stand at{options};
  if (first)
    at.print_settings();
  const auto syncs_before = syncs_per_second(at.directory());
  volley_limits limits;
  limits.open_max = open_max;
  const auto began = clock::now();
  const auto made =
    outcome_of(fire(at.port(), webhooks(chosen.webhooks, {}), limits));
  const auto used = at.service_used();
  const bool done = at.wait_for_jobs(chosen.webhooks, milliseconds{60'000});
  const duration<double> whole = clock::now() - began;
  const duration<double> answered = made.last_answer - began;
  const auto jobs = static_cast<double>(chosen.webhooks);
  to.add("syncs a second before", syncs_before, 0);
  to.add("acknowledged jobs a second",
         static_cast<double>(made.with_uid()) / answered.count(), 0);
  to.add("whole jobs a second", jobs / whole.count(), 0);
  to.add("syncs a second after", syncs_per_second(at.directory()), 0);
  to.add_latencies("answer after", made.answer_ms);
  to.add("CPU ms a job until answered", used.cpu_seconds * 1'000 / jobs, 3);
  return made.with_uid() == chosen.webhooks && done;
}

} // namespace

bool acknowledged(const section_options& chosen) {
  std::cout << "acknowledged: " << chosen.webhooks << " webhooks, " << open_max
            << " at a time, runs: " << chosen.runs << "; medians (ranges)\n";
  samples found;
  bool good = true;
  for (std::size_t run = 0; run < chosen.runs; ++run)
    good = acknowledge_once(chosen, run == 0, found) && good;
  found.print();
  print_line("all with their UID, all done", good ? "yes" : "NO");
  return good;
}

} // namespace bench

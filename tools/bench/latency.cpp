#include "tools/bench/figures.hpp"
#include "tools/bench/outcome.hpp"
#include "tools/bench/sections.hpp"

#include <iostream>
#include <utility>

namespace bench {

using namespace std::chrono;

namespace {

/// True if all were answered with their UID.
bool answer_once(const section_options& chosen, bool first, samples& to,
                 tally& answers) {
  auto options = chosen.at;
  options.webhooks_max = chosen.webhooks;
  stand at{options};
  if (first)
    at.print_settings();
  std::vector<hit> one_by_one;
  for (std::size_t number = 0; number < chosen.one_by_one; ++number)
    one_by_one.push_back(fire(at.port(), webhooks(1, {})).at(0));
  auto together = fire(at.port(), webhooks(chosen.webhooks, chosen.spread));
  bool good =
    at.wait_for_jobs(chosen.one_by_one + chosen.webhooks, milliseconds{60'000});
  const auto finished = at.clones_finished();
  for (const auto& [name, hits] :
       {std::pair{"one by one", &one_by_one}, std::pair{"spread", &together}}) {
    const auto made = outcome_of(*hits, finished);
    add_up(answers, made.statuses);
    to.add_latencies(std::string{name} + ": answer after", made.answer_ms);
    to.add_latencies(std::string{name} + ": after the clone", made.added_ms);
    good = good && made.added_ms.size() == hits->size();
  }
  to.add("peak memory MiB",
         static_cast<double>(at.service_used().peak_kib) / 1'024, 1);
  return good;
}

} // namespace

bool latency(const section_options& chosen) {
  std::cout << "latency: " << chosen.one_by_one << " one by one, then "
            << chosen.webhooks << " spread over " << chosen.spread.count()
            << " ms, runs: " << chosen.runs << "; medians (ranges)\n";
  samples found;
  tally answers;
  bool good = true;
  for (std::size_t run = 0; run < chosen.runs; ++run)
    good = answer_once(chosen, run == 0, found, answers) && good;
  found.print();
  print_line("answers of all runs", text_of(answers));
  print_line("all with their UID, all done", good ? "yes" : "NO");
  return good;
}

} // namespace bench

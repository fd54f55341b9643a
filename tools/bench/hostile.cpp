#include "tools/bench/figures.hpp"
#include "tools/bench/outcome.hpp"
#include "tools/bench/sections.hpp"
#include "tools/bench/wrk.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>

namespace bench {

using namespace std::chrono;

namespace {

/// Some 10,000 webhooks a second, each 5 ms after its answer.
constexpr std::size_t bad_senders = 70;

/// Webhooks spread over time, with or without others beside them whose
/// signature is wrong. True if each of the first was answered with its UID, and
/// none of the others was taken.
bool answer_once(const section_options& chosen, bool with_bad, samples& to) {
  auto options = chosen.at;
  options.webhooks_max = chosen.webhooks;
  options.signed_flow = true;
  stand at{options};
  std::optional<wrk> bad;
  const auto sending = duration_cast<seconds>(chosen.spread) + seconds{2};
  if (with_bad)
    bad.emplace(at.port(), bad_senders, sending, at.directory() / "wrk.log",
                BAD_SIGNATURE_LUA);
  const auto hits = fire(at.port(), webhooks(chosen.webhooks, chosen.spread));
  const auto told = bad ? bad->told() : sent{};
  bool good = at.wait_for_jobs(chosen.webhooks, milliseconds{60'000});
  const auto made = outcome_of(hits, at.clones_finished());
  const std::string prefix = with_bad ? "beside bad ones: " : "alone: ";
  to.add_latencies(prefix + "after the clone", made.added_ms);
  if (with_bad) {
    to.add("bad ones a second",
           static_cast<double>(told.answers)
             / static_cast<double>(sending.count()),
           0);
    to.add("bad ones: p99 ms", told.p99_ms, 1);
    good = good && told.bad >= told.answers;
  }
  return good && made.added_ms.size() == hits.size();
}

} // namespace

bool hostile(const section_options& chosen) {
  std::cout << "hostile: " << chosen.webhooks << " good webhooks over "
            << chosen.spread.count()
            << " ms, alone and beside others whose signature is wrong, runs: "
            << chosen.runs << "; medians (ranges)\n";
  samples found;
  bool good = true;
  for (std::size_t run = 0; run < chosen.runs; ++run)
    for (const bool with_bad : {false, true})
      good = answer_once(chosen, with_bad, found) && good;
  found.print();
  print_line("good ones with their UID, no bad one taken", good ? "yes" : "NO");
  return good;
}

} // namespace bench

#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"
#include "tools/bench/wrk.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

using namespace std::chrono;

namespace {

constexpr seconds answering_max{3};

/// What the calls of a job cost libcurl, in ms of CPU.
double calls_ms(const stand& at, std::size_t jobs, std::size_t calls) {
  std::vector<std::string> command{BARE_BINARY, "calls", at.upstream(),
                                   std::to_string(jobs), std::to_string(calls)};
  if (at.tls() != nullptr)
    command.push_back(at.tls()->authority().string());
  program bare{command, (at.directory() / "bare.log").string()};
  const auto said = bare.output_at_end(seconds{120});
  constexpr std::string_view label = "bare calls: ";
  const auto found = said.find(label);
  if (found == std::string::npos || said.find(" 0 failed") == std::string::npos)
    throw std::runtime_error{"bare calls: " + said};
  return std::stod(said.substr(found + label.size())) / 1'000;
}

/// What an answer costs Pistache, in ms of CPU.
double answer_ms(const stand& at, const section_options& chosen) {
  program bare{{BARE_BINARY, "answers"},
               (at.directory() / "answers.log").string()};
  const auto port = bare.port_after("bare: listening on ");
  const auto before = bare.used().cpu_seconds;
  const auto told =
    wrk{port, chosen.senders, std::min(chosen.sending, answering_max),
        at.directory() / "wrk.log"}
      .told();
  const auto spent = bare.used().cpu_seconds - before;
  return spent * 1'000 / static_cast<double>(told.answers);
}

/// What the commits of a job cost the journal, a hundred jobs at once, in ms of
/// CPU.
double commits_ms(const stand& at) {
  program journal{{JOURNAL_BENCH_BINARY, at.directory().string(), "2", "100"},
                  (at.directory() / "journal.log").string()};
  std::istringstream lines{journal.output_at_end(seconds{60})};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream row{line};
    double batch = 0;
    double jobs = 0;
    double commits = 0;
    double us = 0;
    if (row >> batch >> jobs >> commits >> us && batch == 100)
      return us / 1'000;
  }
  throw std::runtime_error{"journal_bench told no row of 100 jobs a batch"};
}

} // namespace

// One part after the other, though the service does all at once, beside wrk and
// the fake API: three bare programs side by side, while wrk sends, came to 3 to
// 12 % more CPU a job than one by one (five pairs of runs), which is about what
// one by one differs from run to run.
bool parts(const section_options& chosen) {
  std::cout << "parts: CPU ms a job, runs: " << chosen.runs
            << "; medians (ranges)\n";
  auto options = chosen.at;
  // As where the service is measured.
  options.webhooks_max = chosen.senders;
  options.recording = false;
  samples found;
  for (std::size_t run = 0; run < chosen.runs; ++run) {
    stand at{options};
    if (run == 0)
      at.print_settings();
    const auto calls = calls_ms(at, chosen.webhooks, 1 + chosen.at.sub_actions);
    const auto answer = answer_ms(at, chosen);
    const auto commits = commits_ms(at);
    const auto sum = calls + answer + commits;
    const auto whole = cpu_of_a_job_ms(chosen);
    found.add("libcurl's calls", calls, 3);
    found.add("Pistache's answer", answer, 3);
    found.add("SQLite's commits", commits, 3);
    found.add("their bare sum", sum, 3);
    found.add("the service", whole, 3);
    found.add("times the bare sum", whole / sum, 2);
  }
  found.print();
  return true;
}

} // namespace bench

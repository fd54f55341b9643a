#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"
#include "tools/bench/wrk.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace bench {

using namespace std::chrono;

namespace {

constexpr seconds answering_max{3};

/// What the calls of a job cost libcurl, in ms of CPU.
double calls_ms(const stand& at, std::size_t jobs, std::size_t calls) {
  program bare{{BARE_BINARY, "calls", std::to_string(at.fake_api_port()),
                std::to_string(jobs), std::to_string(calls)},
               (at.directory() / "bare.log").string()};
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

bool parts(const section_options& chosen) {
  std::cout << "parts: CPU ms a job of 1 clone and " << chosen.at.sub_actions
            << " sub-actions, runs: " << chosen.runs << "; medians (ranges)\n";
  std::vector<double> of_calls;
  std::vector<double> of_answers;
  std::vector<double> of_commits;
  std::vector<double> sums;
  std::vector<double> wholes;
  std::vector<double> ratios;
  for (std::size_t run = 0; run < chosen.runs; ++run) {
    stand at{chosen.at};
    of_calls.push_back(
      calls_ms(at, chosen.webhooks, 1 + chosen.at.sub_actions));
    of_answers.push_back(answer_ms(at, chosen));
    of_commits.push_back(commits_ms(at));
    sums.push_back(of_calls.back() + of_answers.back() + of_commits.back());
    wholes.push_back(cpu_of_a_job_ms(chosen));
    ratios.push_back(wholes.back() / sums.back());
  }
  print_line("libcurl's calls", median_of(of_calls, 3));
  print_line("Pistache's answer", median_of(of_answers, 3));
  print_line("SQLite's commits", median_of(of_commits, 3));
  print_line("their bare sum", median_of(sums, 3));
  print_line("the service", median_of(wholes, 3));
  print_line("times the bare sum", median_of(ratios, 2));
  return true;
}

} // namespace bench

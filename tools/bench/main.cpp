#include "tools/bench/figures.hpp"
#include "tools/bench/sections.hpp"

#include <charconv>
#include <csignal>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace {

constexpr auto usage =
  "usage: handoff_bench "
  "all|throughput|parts|held|latency|hostile|acknowledged|\n"
  "                     steady\n"
  "       [OPTIONS]\n"
  "\n"
  "Starts fake_api and the service on free ports and measures from outside.\n"
  "Ends with 0 if what it did was as promised, else with 1.\n"
  "\n"
  "  throughput    whole jobs a second beside a view with a thread pool\n"
  "  parts         CPU of a job beside that of its parts by themselves\n"
  "  held          holds all webhooks at once: answers in time, memory, CPU\n"
  "  latency       what the service adds to the time of the clone\n"
  "  all           these four, one after the other\n"
  "  hostile       latency beside webhooks whose signature is wrong\n"
  "  acknowledged  webhooks a second, beside the syncs of the disk\n"
  "  steady        a long load: does it get slower or larger, does it drain\n"
  "\n"
  "  --runs=N             of each, but of steady (3)\n"
  "  --webhooks=N         (held 9500, latency and parts 2000,\n"
  "                       acknowledged 10000)\n"
  "  --one-by-one=N       of latency (20)\n"
  "  --spread-ms=N        all are sent within that time (held 3000,\n"
  "                       latency 10000)\n"
  "  --clone-ms=N         how long a clone takes (held 6500, latency 1000,\n"
  "                       else 0)\n"
  "  --sub-actions=N      of each job (6; acknowledged 1)\n"
  "  --sub-action-ms=N    how long one takes (held and latency 100, else 0)\n"
  "  --sub-action-calls=N at once, of all jobs, at the most (held 1000, else\n"
  "                       half of all calls)\n"
  "  --max-calls=N        of the upstream, with its other limits as shipped\n"
  "  --tls                the service calls by HTTPS, through nginx, whose "
  "CPU\n"
  "                       is not counted\n"
  "  --http2              as --tls, and HTTP/2\n"
  "  --host=NAME          what it calls (127.0.0.1, with TLS localhost); has "
  "to\n"
  "                       lead to 127.0.0.1\n"
  "  --senders=N          of throughput, parts and steady: at once (64)\n"
  "  --seconds=N          of these: how long they send (10; steady 600)\n"
  "  --service=NAME       of throughput: handoff or baseline only\n"
  "  --with=ARGUMENT      for the service: --with=--scheduler.max-threads=1\n"
  "  --commit=TEXT        what to print as the commit (what git says)\n";

bench::section_options defaults_of(std::string_view section) {
  bench::section_options chosen;
  if (section == "held") {
    chosen.webhooks = 9'500;
    chosen.at.sub_action_calls = 1'000;
  } else if (section == "latency" || section == "hostile") {
    chosen.spread = std::chrono::milliseconds{10'000};
    chosen.at.clone = std::chrono::milliseconds{1'000};
  } else {
    chosen.at.clone = std::chrono::milliseconds{0};
    chosen.at.sub_action = std::chrono::milliseconds{0};
  }
  if (section == "acknowledged") {
    chosen.webhooks = 10'000;
    chosen.at.sub_actions = 1;
  }
  if (section == "steady")
    chosen.sending = std::chrono::seconds{600};
  return chosen;
}

std::uint32_t number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc{} || stop != end || number > 1'000'000)
    throw std::invalid_argument("\"" + std::string{text}
                                + "\" is not a whole number up to 1000000");
  return number;
}

std::uint32_t positive_of(std::string_view text) {
  const auto number = number_of(text);
  if (number == 0)
    throw std::invalid_argument("0 is too few");
  return number;
}

/// Takes one option into `chosen`, or into `commit`.
void take(std::string_view word, bench::section_options& chosen,
          std::string& commit) {
  const auto equals = word.find('=');
  const auto name = word.substr(0, equals);
  const auto value =
    equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (name == "--commit")
    commit = value;
  else if (name == "--webhooks")
    chosen.webhooks = positive_of(value);
  else if (name == "--one-by-one")
    chosen.one_by_one = number_of(value);
  else if (name == "--spread-ms")
    chosen.spread = std::chrono::milliseconds{number_of(value)};
  else if (name == "--clone-ms")
    chosen.at.clone = std::chrono::milliseconds{number_of(value)};
  else if (name == "--sub-actions")
    chosen.at.sub_actions = number_of(value);
  else if (name == "--sub-action-ms")
    chosen.at.sub_action = std::chrono::milliseconds{number_of(value)};
  else if (name == "--sub-action-calls")
    chosen.at.sub_action_calls = positive_of(value);
  else if (name == "--senders")
    chosen.senders = positive_of(value);
  else if (name == "--seconds")
    chosen.sending = std::chrono::seconds{positive_of(value)};
  else if (name == "--runs")
    chosen.runs = positive_of(value);
  else if (name == "--max-calls")
    chosen.at.max_calls = positive_of(value);
  else if (word == "--tls")
    chosen.at.tls = true;
  else if (word == "--http2")
    chosen.at.tls = chosen.at.http2 = true;
  else if (name == "--host")
    chosen.at.host = value;
  else if (name == "--with")
    chosen.at.arguments.emplace_back(value);
  else if (word == "--service=handoff")
    chosen.only = bench::contender::handoff;
  else if (word == "--service=baseline")
    chosen.only = bench::contender::baseline;
  else
    throw std::invalid_argument("unknown option " + std::string{word});
}

using section_function = bool (*)(const bench::section_options&);

const std::map<std::string_view, section_function> sections{
  {"held", bench::held},
  {"latency", bench::latency},
  {"hostile", bench::hostile},
  {"acknowledged", bench::acknowledged},
  {"throughput", bench::throughput},
  {"parts", bench::parts},
  {"steady", bench::steady}};

/// What the word on the command line stands for, in the order of a report.
std::vector<std::string_view> sections_of(std::string_view word) {
  if (word == "all")
    return {"throughput", "parts", "held", "latency"};
  if (!sections.contains(word))
    throw std::invalid_argument("needs one of all, throughput, parts, held, "
                                "latency, hostile, acknowledged, steady");
  return {word};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word == "--help") {
    std::cout << usage;
    return 0;
  }
  std::string commit;
  std::vector<std::pair<section_function, bench::section_options>> asked;
  try {
    for (const auto section : sections_of(word)) {
      auto& [run, chosen] =
        asked.emplace_back(sections.at(section), defaults_of(section));
      for (int at = 2; at < argc; ++at)
        take(argv[at], chosen, commit);
    }
  } catch (const std::invalid_argument& failed) {
    std::cerr << "handoff_bench: " << failed.what() << "\n\n" << usage;
    return 2;
  }
  try {
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    bench::print_machine(commit.empty() ? bench::commit_of_sources() : commit);
    bool good = true;
    for (const auto& [run, chosen] : asked)
      good = run(chosen) && good;
    return good ? 0 : 1;
  } catch (const std::exception& failed) {
    std::cerr << "handoff_bench: " << failed.what() << '\n';
    return 1;
  }
}

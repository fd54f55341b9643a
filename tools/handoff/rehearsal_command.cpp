#include "tools/handoff/rehearsal_command.hpp"

#include "job/hex.hpp"
#include "job/json_text.hpp"
#include "tools/fake_api/script_reader.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/flow_choice.hpp"
#include "tools/handoff/rehearsal/rehearsal.hpp"
#include "tools/handoff/terminal.hpp"

#include <charconv>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <sstream>
#include <sys/resource.h>

namespace handoff {
namespace {

using rehearsal::rehearsal_options;
using rehearsal::rehearsal_report;
using std::chrono::milliseconds;

constexpr std::uint64_t jobs_max = 100'000'000;
constexpr milliseconds reduction_patience{30'000};

struct class_name {
  std::string_view name;
  bool rehearsal::fault_classes::*member;
};

constexpr class_name classes[] = {
  {"upstreams", &rehearsal::fault_classes::upstreams},
  {"journal", &rehearsal::fault_classes::journal},
  {"actors", &rehearsal::fault_classes::actors},
  {"senders", &rehearsal::fault_classes::senders},
  {"slow", &rehearsal::fault_classes::slow},
  {"drains", &rehearsal::fault_classes::drains},
  {"reloads", &rehearsal::fault_classes::reloads},
  {"clocks", &rehearsal::fault_classes::clocks},
};

/// The whole number that an option has, or what there is without it.
std::uint64_t number(const arguments& given, std::string_view name,
                     std::uint64_t otherwise, std::uint64_t most,
                     std::string& failed) {
  const auto text = given.value(name);
  if (!text)
    return otherwise;
  std::uint64_t value = 0;
  const auto* const end = text->data() + text->size();
  const auto [rest, wrong] = std::from_chars(text->data(), end, value);
  if (wrong != std::errc{} || rest != end || value > most)
    failed = "--" + std::string{name} + " must be a whole number from 0 to "
           + std::to_string(most) + ", but is " + *text;
  return value;
}

void read_faults(const std::string& text, rehearsal_options& options,
                 std::string& failed) {
  for (const auto& each : classes)
    options.faults.*each.member = false;
  if (text == "none")
    return;
  std::istringstream words{text};
  for (std::string word; std::getline(words, word, ',');) {
    bool is_known = false;
    for (const auto& each : classes)
      if (each.name == word)
        is_known = options.faults.*each.member = true;
    if (!is_known)
      failed = "--faults must be none, or of upstreams, journal, actors, "
               "senders, slow, drains, reloads and clocks, with commas between "
               "them, but has \""
             + word + '"';
  }
}

std::string faults_of(const rehearsal_options& options) {
  std::string text;
  for (const auto& each : classes)
    if (options.faults.*each.member)
      text += (text.empty() ? "" : ",") + std::string{each.name};
  return text.empty() ? "none" : text;
}

std::optional<fake_api::script> read_script(const std::string& path,
                                            std::string& failed) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    failed = "cannot read " + path;
    return std::nullopt;
  }
  try {
    return fake_api::script{fake_api::parse_script(
      std::string{std::istreambuf_iterator<char>{file}, {}})};
  } catch (const std::exception& wrong) {
    failed = path + ": " + wrong.what();
    return std::nullopt;
  }
}

rehearsal_options options_of(const arguments& given, std::string& failed) {
  rehearsal_options options;
  if (given.positional.size() > 1)
    failed = "takes the name of one flow, or none";
  for (const auto* each : {"data", "header", "async"})
    if (given.has(each))
      failed = "--" + std::string{each} + " is of no use beside --jobs";
  options.jobs = number(given, "jobs", options.jobs, jobs_max, failed);
  options.seed = number(given, "seed", options.seed, UINT64_MAX, failed);
  options.crashes =
    number(given, "crashes", options.jobs / 100, jobs_max, failed);
  options.commands =
    number(given, "commands", options.jobs / 10, jobs_max, failed);
  if (const auto text = given.value("faults"))
    read_faults(*text, options, failed);
  if (!failed.empty())
    return options;
  // Few enough for the flows that come with the program to wait for turns now
  // and then. Without a flow of their own, nobody needs an INI.
  options.settings.upstream.max_calls = 80;
  if (!given.positional.empty() || given.has("config-file")
      || !given.overrides.empty()) {
    const auto checked = given_configuration(given);
    options.settings = checked.settings;
    options.connections = checked.connections;
    if (!given.positional.empty()) {
      auto flow = chosen_flow(checked, given.positional[0], failed);
      if (failed.empty())
        options.flows.push_back(std::move(flow));
    }
  }
  if (const auto path = given.value("script"); path && failed.empty())
    options.script = read_script(*path, failed);
  return options;
}

/// The command that does the same again.
std::string command_of(const rehearsal_options& options,
                       const arguments& given) {
  auto text = std::string{"handoff simulate"};
  for (const auto& each : given.positional)
    text += ' ' + each;
  text += " --jobs=" + std::to_string(options.jobs)
        + " --seed=" + std::to_string(options.seed)
        + " --crashes=" + std::to_string(options.crashes)
        + " --commands=" + std::to_string(options.commands);
  if (const auto faults = faults_of(options);
      faults != faults_of(rehearsal_options{}))
    text += " --faults=" + faults;
  for (const auto& [name, value] : given.options)
    if (name == "script" || name == "config-file")
      text += " --" + name + '=' + value;
  for (const auto& each : given.overrides)
    text += ' ' + each;
  return text;
}

/// What the process took at the most, in KiB.
std::int64_t memory_kib() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss;
}

/// Says on standard error how far a long run has come.
class progress_line {
public:
  void operator()(const rehearsal_report& now) {
    const auto time = std::chrono::steady_clock::now();
    if (time < next_)
      return;
    next_ = time + std::chrono::seconds{10};
    std::cerr << "handoff simulate: " << now.webhooks << " webhooks, "
              << now.crashes + now.drains << " crashes and stops, "
              << now.commands << " commands, " << now.calls << " calls, "
              << now.virtual_time.count() / 1'000 << " s of virtual time, "
              << memory_kib() / 1'024 << " MiB\n";
  }

private:
  std::chrono::steady_clock::time_point next_ =
    std::chrono::steady_clock::now() + std::chrono::seconds{10};
};

struct figure {
  const char* name;
  const char* title;
  std::uint64_t value;
};

std::vector<figure> figures_of(const rehearsal_report& done) {
  return {
    {"webhooks", "webhooks", done.webhooks},
    {"jobs", "jobs", done.jobs},
    {"succeeded", "  succeeded", done.succeeded},
    {"failed", "  failed", done.failed},
    {"cancelled", "  cancelled", done.cancelled},
    {"ambiguous", "  ambiguous", done.ambiguous},
    {"compensated", "  compensated", done.compensated},
    {"lost", "  lost", done.lost},
    {"doubled", "  doubled", done.doubled},
    {"answers", "answers", done.answers},
    {"uids_in_time", "  with the UID, in time", done.uids_in_time},
    {"accepted", "  202", done.accepted},
    {"refused", "  4xx and 5xx", done.refused},
    {"hung_up", "senders that hung up", done.hung_up},
    {"cut_off", "senders cut off by a crash", done.cut_off},
    {"calls", "calls to upstreams", done.calls},
    {"retries", "  retries", done.retries},
    {"upstream_faults", "  that failed by the seed", done.upstream_faults},
    {"commands", "commands", done.commands},
    {"commands_taken", "  taken", done.commands_taken},
    {"crashes", "crashes", done.crashes},
    {"drains", "orderly stops", done.drains},
    {"reloads", "reloads of the flows", done.reloads},
    {"clock_steps", "steps of the wall clock", done.clock_steps},
    {"journal_faults", "commits that failed", done.journal_faults},
    {"actor_faults", "actors that died", done.actor_faults},
    {"unfinished_max", "unfinished jobs at a start, most", done.unfinished_max},
    {"kept_max", "jobs in the journal, most", done.kept_max},
    {"messages", "messages between actors", done.messages},
    {"median_ms", "a job takes, median (ms)",
     static_cast<std::uint64_t>(done.median.count())},
    {"p99_ms", "a job takes, p99 (ms)",
     static_cast<std::uint64_t>(done.p99.count())},
    {"virtual_ms", "virtual time (ms)",
     static_cast<std::uint64_t>(done.virtual_time.count())},
  };
}

void print_broken(const rehearsal::broken_promise& broken) {
  std::cout << "broken: " << broken.what << "\n  " << printable(broken.detail)
            << "\n  job " << (broken.job.empty() ? "-" : broken.job)
            << ", after " << broken.at.count() << " ms of virtual time and "
            << broken.webhooks << " webhooks\n";
}

nlohmann::json document_of(const rehearsal::broken_promise& broken) {
  return {{"promise", broken.what},
          {"detail", broken.detail},
          {"job", broken.job},
          {"at_ms", broken.at.count()},
          {"webhooks", broken.webhooks}};
}

std::string trace_of(const rehearsal_report& done) {
  std::ostringstream text;
  text << std::hex << std::setfill('0') << std::setw(16) << done.trace;
  return text.str();
}

} // namespace

int rehearse_command(const arguments& given) {
  std::string failed;
  auto options = options_of(given, failed);
  if (!failed.empty()) {
    std::cerr << "handoff simulate: " << printable(failed)
              << "\nhandoff simulate --help tells more.\n";
    return exit_usage;
  }
  const auto began = std::chrono::steady_clock::now();
  options.progress = progress_line{};
  const auto done = rehearsal::rehearse(options);
  options.progress = nullptr;
  const auto took = std::chrono::duration_cast<milliseconds>(
    std::chrono::steady_clock::now() - began);
  const auto memory = memory_kib();
  std::optional<std::string> shortest;
  if (done.broken)
    shortest = command_of(
      rehearsal::reduced(options, *done.broken, reduction_patience), given);
  if (given.has("json")) {
    nlohmann::json all{{"seed", options.seed},
                       {"trace", trace_of(done)},
                       {"real_ms", took.count()},
                       {"memory_kib", memory},
                       {"command", command_of(options, given)}};
    for (const auto& each : figures_of(done))
      all[each.name] = each.value;
    all["broken"] =
      done.broken ? document_of(*done.broken) : nlohmann::json(nullptr);
    all["shortest"] = shortest ? nlohmann::json(*shortest) : nullptr;
    std::cout << json_text(all, {2, is_terminal()}) << '\n';
    return done.broken ? exit_failed : exit_done;
  }
  for (const auto& each : figures_of(done))
    std::cout << std::left << std::setw(34) << each.title << std::right
              << std::setw(12) << each.value << '\n';
  std::cout << std::left << std::setw(34) << "real time (ms)" << std::right
            << std::setw(12) << took.count() << '\n'
            << std::left << std::setw(34) << "memory (KiB)" << std::right
            << std::setw(12) << memory << '\n'
            << "seed " << options.seed << ", trace " << trace_of(done) << '\n';
  if (!done.broken)
    return exit_done;
  print_broken(*done.broken);
  if (!done.broken->job.empty()) {
    auto told = options;
    told.story_of = {done.broken->job};
    if (!done.broken->other.empty())
      told.story_of.push_back(done.broken->other);
    std::cout << "what happened to it:\n";
    for (const auto& each : rehearsal::rehearse(told).story)
      std::cout << "  " << printable(each) << '\n';
  }
  std::cout << "again:    " << command_of(options, given)
            << "\nshortest: " << *shortest << '\n';
  return exit_failed;
}

} // namespace handoff

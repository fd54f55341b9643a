#include "tools/bench/sections.hpp"

#include "tools/bench/figures.hpp"

#include <cstdio>
#include <iostream>

namespace bench {

using nlohmann::json;
using namespace std::chrono;

namespace {

constexpr double deadline_ms = 10'000; // the service's default
constexpr double added_max_ms = 100;

double since_epoch_ms(clock::time_point when) {
  const duration<double, std::milli> now =
    system_clock::now().time_since_epoch();
  return now.count()
       - duration<double, std::milli>{clock::now() - when}.count();
}

/// What a volley of webhooks came to.
struct outcome {
  std::map<std::string, std::size_t> statuses;
  std::vector<std::string> jobs;
  std::vector<double> answer_ms;
  std::vector<double> added_ms; ///< after the clone API's answer was out
  clock::time_point last_answer{};
};

void count_in(outcome& to, const hit& one) {
  ++to.statuses[one.status != 0 ? std::to_string(one.status) : one.failure];
  if (one.status == 0)
    return;
  to.answer_ms.push_back(one.milliseconds());
  to.last_answer = std::max(to.last_answer, one.answered);
}

void add_latencies(outcome& to, const std::vector<hit>& hits,
                   const std::map<std::string, double>& finished) {
  for (const auto& each : hits) {
    if (each.status != 200)
      continue;
    to.jobs.push_back(json::parse(each.body).at("job"));
    const auto clone = finished.find(to.jobs.back());
    if (clone != finished.end())
      // fake_api tells whole milliseconds, rounded down: at worst, one too many
      // is counted here.
      to.added_ms.push_back(since_epoch_ms(each.answered) - clone->second);
  }
}

std::string text_of(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " x " + name;
  return text;
}

std::string text_of(const usage& used) {
  char text[120];
  std::snprintf(text, sizeof text,
                "peak memory %.1f MiB, %.2f s of CPU, %llu threads",
                static_cast<double>(used.peak_kib) / 1024.0, used.cpu_seconds,
                static_cast<unsigned long long>(used.threads));
  return text;
}

void print_setting(const stand& at, const section_options& chosen) {
  print_line("settings", at.settings());
  print_line("upstream",
             "clone " + std::to_string(chosen.at.clone.count()) + " ms, "
               + std::to_string(chosen.at.sub_actions) + " sub-actions of "
               + std::to_string(chosen.at.sub_action.count()) + " ms");
}

std::vector<shot> webhooks(std::size_t count, milliseconds over) {
  std::vector<shot> shots;
  for (std::size_t at = 0; at < count; ++at)
    shots.push_back({over * at / count, stand::webhook(at)});
  return shots;
}

/// Prints it; true if it is as promised.
bool print_added(std::string_view what, const std::vector<double>& added) {
  print_line(what, spread(added));
  return !added.empty() && percentile(added, 1.0) < added_max_ms;
}

} // namespace

bool held(const section_options& chosen) {
  std::cout << "held: " << chosen.webhooks << " webhooks at once, sent within "
            << chosen.spread.count() << " ms\n";
  auto options = chosen.at;
  options.webhooks_max = chosen.webhooks;
  stand at{options};
  print_setting(at, chosen);
  print_line("service at its start", text_of(at.service_used()));
  const auto began = clock::now();
  const auto hits = fire(at.port(), webhooks(chosen.webhooks, chosen.spread));
  outcome made;
  for (const auto& each : hits)
    count_in(made, each);
  const auto at_answers = at.service_used();
  const bool done = at.wait_for_jobs(chosen.webhooks, milliseconds{60'000});
  const duration<double> whole = clock::now() - began;
  const auto at_end = at.service_used();
  add_latencies(made, hits, at.clones_finished());
  const auto statuses = at.statuses_of(made.jobs);

  const auto latest = percentile(made.answer_ms, 1.0);
  const bool in_time =
    made.answer_ms.size() == chosen.webhooks && latest < deadline_ms;
  print_line("all answered in time", in_time ? "yes" : "NO");
  print_line("statuses", text_of(made.statuses));
  print_line("answer after", spread(made.answer_ms));
  print_line("after the clone's answer", spread(made.added_ms));
  print_line("service when answered", text_of(at_answers));
  char text[100];
  std::snprintf(text, sizeof text, "%s, %.2f s after the first webhook",
                done ? "all" : "NOT ALL", whole.count());
  print_line("sub-actions done", text);
  print_line("of one job at once",
             std::to_string(at.most_at_once()) + " at the most");
  print_line("jobs", text_of(statuses));
  print_line("service at the end", text_of(at_end));
  const auto succeeded = statuses.find("succeeded");
  return in_time && done && succeeded != statuses.end()
      && succeeded->second == chosen.webhooks;
}

bool latency(const section_options& chosen) {
  std::cout << "latency: " << chosen.one_by_one << " one by one, then "
            << chosen.webhooks << " spread over " << chosen.spread.count()
            << " ms\n";
  auto options = chosen.at;
  options.webhooks_max = chosen.webhooks;
  stand at{options};
  print_setting(at, chosen);
  std::vector<hit> one_by_one;
  for (std::size_t number = 0; number < chosen.one_by_one; ++number)
    one_by_one.push_back(fire(at.port(), webhooks(1, {})).at(0));
  auto together = fire(at.port(), webhooks(chosen.webhooks, chosen.spread));
  at.wait_for_jobs(chosen.one_by_one + chosen.webhooks, milliseconds{60'000});
  const auto finished = at.clones_finished();
  bool good = true;
  for (const auto& [name, hits] :
       {std::pair{"one by one", &one_by_one}, std::pair{"spread", &together}}) {
    outcome made;
    for (const auto& each : *hits)
      count_in(made, each);
    add_latencies(made, *hits, finished);
    print_line(name, text_of(made.statuses));
    print_line("  answer after", spread(made.answer_ms));
    good = print_added("  after the clone's answer", made.added_ms)
        && made.added_ms.size() == hits->size() && good;
  }
  print_line("service at the end", text_of(at.service_used()));
  print_line("less than 100 ms added", good ? "yes" : "NO");
  return good;
}

} // namespace bench

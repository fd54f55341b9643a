#include "tools/bench/outcome.hpp"

#include "tools/bench/stand.hpp"

#include <algorithm>

namespace bench {

using namespace std::chrono;

namespace {

double since_epoch_ms(clock::time_point when) {
  const duration<double, std::milli> now =
    system_clock::now().time_since_epoch();
  return now.count()
       - duration<double, std::milli>{clock::now() - when}.count();
}

} // namespace

std::string text_of(const tally& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " x " + name;
  return text;
}

void add_up(tally& to, const tally& more) {
  for (const auto& [name, count] : more)
    to[name] += count;
}

std::vector<shot> webhooks(std::size_t count, milliseconds over) {
  std::vector<shot> shots;
  for (std::size_t at = 0; at < count; ++at)
    shots.push_back({over * at / count, stand::webhook(at)});
  return shots;
}

std::size_t outcome::with_uid() const {
  const auto found = statuses.find("200");
  return found == statuses.end() ? 0 : found->second;
}

outcome outcome_of(const std::vector<hit>& hits,
                   const std::map<std::string, double>& finished) {
  outcome made;
  for (const auto& each : hits) {
    ++made.statuses[each.status != 0 ? std::to_string(each.status)
                                     : each.failure];
    if (each.status == 0)
      continue;
    made.answer_ms.push_back(each.milliseconds());
    made.last_answer = std::max(made.last_answer, each.answered);
    if (each.status != 200 && each.status != 202)
      continue;
    made.jobs.push_back(nlohmann::json::parse(each.body).at("job"));
    if (each.status == 202)
      continue; // not an answer to the clone's
    const auto clone = finished.find(made.jobs.back());
    if (clone != finished.end())
      // fake_api tells whole milliseconds, rounded down: at worst, one too many
      // is counted here.
      made.added_ms.push_back(since_epoch_ms(each.answered) - clone->second);
  }
  return made;
}

} // namespace bench

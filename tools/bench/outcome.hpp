#pragma once

#include "tools/bench/sender.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// How many there are of each.
using tally = std::map<std::string, std::size_t>;

/// "20 x 200, 1 x 503"
std::string text_of(const tally& counts);

void add_up(tally& to, const tally& more);

/// `count` webhooks, evenly spread over that time.
std::vector<shot> webhooks(std::size_t count, std::chrono::milliseconds over);

/// What a volley of webhooks came to.
struct outcome {
  tally statuses; ///< or what went wrong, where there was no answer
  std::vector<std::string> jobs;
  std::vector<double> answer_ms;
  std::vector<double> added_ms; ///< after the clone API's answer was out
  clock::time_point last_answer{};

  /// Answers with a UID.
  std::size_t with_uid() const;
};

/// `finished` tells when the clone of each job was answered, in ms since 1970.
outcome outcome_of(const std::vector<hit>& hits,
                   const std::map<std::string, double>& finished = {});

} // namespace bench

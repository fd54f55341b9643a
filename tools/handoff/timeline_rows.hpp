#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace handoff {

/// What a row says at a glance: its colour.
enum class row_tone { plain, good, bad, busy };

/// A part of a bar, in time since the webhook was received.
struct row_segment {
  std::chrono::milliseconds from{0};
  std::chrono::milliseconds to{0};
  char mark = ' ';
};

/// A row of a timeline, before it is drawn.
struct timeline_row {
  std::string name;
  std::string suffix; ///< the attempt's number, where there are several
  std::vector<row_segment> segments;
  std::string word; ///< a status
  row_tone tone = row_tone::plain;
  std::string note;
  std::vector<std::string> errors;
};

/// The colour of a job or a sub-action with that status.
row_tone tone_of(const std::string& status);

/// Whether nothing more happens to the job by itself.
bool is_at_rest(const nlohmann::json& document);

/// The rows of a job's document, in the order of its path.
std::vector<timeline_row> rows_of(const nlohmann::json& document,
                                  std::chrono::system_clock::time_point now);

} // namespace handoff

#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Members of the documents that the admin API gives. None of these throws:
/// what is missing, or of another type, is nothing.

/// A member as printable text; a number or a boolean as JSON writes it.
std::string text_at(const nlohmann::json& object, const char* key);

/// A member that is a list; an empty one if it is none.
const nlohmann::json& list_at(const nlohmann::json& object, const char* key);

/// A member that is an object; an empty one if it is none.
const nlohmann::json& object_at(const nlohmann::json& object, const char* key);

/// One step of a job but its clone: a sub-action, a compensation or a callback.
struct job_step {
  std::string name; ///< "share", "undo share", "callback cloned"
  const nlohmann::json& document;
};

/// The steps of a job, in the order in which they are shown.
std::vector<job_step> steps_in(const nlohmann::json& document);

/// A number of milliseconds.
std::optional<std::chrono::milliseconds>
duration_at(const nlohmann::json& object, const char* key);

/// A time as the API writes it: RFC 3339, in UTC, to the millisecond.
std::optional<std::chrono::system_clock::time_point>
time_at(const nlohmann::json& object, const char* key);

/// "850 ms", "1.25 s", "12 min 3 s", "5 h 3 min", "3 d 4 h".
std::string duration_text(std::chrono::milliseconds length);

/// "2026-11-22T18:00:00.123Z" as "2026-11-22 18:00:00Z"; another text as it is.
std::string short_time(const std::string& timestamp);

} // namespace handoff

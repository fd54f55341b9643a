#pragma once

#include "job/exchange.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace handoff::support {

/// A case of a `config/gallery/*/cases.json`; `docs/receivers.md` describes its
/// members.
struct gallery_case {
  std::filesystem::path folder;
  std::string id; ///< "github-2"
  nlohmann::ordered_json what;
};

/// All of them, by folder; or those of the folder that HANDOFF_GALLERY names.
/// Throws where a file cannot be read.
std::vector<gallery_case> gallery_cases();

/// A call as the API saw it. The job's id in it is "JOB", or "job" where it is
/// in lower case.
struct played_call {
  std::string what; ///< "POST /v1/pages"
  std::string query;
  handoff::headers headers;
  std::string body;
  /// Since the webhook, in virtual time.
  std::int64_t at_ms = 0;
};

struct played_case {
  nlohmann::json job; ///< null: there is none
  int answer = 0;     ///< the status that the sender gets
  std::vector<played_call> calls;
  int token_requests = 0;
};

/// Played by `handoff simulate`, in virtual time.
played_case simulate(const gallery_case& one);

/// Played by one `handoff serve` against two fake APIs, all at once: one stands
/// for the hosts of connections, the other for those that are only named by a
/// token endpoint or by an answer. Pauses are 200 times as short, waits end
/// after 3 s.
std::vector<played_case> serve(const std::vector<gallery_case>& all);

} // namespace handoff::support

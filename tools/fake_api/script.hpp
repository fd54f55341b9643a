#pragma once

#include "tools/fake_api/message.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fake_api {

/// What goes wrong with one answer. `docs/fake_api.md` says what a client sees.
enum class fault_kind { none, reset, hang, cut, drip, garbage, close, huge };

/// What happens to one request.
struct step {
  std::chrono::milliseconds delay{0};
  /// A random part of this comes on top of the delay.
  std::chrono::milliseconds jitter{0};
  /// None: as in the default answer.
  std::optional<int> status;
  std::vector<std::pair<std::string, std::string>> headers;
  /// None: as in the default answer. A string is sent as it is.
  std::optional<nlohmann::json> body;
  /// The body as text, where it holds no expression.
  std::optional<std::string> fixed_body;
  fault_kind fault = fault_kind::none;
  std::chrono::milliseconds drip_every{100};
  std::size_t drip_bytes = 1;
  /// Whether the status line and the headers drip, too.
  bool drip_from_start = false;
  std::uint64_t huge_bytes = 2 * 1024 * 1024;
};

/// A path with `*` for one segment and `**`, at the end, for the rest.
class path_pattern {
public:
  /// Throws `std::invalid_argument` on a `*` elsewhere or no leading slash.
  explicit path_pattern(std::string_view text);

  bool matches(const std::vector<std::string>& segments) const;

private:
  std::vector<std::string> segments_;
  bool open_ended_ = false;
};

/// Where in a script something is wrong, and what is allowed.
class script_error : public std::runtime_error {
public:
  script_error(const std::string& pointer, const std::string& what)
      : std::runtime_error((pointer.empty() ? "(top)" : pointer) + ": "
                           + what) {}
};

/// The rules, and how far each one's steps have got.
class script {
public:
  /// How many paths or keys one rule tells apart; past that it starts over.
  static constexpr std::size_t tracks_max = 1'000'000;

  script() = default;

  /// Throws `script_error`.
  explicit script(const nlohmann::json& rules);

  /// The step for this request, which uses it up; null if no rule matches. It
  /// lives as long as the script.
  const step* next(const request& incoming);

private:
  enum class track { rule, path, key };

  struct rule {
    std::string method; ///< empty: any
    path_pattern path{"/**"};
    std::vector<step> steps;
    bool repeat = false;
    track per = track::rule;
    std::uint64_t used = 0;
    std::unordered_map<std::string, std::uint64_t> used_by;
  };

  static rule read_rule(const nlohmann::json& value, const std::string& at);

  std::vector<rule> rules_;
};

} // namespace fake_api

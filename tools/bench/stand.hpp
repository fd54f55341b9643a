#pragma once

#include "tools/bench/program.hpp"
#include "tools/bench/sender.hpp"
#include "tools/bench/tls_end.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// What is measured: Handoff, or what people write instead (baseline/app.py).
enum class contender { handoff, baseline };

struct stand_options {
  contender service = contender::handoff;
  std::chrono::milliseconds clone{6'500};
  std::chrono::milliseconds sub_action{100};
  std::size_t sub_actions = 6;
  std::size_t webhooks_max = 2'000; ///< that are held at once
  /// Sub-actions under way at once, at the most: 1 or more. Half of all calls
  /// if not said.
  std::optional<std::size_t> sub_action_calls = {};
  /// Whether the fake API keeps the requests, from which `clones_finished`
  /// tells. It takes processor time from the service, and hundreds of MiB.
  bool recording = true;
  /// `max-calls`, with the other limits as they are shipped; if not said, what
  /// the webhooks and the sub-actions need.
  std::optional<std::size_t> max_calls = {};
  /// How the service calls the API: by HTTPS, through nginx.
  bool tls = false;
  /// Whether there is a flow "signed" as well, which wants an HMAC.
  bool signed_flow = false;
  bool http2 = false; ///< and as HTTP/2; with `tls`
  /// By what name; empty: the address, or, with `tls`, localhost.
  std::string host = {};
  std::vector<std::string> arguments; ///< more of them, for the service
};

/// A service and the fake API that it calls, on free ports, with their files in
/// a directory of their own.
class stand {
public:
  explicit stand(const stand_options& chosen);

  stand(const stand&) = delete;
  stand& operator=(const stand&) = delete;

  ~stand();

  std::uint16_t port() const { return port_; }

  std::uint16_t fake_api_port() const { return fake_api_port_; }

  /// Where the service calls the API, without a path.
  std::string upstream() const;

  /// The TLS end; null if there is none.
  const tls_end* tls() const { return tls_.get(); }

  const std::filesystem::path& directory() const { return directory_; }

  /// The settings of the service, and what the fake API does.
  void print_settings() const;

  usage service_used() const { return service_->used(); }

  /// The n-th webhook.
  static std::string webhook(std::size_t number);

  /// When the answer to each job's clone was out, in ms since 1970.
  std::map<std::string, double> clones_finished() const;

  /// Waits until the sub-actions of that many jobs were answered; false if that
  /// takes longer than `patience`.
  bool wait_for_jobs(std::size_t jobs,
                     std::chrono::milliseconds patience) const;

  /// What the service says about itself.
  std::size_t jobs_unfinished() const;

  /// Waits until the service has no unfinished job; false if that takes longer
  /// than `patience`.
  bool wait_for_ends(std::chrono::milliseconds patience) const;

  /// How many calls of the upstream have been answered.
  std::size_t calls_answered() const;

  /// How many of these jobs have which status, as their senders see it.
  std::map<std::string, std::size_t>
  statuses_of(const std::vector<std::string>& jobs) const;

  /// The most sub-actions of one job that ran at once.
  std::uint64_t most_at_once() const;

private:
  /// The lines of `[upstream]` that say how many calls may be under way.
  std::string limits_of_calls() const;
  void start_handoff();
  void start_baseline();
  nlohmann::json ask_fake_api(const std::string& path) const;

  stand_options options_;
  std::filesystem::path directory_;
  std::string settings_;
  std::unique_ptr<program> fake_api_;
  std::unique_ptr<tls_end> tls_;
  std::unique_ptr<program> service_;
  std::uint16_t fake_api_port_ = 0;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

} // namespace bench

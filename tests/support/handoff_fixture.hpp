#pragma once

#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_directory.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace handoff::support {

/// The program under test: the one of this build, or another build's that the
/// environment variable HANDOFF_BINARY names, with a sanitizer for instance.
std::string handoff_binary();

/// What the service is started with, on top of what the fixture sets itself:
/// free ports, the flows' folder and a journal in a directory of its own.
struct handoff_options {
  /// Section, key, value as it stands in the INI: `["deadline"]["limit"] =
  /// "2s"`, `["admin"]["token"] = "\"secret\""`.
  std::map<std::string, std::map<std::string, std::string>> ini;
  std::vector<nlohmann::json> flows;
  std::map<std::string, std::string> environment;
  std::vector<std::string> arguments;
  /// Another build's program; empty: `handoff_binary`.
  std::string binary = {};
};

/// A running `handoff serve`. Throws `std::runtime_error`, with its log, where
/// it does not do what it is asked to.
class handoff_service {
public:
  explicit handoff_service(handoff_options chosen);

  /// Stops it without waiting for what a test left hanging.
  ~handoff_service();

  std::uint16_t port() const noexcept { return port_; }

  std::uint16_t admin_port() const noexcept { return admin_port_; }

  const temp_directory& directory() const noexcept { return directory_; }

  process& program() noexcept { return *program_; }

  std::string log() const { return program_->standard_error(); }

  /// A webhook to `POST /hooks/{flow}`. A JSON string is sent as it is, so that
  /// a test can send what is no JSON.
  http_response post(const std::string& flow, const nlohmann::json& body,
                     handoff::headers fields = {}) const;

  /// What `GET /api/v1/jobs/{job}` of the admin side shows.
  nlohmann::json job(const std::string& job_id) const;

  /// The job once it has that status. Throws when another final status comes
  /// first or the time is over.
  nlohmann::json wait_for_job(
    const std::string& job_id, const std::string& status,
    std::chrono::milliseconds timeout = std::chrono::seconds{30}) const;

  http_response admin(std::string_view method, const std::string& path,
                      std::string_view body = {}) const;

  /// Sends the signal and returns the exit code; see `process::wait`.
  std::optional<int>
  stop(int signal = SIGTERM,
       std::chrono::milliseconds timeout = std::chrono::seconds{40});

  /// As a crash does it: SIGKILL.
  void kill() { stop(SIGKILL); }

  /// What the next start gets on top of the test's own environment.
  void set_environment(std::map<std::string, std::string> environment) {
    options_.environment = std::move(environment);
  }

  /// The next start is of another build's program; empty: `handoff_binary`.
  void set_binary(std::string binary) { options_.binary = std::move(binary); }

  /// Starts it again with the same directory, on other ports. Stops it first,
  /// if need be.
  void restart();

private:
  void write_files() const;
  void start();
  std::uint16_t port_after(std::string_view text);

  handoff_options options_;
  temp_directory directory_;
  std::unique_ptr<process> program_;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

} // namespace handoff::support

#pragma once

#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace handoff::support {

/// A running fake_api on a free port; `docs/fake_api.md` describes the script
/// and what the counts mean. Throws `std::runtime_error` where it does not do
/// what it is asked to.
class fake_api {
public:
  explicit fake_api(const nlohmann::json& script = nlohmann::json::array(),
                    std::vector<std::string> arguments = {});

  std::uint16_t port() const noexcept { return port_; }

  /// "http://127.0.0.1:PORT" and the path.
  std::string url(const std::string& path) const;

  nlohmann::json counts() const;

  /// The counts of one path, such as "POST /a"; all zero if it was never asked.
  nlohmann::json counts(const std::string& method_and_path) const;

  /// The requests, oldest first; `query` as in "path=/a/**&limit=5".
  nlohmann::json requests(const std::string& query = {}) const;

  /// Polls the counts until `done`; false if the time is over before.
  bool wait_until(const std::function<bool(const nlohmann::json& counts)>& done,
                  std::chrono::milliseconds timeout = std::chrono::seconds{
                    20}) const;

  void set_script(const nlohmann::json& script);
  void reset();

  /// Lets what hangs be answered; returns how many that were.
  std::size_t release();

  process& program() noexcept { return *program_; }

private:
  nlohmann::json ask(std::string_view method, const std::string& path,
                     const std::string& body = {}) const;

  std::unique_ptr<process> program_;
  std::uint16_t port_ = 0;
};

} // namespace handoff::support

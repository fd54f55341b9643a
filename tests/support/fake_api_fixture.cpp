#include "tests/support/fake_api_fixture.hpp"

#include <thread>

namespace handoff::support {

using nlohmann::json;
using namespace std::chrono;

fake_api::fake_api(const json& script, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--port=0");
  program_ = std::make_unique<process>(
    FAKE_API_BINARY, process::options{.arguments = arguments,
                                      .environment = {},
                                      .working_directory = {}});
  const auto line =
    program_->wait_for_line("fake_api: listening on ", seconds{10});
  if (!line)
    throw std::runtime_error("fake_api did not start: "
                             + program_->standard_error());
  port_ =
    static_cast<std::uint16_t>(std::stoi(line->substr(line->rfind(':') + 1)));
  if (!script.empty())
    set_script(script);
}

std::string fake_api::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

json fake_api::ask(std::string_view method, const std::string& path,
                   const std::string& body) const {
  const auto answer = request(port_, method, path, {}, body);
  if (answer.status != 200)
    throw std::runtime_error("fake_api: " + answer.body);
  return answer.json();
}

json fake_api::counts() const {
  return ask("GET", "/_fake/counts");
}

json fake_api::counts(const std::string& method_and_path) const {
  const auto all = counts();
  const auto& paths = all.at("paths");
  const auto found = paths.find(method_and_path);
  if (found != paths.end())
    return *found;
  return {
    {"requests", 0}, {"answered", 0}, {"in_flight", 0}, {"max_in_flight", 0}};
}

json fake_api::requests(const std::string& query) const {
  return ask("GET", "/_fake/requests?" + query).at("requests");
}

bool fake_api::wait_until(const std::function<bool(const json&)>& done,
                          milliseconds timeout) const {
  const auto end = steady_clock::now() + timeout;
  while (!done(counts())) {
    if (steady_clock::now() >= end)
      return false;
    std::this_thread::sleep_for(milliseconds{5});
  }
  return true;
}

void fake_api::set_script(const json& script) {
  ask("PUT", "/_fake/script", script.dump());
}

void fake_api::reset() {
  ask("POST", "/_fake/reset");
}

std::size_t fake_api::release() {
  return ask("POST", "/_fake/release").at("released").get<std::size_t>();
}

} // namespace handoff::support

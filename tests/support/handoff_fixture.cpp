#include "tests/support/handoff_fixture.hpp"

#include <cstdlib>
#include <thread>

namespace handoff::support {

using nlohmann::json;
using namespace std::chrono;

namespace {

std::string quoted(const std::filesystem::path& path,
                   const std::string& prefix = {}) {
  return '"' + prefix + path.string() + '"';
}

bool is_final(const std::string& status) {
  return status == "succeeded" || status == "failed" || status == "cancelled"
      || status == "ambiguous";
}

} // namespace

std::string handoff_binary() {
  const char* other = std::getenv("HANDOFF_BINARY");
  return other != nullptr ? other : HANDOFF_BINARY;
}

handoff_service::handoff_service(handoff_options chosen)
    : options_{std::move(chosen)} {
  auto& ini = options_.ini;
  ini["http"].try_emplace("port", "0");
  ini["admin"].try_emplace("port", "0");
  ini["flows"].try_emplace("directory", quoted(directory_.path() / "flows"));
  ini["journal"].try_emplace(
    "uri", quoted(directory_.path() / "handoff.db", "sqlite:"));
  write_files();
  start();
}

handoff_service::~handoff_service() {
  // Two of one kind could become one.
  program_->signal(SIGTERM);
  program_->signal(SIGINT);
}

void handoff_service::write_files() const {
  std::string text;
  for (const auto& [section, keys] : options_.ini) {
    text += "[" + section + "]\n";
    for (const auto& [key, value] : keys)
      text += key + " = " + value + "\n";
  }
  directory_.write("handoff.ini", text);
  std::filesystem::create_directories(directory_.path() / "flows");
  for (const auto& flow : options_.flows)
    directory_.write("flows/" + flow.at("name").get<std::string>() + ".json",
                     flow.dump(2));
}

void handoff_service::start() {
  process::options chosen;
  chosen.arguments = {
    "serve", "--config-file=" + (directory_.path() / "handoff.ini").string()};
  chosen.arguments.insert(chosen.arguments.end(), options_.arguments.begin(),
                          options_.arguments.end());
  chosen.environment = options_.environment;
  chosen.working_directory = directory_.path().string();
  program_ = std::make_unique<process>(
    options_.binary.empty() ? handoff_binary() : options_.binary, chosen);
  if (!program_->wait_for_line("handoff: ready", seconds{30}))
    throw std::runtime_error("handoff did not become ready: " + log());
  port_ = port_after("handoff: ingress listening on ");
  admin_port_ = port_after("handoff: admin listening on ");
}

std::uint16_t handoff_service::port_after(std::string_view text) {
  const auto line = program_->wait_for_line(text, seconds{1});
  if (!line)
    throw std::runtime_error("handoff did not say where it listens: " + log());
  const auto colon = line->find(':', line->find(text) + text.size());
  return static_cast<std::uint16_t>(std::stoi(line->substr(colon + 1)));
}

http_response handoff_service::post(const std::string& flow, const json& body,
                                    handoff::headers fields) const {
  if (!find_header(fields, "Content-Type"))
    fields.push_back({"Content-Type", "application/json"});
  return request(port_, "POST", "/hooks/" + flow, std::move(fields),
                 body.is_string() ? body.get<std::string>() : body.dump());
}

json handoff_service::job(const std::string& job_id) const {
  const auto answer = admin("GET", "/api/v1/jobs/" + job_id);
  if (answer.status != 200)
    throw std::runtime_error("admin: " + answer.body);
  return answer.json();
}

json handoff_service::wait_for_job(const std::string& job_id,
                                   const std::string& status,
                                   milliseconds timeout) const {
  const auto end = steady_clock::now() + timeout;
  for (;;) {
    const auto answer = admin("GET", "/api/v1/jobs/" + job_id);
    // A service that is short of connections says so; it is asked again.
    if (answer.status == 503 && steady_clock::now() < end) {
      std::this_thread::sleep_for(milliseconds{10});
      continue;
    }
    if (answer.status != 200)
      throw std::runtime_error("admin: " + answer.body);
    auto found = answer.json();
    const auto now = found.at("status").get<std::string>();
    if (now == status)
      return found;
    if (is_final(now) || steady_clock::now() >= end)
      throw std::runtime_error("the job is not " + status + " but "
                               + found.dump(2) + "\n" + log());
    std::this_thread::sleep_for(milliseconds{10});
  }
}

http_response handoff_service::admin(std::string_view method,
                                     const std::string& path,
                                     std::string_view body) const {
  handoff::headers fields;
  const auto& section = options_.ini.at("admin");
  if (const auto token = section.find("token"); token != section.end())
    fields.push_back(
      {"Authorization",
       "Bearer " + token->second.substr(1, token->second.size() - 2)});
  return request(admin_port_, method, path, std::move(fields), body);
}

std::optional<int> handoff_service::stop(int signal, milliseconds timeout) {
  program_->signal(signal);
  return program_->wait(timeout);
}

void handoff_service::restart() {
  if (program_->running() && !stop())
    throw std::runtime_error("handoff did not stop: " + log());
  start();
}

} // namespace handoff::support

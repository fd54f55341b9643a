#include "tools/bench/stand.hpp"

#include "tools/bench/figures.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace bench {

using nlohmann::json;
using namespace std::chrono;

namespace {

std::filesystem::path make_directory() {
  auto pattern =
    (std::filesystem::temp_directory_path() / "handoff-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::system_error{errno, std::generic_category(), "mkdtemp"};
  return pattern;
}

void write(const std::filesystem::path& file, const std::string& content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file} << content;
}

json script_of(const stand_options& chosen) {
  return json::array(
    {{{"path", "/projects/*/clone"},
      {"steps",
       {{{"delay", std::to_string(chosen.clone.count()) + "ms"},
         {"status", 201},
         {"body", {{"id", "p-{{seq}}"}}}}}}},
     {{"path", "/**"},
      {"steps",
       {{{"delay", std::to_string(chosen.sub_action.count()) + "ms"}}}}}});
}

json flow_of(const stand_options& chosen, const std::string& upstream) {
  const auto base = upstream + "/projects/";
  json flow{{"name", "bench"},
            {"clone",
             {{"request",
               {{"method", "POST"},
                {"url", base + "{{body/template}}/clone"},
                {"body", {{"name", "{{body/name}}"}}}}},
              {"uid", "/id"}}},
            {"sub_actions", json::array()}};
  for (std::size_t at = 1; at <= chosen.sub_actions; ++at)
    flow["sub_actions"].push_back(
      {{"name", "s" + std::to_string(at)},
       {"request",
        {{"method", "POST"},
         {"url", base + "{{uid}}/s" + std::to_string(at)}}}});
  return flow;
}

std::string get(std::uint16_t port, const std::string& path) {
  const auto answer = fire(port, {{{}, request_bytes("GET", path)}});
  if (answer[0].status != 200)
    throw std::runtime_error{"GET " + path + ": " + answer[0].failure
                             + answer[0].body};
  return answer[0].body;
}

/// The lines of an INI, one beside the other.
std::string in_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// `kept` of `all`, not rounded down: the service rounds the product down.
std::string share_of(std::size_t kept, std::size_t all) {
  constexpr double parts = 1e6;
  char text[20];
  std::snprintf(
    text, sizeof text, "%.6g",
    std::ceil(parts * static_cast<double>(kept) / static_cast<double>(all))
      / parts);
  return text;
}

} // namespace

stand::stand(const stand_options& chosen)
    : options_{chosen}, directory_{make_directory()} {
  write(directory_ / "script.json", script_of(chosen).dump());
  std::vector<std::string> command{FAKE_API_BINARY, "--port=0",
                                   "--script="
                                     + (directory_ / "script.json").string()};
  if (!chosen.recording)
    command.emplace_back("--no-record");
  fake_api_ =
    std::make_unique<program>(command, (directory_ / "fake_api.log").string());
  fake_api_port_ = fake_api_->port_after("fake_api: listening on ");
  if (options_.host.empty())
    options_.host = options_.tls ? "localhost" : "127.0.0.1";
  if (options_.tls && chosen.service == contender::handoff)
    tls_ = std::make_unique<tls_end>(directory_ / "tls", options_.host,
                                     fake_api_port_, options_.http2);
  if (chosen.service == contender::handoff)
    start_handoff();
  else
    start_baseline();
}

std::string stand::upstream() const {
  return (tls_ ? "https://" : "http://") + options_.host + ":"
       + std::to_string(tls_ ? tls_->port() : fake_api_port_);
}

std::string stand::limits_of_calls() const {
  if (options_.max_calls)
    return "max-calls = " + std::to_string(*options_.max_calls) + "\n";
  // Every held webhook has a call of its own under way; some more let the
  // sub-actions of the first begin beside the clones of the last.
  const auto calls = options_.webhooks_max + 256;
  const auto for_sub_actions =
    std::min(calls, options_.sub_action_calls.value_or(calls / 2));
  return "max-calls = " + std::to_string(calls) + "\nreserved-for-clones = "
       + share_of(calls - for_sub_actions, calls) + "\n";
}

void stand::start_handoff() {
  write(directory_ / "flows" / "bench.json",
        flow_of(options_, upstream()).dump());
  if (options_.signed_flow) {
    auto flow = flow_of(options_, upstream());
    flow["name"] = "signed";
    flow["verify"] = {{"scheme", "hmac-sha256"},
                      {"header", "X-Signature"},
                      {"secret", "bench-secret"}};
    write(directory_ / "flows" / "signed.json", flow.dump());
  }
  auto tuned =
    "[admission]\nmax-held = " + std::to_string(options_.webhooks_max + 16)
    + "\n[upstream]\n" + limits_of_calls();
  if (tls_)
    tuned +=
      std::string{"http2 = \""} + (options_.http2 ? "auto" : "off") + "\"\n";
  settings_ = in_one_line(tuned);
  if (tls_)
    tuned += "ca = \"${file:" + tls_->authority().string() + "}\"\n";
  write(directory_ / "handoff.ini",
        "[http]\nport = 0\n[admin]\nport = 0\n" + tuned
          + "[journal]\nuri = \"sqlite:" + (directory_ / "handoff.db").string()
          + "\"\n");
  std::vector<std::string> command{HANDOFF_BINARY, "serve",
                                   "--config-file="
                                     + (directory_ / "handoff.ini").string()};
  for (const auto& each : options_.arguments) {
    command.push_back(each);
    settings_ += " " + each;
  }
  service_ =
    std::make_unique<program>(command, (directory_ / "handoff.log").string());
  port_ = service_->port_after("handoff: ingress listening on ");
  admin_port_ = service_->port_after("handoff: admin listening on ");
}

void stand::start_baseline() {
  settings_ = "gunicorn, 2 workers of 32 threads, a pool of 3 each";
  ::setenv("BENCH_UPSTREAM",
           ("http://127.0.0.1:" + std::to_string(fake_api_port_)).c_str(), 1);
  ::setenv("BENCH_SUB_ACTIONS", std::to_string(options_.sub_actions).c_str(),
           1);
  // It leaves nothing in the tree.
  ::setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
  service_ = std::make_unique<program>(
    std::vector<std::string>{"/usr/bin/gunicorn", "--chdir", BASELINE_DIRECTORY,
                             "--bind=127.0.0.1:0", "--workers=2",
                             "--threads=32", "app:app"},
    (directory_ / "baseline.log").string());
  port_ = service_->port_after("Listening at: http:");
}

stand::~stand() {
  service_.reset();
  tls_.reset();
  fake_api_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void stand::print_settings() const {
  print_line("settings", settings_);
  print_line("upstream",
             "clone " + std::to_string(options_.clone.count()) + " ms, "
               + std::to_string(options_.sub_actions) + " sub-actions of "
               + std::to_string(options_.sub_action.count()) + " ms");
  print_line("called by", !options_.tls ? "HTTP, " + options_.host
                          : options_.http2
                            ? "HTTPS, HTTP/2, " + options_.host
                            : "HTTPS, HTTP/1.1, " + options_.host);
}

std::string stand::webhook(std::size_t number) {
  const auto text = std::to_string(number);
  return request_bytes("POST", "/hooks/bench",
                       json{{"template", "t"}, {"name", "n-" + text}}.dump());
}

json stand::ask_fake_api(const std::string& path) const {
  return json::parse(get(fake_api_port_, path));
}

std::map<std::string, double> stand::clones_finished() const {
  std::map<std::string, double> found;
  const auto seen = ask_fake_api("/_fake/requests?path=/projects/*/clone");
  for (const auto& each : seen.at("requests")) {
    // HTTP/2 writes the names of fields in lower case.
    const auto& fields = each.at("headers");
    const auto key =
      fields
        .at(fields.contains("Idempotency-Key") ? "Idempotency-Key"
                                               : "idempotency-key")
        .get<std::string>();
    if (each.at("outcome") == "answered")
      found[key.substr(0, key.find('.'))] = each.at("finished_ms");
  }
  return found;
}

std::size_t stand::jobs_unfinished() const {
  constexpr std::string_view name = "\nhandoff_jobs_unfinished ";
  const auto metrics = get(admin_port_, "/metrics");
  const auto found = metrics.find(name);
  if (found == std::string::npos)
    throw std::runtime_error{"no handoff_jobs_unfinished in /metrics"};
  return std::stoull(metrics.substr(found + name.size()));
}

std::size_t stand::calls_answered() const {
  return ask_fake_api("/_fake/counts?summary=1").at("answered");
}

bool stand::wait_for_jobs(std::size_t jobs, milliseconds patience) const {
  const auto end = clock::now() + patience;
  const auto wanted = jobs * (1 + options_.sub_actions);
  while (calls_answered() < wanted) {
    if (clock::now() >= end)
      return false;
    std::this_thread::sleep_for(milliseconds{20});
  }
  return true;
}

bool stand::wait_for_ends(milliseconds patience) const {
  const auto end = clock::now() + patience;
  while (jobs_unfinished() > 0) {
    if (clock::now() >= end)
      return false;
    std::this_thread::sleep_for(milliseconds{20});
  }
  return true;
}

std::map<std::string, std::size_t>
stand::statuses_of(const std::vector<std::string>& jobs) const {
  std::vector<shot> shots;
  for (const auto& each : jobs)
    shots.push_back({{}, request_bytes("GET", "/hooks/bench/jobs/" + each)});
  volley_limits limits;
  limits.open_max = 100;
  std::map<std::string, std::size_t> found;
  for (const auto& each : fire(port_, shots, limits))
    ++found[each.status == 200
              ? json::parse(each.body).at("status").get<std::string>()
              : "no answer"];
  return found;
}

std::uint64_t stand::most_at_once() const {
  return ask_fake_api("/_fake/counts?summary=1").at("max_in_flight_per_job");
}

} // namespace bench

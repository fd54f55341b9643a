#include "tests/integration/gallery_play.hpp"

#include "config/duration.hpp"
#include "tests/integration/command_test.hpp"
#include "tests/support/fake_api_fixture.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace handoff::support {

using nlohmann::json;
using nlohmann::ordered_json;
using namespace std::chrono;

namespace {

constexpr const char* secret = "gallery-secret";

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream{file};
  std::ostringstream text;
  if (!(text << stream.rdbuf()))
    throw std::runtime_error("cannot read " + file.string());
  return text.str();
}

ordered_json parsed(const std::string& text) {
  return ordered_json::parse(text, nullptr, true, true);
}

void replace_all(std::string& text, const std::string& from,
                 const std::string& to) {
  for (auto found = text.find(from); found != std::string::npos;
       found = text.find(from, found + to.size()))
    text.replace(found, from.size(), to);
}

/// Every reference to the environment gives a secret that a test can look for.
void set_environment_for(const std::string& text) {
  constexpr std::string_view begin = "${env:";
  for (auto found = text.find(begin); found != std::string::npos;
       found = text.find(begin, found + 1)) {
    const auto name = found + begin.size();
    ::setenv(text.substr(name, text.find('}', name) - name).c_str(), secret, 1);
  }
}

std::string resolved(std::string text) {
  for (auto found = text.find("${env:"); found != std::string::npos;
       found = text.find("${env:"))
    text.replace(found, text.find('}', found) + 1 - found, secret);
  return text;
}

ordered_json webhook_of(const gallery_case& one) {
  auto webhook = parsed(content_of(one.folder / "webhook.json"));
  if (const auto patch = one.what.find("webhook"); patch != one.what.end())
    webhook.merge_patch(*patch);
  return webhook;
}

/// Those of the case come first.
std::string rules_of(const gallery_case& one) {
  auto rules = one.what.value("rules", ordered_json::array());
  for (auto& each : parsed(content_of(one.folder / "api.json")))
    rules.push_back(std::move(each));
  return rules.dump();
}

void hide_job(played_case& played) {
  if (!played.job.is_object())
    return;
  const auto id = played.job.at("job").get<std::string>();
  auto lower = id;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (auto& call : played.calls) {
    std::vector<std::string*> texts{&call.what, &call.query, &call.body};
    for (auto& field : call.headers)
      texts.push_back(&field.value);
    for (auto* text : texts) {
      replace_all(*text, id, "JOB");
      replace_all(*text, lower, "job");
    }
  }
}

std::string without_host(const std::string& url) {
  const auto path = url.find('/', url.find("//") + 2);
  return path == std::string::npos ? "/" : url.substr(path);
}

std::string host_of(const std::string& url) {
  const auto begin = url.find("//") + 2;
  return url.substr(begin, url.find('/', begin) - begin);
}

/// A case as the service plays it: its names are its own, and its hosts are
/// those of the fake APIs, with the case's id in front of each path.
class served_case {
public:
  served_case(const gallery_case& one, std::uint16_t own, std::uint16_t other)
      : case_{one} {
    auto connections = content_of(one.folder / "connections.json");
    auto flow = content_of(one.folder / "flow.json");
    set_environment_for(connections + flow);
    auto known = parsed(connections);
    known.erase("$schema");
    for (const auto& each : known)
      note_host(host_of(each.at("url")), own);
    for (const auto& each : known)
      if (each.contains("/auth/token_url"_json_pointer)) {
        const auto url = each["auth"]["token_url"].get<std::string>();
        note_host(host_of(url), other);
        token_paths_.push_back(resolved(without_host(url)));
      }
    const auto hosts = parsed(flow).value("/clone/poll/hosts"_json_pointer,
                                          ordered_json::array());
    for (const auto& each : hosts)
      note_host(each, other);
    flow_ = quickened(parsed(moved(flow)));
    flow_["name"] = one.id;
    rename(flow_);
    connections_ = quickened(parsed(moved(connections)));
    connections_.erase("$schema");
  }

  const gallery_case& of() const { return case_; }

  const ordered_json& flow() const { return flow_; }

  void add_connections(ordered_json& to) const {
    for (auto [name, each] : connections_.items()) {
      auto made = each;
      if (made.contains("/auth/store"_json_pointer))
        made["auth"]["store"] = case_.id + "-" + name;
      to[case_.id + "-" + name] = made;
    }
  }

  void add_rules(json& to) const {
    auto rules = json::parse(moved(rules_of(case_)));
    for (const auto& path : token_paths_)
      rules.push_back({{"path", path},
                       {"steps",
                        {{{"body",
                           {{"access_token", "access-token-{{seq}}"},
                            {"token_type", "Bearer"},
                            {"expires_in", 3600}}}}}}});
    for (auto& rule : rules) {
      rule["path"] = prefix() + rule.value("path", "/**");
      for (auto& step : rule["steps"])
        quicken(step);
      to.push_back(rule);
    }
  }

  /// What the API was asked of this case.
  void add_requests(played_case& played, const fake_api& api) const {
    for (const auto& each : api.requests("path=" + prefix() + "/**")) {
      const auto path =
        each.at("path").get<std::string>().substr(prefix().size());
      if (std::find(token_paths_.begin(), token_paths_.end(), path)
          != token_paths_.end()) {
        ++played.token_requests;
        continue;
      }
      played_call call;
      call.what = each.at("method").get<std::string>() + ' ' + path;
      call.query = each.at("query");
      call.body = each.at("body");
      for (const auto& [from, to] : hosts_)
        replace_all(call.body, to, from);
      for (const auto& [name, value] : each.at("headers").items())
        call.headers.push_back({name, value});
      played.calls.push_back(std::move(call));
    }
  }

private:
  std::string prefix() const { return '/' + case_.id; }

  void note_host(const std::string& host, std::uint16_t port) {
    for (const auto& each : hosts_)
      if (each.first == "https://" + host)
        return;
    const auto place = "127.0.0.1:" + std::to_string(port);
    hosts_.emplace_back("https://" + host, "http://" + place + prefix());
    hosts_.emplace_back('"' + host + '"', '"' + place + '"');
  }

  std::string moved(std::string text) const {
    for (const auto& [from, to] : hosts_)
      replace_all(text, from, to);
    return text;
  }

  void rename(ordered_json& value) const {
    if (value.is_object() && value.contains("connection"))
      value["connection"] =
        case_.id + '-' + value["connection"].get<std::string>();
    for (auto& each : value)
      if (each.is_structured())
        rename(each);
  }

  static std::string shorter(milliseconds time, int times) {
    return std::to_string(std::max<std::int64_t>(time.count() / times, 1))
         + "ms";
  }

  static ordered_json quickened(ordered_json value) {
    // What waits by default would take its time.
    for (const auto* name : {"probe", "poll"})
      if (const auto found = value.find(name);
          value.is_object() && found != value.end()) {
        found->emplace("every", "2s");
        found->emplace("for", "10s");
      }
    for (auto& [name, member] : value.items()) {
      if (name == "body" || name == "form" || name == "headers")
        continue;
      const bool is_pause = name == "every" || name == "wait" || name == "after"
                         || name == "first" || name == "max";
      if (name == "for" && member.is_string())
        member = "3s";
      else if (is_pause && member.is_string()) {
        if (const auto time = parse_duration(member.get<std::string>()))
          member = shorter(*time, 200);
      } else if (member.is_structured())
        member = quickened(member);
    }
    return value;
  }

  static void quicken(json& step) {
    if (step.contains("delay"))
      step["delay"] =
        shorter(*parse_duration(step["delay"].get<std::string>()), 100);
    for (const auto* name :
         {"Retry-After", "RateLimit-Reset", "X-RateLimit-Reset"})
      if (auto& fields = step["headers"];
          fields.contains(name)
          && std::stoi(fields[name].get<std::string>()) <= 3600)
        fields[name] = "1";
    if (step["headers"].is_null())
      step.erase("headers");
  }

  const gallery_case& case_;
  std::vector<std::pair<std::string, std::string>> hosts_;
  std::vector<std::string> token_paths_;
  ordered_json flow_;
  ordered_json connections_;
};

bool is_final(const json& job) {
  const auto status = job.at("status").get<std::string>();
  return status != "cloning" && status != "running";
}

json final_job(const handoff_service& service, const http_response& answer) {
  const auto told = json::parse(answer.body, nullptr, false);
  if (!told.is_object() || !told.contains("job"))
    return nullptr;
  const auto end = steady_clock::now() + seconds{40};
  for (;;) {
    auto job = service.job(told["job"]);
    if (is_final(job) || steady_clock::now() >= end)
      return job;
    std::this_thread::sleep_for(milliseconds{10});
  }
}

} // namespace

std::vector<gallery_case> gallery_cases() {
  std::vector<gallery_case> all;
  for (const auto& each : std::filesystem::directory_iterator{
         std::filesystem::path{HANDOFF_SOURCE_DIR} / "config" / "gallery"}) {
    const auto name = each.path().filename().string();
    if (const char* chosen = std::getenv("HANDOFF_GALLERY");
        chosen != nullptr && name != chosen)
      continue;
    int number = 0;
    for (auto& what : parsed(content_of(each.path() / "cases.json")))
      all.push_back(
        {each.path(), name + '-' + std::to_string(number++), std::move(what)});
  }
  std::sort(all.begin(), all.end(), [](const auto& left, const auto& right) {
    return left.id < right.id;
  });
  return all;
}

played_case simulate(const gallery_case& one) {
  const temp_directory directory;
  set_environment_for(content_of(one.folder / "flow.json")
                      + content_of(one.folder / "connections.json"));
  directory.write("script.json", rules_of(one));
  const auto ended = run_handoff(
    {"simulate", (one.folder / "flow.json").string(), "--json",
     "--flows.connections=" + (one.folder / "connections.json").string(),
     "--script=" + (directory.path() / "script.json").string(),
     "--data=" + webhook_of(one).dump()},
    directory.path().string());
  const auto told = json::parse(ended.output, nullptr, false);
  if (told.is_discarded() || !ended.error.empty())
    throw std::runtime_error(ended.error + ended.output);
  if (ended.output.find(secret) != std::string::npos)
    throw std::runtime_error("a secret is shown: " + ended.output);
  played_case played;
  played.job = told.at("job");
  played.answer = told.at("answer").at("status");
  for (const auto& each : told.at("calls")) {
    played_call call;
    const auto target = without_host(each.at("url"));
    const auto question = std::min(target.find('?'), target.size());
    call.what =
      each.at("method").get<std::string>() + ' ' + target.substr(0, question);
    call.query = target.substr(std::min(question + 1, target.size()));
    call.body = each.at("body");
    call.at_ms = each.at("at_ms");
    for (const auto& field : each.at("headers"))
      call.headers.push_back({field.at("name"), field.at("value")});
    played.calls.push_back(std::move(call));
  }
  hide_job(played);
  return played;
}

std::vector<played_case> serve(const std::vector<gallery_case>& all) {
  std::array<fake_api, 2> apis;
  const temp_directory directory;
  std::vector<served_case> cases;
  auto connections = ordered_json::object();
  auto rules = json::array();
  for (const auto& one : all) {
    const auto& made = cases.emplace_back(one, apis[0].port(), apis[1].port());
    made.add_connections(connections);
    made.add_rules(rules);
    directory.write("flows/" + one.id + ".json", made.flow().dump());
  }
  directory.write("connections.json", connections.dump());
  for (auto& each : apis)
    each.set_script(rules);
  handoff_options options;
  options.ini["flows"] = {
    {"directory", '"' + (directory.path() / "flows").string() + '"'},
    {"connections",
     '"' + (directory.path() / "connections.json").string() + '"'}};
  options.ini["retry"] = {
    {"first", "5ms"}, {"throttled", "20ms"}, {"throttled-for", "3s"}};
  const handoff_service service{options};
  std::vector<std::future<played_case>> under_way;
  for (const auto& one : cases)
    under_way.push_back(std::async(std::launch::async, [&] {
      const auto answer =
        service.post(one.of().id, json::parse(webhook_of(one.of()).dump()));
      played_case played;
      played.answer = answer.status;
      played.job = final_job(service, answer);
      for (const auto& api : apis)
        one.add_requests(played, api);
      hide_job(played);
      return played;
    }));
  std::vector<played_case> played;
  for (auto& each : under_way)
    played.push_back(each.get());
  return played;
}

} // namespace handoff::support

// What http/admin/openapi.json promises, held against what the service really
// answers: every route of it, in its success and in what it refuses.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <cctype>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace handoff::support {

class OpenApiTest : public ServiceTest {
protected:
  /// Asks a route of the document and writes down what came; gives the answer.
  http_response ask(const std::string& method, const std::string& path,
                    const std::map<std::string, std::string>& values = {},
                    const std::string& query = {}, handoff::headers fields = {},
                    const std::string& body = {}) {
    auto target = path;
    for (const auto& [name, value] : values)
      if (const auto at = target.find('{' + name + '}');
          at != std::string::npos)
        target.replace(at, name.size() + 2, value);
    const bool is_ingress = path.starts_with("/hooks/");
    if (is_ingress && !body.empty())
      fields.push_back({"Content-Type", "application/json"});
    auto answer = request(is_ingress ? service->port() : service->admin_port(),
                          method, target + query, std::move(fields), body);
    write_down(method, path, answer);
    return answer;
  }

  /// Listens to what happens, as far as the head of the answer.
  void follow_events() {
    http_connection listener{service->admin_port()};
    listener.send_request("GET", "/api/v1/events");
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos)
      head += listener.receive();
    ASSERT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
    ASSERT_THAT(head, ::testing::HasSubstr("text/event-stream"));
    http_response answer;
    answer.status = 200;
    answer.headers = {{"Content-Type", "text/event-stream"}};
    write_down("GET", "/api/v1/events", answer);
  }

  http_response order(const std::string& job, const std::string& verb,
                      const std::string& body = {},
                      const std::string& query = {}) {
    return ask("POST", "/api/v1/jobs/{job}/" + verb, {{"job", job}}, query, {},
               body);
  }

  http_response hook(const std::string& body, handoff::headers fields = {},
                     const std::string& name = "setup") {
    return ask("POST", "/hooks/{flow}", {{"flow", name}}, {}, std::move(fields),
               body);
  }

  void send_webhooks() {
    const auto good = hook(hook_body, {{"Idempotency-Key", "k"}});
    ASSERT_EQ(good.status, 200) << good.body;
    succeeded = good.json().at("job");
    EXPECT_EQ(hook(hook_body, {{"Idempotency-Key", "k"}}).status, 200);
    EXPECT_EQ(hook("{}", {{"Idempotency-Key", "k"}}).status, 422);
    service->wait_for_job(succeeded, "succeeded");
    EXPECT_EQ(hook("{").status, 400);
    EXPECT_EQ(hook("{}").status, 400); // the template asks for a member
    EXPECT_EQ(hook(hook_body, {}, "other").status, 404);
    for (const auto& [job, code] :
         {std::pair{succeeded, 200}, std::pair{unknown, 404}})
      EXPECT_EQ(ask("GET", "/hooks/{flow}/jobs/{job}",
                    {{"flow", "setup"}, {"job", job}})
                  .status,
                code);
    const auto later = hook(hook_body, {{"Prefer", "respond-async"}});
    EXPECT_EQ(later.status, 202);
    failed = later.json().at("job");
    service->wait_for_job(failed, "failed");
    EXPECT_EQ(hook(hook_body).status, 502);
    const auto unclear = hook(hook_body);
    EXPECT_EQ(unclear.status, 202);
    ambiguous = unclear.json().at("job");
  }

  void ask_for_handshakes() {
    const auto ask_flow = [this](const std::string& query,
                                 const std::string& name = "setup") {
      return ask("GET", "/hooks/{flow}", {{"flow", name}}, query).status;
    };
    EXPECT_EQ(ask_flow("?challenge=c"), 200);
    EXPECT_EQ(ask_flow("?challenge="), 404);
    EXPECT_EQ(ask_flow("", "other"), 404);
  }

  void give_orders() {
    EXPECT_EQ(order(failed, "retry", {}, "?sub_action=s2").status, 200);
    service->wait_for_job(failed, "succeeded");
    EXPECT_EQ(order(failed, "retry", {}, "?x=1").status, 400);
    EXPECT_EQ(
      ask("POST", "/api/v1/jobs/retry", {}, "?dry_run=true", {}, "").status,
      200);
    EXPECT_EQ(order(unknown, "retry").status, 404);
    EXPECT_EQ(order(ambiguous, "resolve", "{}").status, 400);
    EXPECT_EQ(order(ambiguous, "resolve", R"({"uid":"p-77"})").status, 200);
    service->wait_for_job(ambiguous, "succeeded");
    EXPECT_EQ(order(ambiguous, "resolve", R"({"clone":"again"})").status, 409);
    wait_until_at_rest();
    EXPECT_EQ(order(ambiguous, "cancel").status, 409);
  }

  /// A job is let go of a moment after its end is journaled; until then it can
  /// be told to begin nothing more, which is no conflict.
  void wait_until_at_rest() {
    const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds{10};
    const auto under_way = [this] {
      return service->admin("GET", "/api/v1/supervisor")
        .json()
        .at("under_way")
        .at("jobs");
    };
    while (under_way() != 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
  }

  void look_around() {
    for (const auto& job : {succeeded, failed, ambiguous})
      EXPECT_EQ(ask("GET", one_job, {{"job", job}}).status, 200);
    EXPECT_EQ(ask("GET", one_job, {{"job", unknown}}).status, 404);
    for (const auto* each :
         {"/livez", "/readyz", "/metrics", "/openapi.json", "/api/v1/jobs",
          "/api/v1/flows", "/api/v1/webhooks", "/api/v1/supervisor",
          "/api/v1/connections", "/api/v1/overview", "/api/v1/nodes", "/"})
      EXPECT_EQ(ask("GET", each).status, 200);
    for (const auto& [file, code] : {std::pair{"style.css", 200},
                                     {"app.js", 200},
                                     {"icon.svg", 200},
                                     {"none.js", 404}})
      EXPECT_EQ(ask("GET", "/assets/{file}", {{"file", file}}).status, code);
    follow_events();
    const auto page = ask("GET", "/api/v1/jobs", {}, "?limit=1&flow=setup");
    EXPECT_TRUE(page.json().at("next").is_string());
    EXPECT_EQ(ask("GET", "/api/v1/jobs", {}, "?limit=0").status, 400);
    EXPECT_EQ(ask("POST", "/api/v1/flows/reload").status, 200);
    EXPECT_EQ(ask("GET", "/livez", {}, {}, {{"Host", "evil.example"}}).status,
              421);
    EXPECT_EQ(ask("POST", "/api/v1/flows/reload", {}, {},
                  {{"Origin", "http://evil.example"}})
                .status,
              403);
  }

  void cancel_a_job_under_way() {
    script(on("/projects/*/s1", hang), on("/projects/*/s2", hang),
           on("/projects/*/s3", status(503), hang));
    const auto job = accept_job();
    ASSERT_TRUE(wait_for_in_flight(3));
    const auto shown = ask("GET", one_job, {{"job", job}});
    EXPECT_EQ(shown.json().at("status"), "running");
    EXPECT_THAT(shown.json().at("callbacks"), ::testing::SizeIs(1));
    EXPECT_EQ(order(job, "cancel").status, 200);
  }

  /// The path with something that is there for each of its parameters.
  std::string filled_in(std::string path) const {
    for (const auto& [name, value] : {std::pair{"{flow}", "setup"},
                                      {"{job}", unknown.c_str()},
                                      {"{file}", "app.js"}})
      if (const auto found = path.find(name); found != std::string::npos)
        path.replace(found, std::string_view{name}.size(), value);
    return path;
  }

  /// Holds all answers so far against the document that the service serves.
  void check_answers() {
    temp_directory files;
    files.write("answers", answers_);
    files.write("openapi.json", service->admin("GET", "/openapi.json").body);
    process::options chosen;
    chosen.arguments = {HANDOFF_OPENAPI_MODULES, "check_answers.mjs",
                        (files.path() / "openapi.json").string(),
                        (files.path() / "answers").string()};
    process checking{HANDOFF_SOURCE_DIR "/tests/openapi/run.sh", chosen};
    const auto code = checking.wait(std::chrono::seconds{100});
    EXPECT_EQ(code, 0) << checking.standard_output()
                       << checking.standard_error();
  }

  static json get_handshake() {
    return json::array(
      {{{"method", "GET"},
        {"when", {{"value", "{{query/challenge}}"}, {"empty", false}}},
        {"verified", false},
        {"reply", {{"text", "{{query/challenge}}"}}}}});
  }

  const std::string unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  const std::string hook_body = R"({"template":"t"})";
  const std::string one_job = "/api/v1/jobs/{job}";
  std::string succeeded;
  std::string failed;
  std::string ambiguous;

private:
  void write_down(const std::string& method, const std::string& path,
                  const http_response& answer) {
    json seen{{"method", method},
              {"path", path},
              {"status", answer.status},
              {"headers", json::object()},
              {"body", answer.body}};
    for (const auto& [name, value] : answer.headers)
      seen["headers"][lower_case(name)] = value;
    answers_ += seen.dump() + '\n';
  }

  std::string answers_;
};

TEST_F(OpenApiTest, IsServedWithoutToken) {
  options.ini["admin"]["token"] = "\"of-the-operator\"";
  start();
  const auto answer = request(service->admin_port(), "GET", "/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.json().at("openapi"), "3.1.0");
}

TEST_F(OpenApiTest, DescribesWhatEachRouteAnswers) {
  flow["handshake"] = get_handshake();
  flow["callback"] = {{"url", api.url("/told")},
                      {"on", json::array({"cloned", "failed"})}};
  script(on("/projects/*/clone", ok, ok, status(403), reset, ok),
         on("/projects/*/s1", status(503), ok),
         on("/projects/*/s2", ok, status(404), ok));
  const temp_directory files;
  const json auth{{"type", "oauth2"},
                  {"token_url", api.url("/token")},
                  {"client_id", "me"},
                  {"client_secret", "hush-hush-hush"}};
  files.write("connections.json",
              json{{"plain", {{"url", api.url("/")}}},
                   {"graph", {{"url", api.url("/")}, {"auth", auth}}}}
                .dump());
  options.ini["flows"]["connections"] =
    '"' + (files.path() / "connections.json").string() + '"';
  start();
  send_webhooks();
  ask_for_handshakes();
  give_orders();
  look_around();
  cancel_a_job_under_way();
  check_answers();
}

TEST_F(OpenApiTest, DescribesWhatAsksForTheToken) {
  options.ini["admin"]["token"] = "\"of-the-operator\"";
  start();
  const auto document = service->admin("GET", "/openapi.json").json();
  for (const auto& [path, item] : document.at("paths").items()) {
    if (item.contains("servers"))
      continue;
    for (const auto& [method, operation] : item.items()) {
      std::string name = method;
      for (auto& each : name)
        each = static_cast<char>(std::toupper(each));
      const auto answer = request(service->admin_port(), name, filled_in(path));
      const bool is_open =
        operation.value("security", json()) == json::array({json::object()});
      EXPECT_EQ(answer.status, is_open ? 200 : 401) << method << ' ' << path;
      EXPECT_EQ(operation.at("responses").contains("401"), !is_open) << path;
    }
  }
}

TEST_F(OpenApiTest, DescribesEachMethodThatARouteTakes) {
  flow["handshake"] = get_handshake();
  start();
  const auto document = service->admin("GET", "/openapi.json").json();
  for (const auto& [path, item] : document.at("paths").items()) {
    const auto answer = request(
      item.contains("servers") ? service->port() : service->admin_port(),
      "DELETE", filled_in(path));
    EXPECT_EQ(answer.status, 405) << path;
    EXPECT_EQ(answer.header("Allow"), !item.contains("get")   ? "POST"
                                      : item.contains("post") ? "POST, GET"
                                                              : "GET, HEAD")
      << path;
  }
}

} // namespace handoff::support

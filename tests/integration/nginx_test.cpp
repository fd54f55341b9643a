// Goal: the nginx.conf that ships does what docs/security.md says of it.
// Method: the real nginx with that file, but for ports and paths, a throw-away
// certificate, curl as the sender, and the running service behind it.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace handoff::support {

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

const std::string nginx = "/usr/sbin/nginx";

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* any = reinterpret_cast<sockaddr*>(&at);
  const bool good =
    ::bind(fd, any, size) == 0 && ::getsockname(fd, any, &size) == 0;
  ::close(fd);
  return good ? ntohs(at.sin_port) : std::uint16_t{0};
}

} // namespace

class NginxTest : public ServiceTest {
protected:
  void SetUp() override {
    for (const std::string& program :
         {nginx, std::string{"/usr/bin/curl"}, std::string{"/usr/bin/openssl"}})
      if (::access(program.c_str(), X_OK) != 0)
        GTEST_SKIP() << program << " is not there; tools/setup.sh installs it";
    options.ini["deadline"]["limit"] = "10s";
    // More than nginx lets through, so that it is nginx that refuses.
    options.ini["http"]["max-body"] = "\"2MiB\"";
    flow["sub_actions"] = json::array();
    start();
    make_certificate();
    start_nginx();
  }

  struct https_answer {
    int status = 0;
    std::string head;
    std::string body;
  };

  https_answer send(std::vector<std::string> arguments,
                    const std::string& path) {
    const auto head = files_.path() / "head";
    arguments.insert(arguments.end(),
                     {"--silent", "--show-error", "--max-time", "20",
                      "--cacert", file("cert.pem"), "--dump-header",
                      head.string(), "--path-as-is",
                      "https://localhost:" + std::to_string(port_) + path});
    process curl{"/usr/bin/curl",
                 {.arguments = std::move(arguments),
                  .environment = {},
                  .working_directory = {}}};
    EXPECT_EQ(curl.wait(std::chrono::seconds{30}), 0)
      << curl.standard_error() << nginx_->standard_error();
    std::ifstream stream{head};
    https_answer made;
    made.head = {std::istreambuf_iterator<char>{stream}, {}};
    made.status = std::stoi(made.head.substr(made.head.find(' ') + 1, 3));
    made.body = curl.standard_output();
    return made;
  }

  std::string file(const std::string& name) const {
    return (files_.path() / name).string();
  }

  void write_body(std::size_t bytes) const {
    files_.write(
      "body",
      json{{"template", "t"}, {"filler", std::string(bytes, 'x')}}.dump());
  }

  std::unique_ptr<process> nginx_;

private:
  void make_certificate() {
    process openssl{
      "/usr/bin/openssl",
      {.arguments = {"req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                     "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                     "-keyout", file("key.pem"), "-out", file("cert.pem")},
       .environment = {},
       .working_directory = {}}};
    ASSERT_EQ(openssl.wait(std::chrono::seconds{30}), 0)
      << openssl.standard_error();
  }

  /// The file that ships, with what has to be of this test's own.
  std::string configuration() {
    std::ifstream stream{HANDOFF_SOURCE_DIR "/config/nginx.conf"};
    std::string text{std::istreambuf_iterator<char>{stream}, {}};
    const auto put = [&](const std::string& old, const std::string& mine) {
      const auto at = text.find(old);
      if (at == std::string::npos)
        ADD_FAILURE() << "the shipped nginx.conf has no " << old;
      else
        text.replace(at, old.size(), mine);
    };
    put("/run/nginx.pid", file("pid"));
    put("/var/log/nginx/error.log", "stderr");
    put("/var/log/nginx/handoff.log", file("access.log"));
    put("/etc/handoff/cert.pem", file("cert.pem"));
    put("/etc/handoff/key.pem", file("key.pem"));
    put("listen 443", "listen 127.0.0.1:" + std::to_string(port_));
    put("127.0.0.1:8080", "127.0.0.1:" + std::to_string(service->port()));
    std::string folders;
    for (const std::string kind :
         {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      folders += kind + "_temp_path " + file(kind) + ";\n";
    put("http {\n", "http {\n" + folders);
    return text;
  }

  /// Another process may take the port meanwhile: then once more.
  void start_nginx() {
    for (int attempt = 0; attempt < 3; ++attempt) {
      port_ = free_port();
      files_.write("nginx.conf", configuration());
      nginx_ = std::make_unique<process>(
        nginx,
        process::options{.arguments = {"-p", files_.path().string(), "-e",
                                       "stderr", "-c", file("nginx.conf"), "-g",
                                       "daemon off; master_process off;"},
                         .environment = {},
                         .working_directory = {}});
      for (int i = 0; i < 200 && nginx_->running(); ++i) {
        try {
          http_connection{port_};
          return;
        } catch (const http_client_error&) {
          std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
      }
    }
    FAIL() << nginx_->standard_error();
  }

  temp_directory files_;
  std::uint16_t port_ = 0;
};

TEST_F(NginxTest, HandsOnWebhooksAndWaitsForTheirUid) {
  script(on("/projects/*/clone", json{{"delay", "2s"}}));
  const auto held = send({"--data", R"({"template":"t"})"},
                         "/hooks/setup?token=not-to-be-logged");
  EXPECT_EQ(held.status, 200) << held.body;
  const auto answer = json::parse(held.body);
  EXPECT_TRUE(answer.contains("uid"));
  EXPECT_THAT(held.head, HasSubstr("/hooks/setup/jobs/"));
  const auto job = answer.at("job").get<std::string>();
  const auto seen = send({}, "/hooks/setup/jobs/" + job);
  EXPECT_EQ(seen.status, 200) << seen.body;
  EXPECT_EQ(json::parse(seen.body).at("uid"), answer.at("uid"));

  std::ifstream stream{file("access.log")};
  const std::string log{std::istreambuf_iterator<char>{stream}, {}};
  EXPECT_THAT(log, HasSubstr("POST /hooks/setup"));
  EXPECT_THAT(log, Not(HasSubstr("not-to-be-logged")));
}

TEST_F(NginxTest, ShowsNothingButHooks) {
  for (const std::string path :
       {"/", "/api/v1/jobs", "/livez", "/readyz", "/metrics", "/openapi.json",
        "/hooks", "/hooks/../api/v1/jobs", "/hooks/%2e%2e/livez",
        "/x/hooks/setup"}) {
    const auto answer = send({}, path);
    EXPECT_EQ(answer.status, 404) << path << answer.body;
    EXPECT_THAT(answer.head, HasSubstr("application/problem+json")) << path;
  }
  // Nobody of these has come any further.
  EXPECT_EQ(send({}, "/hooks/nope").status, 404);
  EXPECT_EQ(send({"--request", "DELETE"}, "/hooks/setup").status, 405);
  EXPECT_EQ(send({"--request", "PUT", "--data", "{}"}, "/hooks/setup").status,
            405);
}

TEST_F(NginxTest, RefusesWhatIsTooLargeAndPassesProblemsOn) {
  write_body(1'100'000);
  const auto refused =
    send({"--data-binary", "@" + file("body")}, "/hooks/setup");
  EXPECT_EQ(refused.status, 413) << refused.body;
  EXPECT_EQ(json::parse(refused.body).at("status"), 413);
  write_body(900'000);
  EXPECT_EQ(send({"--data-binary", "@" + file("body")}, "/hooks/setup").status,
            200);
  const auto problem = send({"--data", "{"}, "/hooks/setup");
  EXPECT_EQ(problem.status, 400);
  EXPECT_EQ(json::parse(problem.body).at("type"), "/problems/invalid-request");
}

TEST_F(NginxTest, TellsThatTheServiceIsAway) {
  service->stop();
  const auto answer = send({"--data", "{}"}, "/hooks/setup");
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("etry-"));
  EXPECT_EQ(json::parse(answer.body).at("status"), 503);
}

} // namespace handoff::support

// Goal: a value stays in its segment for an upstream that decodes a path before
// it routes. Method: the real nginx in front of the fake API, with a URI in
// proxy_pass, which is what makes nginx decode and resolve the path; the flow's
// base has a neighbour that only a value could lead to.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace handoff::support {

using ::testing::HasSubstr;

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

class NginxUpstreamTest : public ServiceTest {
protected:
  void SetUp() override {
    if (::access(nginx.c_str(), X_OK) != 0)
      GTEST_SKIP() << nginx << " is not there; tools/setup.sh installs it";
    start_nginx();
    flow["sub_actions"] = json::array();
  }

  std::string through_nginx(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  /// Posts a value for the path, and gives what came to the API.
  json calls_for(const std::string& value) {
    api.reset();
    status_ = service->post("setup", {{"v", value}}).status;
    return api.requests();
  }

  int status_ = 0;

private:
  /// Another process may take the port meanwhile: then once more.
  void start_nginx() {
    const auto at = [&](const std::string& name) {
      return (files_.path() / name).string();
    };
    for (int attempt = 0; attempt < 3; ++attempt) {
      port_ = free_port();
      const auto upstream = "http://127.0.0.1:" + std::to_string(api.port());
      std::string text = "pid " + at("pid") + ";\nerror_log stderr;\n"
                       + "events {}\nhttp {\naccess_log off;\n";
      for (const std::string kind :
           {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        text += kind + "_temp_path " + at(kind) + ";\n";
      text += "server { listen 127.0.0.1:" + std::to_string(port_) + ";\n"
            + "location /api/ { proxy_pass " + upstream + "/public/; }\n"
            + "location / { proxy_pass " + upstream + "/internal/; } } }\n";
      files_.write("nginx.conf", text);
      nginx_ = std::make_unique<process>(
        nginx,
        process::options{.arguments = {"-p", files_.path().string(), "-e",
                                       "stderr", "-c", at("nginx.conf"), "-g",
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
  std::unique_ptr<process> nginx_;
  std::uint16_t port_ = 0;
};

TEST_F(NginxUpstreamTest, IsLedNowhereElseByAValue) {
  flow["clone"]["request"] = {
    {"method", "POST"}, {"url", through_nginx("/api/p/{{body/v}}/clone")}};
  start();
  for (const std::string value :
       {"..", "../..", "../../admin", "..%2f..%2fadmin", "%2e%2e", "%252e%252e",
        "..%2Fadmin", "..\\..\\admin", "..;/admin", "a/../../admin", "//admin",
        "%2e%2e%2f%2e%2e%2fadmin", "..%00"}) {
    EXPECT_EQ(calls_for(value), json::array()) << value;
    EXPECT_EQ(status_, 400) << value;
  }
  for (const std::string value :
       {"plain", "...", "..a", "100%", "a;b=..", "a?b#c", "Größe & more"}) {
    const auto calls = calls_for(value);
    ASSERT_EQ(calls.size(), 1u) << value;
    EXPECT_THAT(calls[0]["path"].get<std::string>(),
                ::testing::StartsWith("/public/p/"))
      << value;
    EXPECT_THAT(calls[0]["path"].get<std::string>(),
                ::testing::EndsWith("/clone"))
      << value;
  }
}

TEST_F(NginxUpstreamTest, TakesSegmentsWhereTheFlowAsksForThem) {
  flow["clone"]["request"] = {
    {"method", "POST"},
    {"url", through_nginx("/api/f/{{body/v | segments}}/clone")}};
  start();
  const auto calls = calls_for("a b/c/d");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["path"], "/public/f/a%20b/c/d/clone");
  for (const std::string value :
       {"a/../../../admin", "a//b", "/a", "a/%2e%2e/b", "a/..;x/b",
        "a%2f..%2f..%2fb"}) {
    EXPECT_EQ(calls_for(value), json::array()) << value;
    EXPECT_EQ(status_, 400) << value;
  }
}

} // namespace handoff::support

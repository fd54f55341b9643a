#include "tools/bench/tls_end.hpp"

#include "tools/bench/sender.hpp"

#include <arpa/inet.h>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bench {

namespace {

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const bool found =
    ::bind(fd, any, size) == 0 && ::getsockname(fd, any, &size) == 0;
  ::close(fd);
  if (!found)
    throw std::runtime_error{"no free port"};
  return ntohs(address.sin_port);
}

/// Whether somebody accepts connections there within five seconds, while
/// `server` runs.
bool accepts(std::uint16_t port, const program& server) {
  volley_limits limits;
  limits.patience = std::chrono::milliseconds{100};
  const auto end = clock::now() + std::chrono::seconds{5};
  try {
    while (clock::now() < end) {
      // It refuses plain HTTP, with 400.
      if (fire(port, {{{}, request_bytes("GET", "/")}}, limits)[0].status != 0)
        return true;
      static_cast<void>(server.used());
      ::usleep(10'000);
    }
  } catch (const std::runtime_error&) { // it has ended
  }
  return false;
}

} // namespace

tls_end::tls_end(std::filesystem::path directory, const std::string& host,
                 std::uint16_t api_port, bool http2)
    : directory_{std::move(directory)} {
  std::filesystem::create_directories(directory_);
  make_certificates(host);
  // Somebody else may take the port meanwhile.
  for (int attempt = 0; attempt < 3; ++attempt) {
    port_ = free_port();
    std::ofstream{directory_ / "nginx.conf"} << configuration(api_port, http2);
    nginx_ = std::make_unique<program>(
      std::vector<std::string>{"/usr/sbin/nginx", "-p", directory_.string(),
                               "-e", "stderr", "-c",
                               (directory_ / "nginx.conf").string(), "-g",
                               "daemon off; master_process off;"},
      (directory_ / "nginx.log").string());
    if (accepts(port_, *nginx_))
      return;
  }
  throw std::runtime_error{"nginx does not start; tools/setup.sh installs it"};
}

void tls_end::make_certificates(const std::string& host) const {
  const auto file = [&](const char* name) {
    return (directory_ / name).string();
  };
  const auto request = [&](const std::string& name, const std::string& subject,
                           std::vector<std::string> more) {
    std::vector<std::string> command{"/usr/bin/openssl",
                                     "req",
                                     "-x509",
                                     "-newkey",
                                     "ec",
                                     "-pkeyopt",
                                     "ec_paramgen_curve:P-256",
                                     "-nodes",
                                     "-days",
                                     "2",
                                     "-subj",
                                     "/CN=" + subject,
                                     "-keyout",
                                     file((name + ".key").c_str()),
                                     "-out",
                                     file((name + ".pem").c_str())};
    command.insert(command.end(), more.begin(), more.end());
    program openssl{command, file((name + ".log").c_str())};
    const auto said = openssl.output_at_end(std::chrono::seconds{20});
    if (!std::filesystem::exists(file((name + ".pem").c_str())))
      throw std::runtime_error{"openssl made no certificate:\n" + said};
  };
  request("ca", "Bench authority", {});
  request("server", host,
          {"-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-addext",
           "subjectAltName=DNS:" + host, "-addext",
           "basicConstraints=critical,CA:FALSE"});
}

std::string tls_end::configuration(std::uint16_t api_port, bool http2) const {
  std::string text = "pid nginx.pid;\nworker_rlimit_nofile 65536;\n"
                     "events { worker_connections 40000; }\n"
                     "http {\naccess_log off;\n";
  for (const std::string kind :
       {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += kind + "_temp_path " + (directory_ / kind).string() + ";\n";
  text += "upstream api { server 127.0.0.1:" + std::to_string(api_port)
        + "; keepalive 512; }\n"
          "server {\n  listen 127.0.0.1:"
        + std::to_string(port_) + " ssl" + (http2 ? " http2" : "")
        + " backlog=4096;\n"
          "  ssl_certificate server.pem;\n  ssl_certificate_key server.key;\n"
          "  ssl_protocols TLSv1.2 TLSv1.3;\n"
          "  ssl_session_cache shared:tls:10m;\n"
          "  location / {\n    proxy_pass http://api;\n"
          "    proxy_http_version 1.1;\n"
          "    proxy_set_header Connection \"\";\n"
          "    proxy_read_timeout 120s;\n  }\n}\n}\n";
  return text;
}

} // namespace bench

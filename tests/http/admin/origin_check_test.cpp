#include "http/admin/origin_check.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

/// The status that a request with these fields is refused with; 0 for none.
int status_of(const std::string& method, headers fields,
              const std::string& address = "127.0.0.1") {
  http_request request;
  request.method = method;
  request.headers = std::move(fields);
  const auto refused = origin_check{address}.refuse(request);
  return refused ? http_status(refused->kind) : 0;
}

int status_of_host(const std::string& host,
                   const std::string& address = "127.0.0.1") {
  return status_of("GET", {{"Host", host}}, address);
}

TEST(OriginCheckTest, TakesHostsThatNobodyCanPointElsewhere) {
  for (const auto* host :
       {"127.0.0.1", "127.0.0.1:8081", "127.0.0.1:", "192.168.1.2:80",
        "localhost", "LocalHost:65535", "[::1]", "[fe80::1]:8081"})
    EXPECT_EQ(status_of_host(host), 0) << host;
  EXPECT_EQ(status_of_host("admin.internal:8081", "admin.internal"), 0);
  EXPECT_EQ(status_of("GET", {}), 0);
}

TEST(OriginCheckTest, RefusesOtherHosts) {
  for (const auto* host :
       {"evil.example", "evil.example:8081", "localhost.", "localhost.evil",
        "xlocalhost", "localhost:80x", "localhost:123456", "127.0.0.1x",
        "127.1", "0x7f000001", "2130706433", "::1", "[::1", "[::1]x",
        "[localhost]", "[127.0.0.1]", "", ":8081", "[]"})
    EXPECT_EQ(status_of_host(host), 421) << host;
}

TEST(OriginCheckTest, TakesTheNamesThatItIsGiven) {
  const origin_check check{"0.0.0.0", {"handoff-admin", "Handoff.internal"}};
  const auto status_of_named = [&](const std::string& host) {
    http_request request;
    request.method = "GET";
    request.headers = {{"Host", host}};
    const auto refused = check.refuse(request);
    return refused ? http_status(refused->kind) : 0;
  };
  for (const auto* host : {"handoff-admin", "HANDOFF-ADMIN:8081",
                           "handoff.internal", "handoff.internal.:8081"})
    EXPECT_EQ(status_of_named(host), 0) << host;
  for (const auto* host :
       {"handoff-admin.evil.example", "xhandoff-admin", "internal", "",
        "handoff-admin..", ".", "handoff-admin, handoff.internal"})
    EXPECT_EQ(status_of_named(host), 421) << host;
}

TEST(OriginCheckTest, RefusesWhatPagesOfOthersSend) {
  const header host{"Host", "localhost:8081"};
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    EXPECT_EQ(status_of(method, {host}), 0);
    for (const auto* origin :
         {"http://localhost:8081", "https://localhost:8081",
          "HTTP://LOCALHOST:8081"})
      EXPECT_EQ(status_of(method, {host, {"Origin", origin}}), 0) << origin;
    for (const auto* origin :
         {"null", "http://evil.example", "http://localhost",
          "http://localhost:80811", "http://127.0.0.1:8081", "localhost:8081",
          "//localhost:8081", "file://localhost:8081", ""})
      EXPECT_EQ(status_of(method, {host, {"Origin", origin}}), 403) << origin;
    for (const auto* site : {"cross-site", "same-site", "whatever", ""})
      EXPECT_EQ(status_of(method, {host, {"Sec-Fetch-Site", site}}), 403);
    for (const auto* site : {"same-origin", "none", "None"})
      EXPECT_EQ(status_of(method, {host, {"Sec-Fetch-Site", site}}), 0);
  }
  EXPECT_EQ(status_of("POST", {{"Origin", "http://localhost"}}), 403);
}

TEST(OriginCheckTest, LetsPagesOfOthersAskForWhatTheyCannotRead) {
  const headers fields{{"Host", "localhost"},
                       {"Origin", "http://evil.example"},
                       {"Sec-Fetch-Site", "cross-site"}};
  for (const auto* method : {"GET", "HEAD", "OPTIONS"})
    EXPECT_EQ(status_of(method, fields), 0);
}

TEST(OriginCheckTest, ShowsLittleOfWhatWasSent) {
  http_request request;
  request.headers = {{"Host", std::string(60'000, 'x')}};
  EXPECT_LT(origin_check{"::1"}.refuse(request)->detail.size(), 300u);
}

} // namespace
} // namespace handoff

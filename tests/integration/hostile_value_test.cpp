// Goal: what a sender or an upstream writes into a value stays a value: it
// changes neither where a call goes nor what else is in it. Method: hostile
// values in every place of a call, and a look at what two fake APIs saw: one
// that is meant, and one that only a value names.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <array>

namespace handoff::support {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class HostileValueTest : public ServiceTest {
protected:
  HostileValueTest() {
    options.ini["upstream"]["breaker-failures"] = "0";
    flow["sub_actions"] = json::array();
  }

  /// Values that would lead elsewhere if they were taken as they are.
  std::vector<std::string> hostile_values() const {
    const auto evil = std::to_string(evil_.port());
    return {"../../admin",
            "..",
            ".",
            "../",
            "%2e%2e",
            "%2e%2e%2f",
            ".%2e",
            "..%00",
            "//127.0.0.1:" + evil + "/x",
            "/\\127.0.0.1:" + evil,
            "http://127.0.0.1:" + evil + "/x",
            "@127.0.0.1:" + evil + "/x",
            ":80@127.0.0.1:" + evil,
            "?x=1&y=2",
            "#fragment",
            "a;b=c",
            "a&b=c",
            "a=b",
            "a b+c",
            "\r\nX-Injected: 1",
            "\nX-Injected: 1",
            "\rX-Injected: 1",
            "x\r\n\r\nGET /second HTTP/1.1\r\nHost: h\r\n\r\n",
            std::string("a\0b", 3),
            "\x7f\x1b[2J",
            "\xe2\x80\xae\xc2\x85",
            "{{job}}",
            "${env:HOME}",
            "{{body/other}}",
            "\",\"injected\":\"1",
            "'; DROP TABLE jobs; --",
            "%",
            "%zz",
            "%0d%0a",
            std::string(1'900, 'A'),
            ""};
  }

  /// Of these values, what a server may take for a way out of the segment.
  static bool refused_in_a_path(const std::string& value) {
    return value.empty() || value == "." || value.starts_with("..")
        || value.find_first_of("/\\") != std::string::npos
        || value.find("%2e") != std::string::npos;
  }

  static std::string encoded(const std::string& value) {
    static constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string made;
    for (const char each : value) {
      if (plain.find(each) != std::string_view::npos) {
        made += each;
        continue;
      }
      std::array<char, 4> hex{};
      std::snprintf(hex.data(), hex.size(), "%%%02X",
                    static_cast<unsigned>(static_cast<unsigned char>(each)));
      made += hex.data();
    }
    return made;
  }

  /// Whatever was called, it was nobody whom only a value names, and without a
  /// field that only a value has.
  void expect_only_what_the_flow_says(const std::string& value) {
    EXPECT_EQ(evil_.counts()["requests"], 0) << value;
    for (const auto& seen : api.requests()) {
      EXPECT_EQ(seen["method"], "POST") << value;
      EXPECT_FALSE(seen["headers"].contains("X-Injected")) << value;
      EXPECT_EQ(seen["headers"].at("Host"),
                "127.0.0.1:" + std::to_string(api.port()))
        << value;
    }
  }

  fake_api evil_;
};

TEST_F(HostileValueTest, StaysWithinItsSegmentOfThePath) {
  flow["clone"]["request"]["url"] = api.url("/p/{{body/v}}/clone");
  flow["clone"]["request"].erase("body");
  start();
  for (const auto& value : hostile_values()) {
    api.reset();
    const auto answer = service->post("setup", {{"v", value}});
    const auto seen = api.requests();
    expect_only_what_the_flow_says(value);
    if (refused_in_a_path(value)) {
      EXPECT_EQ(seen.size(), 0u) << value;
      EXPECT_GE(answer.status, 400) << value;
      EXPECT_THAT(answer.body, HasSubstr("{{body/v}}")) << value;
      continue;
    }
    ASSERT_EQ(seen.size(), 1u) << value << answer.body;
    EXPECT_EQ(seen[0]["path"], "/p/" + encoded(value) + "/clone");
    EXPECT_EQ(seen[0]["query"], "");
  }
}

TEST_F(HostileValueTest, StaysWithinItsParameterHeaderAndMember) {
  flow["clone"]["request"]["url"] = api.url("/clone?q={{body/v}}&end=1");
  flow["clone"]["request"]["headers"] = {{"X-Value", "<{{body/v}}>"}};
  flow["clone"]["request"]["body"] = {{"v", "{{body/v}}"},
                                      {"in", "<{{body/v}}>"}};
  start();
  for (const auto& value : hostile_values()) {
    api.reset();
    const auto answer = service->post("setup", {{"v", value}});
    const auto seen = api.requests();
    expect_only_what_the_flow_says(value);
    const bool has_control =
      std::any_of(value.begin(), value.end(), [](char each) {
        return (each >= 0 && each < 0x20) || each == 0x7f;
      });
    if (has_control) {
      EXPECT_EQ(seen.size(), 0u) << value;
      EXPECT_THAT(answer.body, HasSubstr("control character")) << value;
      continue;
    }
    ASSERT_EQ(seen.size(), 1u) << value << answer.body;
    EXPECT_EQ(seen[0]["path"], "/clone");
    EXPECT_EQ(seen[0]["query"], "q=" + encoded(value) + "&end=1");
    EXPECT_EQ(seen[0]["headers"].at("X-Value"), "<" + value + ">");
    EXPECT_EQ(json::parse(seen[0]["body"].get<std::string>()),
              (json{{"v", value}, {"in", "<" + value + ">"}}));
  }
}

TEST_F(HostileValueTest, OfASendersHeadIsMadeHarmlessToo) {
  flow["clone"]["request"]["url"] =
    api.url("/p/{{header/X-V}}/{{query/w}}/clone?v={{query/v}}");
  flow["clone"]["request"].erase("body");
  start();
  const auto answer =
    request(service->port(), "POST",
            "/hooks/setup?v=..%2f%2e%2e%2Fx%0d%0aX-Injected%3a%201&v=second"
            "&w=x%0d%0aX-Injected%3a%201",
            {{"X-V", "a..b?c#d"}}, "{}");
  EXPECT_EQ(answer.status, 200) << answer.body;
  expect_only_what_the_flow_says("head");
  EXPECT_EQ(api.requests().at(0)["path"],
            "/p/a..b%3Fc%23d/x%0D%0AX-Injected%3A%201/clone");
  EXPECT_EQ(api.requests().at(0)["query"],
            "v=..%2F..%2Fx%0D%0AX-Injected%3A%201");
}

TEST_F(HostileValueTest, OfAnUpstreamsAnswerIsMadeHarmlessToo) {
  flow["sub_actions"] = json::array({sub_action("s1")});
  flow["reply"] = {{"headers", {{"X-Uid", "{{uid}}"}}},
                   {"body", {{"uid", "{{uid}}"}}}};
  start();
  for (const std::string uid : {"../../x", "a?b#c", "x\r\nSet-Cookie: a=b"}) {
    api.reset();
    script(on("/projects/*/clone", json{{"body", {{"id", uid}}}}));
    const auto answer = post();
    EXPECT_THAT(answer.status, AnyOf(200, 500)) << answer.body;
    EXPECT_EQ(answer.header("Set-Cookie"), "");
    const auto job = answer.json().contains("job")
                     ? answer.json()["job"].get<std::string>()
                     : job_of_last_clone();
    const bool refused = refused_in_a_path(uid);
    service->wait_for_job(job_of_last_clone(),
                          refused ? "failed" : "succeeded");
    const auto calls = api.requests("path=/projects/*/s1");
    ASSERT_EQ(calls.size(), refused ? 0u : 1u) << uid;
    if (!refused) {
      EXPECT_EQ(calls.at(0)["path"], "/projects/" + encoded(uid) + "/s1");
    }
  }
}

TEST_F(HostileValueTest, OfARedirectIsNotFollowed) {
  flow["sub_actions"] = json::array({sub_action("s1")});
  flow["sub_actions"][0]["retry"] = {{"max_attempts", 1}};
  start();
  const auto elsewhere = evil_.url("/stolen");
  for (const int code : {301, 302, 303, 307, 308}) {
    const json redirect{{"status", code},
                        {"headers", {{"Location", elsewhere}}}};
    script(on("/projects/*/clone", redirect));
    const auto refused = post();
    EXPECT_EQ(refused.status, 502) << code << refused.body;
    script(on("/projects/*/clone", ok), on("/projects/*/s1", redirect));
    service->wait_for_job(accept_job(), "failed");
  }
  EXPECT_EQ(evil_.counts()["requests"], 0);
}

class PrivateNetworkTest : public ServiceTest {
protected:
  /// Every way to write an address that leads to this machine or a private
  /// network. libcurl and getaddrinfo(3) take forms that RFC 3986 does not
  /// know; what counts is the address that is connected to.
  std::vector<std::string> private_hosts() const {
    return {"127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0x7f000001",
            "0x7f.0.0.1",
            "127.0.0.1.",
            "0.0.0.0",
            "0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "169.254.169.254",
            "[::ffff:169.254.169.254]",
            "2852039166",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "255.255.255.255",
            "224.0.0.1"};
  }

  void flows_to_private_hosts() {
    options.flows.clear();
    options.ini["upstream"]["connect-timeout"] = "2s";
    for (const auto& host : private_hosts()) {
      auto one = flow;
      one["name"] = "f" + std::to_string(options.flows.size());
      one["sub_actions"] = json::array();
      one["clone"]["request"]["url"] =
        "http://" + host + ":" + std::to_string(api.port()) + "/clone";
      one["clone"]["request"].erase("body");
      options.flows.push_back(one);
    }
  }
};

TEST_F(PrivateNetworkTest, IsNotConnectedToWhereRefusedHoweverItIsWritten) {
  flows_to_private_hosts();
  options.ini["upstream"]["private-networks"] = "\"refuse\"";
  service = std::make_unique<handoff_service>(options);
  const auto hosts = private_hosts();
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto answer = service->post("f" + std::to_string(i), json::object());
    EXPECT_EQ(answer.status, 502) << hosts[i] << answer.body;
    const auto refused = HasSubstr("address is not allowed");
    // Some of the forms are none to the resolver of this machine.
    EXPECT_THAT(answer.body, AnyOf(refused, HasSubstr("name was not resolved")))
      << hosts[i];
    if (i < 2) {
      EXPECT_THAT(answer.body, refused) << hosts[i];
    }
  }
  EXPECT_EQ(api.counts()["requests"], 0);
}

TEST_F(PrivateNetworkTest, IsConnectedToWhereAllowed) {
  flows_to_private_hosts();
  options.flows.resize(4);
  service = std::make_unique<handoff_service>(options);
  for (const auto& each : options.flows)
    EXPECT_EQ(service->post(each["name"], json::object()).status, 200)
      << each.dump();
  EXPECT_EQ(api.counts()["requests"], 4);
}

} // namespace handoff::support

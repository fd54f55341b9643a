#include "support/outbound_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <set>
#include <vector>

namespace handoff {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class OutboundClientTest : public test::outbound_fixture {
protected:
  using request = test::scripted_server::request;
  using peer = test::scripted_server::peer;

  void serve_ok() {
    serve([](const request&, peer& to) { to.answer("done"); });
  }

  std::string last_head() const { return server_->requests().back().head; }
};

TEST_F(OutboundClientTest, ReturnsStatusHeadersAndBody) {
  serve([](const request&, peer& to) {
    to.send("HTTP/1.1 100 Continue\r\nEarly: 1\r\n\r\n"
            "HTTP/1.1 201 Created\r\nX-Uid:  17 \r\nX-Empty:\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n");
  });
  auto done = make(call_here("/"));
  EXPECT_FALSE(done.failure.has_value());
  EXPECT_TRUE(done.sent);
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(done.body, "hello");
  headers expected{
    {"X-Uid", "17"}, {"X-Empty", ""}, {"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(done.headers, expected);
}

TEST_F(OutboundClientTest, ReportsErrorStatusesAsAnswers) {
  serve([](const request&, peer& to) {
    to.send("HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n");
  });
  auto done = make(call_here("/"));
  EXPECT_FALSE(done.failure.has_value());
  EXPECT_EQ(done.status, 503);
  EXPECT_EQ(client_->turns()->counts().at(0).failures, 1U);
}

TEST_F(OutboundClientTest, SendsEachMethodWithAndWithoutBody) {
  serve_ok();
  for (const auto* method :
       {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    for (const auto* body : {"", "{\"a\":1}"}) {
      auto call = call_here("/a", method);
      call.body = body;
      // The next request must not find a body on the connection of a HEAD that
      // this server wrongly gives one.
      call.purpose = call_class::clone;
      auto done = make(std::move(call));
      EXPECT_EQ(done.status, 200) << method;
      auto got = server_->requests().back();
      auto head = std::string_view{method} == "HEAD";
      EXPECT_EQ(got.method, method);
      EXPECT_EQ(got.body, head ? "" : body);
      auto announces = !head && (*body != '\0' || method[0] == 'P');
      EXPECT_EQ(got.head.find("Content-Length: ") != std::string::npos,
                announces)
        << got.head;
      EXPECT_THAT(got.head, Not(HasSubstr("Content-Type")));
    }
  }
}

TEST_F(OutboundClientTest, SendsHeadersAsGiven) {
  serve_ok();
  auto call = call_here("/", "POST");
  call.body = std::string(2'000'000, 'x');
  call.headers = {{"X-Empty", ""},
                  {"X-Blank", "  "},
                  {"X-One", "1"},
                  {"X-One", " 2 "},
                  {"Content-Type", "text/plain"},
                  {"content-length", "3"},
                  {"Transfer-Encoding", "chunked"},
                  {"Expect", "100-continue"}};
  make(std::move(call));
  auto got = server_->requests().back();
  EXPECT_THAT(got.head, HasSubstr("\r\nX-Empty:\r\n"));
  EXPECT_THAT(got.head, HasSubstr("\r\nX-Blank:\r\n"));
  EXPECT_THAT(got.head, HasSubstr("\r\nX-One: 1\r\nX-One: 2\r\n"));
  EXPECT_THAT(got.head, HasSubstr("\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(got.head, HasSubstr("\r\nUser-Agent: handoff\r\n"));
  EXPECT_THAT(got.head, HasSubstr("\r\nContent-Length: 2000000\r\n"));
  EXPECT_THAT(got.head, Not(HasSubstr("content-length")));
  EXPECT_THAT(got.head, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(got.head, Not(HasSubstr("Expect")));
  EXPECT_THAT(got.head, Not(HasSubstr("Accept-Encoding")));
  EXPECT_EQ(got.body.size(), 2'000'000U);
}

TEST_F(OutboundClientTest, KeepsThePathAsItIs) {
  serve_ok();
  // Twice, because what is known of a host makes a difference.
  for (int round = 0; round < 2; ++round)
    for (const auto& [asked, sent] :
         {std::pair{"/a/../b/%2e%2e/./c?x=%2F#part",
                    "/a/../b/%2e%2e/./c?x=%2F"},
          std::pair{"/a/../b/%2e%2e/./c", "/a/../b/%2e%2e/./c"},
          std::pair{"/a%2Fb", "/a%2Fb"}, std::pair{"", "/"},
          std::pair{"?x=1", "/?x=1"}, std::pair{"#part", "/"},
          std::pair{"/a#part", "/a"}, std::pair{"//x//y/", "//x//y/"},
          std::pair{"/a;b=1,2:@c", "/a;b=1,2:@c"},
          std::pair{"/\xc3\xbc%20", "/%C3%BC%20"},
          std::pair{"/\xc3\xbc?x", "/%C3%BC?x"},
          std::pair{"/http://other/", "/http://other/"}}) {
      make(call_here(asked));
      EXPECT_THAT(last_head(),
                  StartsWith("GET " + std::string{sent} + " HTTP/1.1\r\n"))
        << asked;
    }
}

TEST_F(OutboundClientTest, ReadsWhatIsNoPlainUrlAsAWholeEachTime) {
  serve_ok();
  const auto here =
    call_here("").url.substr(std::string_view{"http://"}.size());
  for (int round = 0; round < 2; ++round)
    for (const auto& [url, sent] :
         {std::pair{"http:/" + here + "/a", "/a"},
          std::pair{"http:///" + here + "/b", "/b"},
          std::pair{"http://user:word@" + here + "/c", "/c"},
          std::pair{"http://127.0.0.1:1\\@" + here + "/d", "/d"},
          std::pair{"HTTP://" + here + "/e", "/e"}}) {
      auto call = call_here("");
      call.url = url;
      make(std::move(call));
      EXPECT_THAT(last_head(),
                  StartsWith("GET " + std::string{sent} + " HTTP/1.1\r\n"))
        << url;
    }
  EXPECT_EQ(make(call_here("/f")).status, 200);
}

TEST_F(OutboundClientTest, CallsItselfWhatTheCallSays) {
  serve_ok();
  auto call = call_here("/");
  call.headers = {{"user-agent", "somebody else"}};
  make(std::move(call));
  EXPECT_THAT(last_head(), HasSubstr("\r\nuser-agent: somebody else\r\n"));
  EXPECT_THAT(last_head(), Not(HasSubstr("User-Agent")));
}

TEST_F(OutboundClientTest, LeavesNothingOfACallToTheNextOnItsHandle) {
  serve_ok();
  auto first = call_here("/first", "PUT");
  first.headers = {{"X-Secret", "1"}};
  first.body = "body";
  make(std::move(first));
  make(call_here("/second"));
  auto got = server_->requests().back();
  EXPECT_EQ(got.method, "GET");
  EXPECT_EQ(got.body, "");
  EXPECT_THAT(got.head, Not(HasSubstr("X-Secret")));
  EXPECT_THAT(got.head, Not(HasSubstr("Content-Length")));
}

TEST_F(OutboundClientTest, FollowsNoRedirect) {
  serve([](const request& got, peer& to) {
    if (got.target == "/moved")
      to.send("HTTP/1.1 307 Moved\r\nLocation: /there\r\n"
              "Content-Length: 0\r\n\r\n");
    else
      to.answer();
  });
  EXPECT_EQ(make(call_here("/moved", "POST")).status, 307);
  EXPECT_EQ(server_->requests_of("/there"), 0U);
}

TEST_F(OutboundClientTest, IgnoresTheProxyOfTheEnvironment) {
  serve_ok();
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  auto done = make(call_here("/"));
  unsetenv("http_proxy");
  EXPECT_EQ(done.status, 200);
}

TEST_F(OutboundClientTest, ReusesConnectionsOfSubActions) {
  serve_ok();
  for (auto i = 0; i < 10; ++i)
    EXPECT_EQ(make(call_here("/")).status, 200);
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(OutboundClientTest, CarriesHundredsAtOnce) {
  constexpr std::size_t of_each = 260;
  options_.governor.max_calls = 3 * of_each;
  std::promise<void> told;
  const auto go = told.get_future().share();
  serve([go](const request&, peer& to) {
    go.wait();
    to.answer("done");
  });
  std::vector<std::future<exchange>> all;
  for (std::size_t i = 0; i < of_each; ++i) {
    all.push_back(start(clone_here("/clone")));
    all.push_back(start(call_here("/sub-action")));
  }
  server_->await_requests(2 * of_each);
  told.set_value();
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
  const auto connections = server_->connections();
  EXPECT_EQ(make(call_here("/again")).status, 200);
  EXPECT_EQ(server_->connections(), connections) << "one had been kept";
}

TEST_F(OutboundClientTest, EndsWithHundredsUnderWay) {
  constexpr std::size_t of_each = 260;
  options_.governor.max_calls = 3 * of_each;
  serve([](const request&, peer& to) { to.hang(); });
  std::vector<std::future<exchange>> all;
  for (std::size_t i = 0; i < of_each; ++i) {
    all.push_back(start(clone_here("/clone")));
    all.push_back(start(call_here("/sub-action")));
  }
  server_->await_requests(2 * of_each);
  client_.reset();
  for (auto& each : all)
    expect_failed(each.get(), error_kind::shut_down, true);
}

TEST_F(OutboundClientTest, GivesEachCloneAConnectionOfItsOwn) {
  serve_ok();
  for (auto i = 0; i < 3; ++i) {
    EXPECT_EQ(make(call_here("/")).status, 200);
    EXPECT_EQ(make(clone_here("/clone")).status, 200);
  }
  std::set<int> of_clones;
  for (const auto& got : server_->requests())
    if (got.target == "/clone") {
      EXPECT_EQ(got.on_connection, 1);
      of_clones.insert(got.connection);
    }
  EXPECT_EQ(of_clones.size(), 3U);
  EXPECT_EQ(server_->connections(), 4);
}

TEST_F(OutboundClientTest, MakesFiveHundredCallsWithinTheLimit) {
  options_.governor.max_calls = 50;
  options_.governor.reserved_for_clones = 0;
  serve([](const request& got, peer& to) { to.answer(got.body); });
  std::vector<std::future<exchange>> futures;
  for (auto i = 0; i < 500; ++i) {
    auto call = call_here("/", "POST");
    call.job = std::to_string(i % 7);
    call.body = std::to_string(i);
    futures.push_back(start(std::move(call)));
  }
  for (auto i = 0U; i < futures.size(); ++i)
    EXPECT_EQ(futures[i].get().body, std::to_string(i));
  EXPECT_LE(server_->connections(), 50);
  auto counts = client_->turns()->counts().at(0);
  EXPECT_EQ(counts.host, server_->url(""));
  EXPECT_EQ(counts.calls, 500U);
  EXPECT_EQ(counts.in_flight, 0U);
}

TEST_F(OutboundClientTest, MayBeCalledFromACompletion) {
  serve_ok();
  restart_client();
  std::promise<exchange> second;
  client_->start(shared(call_here("/first")), [&](const exchange&) {
    client_->start(shared(call_here("/second")),
                   [&](exchange done) { second.set_value(std::move(done)); });
  });
  EXPECT_EQ(second.get_future().get().status, 200);
}

TEST_F(OutboundClientTest, HoldsNoAnswerToAHeadAgainstItsLength) {
  serve([](const request&, peer& to) {
    to.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
  });
  EXPECT_EQ(make(call_here("/", "HEAD")).status, 200);
}

constexpr std::string_view zipped{
  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\xca\x4c\x51\xb2\x52"
  "\x2a\x35\x54\xaa\x05\x00\xba\xca\xc1\xef\x0b\x00\x00\x00",
  31}; // gzip of {"id":"u1"}

std::string zipped_answer(std::string_view body) {
  return "HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: "
       + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

TEST_F(OutboundClientTest, DecodesWhatItDidNotAskFor) {
  serve([](const request&, peer& to) { to.send(zipped_answer(zipped)); });
  EXPECT_EQ(make(call_here("/")).body, R"({"id":"u1"})");
  auto call = clone_here("/clone");
  call.headers = {{"Accept-Encoding", "identity"}};
  EXPECT_EQ(make(std::move(call)).body, R"({"id":"u1"})");
  EXPECT_THAT(last_head(), HasSubstr("\r\nAccept-Encoding: identity\r\n"));
}

TEST_F(OutboundClientTest, BoundsWhatItDecodesAfterwards) {
  options_.max_answer = 10;
  serve([](const request&, peer& to) {
    to.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
            + std::string{zipped});
    to.close();
  });
  expect_failed(make(call_here("/")), error_kind::answer_too_large, true);
}

TEST_F(OutboundClientTest, TakesWhatItCannotDecodeForMalformed) {
  serve([](const request&, peer& to) { to.send(zipped_answer("not zipped")); });
  expect_failed(make(clone_here("/")), error_kind::answer_malformed, true);
}

TEST_F(OutboundClientTest, CallsANameByOneLookup) {
  std::atomic<int> lookups{0};
  options_.resolve = [&](const std::string& name) {
    ++lookups;
    return name == "api.test" ? std::vector<std::string>{"127.0.0.1"}
                              : std::vector<std::string>{};
  };
  serve_ok();
  const auto port = std::to_string(server_->port());
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(start(call_to("http://api.test:" + port + "/")));
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
  EXPECT_EQ(lookups, 1);
  EXPECT_THAT(last_head(), HasSubstr("\r\nHost: api.test:" + port + "\r\n"));
  expect_failed(make(call_to("http://none.test:" + port + "/")),
                error_kind::name_not_resolved, false);
}

TEST_F(OutboundClientTest, TakesAnAnswerOfExactlyTheLimit) {
  options_.max_answer = 1'000;
  serve([](const request&, peer& to) { to.answer(std::string(1'000, 'x')); });
  EXPECT_EQ(make(call_here("/")).body.size(), 1'000U);
}

} // namespace
} // namespace handoff

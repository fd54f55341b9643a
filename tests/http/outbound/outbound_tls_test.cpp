// Goal: calls over TLS are made to who they are meant for and to nobody else,
// the error says what is wrong with a certificate, and no clone is sent twice.
// Method: servers with certificates of an authority of this test.

#include "support/outbound_tls_fixture.hpp"

#include <gmock/gmock.h>

#include <latch>
#include <string>

namespace handoff {
namespace {

using testing::HasSubstr;

class OutboundTlsTest : public test::outbound_tls_fixture {
protected:
  void expect_refused(const std::string& why) {
    const auto done = make_clone();
    expect_failed(done, error_kind::tls_failed, false);
    EXPECT_THAT(done.failure->detail, HasSubstr(why));
    EXPECT_EQ(tls_->requests(), 0);
  }
};

TEST_F(OutboundTlsTest, TrustsWhomTheGivenAuthorityVouchesFor) {
  serve_ok();
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(make_sub_action().status, 200);
}

TEST_F(OutboundTlsTest, ResumesTheSessionForEachClone) {
  options_.http2 = false;
  serve_ok();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(tls_->connections(), 5) << "one each";
  EXPECT_EQ(tls_->resumed(), 4);
}

TEST_F(OutboundTlsTest, RefusesAnExpiredCertificate) {
  serve({.identity = test::issue(authority_, upstream, -7'200, -3'600)});
  expect_refused("its certificate has expired");
}

TEST_F(OutboundTlsTest, RefusesACertificateOfTomorrow) {
  serve({.identity = test::issue(authority_, upstream, 3'600, 7'200)});
  expect_refused("its certificate is not valid yet");
}

TEST_F(OutboundTlsTest, RefusesACertificateForAnotherName) {
  serve({.identity = test::issue(authority_, "other.test")});
  expect_refused("its certificate is for another name");
}

TEST_F(OutboundTlsTest, RefusesAnAuthorityThatIsNotTrusted) {
  serve({.identity = test::issue(test::make_authority("Other"), upstream)});
  expect_refused("the authority of its certificate is not trusted");
}

TEST_F(OutboundTlsTest, RefusesATestAuthorityWhereTheSystemDecides) {
  options_.ca.clear();
  serve_ok();
  expect_refused("the authority of its certificate is not trusted");
}

TEST_F(OutboundTlsTest, RefusesVersionsBefore12) {
  serve({.identity = test::issue(authority_, upstream),
         .newest_version = TLS1_1_VERSION});
  expect_refused("it speaks no version of TLS that is allowed");
}

TEST_F(OutboundTlsTest, SendsACloneOnceThoughItsConnectionIsLost) {
  serve({.identity = test::issue(authority_, upstream),
         .handle = [](const std::string&, int) {
           return std::string{};
         }});
  expect_failed(make_clone(), error_kind::connection_lost, true);
  EXPECT_EQ(tls_->requests(), 1);
}

// The server closes a kept connection at the moment at which it is used again.
TEST_F(OutboundTlsTest, RepeatsASubActionOnANewConnection) {
  options_.http2 = false;
  serve({.identity = test::issue(authority_, upstream),
         .handle = [](const std::string&, int number) -> std::string {
           if (number == 2)
             return {};
           return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
         }});
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(tls_->connections(), 2);
  EXPECT_EQ(tls_->requests(), 3);
}

// With HTTP/2 the connection itself would be used again, and be as dead for
// each retry.
TEST_F(OutboundTlsTest, UsesNoOldConnectionOfAHostAfterATimeOut) {
  options_.http2 = false; // so that there are two
  std::latch both{2};
  std::promise<void> over;
  const auto end = over.get_future().share();
  serve({.identity = test::issue(authority_, upstream),
         // Its thread may return after this test has.
         .handle = [&both, end](const std::string&, int number) -> std::string {
           if (number <= 2)
             both.arrive_and_wait();
           if (number == 3)
             end.wait();
           return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
         }});
  auto first = start(to_upstream(call_class::sub_action));
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(first.get().status, 200);
  EXPECT_EQ(tls_->connections(), 2);
  auto hanging = to_upstream(call_class::sub_action);
  hanging.timeout = std::chrono::milliseconds{300};
  expect_failed(make(std::move(hanging)), error_kind::attempt_timed_out, true);
  EXPECT_EQ(tls_->connections(), 2);
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(tls_->connections(), 3);
  over.set_value();
}

} // namespace
} // namespace handoff

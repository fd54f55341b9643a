// Goal: no bytes that a sender can send harm another sender or the service.
// Method: the running program and real sockets; each kind of hostile bytes,
// and after each the checks of HostileTest: others are served, nothing spins,
// nothing is kept.

#include "tests/integration/hostile_test.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <thread>

namespace handoff::support {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class HostileInputTest : public HostileTest {};

namespace {

const std::string start_of_post = "POST /hooks/setup HTTP/1.1\r\nHost: h\r\n";

struct hostile_bytes {
  const char* what;
  std::string bytes;
  int status;
};

} // namespace

TEST_F(HostileInputTest, ReadsChunksWhereverTheyAreCut) {
  begin();
  const auto whole = start_of_post
                   + "Transfer-Encoding: chunked\r\n\r\n"
                     "2\r\n\"a\r\n3;x=y\r\nbcd\r\n1\r\n\"\r\n0\r\nT: t\r\n\r\n";
  std::vector<std::unique_ptr<raw_client>> senders;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    senders.push_back(std::make_unique<raw_client>(service->port()));
    ASSERT_TRUE(senders.back()->send(whole.substr(0, cut)));
  }
  // Most of the first pieces have been read by then, each by itself.
  expect_served();
  for (std::size_t cut = 1; cut < whole.size(); ++cut)
    ASSERT_TRUE(senders[cut - 1]->send(whole.substr(cut)));
  for (const auto& sender : senders) {
    const auto answer = sender->read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, R"({"echo":"abcd"})");
  }
}

TEST_F(HostileInputTest, ReadsChunksByteByByte) {
  begin();
  raw_client sender{service->port()};
  for (const char each : start_of_post
                           + "Transfer-Encoding: chunked\r\n\r\n"
                             "4\r\n\"ab\"\r\n0\r\n\r\n") {
    ASSERT_TRUE(sender.send({&each, 1}));
    std::this_thread::sleep_for(std::chrono::microseconds{500});
  }
  const auto answer = sender.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, R"({"echo":"ab"})");
}

TEST_F(HostileInputTest, ServesOthersWhileOneReadsNothingForAWhile) {
  constexpr std::size_t copies = 12;
  auto& reply = flow["reply"]["body"];
  for (std::size_t i = 0; i < copies; ++i)
    reply["more"].push_back("{{body/more ?? \"\"}}");
  begin();
  // An answer of 3 MB, which no socket takes as long as nobody reads.
  const std::string large(250'000, 'x');
  raw_client slow{service->port()};
  ASSERT_TRUE(slow.send(webhook(json{{"more", large}}.dump())));
  const auto head = slow.read_head();
  EXPECT_THAT(head, HasSubstr("200 OK"));
  ASSERT_TRUE(slow.send(webhook(R"("behind")")));
  EXPECT_TRUE(before_->becomes_idle(patience));
  expect_memory(kept_bytes_max);
  for (std::size_t i = 0; i < copies; ++i) {
    EXPECT_EQ(slow.skip(large.size()), large.size());
    EXPECT_EQ(service->post("setup", 1).status, 200);
  }
  const auto length = std::stoul(
    head.substr(head.find("Content-Length: ") + sizeof "Content-Length:"));
  slow.skip(length - copies * large.size());
  EXPECT_THAT(slow.read_answer()->body, HasSubstr("behind"));
}

TEST_F(HostileInputTest, BoundsAClientThatSendsAndNeverReads) {
  begin();
  raw_client deaf{service->port()};
  const auto many = webhook('"' + std::string(100'000, 'x') + '"');
  std::size_t sent = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto taken =
      deaf.send_some(std::string_view{many}.substr(sent % many.size()));
    sent += taken;
    if (taken == 0)
      std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  EXPECT_LT(sent, 60'000'000u);
  EXPECT_LT(clones(), 400);
  expect_served();
  EXPECT_TRUE(before_->becomes_idle(patience));
  // One largest request and one answer that nobody takes.
  expect_memory(kept_bytes_max);
}

TEST_F(HostileInputTest, AnswersPipelinedWebhooksInTheirOrder) {
  flow["clone"]["request"]["url"] = api.url("/projects/{{body}}/clone");
  script(on("/projects/slow/clone", json{{"delay", "400ms"}}));
  begin();
  raw_client in_one{service->port()};
  ASSERT_TRUE(in_one.send(webhook(R"("slow")") + webhook(R"("fast")")
                          + webhook("not JSON") + webhook(R"("last")")));
  raw_client while_held{service->port()};
  ASSERT_TRUE(while_held.send(webhook(R"("slow")")));
  ASSERT_TRUE(wait_for_requests("POST /projects/slow/clone", 2));
  ASSERT_TRUE(while_held.send(webhook(R"("fast")")));
  EXPECT_EQ(in_one.read_answer()->body, R"({"echo":"slow"})");
  EXPECT_EQ(in_one.read_answer()->body, R"({"echo":"fast"})");
  EXPECT_EQ(in_one.read_answer()->status, 400);
  EXPECT_EQ(in_one.read_answer()->body, R"({"echo":"last"})");
  EXPECT_EQ(while_held.read_answer()->body, R"({"echo":"slow"})");
  EXPECT_EQ(while_held.read_answer()->body, R"({"echo":"fast"})");
}

// Each has a second webhook behind it, which another parser might see: it must
// not become a job.
TEST_F(HostileInputTest, RefusesWhatTwoParsersCouldReadInTwoWays) {
  begin();
  const auto te = [](const std::string& field, const std::string& body) {
    return start_of_post + field + "\r\n\r\n" + body;
  };
  const hostile_bytes table[] = {
    {"space before the colon",
     te("Transfer-Encoding : chunked", "2\r\n{}\r\n0\r\n\r\n"), 400},
    {"space before the colon of a length", te("Content-Length : 2", "{}"), 400},
    {"tab in a name", te("Content\tLength: 2", "{}"), 400},
    {"two lengths", te("Content-Length: 2\r\nContent-Length: 44", "{}"), 400},
    {"one length twice", te("Content-Length: 2\r\ncontent-length: 2", "{}"),
     400},
    {"length and coding",
     te("Content-Length: 2\r\nTransfer-Encoding: chunked",
        "2\r\n{}\r\n0\r\n\r\n"),
     400},
    {"coding and length",
     te("Transfer-Encoding: chunked\r\nContent-Length: 2",
        "2\r\n{}\r\n0\r\n\r\n"),
     400},
    {"list of lengths", te("Content-Length: 5, 5", "{}"), 400},
    {"no number", te("Content-Length: abc", "{}"), 400},
    {"negative", te("Content-Length: -5", "{}"), 400},
    {"plus", te("Content-Length: +2", "{}"), 400},
    {"hex", te("Content-Length: 0x2", "{}"), 400},
    {"blank within", te("Content-Length: 2 2", "{}"), 400},
    {"empty", te("Content-Length:", "{}"), 400},
    {"10^25", te("Content-Length: 1" + std::string(25, '0'), "{}"), 400},
    {"2^64 + 2", te("Content-Length: 18446744073709551618", "{}"), 400},
    {"10^10", te("Content-Length: 10000000000", "{}"), 413},
    {"other coding", te("Transfer-Encoding: gzip", "{}"), 501},
    {"coding that ends otherwise",
     te("Transfer-Encoding: chunked, identity", "2\r\n{}\r\n0\r\n\r\n"), 501},
    {"coding behind another",
     te("Transfer-Encoding: identity, chunked", "2\r\n{}\r\n0\r\n\r\n"), 501},
    {"coding that resembles",
     te("Transfer-Encoding: xchunked", "2\r\n{}\r\n0\r\n\r\n"), 501},
    {"coding with a control character",
     te("Transfer-Encoding: \x0b"
        "chunked",
        "2\r\n{}\r\n0\r\n\r\n"),
     400},
    {"two codings",
     te("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "2\r\n{}\r\n0\r\n\r\n"),
     501},
    {"folded", te("Transfer-Encoding:\r\n chunked", "2\r\n{}\r\n0\r\n\r\n"),
     400},
    {"folded field", te("X: a\r\n Content-Length: 44", "{}"), 400},
    {"coding in HTTP/1.0",
     "POST /hooks/setup HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
     "2\r\n{}\r\n0\r\n\r\n",
     400},
    {"bare LF", "POST /hooks/setup HTTP/1.1\nHost: h\nContent-Length: 2\n\n{}",
     400},
    {"LF in the fields", te("X: a\nContent-Length: 2", "{}"), 400},
    {"CR in the fields", te("X: a\rContent-Length: 2", "{}"), 400},
    {"NUL in the fields", te(std::string("X: a\0b", 6), "{}"), 400},
    {"field without a colon", te("Content-Length", "{}"), 400},
    {"two hosts", te("Host: other\r\nContent-Length: 2", "{}"), 400},
    {"no host", "POST /hooks/setup HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
     400},
    {"target with a user",
     "POST http://u@h/hooks/setup HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"blank in the target", "POST /hooks/setup x HTTP/1.1\r\nHost: h\r\n\r\n",
     400},
    {"chunk size in C",
     te("Transfer-Encoding: chunked", "0x2\r\n{}\r\n0\r\n\r\n"), 400},
    {"negative chunk",
     te("Transfer-Encoding: chunked", "-2\r\n{}\r\n0\r\n\r\n"), 400},
    {"blank before the chunk's end",
     te("Transfer-Encoding: chunked", "2 \r\n{}\r\n0\r\n\r\n"), 400},
    {"chunk ends with LF",
     te("Transfer-Encoding: chunked", "2\n{}\r\n0\r\n\r\n"), 400},
    {"chunk is longer than it says",
     te("Transfer-Encoding: chunked", "2\r\n{ }\r\n0\r\n\r\n"), 400},
    {"chunk of 2^64 + 2",
     te("Transfer-Encoding: chunked", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
     413},
    {"LF in a chunk's extension",
     te("Transfer-Encoding: chunked", "2;a\nb\r\n{}\r\n0\r\n\r\n"), 400},
    {"space before the colon of a trailer",
     te("Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\nA : b\r\n\r\n"), 400},
  };
  const auto jobs = clones();
  for (const auto& each : table) {
    SCOPED_TRACE(each.what);
    expect_refused(each.bytes + webhook("{}"), each.status);
  }
  expect_served();
  EXPECT_EQ(clones(), jobs + 1);
}

TEST_F(HostileInputTest, RefusesWhatIsTooLarge) {
  begin();
  std::string fields;
  for (int i = 0; i < 101; ++i)
    fields += "X" + std::to_string(i) + ": x\r\n";
  const std::string more(1'000'000, 'x');
  const hostile_bytes table[] = {
    {"body", start_of_post + "Content-Length: 262145\r\n\r\n" + more, 413},
    {"chunk", start_of_post + "Transfer-Encoding: chunked\r\n\r\n40001\r\n",
     413},
    {"one more chunk",
     start_of_post + "Transfer-Encoding: chunked\r\n\r\n40000\r\n"
       + std::string(body_bytes_max, ' ') + "\r\n1\r\n",
     413},
    {"field", start_of_post + "X: " + more, 431},
    {"name of a field", start_of_post + more, 431},
    {"fields", start_of_post + fields + "\r\n", 431},
    {"URI", "POST /hooks/" + more, 414},
    {"query", "POST /hooks/setup?" + more, 414},
    {"trailer",
     start_of_post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + more, 431},
    {"extension", start_of_post + "Transfer-Encoding: chunked\r\n\r\n2;" + more,
     400},
    {"method", std::string(100, 'P') + " / HTTP/1.1\r\n", 400},
    {"version", "GET / HTTP/1.1" + std::string(100, '1'), 400},
  };
  for (const auto& each : table) {
    SCOPED_TRACE(each.what);
    raw_client sender{service->port()};
    // The service stops reading long before all of it is sent.
    sender.send(each.bytes.substr(0, 200'000));
    if (each.what == std::string{"one more chunk"})
      sender.send(each.bytes.substr(200'000));
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, each.status);
    EXPECT_TRUE(sender.at_end());
  }
}

TEST_F(HostileInputTest, AnswersWhatIsNotHttp11AtOnce) {
  begin();
  const hostile_bytes table[] = {
    {"TLS hello", std::string("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 11),
     400},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"HTTP/0.9", "GET /hooks/setup\r\n", 400},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n", 505},
    {"HTTP/11", "GET / HTTP/11\r\n", 400},
    {"lower-case version", "GET / http/1.1\r\n", 400},
    {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 400},
    {"SMTP", "EHLO evil.example\r\n", 400},
    {"proxy protocol", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", 400},
    {"memcached", "set x 0 0 2\r\nab\r\n", 400},
    {"zeros", std::string(1'000, '\0'), 400},
    {"empty lines", "\r\n\r\n\r\n", 400},
    {"unknown method", "BREW /hooks/setup HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"lower-case method", "post /hooks/setup HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"unknown expectation",
     start_of_post + "Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 417},
  };
  for (const auto& each : table) {
    SCOPED_TRACE(each.what);
    expect_refused(each.bytes, each.status);
  }
}

TEST_F(HostileInputTest, KeepsToHttpWhereThatIsUnusual) {
  begin();
  raw_client sender{service->port()};
  ASSERT_TRUE(sender.send("HEAD /hooks/setup HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(sender.read_answer(false)->status, 405);
  ASSERT_TRUE(sender.send("TRACE /hooks/setup HTTP/1.1\r\nHost: h\r\n"
                          "Cookie: a=secret\r\n\r\n"));
  const auto traced = sender.read_answer();
  EXPECT_EQ(traced->status, 405);
  EXPECT_EQ(traced->body.find("secret"), std::string::npos);
  ASSERT_TRUE(sender.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(sender.read_answer()->status, 404);

  ASSERT_TRUE(sender.send(
    start_of_post + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_THAT(sender.read_head(), HasSubstr("100 Continue"));
  ASSERT_TRUE(sender.send("\"c\""));
  EXPECT_EQ(sender.read_answer()->body, R"({"echo":"c"})");
  ASSERT_TRUE(sender.send(
    start_of_post + "Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n"));
  EXPECT_EQ(sender.read_answer()->status, 413) << "without a 100 before it";

  raw_client old{service->port()};
  ASSERT_TRUE(old.send("POST /hooks/setup HTTP/1.0\r\nConnection: keep-alive"
                       "\r\nContent-Length: 1\r\n\r\n1"));
  EXPECT_EQ(old.read_answer()->fields["connection"], "keep-alive");
  ASSERT_TRUE(old.send("POST /hooks/setup HTTP/1.0\r\nContent-Length: 1\r\n"
                       "\r\n2"));
  const auto last = old.read_answer();
  EXPECT_EQ(last->body, R"({"echo":2})");
  EXPECT_TRUE(old.at_end());
}

TEST_F(HostileInputTest, TakesNoOffenceAtFieldsThatItDoesNotRead) {
  begin();
  for (const std::string field :
       {"Content-Type: ",        "Content-Type: ;;;",
        "Content-Type: a/b/c;=", "Accept: */*/*;q=x",
        "Accept: ,,,",           "Date: yesterday",
        "Cookie: ;;=;",          "Cookie: \x80\xff",
        "Authorization: ",       "User-Agent: \t",
        "If-None-Match: x",      "Range: bytes=9-1",
        "Accept-Encoding: \x7e", "Cache-Control: max-age=99999999999999999999",
        "Connection: ,,x,,",     "Prefer: wait=99999999999999999999",
        "Prefer: wait=-1",       "Prefer: =;,wait=\"",
        "traceparent: 00-zz",    "Idempotency-Key: "}) {
    const auto answer =
      answer_to(start_of_post + field + "\r\nContent-Length: 1\r\n\r\n1");
    ASSERT_TRUE(answer) << field;
    EXPECT_EQ(answer->status, 200) << field << answer->body;
  }
  for (const std::string host : {"h:99999999", "h:-1", "h:x", "::::", "[",
                                 "%zz", "a b", "a,b", "a/b", "\xff"}) {
    const auto answer = answer_to("POST /hooks/setup HTTP/1.1\r\nHost: " + host
                                  + "\r\nContent-Length: 1\r\n\r\n1");
    ASSERT_TRUE(answer) << host;
    EXPECT_THAT(answer->status, AnyOf(200, 400)) << host;
  }
}

TEST_F(HostileInputTest, TakesJsonAsItIsOrRefusesIt) {
  begin();
  const auto sent = [&](const std::string& body) {
    const auto answer = answer_to(webhook(body));
    return answer ? answer->status : 0;
  };
  for (const std::string& body :
       {std::string(101, '[') + std::string(101, ']'),
        std::string(body_bytes_max, '['), std::string("\"a\0b\"", 5),
        std::string("{\"a\":1}\0{", 9), std::string{"\"\xff\""},
        std::string{"\"\xed\xa0\x80\""}, std::string{"\"\xf4\x90\x80\x80\""},
        std::string{"1e400"}, "1e" + std::string(1'000, '9'), std::string{"-"},
        std::string{"0x1"}, std::string{"Infinity"}, std::string{"'a'"},
        std::string{"\"\\x\""}, std::string{"\"\\ud800\\ud800\""},
        std::string{"{\"a\":1,}"}})
    EXPECT_EQ(sent(body), 400) << body.substr(0, 50);
  for (const std::string& body :
       {std::string(100, '[') + std::string(100, ']'),
        std::string{R"({"a":1,"a":2,"":3})"}, std::string{R"("\u0000")"},
        std::string(300, '9'), std::string{"1e-400"}, std::string{"-0.0"},
        std::string{"\xef\xbb\xbf{}"}, std::string{R"("\ud83d\ude00")"},
        '[' + std::string(100'000, ' ') + ']'})
    EXPECT_EQ(sent(body), 200) << body.substr(0, 50);
}

TEST_F(HostileInputTest, TimesOutWhoeverSendsTooSlowly) {
  begin();
  std::vector<std::unique_ptr<raw_client>> senders;
  for (int i = 0; i < 200; ++i) {
    senders.push_back(std::make_unique<raw_client>(service->port()));
    ASSERT_TRUE(senders.back()->send(
      i % 2 == 0 ? start_of_post
                 : start_of_post + "Content-Length: 100\r\n\r\n\"half"));
  }
  // The time for the whole runs, however often a byte comes.
  raw_client drip{service->port()};
  ASSERT_TRUE(drip.send(start_of_post + "X: "));
  std::thread dripping{[&] {
    for (int i = 0; i < 60 && drip.send("x"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }};
  expect_served();
  EXPECT_EQ(drip.read_answer().value_or(raw_answer{}).status, 408);
  dripping.join();
  for (const auto& sender : senders) {
    const auto answer = sender->read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 408);
    EXPECT_TRUE(sender->at_end());
  }
}

TEST_F(HostileInputTest, LetsSendersGoAtAnyMoment) {
  script(on("/projects/t/clone", json{{"delay", "20ms"}}));
  begin();
  const auto whole = webhook(R"("gone")");
  for (std::size_t cut = 0; cut <= whole.size(); cut += 6)
    for (const int way : {0, 1, 2}) {
      http_connection sender{service->port()};
      sender.send(whole.substr(0, cut));
      if (way == 0)
        sender.reset();
      else if (way == 1)
        sender.close();
      else // it still reads, and so has an answer until it goes
        sender.shut_down_sending();
    }
}

} // namespace handoff::support

#include "http/front_door/input_check.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {
namespace {

using namespace std::string_literals;

input_limits small_limits() {
  input_limits made;
  made.max_body = 1'000;
  made.max_headers = 2'000;
  made.max_target = 100;
  return made;
}

struct outcome {
  std::vector<http_request> requests;
  std::vector<bool> keep_alive;
  int continues = 0;
  int status = 0; // of the rejection
  error_kind kind = error_kind::internal;
};

// Feeds `bytes` in pieces of `piece` bytes and takes all that comes of it.
outcome read(std::string_view bytes, std::size_t piece) {
  input_check check(small_limits());
  outcome made;
  while (made.status == 0) {
    auto step = check.next();
    if (auto* request = std::get_if<checked_request>(&step)) {
      made.requests.push_back(std::move(request->what));
      made.keep_alive.push_back(request->keep_alive);
    } else if (std::holds_alternative<continue_wanted>(step)) {
      ++made.continues;
    } else if (auto* rejected = std::get_if<rejection>(&step)) {
      made.kind = rejected->why.kind;
      made.status = http_status(rejected->why.kind);
      EXPECT_FALSE(rejected->why.detail.empty());
    } else {
      if (bytes.empty())
        break;
      EXPECT_TRUE(check.feed(bytes.substr(0, piece), {}));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
  return made;
}

constexpr std::size_t whole = 1'000'000;

// The same bytes, cut at every place, must mean the same.
outcome read_any_way(std::string_view bytes) {
  const auto one = read(bytes, whole);
  for (const std::size_t piece : {1u, 2u, 3u, 7u}) {
    const auto other = read(bytes, piece);
    EXPECT_EQ(one.status, other.status) << "in pieces of " << piece;
    EXPECT_EQ(one.continues, other.continues) << "in pieces of " << piece;
    EXPECT_EQ(one.requests.size(), other.requests.size());
    for (std::size_t i = 0;
         i < std::min(one.requests.size(), other.requests.size()); ++i) {
      EXPECT_EQ(one.requests[i].body, other.requests[i].body);
      EXPECT_EQ(one.requests[i].path, other.requests[i].path);
      EXPECT_EQ(one.requests[i].headers, other.requests[i].headers);
    }
  }
  return one;
}

std::string post(const std::string& fields, const std::string& body = {}) {
  return "POST /hooks/a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

struct refusal {
  const char* name;
  std::string bytes;
  int status;
};

void PrintTo(const refusal& what, std::ostream* out) {
  *out << what.name;
}

class InputCheckRefusals : public testing::TestWithParam<refusal> {};

TEST_P(InputCheckRefusals, AreTheSameHoweverTheBytesCome) {
  const auto made = read_any_way(GetParam().bytes);
  EXPECT_EQ(made.status, GetParam().status);
  EXPECT_TRUE(made.requests.empty());
}

const std::string tls_hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s;

INSTANTIATE_TEST_SUITE_P(
  Table, InputCheckRefusals,
  testing::Values(
    refusal{"space_before_colon", post("TE : x\r\n"), 400},
    refusal{"space_before_colon_of_length", post("Content-Length : 5\r\n"),
            400},
    refusal{"bare_lf_after_request_line", "GET / HTTP/1.1\nHost: h\r\n\r\n",
            400},
    refusal{"bare_lf_after_field", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
    refusal{"bare_lf_at_end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
    refusal{"bare_cr", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
    refusal{"folded", post("X: a\r\n b\r\n"), 400},
    refusal{"folded_with_tab", post("X: a\r\n\tb\r\n"), 400},
    refusal{"fold_as_first_field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
    refusal{"two_lengths",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
    refusal{"two_equal_lengths",
            post("Content-Length: 5\r\ncontent-length: 5\r\n", "hello"), 400},
    refusal{
      "length_and_coding",
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      400},
    refusal{
      "coding_and_length",
      post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
      400},
    refusal{"length_list", post("Content-Length: 5, 5\r\n", "hello"), 400},
    refusal{"length_word", post("Content-Length: abc\r\n"), 400},
    refusal{"length_hex", post("Content-Length: 0x5\r\n"), 400},
    refusal{"length_plus", post("Content-Length: +5\r\n"), 400},
    refusal{"length_empty", post("Content-Length:\r\n"), 400},
    refusal{"length_negative", post("Content-Length: -5\r\n"), 400},
    refusal{"length_10_to_25",
            post("Content-Length: 10000000000000000000000000\r\n"), 400},
    refusal{"length_10_to_10", post("Content-Length: 10000000000\r\n"), 413},
    refusal{"length_one_too_many", post("Content-Length: 1001\r\n"), 413},
    refusal{"coding_gzip", post("Transfer-Encoding: gzip\r\n"), 501},
    refusal{"coding_gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n"),
            501},
    refusal{"coding_twice",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: "
                 "chunked\r\n"),
            501},
    refusal{"coding_prefixed", post("Transfer-Encoding: xchunked\r\n"), 501},
    refusal{"coding_empty", post("Transfer-Encoding:\r\n"), 501},
    refusal{"coding_in_1_0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400},
    refusal{"version_2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    refusal{"version_1_2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
    refusal{"version_0_9", "GET / HTTP/0.9\r\n\r\n", 505},
    refusal{"version_missing", "GET /\r\n\r\n", 400},
    refusal{"version_long", "GET / HTTP/1.10\r\n\r\n", 400},
    refusal{"version_lower", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    refusal{"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
    refusal{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    refusal{"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    refusal{"host_with_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    refusal{"nul_in_value", post("X: a\0b\r\n"s), 400},
    refusal{"escape_in_value", post("X: a\x1b[2J\r\n"), 400},
    refusal{"delete_in_value", post("X: a\x7f\r\n"), 400},
    refusal{"nul_in_name", post("X\0Y: a\r\n"s), 400},
    refusal{"field_without_colon", post("X\r\n"), 400},
    refusal{"field_without_name", post(": x\r\n"), 400},
    refusal{"target_too_long",
            "GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n",
            414},
    refusal{"fields_too_large", post("X: " + std::string(2'000, 'a') + "\r\n"),
            431},
    refusal{"too_many_fields", post([] {
              std::string fields;
              for (int i = 0; i < 100; ++i)
                fields += "X: a\r\n";
              return fields;
            }()),
            431},
    refusal{"unknown_method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    refusal{"lower_case_method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    refusal{"webdav_method", "PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    refusal{"connect", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 501},
    refusal{"absolute_target_of_ftp",
            "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"absolute_target_without_host",
            "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"absolute_target_with_user",
            "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"absolute_target_with_one_slash",
            "GET http:/h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"absolute_target_with_fragment",
            "GET http://h/#a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"absolute_target_without_host_field",
            "GET http://h/ HTTP/1.1\r\n\r\n", 400},
    refusal{"absolute_target_and_two_hosts",
            "GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
    refusal{"authority_target", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"asterisk_target", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"space_in_target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"two_spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"tab_in_target", "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    refusal{"high_byte_in_target", "GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
            400},
    refusal{"unknown_expectation",
            post("Expect: tea\r\nContent-Length: 5\r\n", "hello"), 417},
    refusal{"two_empty_lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            400},
    refusal{"tls_hello", tls_hello, 400}, refusal{"garbage", "hello?\r\n", 400},
    refusal{"garbage_without_end", std::string(33, 'A'), 400},
    refusal{"binary", "\x01"s, 400}),
  [](const auto& each) { return std::string(each.param.name); });

std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

INSTANTIATE_TEST_SUITE_P(
  Chunks, InputCheckRefusals,
  testing::Values(
    refusal{"no_size", chunked("\r\nhello"), 400},
    refusal{"size_not_hex", chunked("5g\r\nhello\r\n0\r\n\r\n"), 400},
    refusal{"size_0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
    refusal{"size_negative", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
    refusal{"size_with_space", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
    refusal{"size_17_digits", chunked("00000000000000005\r\nhello\r\n"), 400},
    refusal{"size_overflow", chunked("fffffffffffffffff\r\n"), 413},
    refusal{"too_large", chunked("3e9\r\n"), 413},
    refusal{"too_large_in_sum",
            chunked("1f4\r\n" + std::string(500, 'a') + "\r\n1f5\r\n"), 413},
    refusal{"lf_after_size", chunked("5\nhello\r\n0\r\n\r\n"), 400},
    refusal{"cr_and_other_after_size", chunked("5\rXhello\r\n0\r\n\r\n"), 400},
    refusal{"no_crlf_after_data", chunked("5\r\nhello0\r\n\r\n"), 400},
    refusal{"cr_and_other_after_data", chunked("5\r\nhello\rX0\r\n\r\n"), 400},
    refusal{"control_in_extension", chunked("5;a=\x01\r\nhello\r\n"), 400},
    refusal{"lf_in_extension", chunked("5;a\nhello\r\n0\r\n\r\n"), 400},
    refusal{"extension_too_long",
            chunked("5;" + std::string(4'096, 'a') + "\r\nhello\r\n"), 400},
    refusal{"trailer_folded", chunked("0\r\nX: a\r\n b\r\n\r\n"), 400},
    refusal{"trailer_with_lf", chunked("0\r\nX: a\n\r\n"), 400},
    refusal{"trailer_space_before_colon", chunked("0\r\nX : a\r\n\r\n"), 400},
    refusal{"trailers_too_large",
            chunked("0\r\nX: " + std::string(8'192, 'a') + "\r\n\r\n"), 431}),
  [](const auto& each) { return std::string(each.param.name); });

TEST(InputCheckTest, ReadsARequest) {
  const auto made = read_any_way("POST /hooks/a?b=c?d HTTP/1.1\r\n"
                                 "Host: h:80\r\nX-Mixed:  \tv w \r\n"
                                 "Content-Length: 5\r\n\r\nhello");
  ASSERT_EQ(made.requests.size(), 1u);
  const auto& request = made.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/hooks/a");
  EXPECT_EQ(request.query, "b=c?d");
  EXPECT_EQ(request.body, "hello");
  const headers fields = {
    {"Host", "h:80"}, {"X-Mixed", "v w"}, {"Content-Length", "5"}};
  EXPECT_EQ(request.headers, fields);
  EXPECT_TRUE(made.keep_alive[0]);
}

TEST(InputCheckTest, ReadsPipelinedRequestsInOrder) {
  std::string bytes;
  for (const auto* body : {"one", "two", "three"})
    bytes += post(
      "Content-Length: " + std::to_string(std::strlen(body)) + "\r\n", body);
  const auto made = read_any_way(bytes + "\r\nGET /last HTTP/1.0\r\n\r\n");
  ASSERT_EQ(made.requests.size(), 4u);
  EXPECT_EQ(made.requests[0].body, "one");
  EXPECT_EQ(made.requests[1].body, "two");
  EXPECT_EQ(made.requests[2].body, "three");
  EXPECT_EQ(made.requests[3].path, "/last");
  EXPECT_FALSE(made.keep_alive[3]);
}

TEST(InputCheckTest, ReadsChunksWithExtensionsAndDropsTrailers) {
  const auto made =
    read_any_way(chunked("5;a=\"b\"\r\nhello\r\n006\r\n, you!\r\n0;z\r\n"
                         "X-Sum: 1\r\nContent-Length: 3\r\n\r\n")
                 + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(made.requests.size(), 2u);
  EXPECT_EQ(made.requests[0].body, "hello, you!");
  EXPECT_EQ(find_header(made.requests[0].headers, "X-Sum"), nullptr);
  EXPECT_EQ(made.requests[1].path, "/next");
}

TEST(InputCheckTest, TakesBodiesUpToTheLimit) {
  const std::string body(1'000, 'b');
  EXPECT_EQ(
    read_any_way(post("Content-Length: 1000\r\n", body)).requests.size(), 1u);
  EXPECT_EQ(
    read_any_way(chunked("3e8\r\n" + body + "\r\n0\r\n\r\n")).requests.size(),
    1u);
}

TEST(InputCheckTest, WantsToContinueOnceBeforeTheBody) {
  const auto made = read_any_way(
    post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "hello"));
  EXPECT_EQ(made.continues, 1);
  ASSERT_EQ(made.requests.size(), 1u);
  EXPECT_EQ(made.requests[0].body, "hello");
}

TEST(InputCheckTest, DoesNotContinueWithoutABodyOrInHttp10) {
  EXPECT_EQ(read_any_way(post("Expect: 100-continue\r\n")).continues, 0);
  EXPECT_EQ(read_any_way("POST / HTTP/1.0\r\nExpect: 100-continue\r\n"
                         "Content-Length: 2\r\n\r\nhi")
              .continues,
            0);
}

TEST(InputCheckTest, RefusesBeforeItContinues) {
  const auto made =
    read_any_way(post("Expect: 100-continue\r\nContent-Length: 1001\r\n"));
  EXPECT_EQ(made.continues, 0);
  EXPECT_EQ(made.status, 413);
}

TEST(InputCheckTest, KnowsWhetherTheConnectionIsKept) {
  const auto kept = [](const std::string& bytes) -> bool {
    return read_any_way(bytes).keep_alive.at(0);
  };
  EXPECT_TRUE(kept("GET / HTTP/1.1\r\nHost:\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\nHost:\r\nConnection: x, Close\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(kept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST(InputCheckTest, LetsOptionsAskForTheWholeServer) {
  const auto made = read_any_way("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(made.requests.size(), 1u);
  EXPECT_EQ(made.requests[0].path, "*");
}

// curl --http2, and clients of Java and Go that always offer it.
TEST(InputCheckTest, IgnoresUpgrades) {
  for (const auto* fields :
       {"Upgrade: h2c\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        "connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n",
        "Upgrade: TLS/1.0, HTTP/2.0\r\nConnection: Upgrade\r\n"})
    for (const auto* framed :
         {"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n"
                                            "5\r\nhello\r\n0\r\n\r\n"}) {
      const auto made = read_any_way("POST /hooks/a HTTP/1.1\r\nHost: h\r\n"
                                     + std::string(fields) + framed
                                     + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
      ASSERT_EQ(made.requests.size(), 2u) << fields;
      EXPECT_EQ(made.requests[0].body, "hello");
      EXPECT_EQ(made.requests[1].path, "/next");
    }
}

TEST(InputCheckTest, TakesTargetsInAbsoluteForm) {
  const auto read_target = [](const std::string& line) {
    const auto made =
      read_any_way(line + " HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n");
    return made.requests.empty() ? http_request{} : made.requests[0];
  };
  const auto request = read_target("GET http://Host.example:80/a%20b?c=d");
  EXPECT_EQ(request.path, "/a%20b");
  EXPECT_EQ(request.query, "c=d");
  // The field is to be ignored in favour of the target (RFC 9112, 3.2.2).
  const headers fields{{"Host", "Host.example:80"}, {"X", "y"}};
  EXPECT_EQ(request.headers, fields);
  EXPECT_EQ(read_target("GET HTTPS://h").path, "/");
  EXPECT_EQ(read_target("GET http://[::1]:8080?q").path, "/");
  EXPECT_EQ(read_target("GET http://[::1]:8080?q").query, "q");
  EXPECT_EQ(read_target("OPTIONS http://h/a").path, "/a");
}

TEST(InputCheckTest, GivesTheHostOfAnAbsoluteTargetToHttp10) {
  const auto made = read_any_way("GET http://h/ HTTP/1.0\r\n\r\n");
  ASSERT_EQ(made.requests.size(), 1u);
  const headers fields{{"Host", "h"}};
  EXPECT_EQ(made.requests[0].headers, fields);
}

TEST(InputCheckTest, IgnoresAnEmptyExpectation) {
  EXPECT_EQ(read_any_way(post("Expect:\r\n")).requests.size(), 1u);
}

TEST(InputCheckTest, StaysRejected) {
  input_check check(small_limits());
  ASSERT_TRUE(check.feed("\x16", {}));
  EXPECT_TRUE(std::holds_alternative<rejection>(check.next()));
  ASSERT_TRUE(check.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n", {}));
  EXPECT_TRUE(std::holds_alternative<rejection>(check.next()));
}

TEST(InputCheckTest, BoundsWhatWaitsUnused) {
  input_check check(small_limits());
  const std::string piece(1'000, 'x');
  int taken = 0;
  while (taken < 1'000 && check.feed(piece, {}))
    ++taken;
  EXPECT_LT(taken, 20);
}

TEST(InputCheckTest, DatesARequestByItsFirstByte) {
  const input_check::time_point start{};
  input_check check(small_limits());
  ASSERT_TRUE(check.feed("GET / HT", start + std::chrono::seconds(1)));
  EXPECT_TRUE(std::holds_alternative<more_wanted>(check.next()));
  EXPECT_TRUE(check.begun());
  ASSERT_TRUE(check.feed("TP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
                         start + std::chrono::seconds(2)));
  const auto first = check.next();
  EXPECT_EQ(std::get<checked_request>(first).what.arrived,
            start + std::chrono::seconds(1));
  const auto second = check.next();
  EXPECT_EQ(std::get<checked_request>(second).what.arrived,
            start + std::chrono::seconds(2));
  EXPECT_FALSE(check.begun());
}

// A sender that always has three requests under way gave all of them the time
// of the first one, so that those after the deadline were refused.
TEST(InputCheckTest, DatesPipelinedRequestsThatNeverRunOut) {
  using std::chrono::seconds;
  const input_check::time_point start{};
  const std::string request = "GET /a HTTP/1.0\r\n\r\n";
  input_check check(small_limits());
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(check.feed(request, start + seconds(i)));
  for (int i = 0; i < 2'000; ++i) {
    const auto next = check.next();
    ASSERT_TRUE(std::holds_alternative<checked_request>(next));
    ASSERT_EQ(std::get<checked_request>(next).what.arrived, start + seconds(i));
    ASSERT_TRUE(check.feed(request, start + seconds(i + 3)));
  }
}

TEST(InputCheckTest, DatesRequestsThatComeByteByByteNoLaterThanTheyCame) {
  using std::chrono::seconds;
  const input_check::time_point start{};
  const auto request = "GET /" + std::string(90, 'a') + " HTTP/1.0\r\n\r\n";
  input_check check(small_limits());
  int at = 0;
  for (int i = 0; i < 20; ++i)
    for (const char byte : request)
      ASSERT_TRUE(check.feed({&byte, 1}, start + seconds(at++)));
  auto before = start - seconds(1);
  for (int i = 0; i < 20; ++i) {
    const auto next = check.next();
    ASSERT_TRUE(std::holds_alternative<checked_request>(next));
    const auto arrived = std::get<checked_request>(next).what.arrived;
    const auto came = start + seconds(static_cast<int>(request.size()) * i);
    EXPECT_LE(arrived, came);
    EXPECT_GE(arrived, came - seconds(at / 50));
    EXPECT_GT(arrived, before);
    before = arrived;
  }
}

} // namespace
} // namespace handoff

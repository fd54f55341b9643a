#include "http/ingress/content_coding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <zlib.h>

namespace handoff::test {
namespace {

using ::testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(
    deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
    Z_OK);
  std::string made(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in =
    const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(made.data());
  stream.avail_out = static_cast<uInt>(made.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  made.resize(made.size() - stream.avail_out);
  deflateEnd(&stream);
  return made;
}

std::string decoded(std::string body, const headers& fields,
                    std::size_t most = 1'000) {
  auto made = without_content_coding(std::move(body), fields, most);
  if (const auto* failed = std::get_if<error>(&made))
    return std::string{name(failed->kind)} + ": " + failed->detail;
  return std::get<std::string>(made);
}

const headers gzipped{{"content-encoding", "GZip"}};

TEST(ContentCodingTest, LeavesABodyWithoutOneAlone) {
  EXPECT_EQ(decoded("{}", {}), "{}");
  EXPECT_EQ(decoded("{}", {{"Content-Encoding", "identity"}}), "{}");
}

TEST(ContentCodingTest, DecodesGzip) {
  EXPECT_EQ(decoded(gzip("{\"a\": 1}"), gzipped), "{\"a\": 1}");
  EXPECT_EQ(decoded(gzip("x"), {{"Content-Encoding", "x-gzip"}}), "x");
  EXPECT_EQ(decoded(gzip(""), gzipped), "");
  EXPECT_EQ(decoded(gzip("{\"a\"") + gzip(": 1}"), gzipped), "{\"a\": 1}")
    << "two members";
}

TEST(ContentCodingTest, BoundsWhatItDecodesTo) {
  const std::string text(100'000, ' ');
  EXPECT_EQ(decoded(gzip(text), gzipped, 100'000), text);
  EXPECT_THAT(decoded(gzip(text), gzipped, 99'999),
              HasSubstr("payload-too-large"));
  // 10 MB of blanks in 10 KB.
  const auto bomb = gzip(std::string(10'000'000, ' '));
  EXPECT_LT(bomb.size(), 20'000u);
  EXPECT_THAT(decoded(bomb, gzipped, 100'000), HasSubstr("payload-too-large"));
}

TEST(ContentCodingTest, RefusesWhatIsDamaged) {
  auto body = gzip("{\"a\": 1}");
  EXPECT_THAT(decoded(body.substr(0, body.size() - 1), gzipped),
              HasSubstr("invalid-request"));
  EXPECT_THAT(decoded(body + "x", gzipped), HasSubstr("invalid-request"));
  body[body.size() - 6] ^= 1; // the checksum
  EXPECT_THAT(decoded(body, gzipped), HasSubstr("invalid-request"));
  EXPECT_THAT(decoded("{}", gzipped), HasSubstr("not gzip"));
  EXPECT_THAT(decoded("", gzipped), HasSubstr("not gzip"));
}

TEST(ContentCodingTest, RefusesOtherCodings) {
  EXPECT_THAT(decoded("{}", {{"Content-Encoding", "br"}}), HasSubstr("gzip"));
  EXPECT_THAT(decoded("{}", {{"Content-Encoding", "gzip, gzip"}}),
              HasSubstr("gzip"));
}

} // namespace
} // namespace handoff::test

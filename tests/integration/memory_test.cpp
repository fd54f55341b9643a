// Goal: what webhooks and unfinished jobs take up of memory stays within
// [admission] max-bytes, whatever their bodies look like. Method: bodies of
// 1 MiB that become as many values as possible; the memory is read from /proc.

#include "tests/integration/process_signs.hpp"
#include "tests/integration/service_test.hpp"

#include <string>

namespace handoff::support {

class MemoryTest : public ServiceTest {
protected:
  MemoryTest() {
    options.ini["deadline"]["limit"] = "60s";
    flow["clone"]["timeout"] = "60s";
    flow.erase("sub_actions");
    script(on("/projects/*/clone", hang));
  }

  /// 1 MiB that would be some 8 MiB of values, and blanks.
  static std::string large_body() {
    std::string body = R"({"template":"t","list":[{})";
    for (int value = 4; value < 100'000; ++value)
      body += ",{}";
    body += "]}";
    body.resize(1'048'576, ' ');
    return body;
  }

  http_response post_large(handoff::headers fields = {}) {
    fields.push_back({"Content-Type", "application/json"});
    return request(service->port(), "POST", "/hooks/setup", fields, body_);
  }

  const std::string body_ = large_body();
};

TEST_F(MemoryTest, StaysWithinMaxBytes) {
  constexpr std::size_t limit = 256 * 1'048'576;
  options.ini["admission"]["max-bytes"] = "\"256MiB\"";
  start();
  // What the first ones take is the room that each of them needs for a moment.
  for (int sent = 0; sent < 5; ++sent)
    ASSERT_EQ(post_large({{"Prefer", "respond-async"}}).status, 202);
  const process_signs signs{service->program().pid()};
  const auto before = signs.resident_bytes();
  int taken = 0;
  int refused = 0;
  for (int sent = 0; sent < 1'000; ++sent) {
    const auto answer = post_large({{"Prefer", "respond-async"}});
    taken += answer.status == 202 ? 1 : 0;
    refused += answer.status == 503 ? 1 : 0;
    if (answer.status == 503) {
      EXPECT_NE(answer.header("Retry-After"), "");
    }
  }
  EXPECT_EQ(taken + refused, 1'000);
  EXPECT_GT(taken, 190) << "there was room";
  EXPECT_GT(refused, 700);
  const auto shown = tree()["admission"];
  EXPECT_LE(shown["bytes"], limit);
  EXPECT_GT(shown["bytes"], taken * 1'048'576);
  if (!signs.is_sanitized()) {
    EXPECT_LE(signs.resident_bytes() - before, limit + limit / 4);
  }
  // They end, and there is room again.
  script();
  api.release();
  wait_for_tree([](const json& now) { return now["admission"]["bytes"] == 0; });
  EXPECT_EQ(post_large().status, 200);
}

} // namespace handoff::support

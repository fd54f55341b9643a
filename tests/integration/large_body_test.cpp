// Goal: nobody waits for the large bodies of others. Method: bodies of 1 MiB
// with as many values as are allowed, and a request beside them that the event
// loop answers by itself.

#include "tests/integration/service_test.hpp"

#include <algorithm>
#include <future>
#include <vector>

namespace handoff::support {

class LargeBodyTest : public ServiceTest {
protected:
  static std::string large_body() {
    std::string body = R"({"template":"t","list":[{})";
    for (int value = 1; value < 90'000; ++value)
      body += ",{}";
    body += "]}";
    body.resize(1'048'576, ' ');
    return body;
  }

  http_response post_large() {
    return request(
      service->port(), "POST", "/hooks/setup",
      {{"Content-Type", "application/json"}, {"Prefer", "respond-async"}},
      body_);
  }

  const std::string body_ = large_body();
};

TEST_F(LargeBodyTest, HoldsUpNobody) {
  options.ini["http"]["threads"] = "1";
  options.ini["deadline"]["limit"] = "60s";
  flow.erase("sub_actions");
  start();
  std::vector<std::future<http_response>> large;
  for (int sender = 0; sender < 16; ++sender)
    large.push_back(
      std::async(std::launch::async, [this] { return post_large(); }));
  auto longest = std::chrono::steady_clock::duration::zero();
  for (bool done = false; !done;) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(service->post("none", json::object()).status, 404);
    longest = std::max(longest, std::chrono::steady_clock::now() - begun);
    done = std::all_of(large.begin(), large.end(), [](const auto& each) {
      return each.wait_for(std::chrono::seconds{0})
          == std::future_status::ready;
    });
  }
  for (auto& each : large) {
    const auto answer = each.get();
    EXPECT_EQ(answer.status, 202) << answer.body;
  }
  // Worked off on the event loop, they took it for more than a second.
  EXPECT_LT(longest, std::chrono::milliseconds{500});
}

} // namespace handoff::support

// GET /api/v1/events: what subscribers of the running service hear.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace handoff::support {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// One event as it was read.
struct told_event {
  std::string name;
  std::string id;
  nlohmann::json data;
};

/// A subscriber: reads blocks (WHATWG HTML, section 9.2.6).
class event_stream {
public:
  event_stream(const handoff_service& from, const std::string& query = "",
               handoff::headers fields = {})
      : connection_{from.admin_port()} {
    connection_.send_request("GET", "/api/v1/events" + query, fields);
    while (head_.find("\r\n\r\n") == std::string::npos && more(head_)) {
    }
    const auto end = std::min(head_.find("\r\n\r\n") + 4, head_.size());
    unread_ = head_.substr(end);
    head_.resize(end);
  }

  const std::string& head() const { return head_; }

  int status() const { return std::stoi(head_.substr(9, 3)); }

  /// The next event, none at the end of the stream; comments are skipped.
  std::optional<told_event> next() {
    for (;;) {
      const auto end = unread_.find("\n\n");
      if (end == std::string::npos) {
        if (!more(unread_))
          return std::nullopt;
        continue;
      }
      const auto text = unread_.substr(0, end + 1);
      unread_.erase(0, end + 2);
      told_event read{value(text, "event: "), value(text, "id: "), {}};
      if (!read.id.empty())
        last_id_ = read.id;
      if (read.name.empty())
        continue;
      read.data = nlohmann::json::parse(value(text, "data: "));
      return read;
    }
  }

  /// Everything up to the first event of that name with that status.
  std::vector<told_event> until(const std::string& name,
                                const std::string& status) {
    std::vector<told_event> all;
    while (auto read = next()) {
      all.push_back(*read);
      if (read->name == name && read->data.value("status", "") == status)
        return all;
    }
    ADD_FAILURE() << "no " << name << " was " << status;
    return all;
  }

  const std::string& last_id() const { return last_id_; }

private:
  static std::string value(const std::string& block, const std::string& name) {
    const auto at = ("\n" + block).find("\n" + name);
    if (at == std::string::npos)
      return {};
    const auto from = at + name.size();
    return block.substr(from, block.find('\n', from) - from);
  }

  bool more(std::string& to) {
    const auto bytes = connection_.receive();
    to += bytes;
    return !bytes.empty();
  }

  http_connection connection_;
  std::string head_;
  std::string unread_;
  std::string last_id_;
};

class EventsTest : public ServiceTest {
protected:
  /// Until the recovery is done, which is an event by itself.
  void start() {
    ServiceTest::start();
    wait_for_tree([](const json& now) { return now["recovery"]["done"]; });
  }

  /// Follows a job to its end and stops; gives the id of the last event.
  std::string follow_one_job() {
    event_stream stream{*service};
    accept_job();
    stream.until("job", "succeeded");
    return stream.last_id();
  }

  /// What happened to the job, as "job cloning", "step s1 running".
  static std::vector<std::string> story(const std::vector<told_event>& all,
                                        const std::string& job) {
    std::vector<std::string> lines;
    for (const auto& each : all) {
      if (each.data.value("job", "") != job)
        continue;
      auto line = each.name;
      if (each.data.contains("name"))
        line += " " + each.data.at("name").get<std::string>();
      if (each.data.contains("status"))
        line += " " + each.data.at("status").get<std::string>();
      lines.push_back(line);
    }
    return lines;
  }
};

TEST_F(EventsTest, TellsEveryChangeOnceItIsDurable) {
  flow["sub_actions"] = json::array({sub_action("s1")});
  script(on("/projects/*/s1", status(503), ok));
  start();
  event_stream stream{*service};
  ASSERT_EQ(stream.status(), 200);
  EXPECT_THAT(stream.head(), HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(stream.head(), HasSubstr("Cache-Control: no-store"));
  const auto job = accept_job();
  const auto all = stream.until("job", "succeeded");
  EXPECT_EQ(service->job(job).at("status"), "succeeded");
  auto lines = story(all, job);
  // When the sender's answer is journaled is nobody's order.
  EXPECT_THAT(lines, Contains("reply"));
  std::erase(lines, "reply");
  EXPECT_THAT(lines,
              ElementsAre("job cloning", "clone running", "clone succeeded",
                          "job running", "step s1 running", "step s1 retrying",
                          "step s1 running", "step s1 succeeded",
                          "job succeeded"));
  for (const auto& each : all)
    EXPECT_FALSE(each.id.empty());
  EXPECT_EQ(all.front().data.at("flow"), "setup");
}

TEST_F(EventsTest, TellsOfOneJobOnly) {
  start();
  const auto first = accept_job();
  service->wait_for_job(first, "succeeded");
  script(on("/projects/*/clone", json{{"delay", "100ms"}}));
  event_stream stream{*service, "?job=" + first};
  accept_job();
  ASSERT_EQ(service->admin("POST", "/api/v1/jobs/" + first + "/retry").status,
            409);
  EXPECT_EQ(event_stream(*service, "?job=x").status(), 400);
  EXPECT_EQ(event_stream(*service, "?flow=setup").status(), 400);
  service->stop();
  const auto read = stream.next();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "draining") << read->data;
}

TEST_F(EventsTest, GoesOnWhereASubscriberStopped) {
  start();
  const auto stopped_at = follow_one_job();
  const auto missed = accept_job();
  service->wait_for_job(missed, "succeeded");
  event_stream stream{*service, "", {{"Last-Event-ID", stopped_at}}};
  const auto lines = story(stream.until("job", "succeeded"), missed);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), "job cloning");
}

TEST_F(EventsTest, TellsWhomItCannotTellAll) {
  start();
  const auto stopped_at = follow_one_job();
  service->restart();
  event_stream stream{*service, "", {{"Last-Event-ID", stopped_at}}};
  const auto read = stream.next();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "lagged");
}

TEST_F(EventsTest, WantsTheToken) {
  options.ini["admin"]["token"] = "\"s3cret\"";
  ServiceTest::start();
  EXPECT_EQ(event_stream(*service).status(), 401);
  EXPECT_EQ(
    event_stream(*service, "", {{"Authorization", "Bearer s3cret"}}).status(),
    200);
}

TEST_F(EventsTest, TakesNoMoreThanSixtyFour) {
  start();
  std::vector<std::unique_ptr<event_stream>> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(std::make_unique<event_stream>(*service));
    ASSERT_EQ(all.back()->status(), 200);
  }
  event_stream refused{*service};
  EXPECT_EQ(refused.status(), 503);
  EXPECT_THAT(refused.head(), HasSubstr("Retry-After: "));
  EXPECT_EQ(service->admin("GET", "/readyz").status, 200);
  // Each of them hears of it.
  accept_job();
  for (const auto& each : all)
    each->until("job", "succeeded");
}

TEST_F(EventsTest, TellsOfBreakers) {
  options.ini["upstream"] = {{"breaker-failures", "1"}};
  flow["sub_actions"] = json::array({sub_action("s1")});
  script(on("/projects/*/s1", status(503), ok));
  start();
  event_stream stream{*service};
  accept_job();
  auto read = stream.next();
  while (read && read->name != "breaker")
    read = stream.next();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->data.at("state"), "open");
  EXPECT_EQ(read->data.at("host").get<std::string>() + "/x", api.url("/x"));
}

TEST_F(EventsTest, EndsWhenTheServiceDrains) {
  start();
  event_stream stream{*service};
  EXPECT_EQ(service->stop(), 0);
  const auto last = stream.next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->name, "draining");
  EXPECT_FALSE(stream.next());
}

} // namespace handoff::support

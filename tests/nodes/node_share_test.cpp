// Goal: what nodes have together is one: the calls that an upstream bears, the
// tokens of a connection, the events that operators see. Method: several real
// programs on one private PostgreSQL cluster; the fake API counts.

#include "tests/nodes/shared_journal_test.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <vector>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class NodesShareTest : public SharedJournalTest {
protected:
  /// Webhooks at this node, for as long as it lives, whose senders do not wait.
  class load {
  public:
    explicit load(std::uint16_t port) {
      sender_ = std::thread{[this, port] {
        while (!enough_) {
          try {
            request(port, "POST", "/hooks/setup",
                    {{"Content-Type", "application/json"},
                     {"Prefer", "respond-async"}},
                    R"({"template":"t"})");
          } catch (const http_client_error&) {
            return;
          }
          std::this_thread::sleep_for(milliseconds{100});
        }
      }};
    }

    ~load() {
      enough_ = true;
      sender_.join();
    }

  private:
    std::atomic<bool> enough_{false};
    std::thread sender_;
  };

  json clones() const { return api.counts("POST /projects/t/clone"); }

  temp_directory files;
};

TEST_F(NodesShareTest, KeepsToMaxCallsWhileNodesJoinLeaveAndDie) {
  constexpr int most = 6;
  options.ini["upstream"] = {{"max-calls", std::to_string(most)},
                             {"reserved-for-clones", "1.0"}};
  options.ini["drain"]["timeout"] = "1s";
  flow["sub_actions"] = json::array();
  // As long as a node that takes no notice of a newcomer would need.
  script(on("/projects/*/clone", json{{"delay", "1500ms"}}));
  const auto full = [&] {
    return clones()["in_flight"] == most;
  };
  auto a = start_node("a");
  const load at_a{a->port()};
  EXPECT_TRUE(wait_for(full)) << "one node alone has all of them";
  auto b = start_node("b");
  const load at_b{b->port()};
  const auto c = start_node("c");
  const load at_c{c->port()};
  std::this_thread::sleep_for(seconds{5});
  EXPECT_EQ(a->stop(), 0) << a->log();
  std::this_thread::sleep_for(seconds{2});
  b->kill();
  // What it had under way ends with it; the other has its part, too.
  std::this_thread::sleep_for(seconds{5});
  EXPECT_TRUE(wait_for(full)) << "the last one has all of them";
  EXPECT_EQ(clones()["max_in_flight"], most);
}

TEST_F(NodesShareTest, GivesEachNodeAllWhereAConnectionSaysSo) {
  options.ini["upstream"] = {{"reserved-for-clones", "1.0"}};
  options.ini["flows"]["connections"] =
    '"' + (files.path() / "connections.json").string() + '"';
  files.write(
    "connections.json",
    json{{"graph", {{"url", api.url("")}, {"max_calls", 4}, {"shared", false}}}}
      .dump());
  flow["sub_actions"] = json::array();
  flow["clone"]["request"] = {
    {"method", "POST"}, {"connection", "graph"}, {"path", "/projects/t/clone"}};
  script(on("/projects/*/clone", hang));
  const auto a = start_node("a");
  const auto b = start_node("b");
  const load at_a{a->port()};
  const load at_b{b->port()};
  EXPECT_TRUE(wait_for_in_flight(8));
  std::this_thread::sleep_for(milliseconds{500});
  EXPECT_EQ(clones()["max_in_flight"], 8);
}

class NodesTokenTest : public NodesShareTest {
protected:
  void SetUp() override {
    NodesShareTest::SetUp();
    options.ini["flows"]["connections"] =
      '"' + (files.path() / "connections.json").string() + '"';
    options.ini["journal"]["secret"] = "\"a-secret-that-is-long-enough\"";
    files.write("connections.json",
                json{{"graph",
                      {{"url", api.url("")},
                       {"auth",
                        {{"type", "oauth2"},
                         {"grant", "refresh_token"},
                         {"token_url", api.url("/token")},
                         {"refresh_token", "the-first-refresh-token"},
                         {"store", "journal"}}}}}}
                  .dump());
    flow["sub_actions"] = json::array();
    flow["clone"]["request"] = {{"method", "POST"},
                                {"connection", "graph"},
                                {"path", "/projects/t/clone"}};
  }

  static json token() {
    return {{"delay", "100ms"},
            {"body",
             {{"access_token", "access-token-{{seq}}"},
              {"refresh_token", "refresh-token-{{seq}}"},
              {"expires_in", 3600}}}};
  }

  int token_requests() const { return api.counts("POST /token")["requests"]; }

  std::string token_of_last_clone() const {
    return api.requests("path=/projects/t/clone&limit=1")
      .at(0)
      .at("headers")
      .at("Authorization");
  }
};

// Goal: a refresh token that changes with each use is used once, whichever node
// needs it, and is not to be read in the database.
TEST_F(NodesTokenTest, HasAChainOfTokensRenewedByOneNodeAtATime) {
  script(on("/token", token()),
         on("/projects/*/clone", ok, ok, status(401), ok));
  auto a = start_node("a");
  const auto b = start_node("b");
  accept_job_at(*a);
  const auto first = token_of_last_clone();
  accept_job_at(*b);
  EXPECT_EQ(token_of_last_clone(), first);
  EXPECT_EQ(token_requests(), 1);
  EXPECT_THAT(api.requests("path=/token").at(0).at("body").dump(),
              HasSubstr("the-first-refresh-token"));
  // Refused at one of them, it is renewed with what came with it.
  accept_job_at(*b);
  EXPECT_EQ(token_requests(), 2);
  EXPECT_THAT(api.requests("path=/token").at(1).at("body").dump(),
              HasSubstr("refresh-token-"));
  const auto second = token_of_last_clone();
  EXPECT_NE(second, first);
  // A start reads what others have got.
  a->kill();
  a->restart();
  accept_job_at(*a);
  EXPECT_EQ(token_of_last_clone(), second);
  EXPECT_EQ(token_requests(), 2);
  const auto kept = cluster().ask("SELECT encode(bytes, 'escape') FROM "
                                  "handoff.shared_values",
                                  database);
  EXPECT_FALSE(kept.empty());
  EXPECT_THAT(kept, Not(HasSubstr("token")));
}

TEST_F(NodesTokenTest, FetchesOneTokenForNodesThatNeedItAtOnce) {
  script(on("/token", token()));
  std::vector<std::unique_ptr<handoff_service>> nodes;
  for (const auto* name : {"a", "b", "c"})
    nodes.push_back(start_node(name));
  std::vector<std::string> jobs;
  for (int n = 0; n < 9; ++n)
    jobs.push_back(post_to(*nodes[static_cast<std::size_t>(n) % 3],
                           {{"Prefer", "respond-async"}})
                     .json()
                     .at("job"));
  for (const auto& job : jobs)
    nodes[0]->wait_for_job(job, "succeeded");
  EXPECT_EQ(token_requests(), 1);
}

TEST_F(NodesTokenTest, OverwritesNothingThatItCannotDecrypt) {
  script(on("/token", token()));
  const auto a = start_node("a");
  accept_job_at(*a);
  options.ini["journal"]["secret"] = "\"another-secret-of-that-length\"";
  const auto b = start_node("b");
  const auto answer = post_to(*b, {{"Prefer", "respond-async"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_TRUE(
    b->program().wait_for_line("journal.secret is not the one", seconds{10}))
    << b->log();
  EXPECT_EQ(token_requests(), 1);
  accept_job_at(*a);
}

class NodesEventsTest : public NodesShareTest {};

TEST_F(NodesEventsTest, StreamsWhatHappensAtOthers) {
  const auto a = start_node("a");
  const auto b = start_node("b");
  http_connection stream{b->admin_port(), seconds{10}};
  stream.send_request("GET", "/api/v1/events");
  std::string heard = stream.receive();
  // Who listens is known to the others within a second.
  std::this_thread::sleep_for(milliseconds{1'500});
  const auto job = accept_job_at(*a);
  EXPECT_TRUE(wait_for([&] {
    heard += stream.receive();
    return heard.find(job) != std::string::npos
        && heard.find("succeeded") != std::string::npos;
  }));
}

} // namespace handoff::support

#include "http/outbound/token_store.hpp"
#include "http/outbound/token_table.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using after = token_table::after_answer;

/// Time is the test's.
class TokenTableTest : public testing::Test {
protected:
  TokenTableTest() {
    configure(connection_auth::grant_kind::client_credentials);
  }

  void configure(connection_auth::grant_kind grant) {
    connection made;
    made.name = "graph";
    made.auth.type = connection_auth::kind::oauth2;
    made.auth.grant = grant;
    made.auth.token_url = "https://login.example/token";
    tokens_.configure({{"graph", std::make_shared<const connection>(made)}});
  }

  /// Whether a token is requested now.
  bool is_requested() { return !tokens_.due(now_).empty(); }

  after answer(std::string token, std::optional<std::chrono::milliseconds> life,
               std::string refresh = {}, bool is_stored = false) {
    return tokens_.answered(
      "graph", token_answer{std::move(token), life, std::move(refresh)},
      is_stored, std::nullopt, now_, {});
  }

  after fail(error_kind kind = error_kind::token_missing) {
    return tokens_.answered("graph", error{kind, "no"}, false, std::nullopt,
                            now_, {});
  }

  std::string token() const {
    const auto found = tokens_.find("graph", now_);
    return found ? found->text : "";
  }

  token_table::view seen() const { return tokens_.views(now_, {}).at("graph"); }

  token_table tokens_;
  token_table::time_point now_ = token_table::time_point{} + 1h;
};

} // namespace

TEST_F(TokenTableTest, RequestsOneTokenForAllWhoWait) {
  EXPECT_FALSE(is_requested()) << "nobody wants one";
  int wakes = 0;
  for (int i = 0; i < 1'000; ++i)
    wakes += tokens_.want("graph", now_) ? 1 : 0;
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(is_requested());
  EXPECT_FALSE(is_requested()) << "it is under way";
  tokens_.want("graph", now_);
  EXPECT_FALSE(is_requested());
  EXPECT_TRUE(tokens_.is_missing("graph", now_));
  EXPECT_EQ(answer("first", 100s), after::usable);
  EXPECT_EQ(token(), "first");
  EXPECT_FALSE(tokens_.is_missing("graph", now_));
  EXPECT_EQ(seen().requests, 1U);
}

TEST_F(TokenTableTest, RenewsAtFourFifthsOfALifeWhatIsUsed) {
  tokens_.want("graph", now_);
  is_requested();
  answer("first", 100s);
  EXPECT_EQ(tokens_.next_due(), now_ + 80s);
  now_ += 79s;
  EXPECT_FALSE(is_requested());
  now_ += 1s;
  EXPECT_TRUE(is_requested());
  EXPECT_EQ(token(), "first") << "it serves meanwhile";
  answer("second", 100s);
  EXPECT_EQ(token(), "second");
  // Nobody has used the second.
  now_ += 90s;
  EXPECT_FALSE(is_requested());
  tokens_.want("graph", now_);
  EXPECT_TRUE(is_requested());
}

TEST_F(TokenTableTest, TellsThatATokenHasEnded) {
  tokens_.want("graph", now_);
  is_requested();
  answer("first", 100s);
  now_ += 100s;
  EXPECT_EQ(token(), "");
  EXPECT_EQ(tokens_.ended(now_), (std::vector<std::string>{"graph"}));
  EXPECT_TRUE(tokens_.ended(now_).empty());
  EXPECT_FALSE(seen().is_valid);
}

TEST_F(TokenTableTest, ReplacesARefusedTokenOnce) {
  tokens_.want("graph", now_);
  is_requested();
  answer("first", 100s);
  const auto number = tokens_.find("graph", now_)->number;
  EXPECT_TRUE(tokens_.refused("graph", number));
  EXPECT_FALSE(tokens_.refused("graph", number)) << "a second call says so too";
  EXPECT_TRUE(is_requested());
  answer("second", 100s);
  EXPECT_FALSE(tokens_.refused("graph", number)) << "a late one";
  EXPECT_EQ(token(), "second");
}

TEST_F(TokenTableTest, AsksAnEndpointThatIsDownLessAndLessOften) {
  tokens_.want("graph", now_);
  int requests = 0;
  const auto end = now_ + 60s;
  while (now_ < end) {
    if (is_requested()) {
      ++requests;
      EXPECT_EQ(fail(), after::failed);
    }
    now_ = *tokens_.next_due();
  }
  // At 0, 1, 3, 7, 15 and 31 s; the next at 61 s.
  EXPECT_EQ(requests, 6);
  EXPECT_EQ(now_, end + 1s);
  EXPECT_EQ(seen().last_error, "no");
  EXPECT_TRUE(is_requested());
  EXPECT_EQ(answer("first", 100s), after::usable);
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(seen().last_error, std::nullopt);
  EXPECT_EQ(seen().failures, 6U);
}

TEST_F(TokenTableTest, UsesATokenOnlyWhenItsRefreshTokenIsStored) {
  configure(connection_auth::grant_kind::refresh_token);
  tokens_.want("graph", now_);
  EXPECT_TRUE(is_requested());
  EXPECT_EQ(answer("first", 100s, "r-2", true), after::to_store);
  EXPECT_EQ(token(), "");
  EXPECT_FALSE(is_requested());
  tokens_.stored("graph", error{error_kind::token_missing, "disk full"}, now_,
                 {});
  EXPECT_EQ(token(), "");
  EXPECT_FALSE(is_requested()) << "the old refresh token may be used up";
  EXPECT_TRUE(tokens_.to_store(now_).empty());
  now_ += 1s;
  EXPECT_EQ(
    tokens_.to_store(now_),
    (std::vector<std::pair<std::string, std::string>>{{"graph", "r-2"}}));
  tokens_.stored("graph", std::nullopt, now_, {});
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(tokens_.refresh_token("graph"), "r-2");
}

TEST_F(TokenTableTest, TakesWhatAnotherNodeHasGot) {
  configure(connection_auth::grant_kind::refresh_token);
  tokens_.want("graph", now_);
  EXPECT_TRUE(is_requested());
  tokens_.postponed("graph", 200ms, now_);
  EXPECT_FALSE(is_requested()) << "another is about to get it";
  now_ += 200ms;
  EXPECT_TRUE(is_requested());
  tokens_.given("graph", {"theirs", 100s, "r-7"}, 7, now_);
  EXPECT_EQ(token(), "theirs");
  EXPECT_EQ(tokens_.version("graph"), 7);
  EXPECT_EQ(tokens_.refresh_token("graph"), "r-7");
  EXPECT_EQ(seen().requests, 0U) << "it has made none itself";
}

TEST_F(TokenTableTest, TellsOfALostChain) {
  configure(connection_auth::grant_kind::refresh_token);
  tokens_.want("graph", now_);
  is_requested();
  EXPECT_EQ(fail(error_kind::unauthorized), after::chain_lost);
  EXPECT_TRUE(seen().is_chain_lost);
  now_ += 1s;
  EXPECT_TRUE(is_requested());
  answer("first", 100s);
  EXPECT_FALSE(seen().is_chain_lost);
}

TEST_F(TokenTableTest, ForgetsConnectionsThatAreGone) {
  tokens_.want("graph", now_);
  is_requested();
  answer("first", 100s);
  tokens_.configure({});
  EXPECT_FALSE(tokens_.is_needed("graph"));
  EXPECT_EQ(token(), "");
}

} // namespace handoff

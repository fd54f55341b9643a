#include "config/answer_rules_reader.hpp"
#include "config/condition_reader.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

class AnswerRulesTest : public ::testing::Test {
protected:
  AnswerRulesTest() {
    hook_.job = "01J";
    context_.hook = &hook_;
  }

  static answer_rules rules(const std::string& outcome) {
    flow_report report{"a.json", reference_resolver{""}, {}, {}};
    answer_rules made;
    made.outcome = read_outcome(report, json::parse(outcome),
                                json::json_pointer{"/outcome"});
    for (const auto& each : report.errors)
      ADD_FAILURE() << to_string(each);
    return made;
  }

  static condition asked(const std::string& text) {
    flow_report report{"a.json", reference_resolver{""}, {}, {}};
    return read_condition(report, json::parse(text), json::json_pointer{},
                          condition_place::answer)
      .value();
  }

  answer_reading read(const answer_rules& own, int status,
                      const std::string& body, bool wanted = false,
                      const outcome_rules& shared = {}) const {
    exchange done;
    done.status = status;
    done.body = body;
    const auto mask = [](std::string text) {
      for (auto at = text.find("s3cret"); at != std::string::npos;
           at = text.find("s3cret"))
        text.replace(at, 6, "***");
      return text;
    };
    return read_answer(own, shared, done, context_, mask, wanted);
  }

  webhook hook_;
  template_context context_;
};

} // namespace

// A failure that the body told was taken for a success.
TEST_F(AnswerRulesTest, CannotJudgeWhatIsBeyondTheLimits) {
  const auto own =
    rules(R"([{"if": {"at": "/errors", "empty": false}, "then": "fail"}])");
  const auto deep = R"({"errors": [1], "data": )" + std::string(101, '[')
                  + std::string(101, ']') + "}";
  const auto found = read(own, 200, deep);
  EXPECT_FALSE(found.rule);
  EXPECT_TRUE(found.over_limits);
  // As many values as fit are no reason.
  std::string many = R"({"errors": [1], "data": [0)";
  for (int i = 0; i < 300'000; ++i)
    many += ",0";
  const auto wide = read(own, 200, many + "]}");
  ASSERT_TRUE(wide.rule);
  EXPECT_EQ(wide.rule->then, ruled::fail);
}

TEST_F(AnswerRulesTest, LetsTheFirstRuleThatHoldsDecide) {
  const auto own = rules(R"([
    {"if": {"at": "/code", "is": "BUSY"}, "then": "retry", "wait": "/in"},
    {"if": {"at": "/errors", "empty": false}, "then": "fail",
     "detail": "/errors/0/message"},
    {"if": {"status": 422, "at": "/code", "is": "exists"}, "then": "succeed"},
    {"if": {"status": 409}, "then": "unknown"}])");

  const struct {
    int status;
    const char* body;
    std::optional<ruling> expected;
  } rows[]{
    {200, R"({"code": "BUSY", "in": 2.5})",
     ruling{ruled::retry, milliseconds{2500}, ""}},
    {200, R"({"code": "BUSY", "in": "7"})",
     ruling{ruled::retry, seconds{7}, ""}},
    {200, R"({"code": "BUSY", "in": "soon"})",
     ruling{ruled::retry, std::nullopt, ""}},
    {200, R"({"code": "BUSY", "in": -1})",
     ruling{ruled::retry, std::nullopt, ""}},
    {200, R"({"code": "BUSY"})", ruling{ruled::retry, std::nullopt, ""}},
    {200, R"({"errors": [{"message": "no such board"}]})",
     ruling{ruled::fail, std::nullopt, "no such board"}},
    {200, R"({"errors": [{"message": {"a": 1}}]})",
     ruling{ruled::fail, std::nullopt, R"({"a":1})"}},
    {200, R"({"errors": [{}]})", ruling{ruled::fail, std::nullopt, ""}},
    {200, R"({"errors": []})", std::nullopt},
    {422, R"({"code": "exists"})", ruling{ruled::succeed, std::nullopt, ""}},
    {400, R"({"code": "exists"})", std::nullopt},
    {409, "not JSON", ruling{ruled::unknown, std::nullopt, ""}},
    {200, "not JSON", std::nullopt},
  };

  for (const auto& row : rows)
    EXPECT_EQ(read(own, row.status, row.body).rule, row.expected) << row.body;
}

TEST_F(AnswerRulesTest, AsksTheRulesOfTheConnectionLast) {
  const auto own = rules(R"([{"if": {"status": 200}, "then": "succeed"}])");
  const auto shared = rules(R"([{"if": {"status": "2xx"}, "then": "fail"}])");
  EXPECT_EQ(read(own, 200, "{}", false, shared.outcome).rule->then,
            ruled::succeed);
  EXPECT_EQ(read(own, 201, "{}", false, shared.outcome).rule->then,
            ruled::fail);
  EXPECT_FALSE(read(own, 404, "{}", false, shared.outcome).rule);
}

TEST_F(AnswerRulesTest, MasksAndCutsTheDetail) {
  const auto own =
    rules(R"([{"if": {"status": 200}, "then": "fail", "detail": "/m"}])");
  EXPECT_EQ(read(own, 200, R"({"m": "bad s3cret"})").rule->detail, "bad ***");
  // The secret is hidden before the text is cut in the middle of it, and no
  // character is cut.
  const auto long_text =
    std::string(296, 'x') + "s3cret" + "\xc3\xa4" + std::string(50, 'y');
  const auto detail =
    read(own, 200, json{{"m", long_text}}.dump()).rule->detail;
  EXPECT_EQ(detail, std::string(296, 'x') + "***");
}

// What the response of the attempt hides was shown as its error.
TEST_F(AnswerRulesTest, HidesInTheDetailWhatTheNamesSayIsSecret) {
  const auto own =
    rules(R"([{"if": {"status": 200}, "then": "fail", "detail": "/m"}])");
  EXPECT_EQ(
    read(own, 200, R"({"m": {"password": "p", "a": [{"token": "t"}], "b": 1}})")
      .rule->detail,
    R"({"a":[{"token":"***"}],"b":1,"password":"***"})");
  EXPECT_EQ(read(own, 200, R"({"m": "bad token=abc&x=1"})").rule->detail,
            "bad token=***&x=1");
}

TEST_F(AnswerRulesTest, CutsAWaitOfAnySize) {
  const auto own =
    rules(R"([{"if": {"status": 200}, "then": "retry", "wait": "/w"}])");
  const auto longest = milliseconds{seconds{30 * 24 * 3600}};
  for (const std::string wait :
       {"1000000000000", "1e30", "1000000000000000000000000000000", "1e400",
        "\"1e400\"", "\"1000000000000000000000000000000\""})
    EXPECT_EQ(read(own, 200, R"({"w": )" + wait + "}").rule->wait, longest)
      << wait;
  for (const std::string wait :
       {"-1000000000000000000000000000000", "-1e400", "\"-1e400\"", "\"x\""})
    EXPECT_EQ(read(own, 200, R"({"w": )" + wait + "}").rule->wait, std::nullopt)
      << wait;
}

TEST_F(AnswerRulesTest, ShipsASetForGraphql) {
  answer_rules own;
  own.outcome = graphql_outcome();

  const struct {
    const char* body;
    std::optional<ruling> expected;
  } rows[]{
    {R"({"data": {"a": 1}})", std::nullopt},
    {R"({"data": {"a": 1}, "errors": []})", std::nullopt},
    {R"({"errors": [{"message": "m", "extensions": {"code": "THROTTLED"}}]})",
     ruling{ruled::retry, std::nullopt, "m"}},
    {R"({"errors": [{"message": "m", "extensions":
         {"code": "COMPLEXITY_BUDGET_EXHAUSTED", "retry_in_seconds": 4}}]})",
     ruling{ruled::retry, seconds{4}, "m"}},
    {R"({"errors": [{"type": "RATE_LIMITED", "message": "m"}]})",
     ruling{ruled::retry, std::nullopt, "m"}},
    {R"({"data": null, "errors": [{"message": "no field x"}]})",
     ruling{ruled::fail, std::nullopt, "no field x"}},
    {R"({"error_code": "UserUnauthorizedException", "status_code": 200,
         "error_message": "no"})",
     ruling{ruled::fail, std::nullopt, "no"}},
  };

  for (const auto& row : rows)
    EXPECT_EQ(read(own, 200, row.body).rule, row.expected) << row.body;
}

TEST_F(AnswerRulesTest, PicksTheFirstElementThatFits) {
  answer_rules own;
  own.pick = pick_rule{json::json_pointer{"/items"},
                       asked(R"({"at": "/note", "is": "{{job}}"})")};
  const auto found = read(own, 200,
                          R"({"items": [{"note": "x", "id": 1},
                              {"note": "01J", "id": 2},
                              {"note": "01J", "id": 3}]})");
  EXPECT_EQ(found.answer, json::parse(R"({"note": "01J", "id": 2})"));
  for (const auto* body : {R"({"items": []})", R"({"items": {}})", "{}", "[]",
                           R"({"items": [{"note": null}]})"}) {
    const auto none = read(own, 200, body);
    EXPECT_FALSE(none.answer) << body;
    ASSERT_TRUE(none.unreadable) << body;
    EXPECT_EQ(none.unreadable->kind, error_kind::nothing_picked) << body;
  }
  // Of an answer that is no success, nothing is picked.
  EXPECT_EQ(read(own, 404, R"({"e": 1})").answer, json::parse(R"({"e": 1})"));
  own.pick =
    pick_rule{json::json_pointer{}, asked(R"({"at": "", "is": null})")};
  EXPECT_EQ(read(own, 200, "[1, null]").answer, json(nullptr));
}

TEST_F(AnswerRulesTest, TellsWhetherAWaitIsOver) {
  answer_rules own;
  own.wait = wait_conditions{asked(R"({"at": "/done", "is": true})"),
                             asked(R"({"at": "/error", "empty": false})")};
  EXPECT_EQ(read(own, 200, R"({"done": true})").seen, sight::done);
  EXPECT_EQ(read(own, 200, R"({"done": true, "error": "e"})").seen,
            sight::failed);
  EXPECT_EQ(read(own, 202, R"({"done": false})").seen, sight::not_yet);
  EXPECT_EQ(read(own, 200, "not JSON").seen, sight::not_yet);
  // An answer that is an error says nothing, unless a rule makes it a success.
  EXPECT_FALSE(read(own, 500, R"({"done": true})").seen);
  own.wait->until = asked(R"({"status": 404})");
  EXPECT_FALSE(read(own, 404, "{}").seen);
  own.outcome =
    rules(R"([{"if": {"status": 404}, "then": "succeed"}])").outcome;
  EXPECT_EQ(read(own, 404, "{}").seen, sight::done);
}

TEST_F(AnswerRulesTest, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* expected;
  } rows[]{
    {R"("soap")", "a.json: /outcome: must be \"graphql\" or an array of 1 to "
                  "50 rules, but is \"soap\""},
    {"[]", "a.json: /outcome: must be \"graphql\" or an array of 1 to 50 "
           "rules, but has 0"},
    {R"([{"if": {"status": 200}}])", "a.json: /outcome/0: \"then\" is missing"},
    {R"([{"then": "fail"}])", "a.json: /outcome/0: \"if\" is missing"},
    {R"([{"if": {"status": 200}, "then": "pass"}])",
     "a.json: /outcome/0/then: \"pass\" is not allowed; allowed: succeed, "
     "fail, retry, refresh or unknown"},
    {R"([{"if": {"status": 200}, "then": "fail", "wait": "5s"}])",
     "a.json: /outcome/0/wait: does nothing here: it belongs beside \"then\": "
     "\"retry\""},
    {R"([{"if": {"status": 200}, "then": "retry", "wait": 5}])",
     "a.json: /outcome/0/wait: 5 is not a duration; allowed: a string such as "
     "\"250ms\", \"9.5s\" or \"24h\", from 1ms to 30d"},
    {R"([{"if": {"status": 200}, "then": "fail", "detail": "message"}])",
     "a.json: /outcome/0/detail: \"message\" is not a JSON pointer (RFC 6901); "
     "allowed: a string that begins with / such as \"/id\""},
  };

  for (const auto& row : rows) {
    flow_report report{"a.json", reference_resolver{""}, {}, {}};
    read_outcome(report, json::parse(row.text), json::json_pointer{"/outcome"});
    ASSERT_EQ(report.errors.size(), 1u) << row.text;
    EXPECT_EQ(to_string(report.errors[0]), row.expected) << row.text;
  }
}

} // namespace handoff::test

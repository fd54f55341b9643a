// Goal: the flows of the gallery do what they say against APIs that behave, and
// misbehave, as their documentation has it. Method: each case of a cases.json
// is played by "handoff simulate" in virtual time, and by the service against
// the fake API; both must come to what the case expects.

#include "tests/integration/gallery_play.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace handoff::support {

using nlohmann::json;

namespace {

enum class player { simulation, service };

class GalleryTest : public ::testing::Test {
protected:
  static const std::vector<gallery_case>& cases() {
    static const auto all = gallery_cases();
    return all;
  }
};

json value_of(const std::string& text) {
  auto value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

std::vector<const played_call*> calls_of(const played_case& played,
                                         const std::string& what) {
  std::vector<const played_call*> found;
  for (const auto& each : played.calls)
    if (each.what == what)
      found.push_back(&each);
  return found;
}

/// Exactly these calls and no other. "2+" is at least two.
void expect_calls(const json& expected, const played_case& played) {
  std::map<std::string, int> counted;
  for (const auto& each : played.calls)
    ++counted[each.what];
  for (const auto& [what, count] : expected.items()) {
    const auto made = counted[what];
    counted.erase(what);
    if (count.is_string()) {
      EXPECT_GE(made, std::stoi(count.get<std::string>())) << what;
    } else {
      EXPECT_EQ(made, count.get<int>()) << what;
    }
  }
  EXPECT_EQ(json(counted), json::object()) << "were made too";
}

/// What a simulation hides, because its name says that it is secret, is as
/// anything.
bool is_as(const json& sent, const json& expected) {
  if (sent == "***" || !sent.is_structured() || sent.type() != expected.type()
      || sent.size() != expected.size())
    return sent == "***" || sent == expected;
  for (const auto& [name, value] : sent.items()) {
    const auto at = sent.is_array() ? json::json_pointer{'/' + name}
                                    : json::json_pointer{} / name;
    if (!expected.contains(at) || !is_as(value, expected.at(at)))
      return false;
  }
  return true;
}

/// The last call of one kind was made before the first of another.
void expect_order(const json& expected, const played_case& played) {
  for (const auto& [first, second] : expected.items()) {
    const auto one = calls_of(played, first);
    const auto other = calls_of(played, second);
    ASSERT_FALSE(one.empty() || other.empty()) << first;
    EXPECT_LT(one.back(), other.front()) << first;
  }
}

/// The bodies of all calls of a kind; elements are called side by side, so that
/// any order will do.
void expect_sent(const json& expected, const played_case& played) {
  for (const auto& [what, bodies] : expected.items()) {
    auto sent = json::array();
    for (const auto* each : calls_of(played, what))
      sent.push_back(value_of(each->body));
    EXPECT_TRUE(std::is_permutation(sent.begin(), sent.end(), bodies.begin(),
                                    bodies.end(), is_as))
      << what << " sent " << sent << "\nin place of " << bodies;
  }
}

/// Of each call of a kind: the text of a field, true for any, null for none.
void expect_fields(const json& expected, const played_case& played) {
  for (const auto& [what, fields] : expected.items()) {
    const auto calls = calls_of(played, what);
    EXPECT_FALSE(calls.empty()) << what;
    for (const auto* call : calls)
      for (const auto& [name, value] : fields.items()) {
        const auto* found = find_header(call->headers, name);
        const json text = found != nullptr ? json(*found) : json(nullptr);
        EXPECT_EQ(value.is_boolean() ? json(found != nullptr) : text, value)
          << what << ' ' << name;
      }
  }
}

void expect_queries(const json& expected, const played_case& played) {
  for (const auto& [what, queries] : expected.items()) {
    auto sent = json::array();
    for (const auto* each : calls_of(played, what))
      sent.push_back(each->query);
    EXPECT_EQ(sent, queries) << what;
  }
}

/// Seconds of virtual time between the calls of a kind, perhaps longer by
/// chance.
void expect_pauses(const json& expected, const played_case& played) {
  for (const auto& [what, pauses] : expected.items()) {
    const auto calls = calls_of(played, what);
    ASSERT_EQ(calls.size(), pauses.size() + 1) << what;
    for (std::size_t i = 0; i < pauses.size(); ++i) {
      const double seconds =
        static_cast<double>(calls[i + 1]->at_ms - calls[i]->at_ms) / 1000;
      EXPECT_GE(seconds, pauses[i].get<double>()) << what;
      EXPECT_LE(seconds, pauses[i].get<double>() * 1.3) << what;
    }
  }
}

/// Seconds of virtual time from the first call of the job to the first of a
/// kind.
void expect_begins(const json& expected, const played_case& played) {
  for (const auto& [what, begin] : expected.items()) {
    const auto calls = calls_of(played, what);
    ASSERT_FALSE(calls.empty()) << what;
    const double seconds =
      static_cast<double>(calls[0]->at_ms - played.calls[0].at_ms) / 1000;
    EXPECT_GE(seconds, begin.get<double>()) << what;
    EXPECT_LE(seconds, begin.get<double>() * 1.3) << what;
  }
}

/// The error of the step, or of its last attempt, has this text in it.
void expect_errors(const json& expected, const json& job) {
  const auto error_of = [](const json& step) {
    const auto& last = step.at("attempts").empty()
                       ? step.at("error")
                       : step.at("attempts").back().at("error");
    return step.at("error").is_string() ? step.at("error").get<std::string>()
         : last.is_string()             ? last.get<std::string>()
                                        : std::string{};
  };
  for (const auto& [name, text] : expected.items()) {
    std::string found;
    if (name == "clone")
      found = error_of(job.at("clone"));
    for (const auto& each : job.at("sub_actions"))
      if (each.at("name") == name)
        found = error_of(each);
    EXPECT_NE(found.find(text.get<std::string>()), std::string::npos)
      << name << ": " << found;
  }
}

void expect_job(const json& expected, const played_case& played) {
  const auto& job = played.job;
  ASSERT_EQ(job.is_object() ? job.at("status") : json(nullptr),
            expected.at("job"))
    << job.dump();
  if (!job.is_object())
    return;
  EXPECT_EQ(job.at("uid"), expected.value("uid", json(nullptr)));
  auto steps = json::object();
  for (const auto& each : job.at("sub_actions"))
    steps[each.at("name").get<std::string>()] = each.at("status");
  EXPECT_EQ(steps, expected.value("steps", json::object())) << job.dump();
  expect_errors(expected.value("errors", json::object()), job);
}

void expect_as_said(const gallery_case& one, const played_case& played,
                    player by) {
  SCOPED_TRACE(one.id + ": " + one.what.at("case").get<std::string>()
               + (by == player::service ? ", by the service" : ""));
  const json expected = json::parse(one.what.at("expect").dump());
  static const std::set<std::string> known{
    "job",    "uid",     "steps", "answer", "calls",  "before", "sent",
    "fields", "queries", "apart", "since",  "errors", "tokens"};
  for (const auto& [name, value] : expected.items())
    EXPECT_TRUE(known.count(name) != 0) << name << " is not known";
  expect_job(expected, played);
  expect_calls(expected.value("calls", json::object()), played);
  expect_order(expected.value("before", json::object()), played);
  expect_sent(expected.value("sent", json::object()), played);
  expect_fields(expected.value("fields", json::object()), played);
  expect_queries(expected.value("queries", json::object()), played);
  EXPECT_EQ(played.job.dump().find("gallery-secret"), std::string::npos);
  if (by == player::service) {
    EXPECT_EQ(played.token_requests,
              expected.value("tokens", played.token_requests));
  } else {
    EXPECT_EQ(played.answer, expected.value("answer", played.answer));
    expect_pauses(expected.value("apart", json::object()), played);
    expect_begins(expected.value("since", json::object()), played);
  }
}

} // namespace

TEST_F(GalleryTest, HasEachExampleInTheDocsAndItsFaults) {
  std::ifstream stream{std::filesystem::path{HANDOFF_SOURCE_DIR} / "docs"
                       / "receivers.md"};
  const std::string docs{std::istreambuf_iterator<char>{stream}, {}};
  std::map<std::string, int> counted;
  for (const auto& one : cases())
    ++counted[one.folder.filename().string()];
  EXPECT_EQ(counted.size(), 27u);
  for (const auto& [name, count] : counted) {
    EXPECT_NE(docs.find("| `" + name + "` |"), std::string::npos) << name;
    EXPECT_GE(count, 3) << name;
  }
}

TEST_F(GalleryTest, SimulatesEachCase) {
  for (const auto& one : cases())
    expect_as_said(one, simulate(one), player::simulation);
}

TEST_F(GalleryTest, ServesEachCase) {
  const auto played = serve(cases());
  for (std::size_t i = 0; i < played.size(); ++i)
    expect_as_said(cases()[i], played[i], player::service);
}

} // namespace handoff::support

#include "job/trace.hpp"

#include <gtest/gtest.h>

#include <set>

namespace handoff {
namespace {

constexpr const char* parent =
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string state_of(const std::vector<std::string_view>& fields) {
  return continue_trace(parent, fields).state;
}

TEST(TraceTest, PassesStateOn) {
  EXPECT_EQ(state_of({}), "");
  EXPECT_EQ(state_of({"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}),
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  EXPECT_EQ(state_of({"a=1 , b=2", "", "c@d=3,,"}), "a=1,b=2,c@d=3");
}

TEST(TraceTest, DropsStateThatIsMalformed) {
  for (const std::string_view each :
       {"a", "=1", "a=", "a=1,b", "a=1=2", "a=\x01", "a b=1", "a=\xc3\xa4"})
    EXPECT_EQ(state_of({each}), "") << each;
  std::string many;
  for (int i = 0; i < 33; ++i)
    many += "k" + std::to_string(i) + "=v,";
  EXPECT_EQ(state_of({many}), "");
}

TEST(TraceTest, DropsStateOfTraceThatIsNotContinued) {
  EXPECT_EQ(continue_trace("00-zz-1-01", {"a=1"}).state, "");
}

TEST(TraceTest, CutsLongStateBetweenMembers) {
  std::string whole;
  for (int i = 0; i < 5; ++i)
    whole +=
      (i == 0 ? "k" : ",k") + std::to_string(i) + "=" + std::string(120, 'v');
  const auto state = state_of({whole});
  EXPECT_LE(state.size(), tracestate_bytes_max);
  EXPECT_EQ(state, whole.substr(0, state.size()));
  EXPECT_EQ(whole[state.size()], ',');
}

TEST(TraceTest, GivesEachAttemptASpanOfItsOwn) {
  std::set<std::string> spans;
  for (const auto* job :
       {"01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"})
    for (const auto* step : {"clone", "share", "share:compensate"})
      for (std::uint32_t attempt = 1; attempt <= 20; ++attempt) {
        const auto span = span_id_of(job, step, attempt);
        EXPECT_EQ(span.size(), 16u);
        EXPECT_EQ(span.find_first_not_of("0123456789abcdef"),
                  std::string::npos);
        EXPECT_TRUE(spans.insert(span).second);
        EXPECT_EQ(span, span_id_of(job, step, attempt));
      }
}

// The example of W3C Trace Context, section 3.2.2.
TEST(TraceTest, TellsTheSpanOfTheSender) {
  EXPECT_EQ(
    parent_span_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    "00f067aa0ba902b7");
  for (const auto* text :
       {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf9"})
    EXPECT_EQ(parent_span_of(text), "") << text;
}

} // namespace
} // namespace handoff

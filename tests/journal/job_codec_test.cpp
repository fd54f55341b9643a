#include "journal/job_codec.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <stdexcept>

namespace handoff {
namespace {

using nlohmann::json;

constexpr std::int64_t finished = 9;
constexpr std::int64_t succeeded = 3;

std::vector<job_event> decoded(const json& events) {
  return decode(json::to_cbor(events), "01JOB", "flow");
}

json event_at(std::int64_t time) {
  return {{finished, time, succeeded}};
}

// Found by fuzzing: the multiplication to nanoseconds overflowed.
TEST(JobCodecTest, RefusesTimesThatTheClockDoesNotReach) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  for (const auto time : {most, -most, most / 1'000'000 + 1,
                          -most / 1'000'000 - 1, std::int64_t{1} << 62})
    EXPECT_THROW(decoded(event_at(time)), std::range_error) << time;
  EXPECT_EQ(decoded(event_at(most / 1'000'000)).size(), 1u);
  EXPECT_EQ(decoded(event_at(1'800'000'000'000)).size(), 1u);
}

// An older journal has none of what was added to an event: it is read as it
// was.
TEST(JobCodecTest, ReadsADefinitionOfAnOlderJournal) {
  std::vector<std::uint8_t> bytes;
  encode({"01JOB", {}, definition_changed{"2", nullptr, {"a"}}, "flow", {}},
         bytes);
  auto event = json::from_cbor(bytes);
  const auto goes_on = [](const json& item) {
    return std::get<definition_changed>(
             decoded(json::array({item})).at(0).change)
      .goes_on;
  };
  EXPECT_TRUE(goes_on(event));
  event.erase(event.size() - 1);
  EXPECT_FALSE(goes_on(event));
}

// Goal: what was asked comes back with the event that it was journaled with,
// and one of an older journal, which has none, is read as it was.
TEST(JobCodecTest, KeepsWhatWasAskedWithAnEventOfAnyKind) {
  inquiry poll{"poll", {}, {}, "not-yet"};
  poll.last.number = 14;
  poll.last.http_status = 200;
  poll.last.ended = true;
  poll.last.response = std::make_shared<const answer_excerpt>(
    answer_excerpt{"application/json", "{}", false});
  auto look = poll;
  look.name = "until";
  const std::vector<step_inquiry> asked{{std::nullopt, poll},
                                        {sub_action_at(3), look}};
  const std::vector<job_change> changes{
    clone_settled{std::nullopt, job_status::failed, {}},
    clone_succeeded{std::nullopt, "p", nullptr, {"poll"}},
    step_ended{},
    clone_prepared{json::object()},
    job_handed_back{},
    definition_changed{"2", nullptr, {"a"}}};
  for (const auto& change : changes) {
    std::vector<std::uint8_t> with;
    encode({"01JOB", {}, change, {}, {}, {}, asked}, with);
    const auto back = decode(wrap(1, with), "01JOB", "flow").at(0);
    EXPECT_EQ(back.change.index(), change.index());
    ASSERT_EQ(back.inquiries.size(), 2u) << change.index();
    EXPECT_EQ(back.inquiries[0].step, std::nullopt);
    EXPECT_EQ(back.inquiries[0].made.last.number, 14u);
    EXPECT_EQ(back.inquiries[0].made.finding, "not-yet");
    EXPECT_EQ(back.inquiries[0].made.last.response->body, "{}");
    EXPECT_EQ(back.inquiries[1].step, sub_action_at(3));
    EXPECT_EQ(back.inquiries[1].made.name, "until");
    std::vector<std::uint8_t> without;
    encode({"01JOB", {}, change}, without);
    EXPECT_TRUE(
      decode(wrap(1, without), "01JOB", "flow").at(0).inquiries.empty());
  }
}

TEST(JobCodecTest, RefusesWhatIsNoEvent) {
  for (const json& item :
       {json{{0, 1}}, json{{99, 1}}, json{{finished, "1", succeeded}},
        json{{finished, 1, 77}}, json{{finished, 1}}, json{{}}, json{1}})
    try {
      decoded(item);
      ADD_FAILURE() << item.dump();
    } catch (const json::exception&) {
    } catch (const std::range_error&) {
    }
}

} // namespace
} // namespace handoff

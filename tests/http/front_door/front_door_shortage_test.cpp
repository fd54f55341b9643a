// Goal: whoever comes while descriptors are short is told so at once, and
// nobody waits in the backlog. Method: this process, which is client and server
// at once, is left so many descriptors that the next connection gets a number
// that it may not keep, or none.

#include "front_door_fixture.hpp"
#include "http/front_door/descriptors.hpp"
#include "support/scarce_descriptors.hpp"

#include <memory>
#include <vector>

namespace handoff::test {
namespace {

class FrontDoorShortageTest : public FrontDoorFixture {
protected:
  FrontDoorShortageTest() { options_.threads = 1; }

  void expect_served(raw_client& sender) {
    ASSERT_TRUE(sender.send(post("/echo", "served")));
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "served");
  }

  void expect_refused(raw_client& sender) {
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer) << "left to wait";
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->fields.at("retry-after"), "1");
    EXPECT_EQ(answer->fields.at("connection"), "close");
    EXPECT_TRUE(sender.at_end());
  }

  std::uint64_t refused() const { return options_.refusals->descriptors; }

  static constexpr std::size_t more = 128;
};

TEST_F(FrontDoorShortageTest, KeepsOneForTheCloneOfEachSender) {
  const scarce_descriptors left{more};
  open();
  // The clients' ends take what the clones would.
  const auto senders_max =
    descriptor_shares::now().senders_max(open_descriptors().value());
  ASSERT_GT(senders_max, 20u);
  std::vector<std::unique_ptr<raw_client>> senders;
  for (std::size_t i = 0; i < senders_max; ++i) {
    senders.push_back(std::make_unique<raw_client>(door_->port()));
    expect_served(*senders.back());
  }
  for (std::uint64_t i = 0; i < 5; ++i) {
    auto late = client();
    ASSERT_NO_FATAL_FAILURE(expect_refused(late));
    EXPECT_EQ(refused(), i + 1);
  }
  senders.pop_back();
  ASSERT_TRUE(
    eventually([&] { return door_->counts().connections == senders_max - 1; }));
  auto next = client();
  expect_served(next);
  EXPECT_EQ(refused(), 5u);
  EXPECT_EQ(options_.refusals->max_connections, 0u);
}

TEST_F(FrontDoorShortageTest, LeavesTheOthersWhatIsKeptFromSenders) {
  scarce_descriptors left{more};
  open();
  left.take_below(descriptor_shares::now().public_end() - 1);
  {
    // It takes the last number itself.
    auto sender = client();
    expect_refused(sender);
  }
  EXPECT_EQ(refused(), 1u);
  left.give_back(1);
  auto sender = client();
  expect_served(sender);
}

TEST_F(FrontDoorShortageTest, ServesOperatorsFromWhatIsKeptFromSenders) {
  scarce_descriptors left{more};
  options_.for_operators = true;
  open();
  left.take_below(descriptor_shares::now().public_end() + 1);
  auto operators = client();
  expect_served(operators);
  left.take_below(descriptor_shares::now().operators_end() - 1);
  auto another = client();
  expect_refused(another);
  EXPECT_EQ(refused(), 1u);
}

TEST_F(FrontDoorShortageTest, RefusesWithItsSpareWhereNoneIsLeft) {
  scarce_descriptors left{more};
  open();
  left.take_all();
  left.give_back(1);
  // One after the other: each gets the spare.
  for (std::uint64_t i = 0; i < 5; ++i) {
    auto sender = client();
    ASSERT_NO_FATAL_FAILURE(expect_refused(sender));
    EXPECT_EQ(refused(), i + 1);
  }
  left.give_back_all();
  auto sender = client();
  expect_served(sender);
}

TEST_F(FrontDoorShortageTest, AnswersWhoIsHeldMeanwhile) {
  scarce_descriptors left{more};
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "x")));
  auto held = take_held();
  left.take_all();
  left.give_back(1);
  {
    auto other = client();
    expect_refused(other);
  }
  EXPECT_TRUE(held.answer->answer({200, {}, "held"}));
  EXPECT_EQ(sender.read_answer()->body, "held");
  expect_served(sender);
}

} // namespace
} // namespace handoff::test

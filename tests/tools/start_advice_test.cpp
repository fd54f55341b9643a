#include "tests/support/temp_directory.hpp"
#include "tools/handoff/start_advice.hpp"

#include <gmock/gmock.h>

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StartAdviceTest : public ::testing::Test {
protected:
  StartAdviceTest() {
    configuration.settings.http.address = "127.0.0.1";
    configuration.settings.flows.directory = (place.path() / "flows").string();
    std::filesystem::create_directory(place.path() / "flows");
    add_flow("setup", verify_scheme::bearer);
  }

  void add_flow(const std::string& name, verify_scheme scheme) {
    auto made = std::make_shared<flow>();
    made->name = name;
    made->verify.scheme = scheme;
    configuration.flows[name] = made;
  }

  std::vector<std::string> advice() const {
    return start_advice(configuration, ini, place.path());
  }

  support::temp_directory place;
  checked_configuration configuration;
  std::optional<std::filesystem::path> ini;
};

TEST_F(StartAdviceTest, SaysNothingWhereAllIsWell) {
  place.write("flows/setup.json", "{}");
  EXPECT_THAT(advice(), IsEmpty());
}

TEST_F(StartAdviceTest, NamesAnIniThatWasNotRead) {
  place.write("handoff.ini", "");
  EXPECT_THAT(advice(), ElementsAre(HasSubstr("--config-file=handoff.ini")));
  ini = "other.ini";
  EXPECT_THAT(advice(), IsEmpty());
}

TEST_F(StartAdviceTest, SaysThatThereAreNoFlows) {
  configuration.flows.clear();
  EXPECT_THAT(advice(), ElementsAre(HasSubstr("there are no flows")));
}

TEST_F(StartAdviceTest, NamesFilesThatAreNoFlows) {
  for (const char* name : {"b.yaml", "a.json.bak", ".hidden", "setup.json"})
    place.write(std::string{"flows/"} + name, "{}");
  EXPECT_THAT(advice(), ElementsAre(HasSubstr(": a.json.bak, b.yaml")));
}

TEST_F(StartAdviceTest, NamesFlowsThatAnybodyMaySendTo) {
  add_flow("open", verify_scheme::none);
  EXPECT_THAT(advice(), IsEmpty()) << "only this machine reaches it";
  configuration.settings.http.address = "0.0.0.0";
  EXPECT_THAT(advice(), ElementsAre(HasSubstr("without a signature: open;")));
}

} // namespace
} // namespace handoff

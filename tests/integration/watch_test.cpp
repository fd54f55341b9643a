// `handoff watch`, as a script runs it: lines, JSON and exit codes.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::HasSubstr;

class WatchTest : public ServiceTest {
protected:
  /// Runs it to its end; its exit code. Its output is in `output` then.
  std::optional<int>
  watch(std::vector<std::string> words,
        std::map<std::string, std::string> environment = {}) {
    words.insert(words.begin(), "watch");
    process::options chosen;
    chosen.arguments = std::move(words);
    chosen.environment = std::move(environment);
    process program{handoff_binary(), chosen};
    const auto code = program.wait(std::chrono::seconds{30});
    output = program.standard_output();
    errors = program.standard_error();
    return code;
  }

  std::string url() const {
    return "--url=http://127.0.0.1:" + std::to_string(service->admin_port());
  }

  std::string output;
  std::string errors;
};

TEST_F(WatchTest, TellsWhatHappensUntilTheJobHasSucceeded) {
  script(on("/projects/*/s2", status(503), ok));
  start();
  const auto job = accept_job();
  EXPECT_EQ(watch({job, url()}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("the sender was answered 200, uid p-1"));
  EXPECT_THAT(output, HasSubstr("s2, attempt 1: 503 after"));
  EXPECT_THAT(output, HasSubstr("s2, attempt 2: 200 after"));
  EXPECT_THAT(output, HasSubstr("s6, attempt 1: 200 after"));
  EXPECT_TRUE(output.ends_with("the job: succeeded\n")) << output;
}

TEST_F(WatchTest, EndsWithOneWhereAJobFailed) {
  script(on("/projects/*/s2", status(404)));
  start();
  const auto job = accept_job();
  EXPECT_EQ(watch({job, url()}), 1);
  EXPECT_TRUE(output.ends_with("the job: failed\n")) << output;
}

TEST_F(WatchTest, EndsWithOneForAJobThatIsNotThere) {
  start();
  EXPECT_EQ(watch({"01ARZ3NDEKTSV4RRFFQ69G5FAV", url()}), 1);
  EXPECT_THAT(errors, HasSubstr("there is no job"));
}

TEST_F(WatchTest, WritesJsonForMachines) {
  start();
  const auto job = accept_job();
  EXPECT_EQ(watch({job, url(), "--json"}), 0) << errors;
  const auto last = output.rfind('\n', output.size() - 2);
  const auto begin = last == std::string::npos ? 0 : last + 1;
  EXPECT_EQ(json::parse(output.substr(begin)).at("status"), "succeeded");
}

TEST_F(WatchTest, TakesTheTokenFromTheEnvironment) {
  options.ini["admin"]["token"] = "\"secret\"";
  start();
  const auto job = accept_job();
  EXPECT_EQ(watch({job, url()}), 1);
  EXPECT_THAT(errors, HasSubstr("401"));
  EXPECT_EQ(watch({job, url()}, {{"HANDOFF_ADMIN_TOKEN", "secret"}}), 0)
    << errors;
}

TEST_F(WatchTest, EndsWithTwoWhenItIsCalledWrongly) {
  EXPECT_EQ(watch({}), 2);
  EXPECT_EQ(watch({"../flows"}), 2);
  EXPECT_EQ(watch({"01ARZ3NDEKTSV4RRFFQ69G5FAV", "--utl=x"}), 2);
  EXPECT_THAT(errors, HasSubstr("did you mean"));
}

} // namespace handoff::support

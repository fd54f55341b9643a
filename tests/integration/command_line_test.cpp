// The commands that ask the admin side, as a script runs them: what they do to
// a real service, what they print and what they end with.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* no_such_job = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

class CommandLineTest : public ServiceTest {
protected:
  /// Runs the binary to its end; its exit code. What it wrote is in `output`
  /// and `errors` then.
  std::optional<int> run(std::vector<std::string> words,
                         std::map<std::string, std::string> environment = {}) {
    process::options chosen;
    chosen.arguments = std::move(words);
    chosen.environment = std::move(environment);
    process program{handoff_binary(), chosen};
    const auto code = program.wait(std::chrono::seconds{30});
    output = program.standard_output();
    errors = program.standard_error();
    return code;
  }

  /// The same against the running service.
  std::optional<int> ask(std::vector<std::string> words) {
    words.push_back(url());
    return run(std::move(words));
  }

  std::string url() const {
    return "--url=http://127.0.0.1:" + std::to_string(service->admin_port());
  }

  std::string failed_job() {
    script(on("/projects/*/s2", status(404), ok));
    start();
    const auto job = accept_job();
    service->wait_for_job(job, "failed");
    return job;
  }

  std::string ambiguous_job() {
    script(on("/projects/*/clone", reset, json{{"body", {{"id", "again"}}}}));
    start();
    const auto job = post().json().at("job").get<std::string>();
    service->wait_for_job(job, "ambiguous");
    return job;
  }

  /// One whose first three sub-actions are under way and hang.
  std::string running_job() {
    script(on("/projects/*/s1", hang), on("/projects/*/s2", hang),
           on("/projects/*/s3", hang));
    start();
    const auto job = accept_job();
    EXPECT_TRUE(wait_for_in_flight(3));
    return job;
  }

  std::string output;
  std::string errors;
};

TEST_F(CommandLineTest, ListsJobsNewestFirst) {
  start();
  const auto first = accept_job();
  service->wait_for_job(first, "succeeded");
  const auto second = accept_job();
  service->wait_for_job(second, "succeeded");
  EXPECT_EQ(ask({"jobs"}), 0) << errors;
  EXPECT_THAT(output, StartsWith("JOB  "));
  EXPECT_LT(output.find(second), output.find(first));
  EXPECT_THAT(output, HasSubstr("setup  succeeded  p-1"));
  EXPECT_THAT(output, Not(HasSubstr("There are more")));
}

TEST_F(CommandLineTest, SaysHowToGetTheNextPage) {
  start();
  const auto first = accept_job();
  service->wait_for_job(first, "succeeded");
  const auto second = accept_job();
  service->wait_for_job(second, "succeeded");
  EXPECT_EQ(ask({"jobs", "--limit=1", "--flow=setup"}), 0) << errors;
  const auto more = output.find("There are more: handoff jobs --limit=1 "
                                "--flow=setup --url=");
  ASSERT_NE(more, std::string::npos) << output;
  const auto cursor = output.find("--cursor=", more);
  ASSERT_NE(cursor, std::string::npos) << output;
  EXPECT_EQ(ask({"jobs", "--limit=1",
                 output.substr(cursor, output.find('\n', cursor) - cursor)}),
            0)
    << errors;
  EXPECT_THAT(output, AllOf(HasSubstr(first), Not(HasSubstr(second))));
}

TEST_F(CommandLineTest, FiltersJobs) {
  script(
    on("/projects/*/clone", json{{"body", {{"id", "a b&c=+%"}}}}, status(400)));
  start();
  const auto good = accept_job();
  service->wait_for_job(good, "succeeded");
  const auto bad = post().json().at("job").get<std::string>();
  service->wait_for_job(bad, "failed");
  const auto finds = [&](const std::string& filter) {
    EXPECT_EQ(ask({"jobs", filter, "--json"}), 0) << errors;
    std::vector<std::string> found;
    const auto answer = json::parse(output);
    for (const auto& each : answer.at("jobs"))
      found.push_back(each.at("job"));
    return found;
  };
  EXPECT_EQ(finds("--status=failed"), std::vector{bad});
  EXPECT_EQ(finds("--uid=a b&c=+%"), std::vector{good});
  EXPECT_THAT(finds("--flow=other"), IsEmpty());
  EXPECT_THAT(finds("--since=2199-01-01T00:00:00Z"), IsEmpty());
  EXPECT_EQ(finds("--since=1h"), (std::vector{bad, good}));
  EXPECT_EQ(ask({"jobs", "--flow=other"}), 0);
  EXPECT_EQ(output, "no such jobs\n");
}

TEST_F(CommandLineTest, ShowsATimeline) {
  const auto job = failed_job();
  EXPECT_EQ(ask({"show", job}), 0) << errors;
  EXPECT_THAT(output, StartsWith(job + "  setup  failed  uid p-1\n"));
  EXPECT_THAT(output, HasSubstr("\nclone ["));
  EXPECT_THAT(output, HasSubstr("\nreply ["));
  EXPECT_THAT(output, HasSubstr("] failed    404"));
  EXPECT_THAT(output, HasSubstr("\n    upstream-status: "));
  EXPECT_THAT(output, HasSubstr("handoff retry " + job));
  EXPECT_THAT(output, Not(HasSubstr("\x1b")));
  for (std::size_t begin = 0; begin < output.size();) {
    const auto end = output.find('\n', begin);
    EXPECT_LE(end - begin, 80u);
    begin = end + 1;
  }
}

TEST_F(CommandLineTest, ShowsAnAmbiguousJob) {
  const auto job = ambiguous_job();
  EXPECT_EQ(ask({"show", job}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("] ambiguous"));
  EXPECT_THAT(output, HasSubstr("handoff resolve " + job));
}

TEST_F(CommandLineTest, ShowsTheWholeJobAsJson) {
  const auto job = failed_job();
  EXPECT_EQ(ask({"show", job, "--json"}), 0) << errors;
  EXPECT_EQ(json::parse(output), service->job(job));
}

TEST_F(CommandLineTest, ShowsAJobThatIsLongerThanAnAnswerOfAnUpstream) {
  options.ini["http"]["max-body"] = "\"8MiB\"";
  start();
  const auto answer = service->post(
    "setup", {{"template", "t"}, {"text", std::string(4'000'000, 'x')}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(ask({"show", answer.json().at("job")}), 0) << errors;
}

TEST_F(CommandLineTest, RetriesAFailedJobToSuccess) {
  const auto job = failed_job();
  EXPECT_EQ(ask({"retry", job}), 0) << errors;
  EXPECT_THAT(output, StartsWith(job + " is running\n"));
  service->wait_for_job(job, "succeeded");
  const auto keys = api.counts()["keys"];
  EXPECT_EQ(keys[job + ".s1"]["requests"], 1);
  EXPECT_EQ(keys[job + ".s2"]["requests"], 2);
}

TEST_F(CommandLineTest, RetriesOneSubAction) {
  script(on("/projects/*/s2", status(404), ok),
         on("/projects/*/s3", status(404), ok));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "failed");
  EXPECT_EQ(ask({"retry", job, "--sub-action=s2", "--json"}), 0) << errors;
  EXPECT_EQ(json::parse(output), (json{{"job", job}, {"status", "running"}}));
  ASSERT_TRUE(wait_for_requests("POST /projects/p-1/s2", 2));
  const auto shown = service->wait_for_job(job, "failed");
  EXPECT_EQ(shown["sub_actions"][1]["status"], "succeeded");
  EXPECT_EQ(shown["sub_actions"][2]["attempts"].size(), 1u);
  EXPECT_EQ(ask({"retry", job, "--sub-action=s2"}), 1);
  EXPECT_THAT(errors, HasSubstr("\"s2\" has not failed"));
  EXPECT_EQ(ask({"retry", job, "--sub-action=s 9"}), 1);
  EXPECT_THAT(errors, HasSubstr("no sub-action \"s 9\""));
}

TEST_F(CommandLineTest, RetriesNothingThatHasSucceeded) {
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(ask({"retry", job}), 1);
  EXPECT_THAT(output, IsEmpty());
  EXPECT_THAT(errors, AllOf(HasSubstr("the job has not failed"),
                            HasSubstr("\"handoff show\" tells")));
  EXPECT_EQ(ask({"retry", job, "--json"}), 1);
  EXPECT_EQ(json::parse(output).at("status"), 409);
}

TEST_F(CommandLineTest, CancelsARunningJobAndLetsFinishWhatIsUnderWay) {
  const auto job = running_job();
  EXPECT_EQ(ask({"cancel", job}), 0) << errors;
  EXPECT_THAT(output, StartsWith(job + " is cancelling\n"));
  EXPECT_EQ(api.release(), 3u);
  const auto shown = service->wait_for_job(job, "cancelled");
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(shown["sub_actions"][i]["status"],
              i < 3 ? "succeeded" : "cancelled")
      << i;
  EXPECT_EQ(api.counts()["requests"], 4);
  EXPECT_EQ(ask({"cancel", job}), 1);
  EXPECT_THAT(errors, HasSubstr("the job is cancelled already"));
}

TEST_F(CommandLineTest, RetriesACancelledJob) {
  const auto job = running_job();
  EXPECT_EQ(ask({"cancel", job}), 0) << errors;
  api.release();
  service->wait_for_job(job, "cancelled");
  EXPECT_EQ(ask({"retry", job}), 0) << errors;
  service->wait_for_job(job, "succeeded");
}

TEST_F(CommandLineTest, RefusesToRetryOrResolveAJobThatRuns) {
  const auto job = running_job();
  EXPECT_EQ(ask({"retry", job}), 1);
  EXPECT_THAT(errors,
              HasSubstr("the job is running, and no sub-action has failed"));
  EXPECT_EQ(ask({"resolve", job, "--clone-again"}), 1);
  EXPECT_THAT(errors, HasSubstr("only an ambiguous clone can be resolved"));
  api.release();
}

TEST_F(CommandLineTest, ResolvesAnAmbiguousCloneByItsUid) {
  const auto job = ambiguous_job();
  EXPECT_EQ(ask({"resolve", job, "--uid=17"}), 0) << errors;
  EXPECT_EQ(service->wait_for_job(job, "succeeded").at("uid"), "17");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
  EXPECT_EQ(api.counts("POST /projects/17/s1")["requests"], 1);
  EXPECT_EQ(ask({"show", job}), 0);
  EXPECT_THAT(output, HasSubstr("] resolved"));
  EXPECT_EQ(ask({"resolve", job, "--uid=17"}), 1);
  EXPECT_THAT(errors, HasSubstr("only an ambiguous clone can be resolved"));
}

TEST_F(CommandLineTest, ResolvesAnAmbiguousCloneByAnInteger) {
  const auto job = ambiguous_job();
  EXPECT_EQ(ask({"resolve", job, "--uid-integer=-17"}), 0) << errors;
  EXPECT_EQ(service->wait_for_job(job, "succeeded").at("uid"), -17);
}

TEST_F(CommandLineTest, ResolvesAnAmbiguousCloneByMakingItAgain) {
  const auto job = ambiguous_job();
  EXPECT_EQ(ask({"resolve", job, "--clone-again"}), 0) << errors;
  EXPECT_THAT(output, StartsWith(job + " is cloning\n"));
  ASSERT_TRUE(wait_for_requests("POST /projects/t/clone", 2));
  EXPECT_EQ(service->wait_for_job(job, "succeeded").at("uid"), "again");
}

TEST_F(CommandLineTest, RefusesToRetryAnAmbiguousJobAndCancelsIt) {
  const auto job = ambiguous_job();
  EXPECT_EQ(ask({"retry", job}), 1);
  EXPECT_THAT(errors, HasSubstr("resolve it first"));
  EXPECT_EQ(ask({"cancel", job}), 0) << errors;
  EXPECT_EQ(service->job(job).at("status"), "cancelled");
}

TEST_F(CommandLineTest, SaysThatThereIsNoSuchJob) {
  start();
  for (const auto* command : {"show", "retry", "cancel"}) {
    EXPECT_EQ(ask({command, no_such_job}), 1);
    EXPECT_THAT(errors, AllOf(HasSubstr("there is no job with this id"),
                              HasSubstr("\"handoff jobs\" lists")));
  }
}

TEST_F(CommandLineTest, TakesTheTokenFromTheEnvironmentOnly) {
  options.ini["admin"]["token"] = "\"secret\"";
  start();
  EXPECT_EQ(run({"jobs", url()}), 1);
  EXPECT_THAT(errors, HasSubstr("set HANDOFF_ADMIN_TOKEN"));
  EXPECT_EQ(run({"jobs", url()}, {{"HANDOFF_ADMIN_TOKEN", "wrong"}}), 1);
  EXPECT_THAT(errors, HasSubstr("HANDOFF_ADMIN_TOKEN is not the token"));
  EXPECT_EQ(run({"jobs", url()}, {{"HANDOFF_ADMIN_TOKEN", "secret"}}), 0);
  EXPECT_EQ(run({"jobs", url()}, {{"HANDOFF_ADMIN_TOKEN", "a\nb"}}), 2);
  EXPECT_EQ(run({"jobs", url(), "--token=secret"}), 2);
}

TEST_F(CommandLineTest, FindsTheServiceByItsIni) {
  start();
  const auto port = std::to_string(service->admin_port());
  service->directory().write("client.ini", "[admin]\nport = " + port + "\n");
  const auto folder = service->directory().path();
  EXPECT_EQ(run({"jobs", "--config-file", (folder / "client.ini").string()}), 0)
    << errors;
  EXPECT_EQ(run({"jobs", "--admin.port=" + port}), 0) << errors;
  // The one that the service was started with lets it take a free port.
  EXPECT_EQ(run({"jobs", "--config-file", (folder / "handoff.ini").string()}),
            2);
  EXPECT_THAT(errors, HasSubstr("--url"));
  EXPECT_EQ(run({"jobs", "--config-file", (folder / "missing.ini").string()}),
            2);
}

TEST_F(CommandLineTest, SaysWhatToDoWhereNobodyListens) {
  start();
  service->stop();
  EXPECT_EQ(ask({"jobs"}), 1);
  EXPECT_THAT(errors, AllOf(HasSubstr("the service at http://127.0.0.1:"),
                            HasSubstr(" could not be reached ("),
                            HasSubstr("handoff serve"), HasSubstr("--url")));
}

TEST_F(CommandLineTest, SaysThatTheOtherSideIsNoAdmin) {
  start();
  EXPECT_EQ(run({"jobs", "--url=" + api.url("")}), 1);
  EXPECT_THAT(errors, HasSubstr("is that the admin side"));
  EXPECT_EQ(
    run({"jobs", "--url=http://127.0.0.1:" + std::to_string(service->port())}),
    1);
  EXPECT_THAT(errors, HasSubstr("is that the admin side"));
}

TEST_F(CommandLineTest, LetsNoUidSpeakToTheTerminal) {
  script(on("/projects/*/clone", json{{"body",
                                       {{"id", "\x1b]0;owned\x07\xc2\x9b"
                                               "2J"}}}}));
  start();
  const auto job = accept_job();
  for (const auto& words :
       {std::vector<std::string>{"jobs"}, std::vector<std::string>{"show", job},
        std::vector<std::string>{"jobs", "--json"}}) {
    EXPECT_EQ(ask(words), 0) << errors;
    EXPECT_THAT(output, AllOf(HasSubstr("owned"), Not(HasSubstr("\x1b")),
                              Not(HasSubstr("\x07"))));
  }
}

class CommandUsageTest : public CommandLineTest {
protected:
  void expect_usage(const std::vector<std::string>& words,
                    const std::string& message) {
    EXPECT_EQ(run(words), 2) << words.back();
    EXPECT_THAT(errors, AllOf(HasSubstr(message), HasSubstr("--help")));
    EXPECT_THAT(output, IsEmpty());
  }
};

TEST_F(CommandUsageTest, EachCommandHasHelp) {
  for (const auto* command : {"jobs", "show", "retry", "cancel", "resolve"}) {
    EXPECT_EQ(run({command, "--help"}), 0) << errors;
    EXPECT_THAT(output,
                StartsWith(std::string{"Usage: handoff "} + command + " "));
  }
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(output, HasSubstr("\n  resolve   "));
}

TEST_F(CommandUsageTest, RefusesWhatIsNoJobIdBeforeTheCall) {
  for (const auto* command : {"show", "retry", "cancel"}) {
    expect_usage({command}, "needs the id of");
    expect_usage({command, no_such_job, no_such_job}, "one job");
    expect_usage({command, "../flows"}, "is not a job id");
    expect_usage({command, "\x1b[2J"}, "\"\\x1b[2J\" is not a job id");
  }
  expect_usage({"resolve", "x", "--clone-again"}, "is not a job id");
}

TEST_F(CommandUsageTest, RefusesWrongOptions) {
  expect_usage({"jobs", "--status=faild"}, "did you mean");
  expect_usage({"jobs", "--limit=0"}, "1 to 1000");
  expect_usage({"jobs", "--limit=ten"}, "1 to 1000");
  expect_usage({"jobs", "--since=yesterday"}, "--since");
  expect_usage({"jobs", "--cursor=2"}, "--cursor");
  expect_usage({"jobs", no_such_job}, "handoff show");
  expect_usage({"jobs", "--utl=x"}, "did you mean");
  expect_usage({"jobs", "--url=localhost:8081"}, "--url");
  expect_usage({"retry", no_such_job, "--sub-action="}, "--sub-action");
}

TEST_F(CommandUsageTest, WantsOneWayToResolve) {
  expect_usage({"resolve", no_such_job}, "needs one of");
  expect_usage({"resolve", no_such_job, "--uid=a", "--clone-again"},
               "needs one of");
  expect_usage({"resolve", no_such_job, "--uid=a", "--uid=b"}, "once");
  expect_usage({"resolve", no_such_job, "--uid="}, "1 to 512");
  expect_usage({"resolve", no_such_job, "--uid=\xff"}, "UTF-8");
  expect_usage({"resolve", no_such_job, "--uid-integer=1.5"}, "whole number");
}

} // namespace handoff::support

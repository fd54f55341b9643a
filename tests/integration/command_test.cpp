// The command line as scripts see it: exit codes, and which output says what.

#include "tests/integration/command_test.hpp"

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

namespace {

struct bad_file {
  const char* what;
  const char* name;
  std::string content;
  const char* message; ///< after the path
};

std::string flow_with(const std::string& members) {
  return R"({"name": "a", "clone": {"request": {"method": "POST",
    "url": "http://127.0.0.1:1/"}, "uid": "/id"})"
       + members + "}";
}

const bad_file table[] = {
  {"unknown section", "handoff.ini", "[htp]\nport = 1\n", "[htp]: "},
  {"unknown key", "handoff.ini", "[http]\nprot = 1\n",
   "http.prot: is not a known key (did you mean port?); allowed: "},
  {"wrong type", "handoff.ini", "[http]\nport = \"x\"\n", "http.port: "},
  {"out of range", "handoff.ini", "[http]\nport = 70000\n",
   "http.port: 70000 is out of range; allowed: "},
  {"no INI at all", "handoff.ini", "<html>\n",
   "handoff.ini:1:1: cannot be read; allowed: "},
  {"margin over limit", "handoff.ini", "[deadline]\nlimit = 1s\nmargin = 2s\n",
   "deadline.margin"},
  {"unset variable", "handoff.ini",
   "[admin]\ntoken = \"${env:HANDOFF_TEST_IS_NOT_SET}\"\n", "admin.token: "},
  {"missing folder", "handoff.ini", "[flows]\ndirectory = \"none\"\n",
   "none: there is no such directory"},
  {"flow that is not JSON", "flows/a.json", "{", ":1:"},
  {"flow that is a list", "flows/a.json", "[]", ""},
  {"empty flow", "flows/a.json", "{}", "\"clone\" is missing"},
  {"unknown member", "flows/a.json", flow_with(R"(, "subactions": [])"),
   "/subactions: "},
  {"wrong member", "flows/a.json", flow_with(R"(, "deadline": 3)"),
   "/deadline: "},
  {"deadline within the margin", "flows/a.json",
   flow_with(R"(, "deadline": {"limit": "200ms"})"), "/deadline/limit: "},
  {"cycle", "flows/a.json", flow_with(R"(, "sub_actions": [
     {"name": "x", "after": ["y"], "request": {"method": "GET", "url": "http://h/"}},
     {"name": "y", "after": ["x"], "request": {"method": "GET", "url": "http://h/"}}])"),
   "/sub_actions/"},
  {"answer that is not known yet", "flows/a.json",
   flow_with(R"(, "sub_actions": [{"name": "x",
     "request": {"method": "GET", "url": "http://h/{{sub/y/id}}"}}])"),
   "/sub_actions/0/request/url: "},
};

} // namespace

class CommandTest : public ServiceTest {
protected:
  /// A configuration with one good flow.
  void write_good_files() const {
    files.write("handoff.ini", "[http]\nport = 0\n[admin]\nport = 0\n");
    files.write("flows/good.json",
                R"({"name": "good", "clone": {"request": {"method": "POST",
                  "url": "http://127.0.0.1:1/"}, "uid": "/id"}})");
  }

  std::string config_file() const {
    return "--config-file=" + (files.path() / "handoff.ini").string();
  }

  std::string url() const {
    return "--url=http://127.0.0.1:" + std::to_string(service->port());
  }

  temp_directory files;
};

TEST_F(CommandTest, CheckAcceptsGoodConfiguration) {
  write_good_files();
  const auto ended = run_handoff({"check", config_file()});
  EXPECT_EQ(ended.code, 0) << ended.error;
  EXPECT_THAT(ended.output, HasSubstr("1 flow"));
  EXPECT_EQ(ended.error, "");
  const auto machine = run_handoff({"check", "--json", config_file()});
  EXPECT_EQ(machine.code, 0);
  const auto told = json::parse(machine.output);
  EXPECT_EQ(told.at("ok"), true);
  EXPECT_EQ(told.at("errors"), json::array());
  EXPECT_EQ(told.at("flows").at(0).at("name"), "good");
}

TEST_F(CommandTest, CheckAndServeRefuseEachBadFile) {
  for (const auto& bad : table) {
    SCOPED_TRACE(bad.what);
    write_good_files();
    files.write(bad.name, bad.content);
    const auto path = (files.path() / bad.name).string();
    const auto checked = run_handoff({"check", config_file()});
    EXPECT_EQ(checked.code, 2) << checked.output;
    EXPECT_THAT(checked.error, StartsWith(files.path().string() + "/"));
    EXPECT_THAT(checked.error, HasSubstr(bad.message));
    EXPECT_EQ(checked.output, "");
    const auto machine = run_handoff({"check", "--json", config_file()});
    EXPECT_EQ(machine.code, 2);
    const auto told = json::parse(machine.output);
    EXPECT_EQ(told.at("ok"), false);
    const auto first = told.at("errors").at(0);
    EXPECT_THAT(checked.error, StartsWith(first.at("file").get<std::string>()));
    EXPECT_THAT(checked.error,
                HasSubstr(first.at("what").get<std::string>() + "\n"));
    const auto served = run_handoff({"serve", config_file()});
    EXPECT_EQ(served.code, 2);
    EXPECT_EQ(served.error, checked.error);
    std::filesystem::remove(path);
  }
}

TEST_F(CommandTest, CheckTellsAllErrorsAtOnce) {
  write_good_files();
  files.write("handoff.ini", "[http]\nport = 70000\nprot = 1\n");
  files.write("flows/b.json", "{}");
  const auto ended = run_handoff({"check", config_file()});
  EXPECT_EQ(ended.code, 2);
  for (const auto* each :
       {"http.port: ", "http.prot: ", "b.json: \"clone\" is missing"})
    EXPECT_THAT(ended.error, HasSubstr(each));
}

TEST_F(CommandTest, CheckRefusesAFileThatIsNotThere) {
  const auto ended = run_handoff({"check", config_file()});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("handoff.ini"));
}

TEST_F(CommandTest, CheckTakesOverrides) {
  write_good_files();
  EXPECT_EQ(run_handoff({"check", config_file(), "--http.port=1"}).code, 0);
  const auto ended = run_handoff({"check", config_file(), "--http.port=70000"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("--http.port"));
}

TEST_F(CommandTest, VersionIsPrinted) {
  const auto ended = run_handoff({"version"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, MatchesRegex("handoff [0-9.]+\n"));
  EXPECT_EQ(run_handoff({"--version"}).output, ended.output);
  const auto machine = run_handoff({"version", "--json"});
  EXPECT_EQ("handoff "
              + json::parse(machine.output)["version"].get<std::string>()
              + "\n",
            ended.output);
}

TEST_F(CommandTest, WrongUsageEndsWithTwoAndSaysWhatIsKnown) {
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
    {{}, "Usage"},
    {{"srve"}, "did you mean serve"},
    {{"serve", "--confg-file=x"}, "config-file"},
    {{"serve", "x"}, "x"},
    {{"check", "--jsn"}, "json"},
    {{"check", "a"}, "takes options only"},
    {{"check", "a", "--config-file=b"}, "takes options only"},
    {{"retry"}, "--flow"},
    {{"retry", "--status=zz"}, "not a status of a job"},
    {{"retry", "--since=soon"}, "--since"},
    {{"retry", "--flow="}, "--flow"},
    {{"version", "--jsn"}, "--json"},
    {{"send"}, "flow"},
    {{"send", "a", "b"}, "flow"},
    {{"send", "a", "--timeout=0"}, "--timeout"},
    {{"send", "a", "--header=x"}, "--header"},
    {{"send", "a", "--header=: x"}, "header's name"},
    {{"send", "a b"}, "URL"},
    {{"send", "a", "--data=@/none/at/all"}, "/none/at/all"},
    {{"send", "a", "--config-file=/none/at/all"}, "/none/at/all"},
    {{"send", "a", "-x"}, "-x"},
  };
  for (const auto& [words, message] : wrong) {
    const auto ended = run_handoff(words, files.path().string());
    SCOPED_TRACE(words.empty() ? "no command" : words[0]);
    EXPECT_EQ(ended.code, 2) << ended.error;
    EXPECT_THAT(ended.error, HasSubstr(message));
    EXPECT_EQ(ended.output, "");
  }
}

TEST_F(CommandTest, HelpEndsWithZero) {
  EXPECT_EQ(run_handoff({"--help"}).code, 0);
  for (const std::string command : {"serve", "check", "send"}) {
    const auto ended = run_handoff({command, "--help"});
    EXPECT_EQ(ended.code, 0) << command;
    EXPECT_THAT(ended.output, HasSubstr("Usage: handoff " + command));
  }
}

TEST_F(CommandTest, SendPrintsTheAnswer) {
  start();
  const auto ended =
    run_handoff({"send", "setup", url(), R"(--data={"template": "t"})"});
  EXPECT_EQ(ended.code, 0) << ended.error;
  EXPECT_THAT(ended.output, HasSubstr("p-1"));
  const auto machine = run_handoff(
    {"send", "setup", url(), "--json", R"(--data={"template": "t"})"});
  EXPECT_EQ(machine.code, 0);
  const auto told = json::parse(machine.output);
  EXPECT_EQ(told.at("status"), 200);
  EXPECT_TRUE(told.at("body").contains("uid"));
  const auto later = run_handoff(
    {"send", "setup", url(), "--async", R"(--data={"template": "t"})"});
  EXPECT_EQ(later.code, 0);
  EXPECT_THAT(later.output, StartsWith("202"));
}

TEST_F(CommandTest, SendEndsWithOneForAnyOtherAnswer) {
  start();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"send", "nope", url()},
        {"send", "setup", url(), "--data={"}})
    EXPECT_EQ(run_handoff(words).code, 1) << words.back();
}

TEST_F(CommandTest, SendEndsWithOneWhereNobodyListens) {
  start();
  const auto where = url();
  service->stop();
  const auto ended = run_handoff({"send", "setup", where});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.error, HasSubstr(where.substr(6)));
}

TEST_F(CommandTest, ServeEndsWithOneWhereThePortIsTaken) {
  write_good_files();
  const auto ended = run_handoff(
    {"serve", config_file(), "--http.port=" + std::to_string(api.port())});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.error, HasSubstr(std::to_string(api.port())));
}

} // namespace handoff::support

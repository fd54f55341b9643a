#include "journal/sqlite_handle.hpp"
#include "journal/sqlite_schema.hpp"
#include "tests/journal/job_story.hpp"
#include "tests/journal/sqlite_place.hpp"

#include <gmock/gmock.h>

#include <array>

namespace handoff::sqlite {

using testing::HasSubstr;

class SqliteSchemaTest : public testing::Test {
protected:
  void run(const std::string& sql) {
    connection{place_.path(), ""}.run(sql.c_str());
  }

  sqlite_place place_;
};

TEST_F(SqliteSchemaTest, RefusesNewerVersionAndLeavesIt) {
  EXPECT_FALSE(place_.open()->commit(job_story{1}.whole(at(5))));
  run("PRAGMA user_version = 999");
  const auto before = bytes_of(place_.path());
  EXPECT_THAT(place_.refusal(), HasSubstr("version 999"));
  EXPECT_EQ(bytes_of(place_.path()), before);
}

TEST_F(SqliteSchemaTest, RefusesDatabaseOfAnotherProgramAndLeavesIt) {
  run("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  const auto before = bytes_of(place_.path());
  EXPECT_THAT(place_.refusal(), HasSubstr("another program"));
  EXPECT_EQ(bytes_of(place_.path()), before);
}

TEST_F(SqliteSchemaTest, RefusesStatusThatIsNone) {
  place_.open();
  EXPECT_THROW(
    run("INSERT INTO jobs VALUES (1, 'a', 'f', 7, NULL, 0, NULL, 0)"), failure);
  EXPECT_NO_THROW(
    run("INSERT INTO jobs VALUES (1, 'a', 'f', 6, NULL, 0, NULL, 0)"));
}

TEST_F(SqliteSchemaTest, TakesEachStepOnceFromTheFirstOn) {
  constexpr std::array<std::string_view, 3> steps{
    "CREATE TABLE a (x)",
    "ALTER TABLE a ADD COLUMN y; INSERT INTO a (y) "
    "VALUES (2)",
    "CREATE TABLE c (x)"};
  connection on{place_.path(), ""};
  migrate(on, std::span{steps}.first(1));
  EXPECT_EQ(on.ask("PRAGMA user_version"), 1);
  migrate(on, steps);
  migrate(on, steps);
  EXPECT_EQ(on.ask("PRAGMA user_version"), 3);
  EXPECT_EQ(on.ask("SELECT count(*) FROM a"), 1);
}

TEST_F(SqliteSchemaTest, StaysAtVersionBeforeStepThatFails) {
  constexpr std::array<std::string_view, 2> steps{
    "CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"};
  connection on{place_.path(), ""};
  EXPECT_THROW(migrate(on, steps), failure);
  EXPECT_EQ(on.ask("PRAGMA user_version"), 1);
  EXPECT_EQ(on.ask("SELECT count(*) FROM sqlite_schema"), 1);
}

TEST_F(SqliteSchemaTest, MakesFileThatCanGiveRoomBack) {
  place_.open();
  EXPECT_EQ((connection{place_.path(), ""}.ask("PRAGMA auto_vacuum")), 2);
}

} // namespace handoff::sqlite

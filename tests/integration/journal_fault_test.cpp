// Goal: what the journal cannot keep is not acknowledged, what it kept is never
// spoilt, and the service goes on by itself once it can. Method: the real
// service on a full disk (a small tmpfs, or a limit on the size of files), on
// files that are gone, damaged or in use.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class JournalFaultTest : public ServiceTest {
protected:
  static std::string content_of(const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }

  std::filesystem::path journal_file() const {
    return service->directory().path() / "handoff.db";
  }

  bool wait_for_readyz(int status) const {
    const auto end = steady_clock::now() + std::chrono::seconds{30};
    while (service->admin("GET", "/readyz").status != status) {
      if (steady_clock::now() >= end)
        return false;
      std::this_thread::sleep_for(milliseconds{20});
    }
    return true;
  }

  /// Posts until it is refused; gives the acknowledged jobs.
  std::vector<std::string> post_until_refused(int times_max) {
    std::vector<std::string> acknowledged;
    for (int i = 0; i < times_max; ++i) {
      const auto answer = post();
      if (answer.status == 200) {
        acknowledged.push_back(answer.json()["job"]);
        continue;
      }
      EXPECT_EQ(answer.status, 503) << answer.body;
      EXPECT_EQ(answer.json()["type"], "/problems/journal-unavailable");
      return acknowledged;
    }
    ADD_FAILURE() << "nothing was refused";
    return acknowledged;
  }

  void expect_refused_and_not_ready() {
    const int before = clones();
    for (int i = 0; i < 3; ++i) {
      const auto refused = post({{"Prefer", "respond-async"}});
      EXPECT_EQ(refused.status, 503) << refused.body;
      EXPECT_EQ(refused.json()["type"], "/problems/journal-unavailable");
    }
    EXPECT_EQ(clones(), before) << "a refused webhook was cloned";
    EXPECT_EQ(service->admin("GET", "/readyz").status, 503);
    EXPECT_EQ(service->admin("GET", "/livez").status, 200);
  }

  /// It has room again: nobody sends anything, and it becomes ready.
  void expect_recovered(const std::vector<std::string>& acknowledged) {
    EXPECT_TRUE(wait_for_readyz(200)) << service->log();
    const auto fresh = accept_job();
    service->wait_for_job(fresh, "succeeded");
    service->kill();
    service->restart();
    for (const auto& each : acknowledged)
      service->wait_for_job(each, "succeeded");
    EXPECT_EQ(service->wait_for_job(fresh, "succeeded")["job"], fresh);
    EXPECT_EQ(clones(), static_cast<int>(acknowledged.size()) + 1);
    const auto keys = api.counts().at("keys");
    for (const auto& [key, seen] : keys.items())
      EXPECT_EQ(seen["successes"], 1) << key;
  }

  /// Starts where it cannot; gives what it says.
  std::string expect_no_start() {
    process again{handoff_binary(),
                  {.arguments = {"serve", "--config-file=handoff.ini"},
                   .environment = {},
                   .working_directory = service->directory().path().string()}};
    EXPECT_EQ(again.wait(std::chrono::seconds{20}), 1);
    return again.standard_error();
  }

  int clones() const {
    return api.counts("POST /projects/t/clone")["requests"];
  }
};

/// A disk of its own, where that is allowed.
class small_disk {
public:
  explicit small_disk(const char* options)
      : mounted_{::mount("none", where_.path().c_str(), "tmpfs", 0, options)
                 == 0} {}

  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  ~small_disk() {
    if (mounted_)
      ::umount2(where_.path().c_str(), MNT_DETACH);
  }

  bool mounted() const { return mounted_; }

  std::filesystem::path path() const { return where_.path(); }

  void fill() const {
    std::ofstream filler{path() / "filler", std::ios::binary};
    const std::string block(4'096, 'x');
    while (filler.write(block.data(), 4'096).flush())
      ;
  }

  void make_room() const { std::filesystem::remove(path() / "filler"); }

  bool read_only(bool wanted) const {
    return ::mount("none", path().c_str(), "tmpfs",
                   MS_REMOUNT | (wanted ? MS_RDONLY : 0), nullptr)
        == 0;
  }

private:
  temp_directory where_;
  bool mounted_;
};

TEST_F(JournalFaultTest, RefusesOnAFullDiskAndGoesOnWhenThereIsRoom) {
  const small_disk disk{"size=8m"};
  if (!disk.mounted())
    GTEST_SKIP() << "nothing may be mounted here";
  options.ini["journal"]["uri"] =
    "\"sqlite:" + (disk.path() / "handoff.db").string() + '"';
  start();
  auto acknowledged = std::vector{accept_job()};
  disk.fill();
  for (const auto& each : post_until_refused(2'000))
    acknowledged.push_back(each);
  expect_refused_and_not_ready();
  EXPECT_THAT(service->log(), HasSubstr("the disk is full"));
  disk.make_room();
  expect_recovered(acknowledged);
}

TEST_F(JournalFaultTest, FinishesWhatAFullDiskHeldUp) {
  const small_disk disk{"size=8m"};
  if (!disk.mounted())
    GTEST_SKIP() << "nothing may be mounted here";
  options.ini["journal"]["uri"] =
    "\"sqlite:" + (disk.path() / "handoff.db").string() + '"';
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto job = accept_job();
  ASSERT_TRUE(wait_for_in_flight(3));
  disk.fill();
  script();
  while (post({{"Prefer", "respond-async"}}).status == 202)
    ;
  api.release();
  std::this_thread::sleep_for(milliseconds{300});
  EXPECT_EQ(service->job(job)["status"], "running");
  disk.make_room();
  service->wait_for_job(job, "succeeded");
  for (int i = 1; i <= 6; ++i)
    EXPECT_EQ(api.counts()["keys"][job + ".s" + std::to_string(i)]["requests"],
              1);
}

TEST_F(JournalFaultTest, RefusesAtALimitOfItsFilesAndGoesOnAboveIt) {
  start();
  auto acknowledged = std::vector{accept_job()};
  service->wait_for_job(acknowledged[0], "succeeded");
  const auto pid = service->program().pid();
  rlimit before{};
  ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, nullptr, &before), 0);
  // The log of the service is a file, too, and has to stay below.
  const rlimit limit{96 * 1'024, before.rlim_max};
  ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr), 0);
  for (const auto& each : post_until_refused(200))
    acknowledged.push_back(each);
  ASSERT_TRUE(service->program().running());
  expect_refused_and_not_ready();
  ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &before, nullptr), 0);
  expect_recovered(acknowledged);
}

TEST_F(JournalFaultTest, RefusesWhileItsFileIsGoneAndGoesOnWhenItIsBack) {
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  const auto aside = service->directory().path() / "aside.db";
  std::filesystem::rename(journal_file(), aside);
  expect_refused_and_not_ready();
  std::filesystem::rename(aside, journal_file());
  expect_recovered({job});
}

TEST_F(JournalFaultTest, RefusesWhileItsDiskIsReadOnly) {
  const small_disk disk{"size=8m"};
  if (!disk.mounted())
    GTEST_SKIP() << "nothing may be mounted here";
  options.ini["journal"]["uri"] =
    "\"sqlite:" + (disk.path() / "handoff.db").string() + '"';
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(service->stop(), 0);
  ASSERT_TRUE(disk.read_only(true));
  EXPECT_THAT(expect_no_start(), HasSubstr("Read-only file system"));
  ASSERT_TRUE(disk.read_only(false));
  service->restart();
  service->wait_for_job(accept_job(), "succeeded");
}

TEST_F(JournalFaultTest, DoesNotStartOnADamagedFileNorTouchIt) {
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(service->stop(), 0);
  const auto good = content_of(journal_file());
  auto without_head = good;
  without_head.replace(0, 64, 64, '#');
  auto without_schema = good;
  without_schema.replace(100, 300, 300, '\xff');
  for (const auto& damaged :
       {without_head, without_schema, std::string(50'000, 'j')}) {
    std::ofstream{journal_file(), std::ios::binary} << damaged;
    EXPECT_THAT(expect_no_start(),
                HasSubstr("cannot start: the journal's file is"));
    EXPECT_TRUE(content_of(journal_file()) == damaged) << "it was touched";
  }
  std::ofstream{journal_file(), std::ios::binary} << good;
  service->restart();
  EXPECT_EQ(service->admin("GET", "/api/v1/jobs").json()["jobs"].size(), 1u);
}

TEST_F(JournalFaultTest, DoesNotStartOnAJournalThatIsInUse) {
  start();
  const auto job = accept_job();
  // Its ports are its own: only the journal is in the way.
  EXPECT_THAT(expect_no_start(),
              HasSubstr("another process uses this journal"));
  service->wait_for_job(job, "succeeded");
  service->wait_for_job(accept_job(), "succeeded");
}

} // namespace handoff::support

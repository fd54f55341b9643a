// Measures what the journal costs on this disk and this processor: jobs a
// second by how many of them share a commit, processor time and bytes a job,
// beside the syncs a second that the disk itself does, taken in the same run.
//
//   journal_bench [DIRECTORY [SECONDS [JOBS]]]    with JOBS a commit; if not
//   said, with 1, 10, 100 and 500
//   journal_bench fill FILE FINISHED UNFINISHED   makes a journal of so many
//   jobs

#include "job/job_id.hpp"
#include "journal/sqlite_journal.hpp"
#include "tools/bench/machine.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

using namespace handoff;
using bench::processor_seconds;
using steady = std::chrono::steady_clock;

constexpr std::array names{"share", "folder", "file",
                           "label", "notify", "archive"};
constexpr std::size_t workers = 3;

double seconds_since(steady::time_point then) {
  return std::chrono::duration<double>(steady::now() - then).count();
}

attempt made(bool ended) {
  attempt one;
  one.started = std::chrono::system_clock::now();
  one.worker = "sub_action#4711";
  one.ended = ended;
  if (ended) {
    one.duration = std::chrono::milliseconds{120};
    one.http_status = 200;
  }
  return one;
}

struct running_job {
  std::string id;
  std::size_t stage = 0;
};

/// The events of a job's life come in stages, as they do when upstreams take
/// their time: what belongs to one stage is one moment's.
constexpr std::size_t stages = 4;

std::shared_ptr<const nlohmann::json> definition() {
  static const auto made = [] {
    const std::string base = "http://127.0.0.1:9/projects/";
    nlohmann::json flow{
      {"name", "project-setup"},
      {"clone",
       {{"request", {{"method", "POST"}, {"url", base + "t/clone"}}},
        {"uid", "/id"}}}};
    for (const auto* name : names)
      flow["sub_actions"].push_back(
        {{"name", name},
         {"request", {{"method", "POST"}, {"url", base + "{{uid}}/" + name}}}});
    return std::make_shared<const nlohmann::json>(std::move(flow));
  }();
  return made;
}

void add_stage(const running_job& each, std::vector<job_event>& batch) {
  const auto now = std::chrono::system_clock::now();
  const auto add = [&](job_change change) {
    batch.push_back({each.id, now, std::move(change)});
  };
  const auto begin = [&](std::size_t from) {
    for (auto index = from; index < from + workers; ++index)
      add(step_begun{sub_action_at(index), made(false)});
  };
  const auto end = [&](std::size_t from) {
    for (auto index = from; index < from + workers; ++index)
      add(step_ended{sub_action_at(index), made(true),
                     sub_action_status::succeeded, nullptr, std::nullopt,
                     std::nullopt});
  };
  if (each.stage == 0) {
    job record;
    record.id = each.id;
    record.flow = "project-setup";
    record.flow_version = "project-setup@1";
    record.hook.body = webhook_body::of({{"template", "tpl-42"},
                                         {"name", "A project for somebody"},
                                         {"team", {"ann", "bob", "cy"}}});
    record.hook.headers = {{"Content-Type", "application/json"},
                           {"Host", "hooks.example"},
                           {"User-Agent", "sender/1.0"}};
    record.hook.received = now;
    record.hook.trace.trace_id = "0af7651916cd43dd8448eb211c80319c";
    record.deadline = now + std::chrono::seconds{10};
    add(job_accepted{std::move(record), definition()});
  } else if (each.stage == 1) {
    add(clone_succeeded{
      made(true), each.id.substr(10), nullptr, {names.begin(), names.end()}});
    add(sender_replied{200, true});
    begin(0);
  } else if (each.stage == 2) {
    end(0);
    begin(workers);
  } else {
    end(workers);
    add(job_finished{job_status::succeeded});
  }
}

void check(const std::optional<error>& failed) {
  if (failed) {
    std::fprintf(stderr, "%s\n", failed->detail.c_str());
    std::exit(1);
  }
}

std::unique_ptr<sqlite_journal> opened_anew(const std::string& file) {
  sqlite_journal_options options;
  options.path = file;
  for (const auto* suffix : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(file + suffix);
  auto opened = sqlite_journal::open(options);
  if (const auto* failed = std::get_if<error>(&opened))
    check(*failed);
  return std::get<std::unique_ptr<sqlite_journal>>(std::move(opened));
}

/// Finished jobs, and as many that have their UID and all sub-actions left to
/// do: at an upstream that nobody listens for.
void fill(const std::string& file, std::size_t finished,
          std::size_t unfinished) {
  const auto journal = opened_anew(file);
  std::vector<job_event> batch;
  for (std::size_t n = 0; n < finished + unfinished; ++n) {
    running_job each{make_job_id(std::chrono::system_clock::now())};
    const auto last = n < finished ? stages : 2;
    for (; each.stage < last; ++each.stage)
      add_stage(each, batch);
    if (batch.size() < 10'000 && n + 1 < finished + unfinished)
      continue;
    check(journal->commit(batch));
    batch.clear();
    journal->maintain();
  }
}

void measure(const std::string& directory, std::size_t batch_jobs,
             double seconds) {
  const auto opened = opened_anew(directory + "/bench.db");
  auto& journal = *opened;

  // A commit takes one stage of each of `batch_jobs` jobs of every stage, so
  // that it adds as many whole jobs as it lets in.
  std::vector<running_job> running;
  std::size_t done = 0;
  std::size_t commits = 0;
  std::vector<job_event> batch;
  double preparing = 0;
  double longest = 0;
  const auto begin = steady::now();
  const auto processor = processor_seconds();
  while (seconds_since(begin) < seconds) {
    const auto before = processor_seconds();
    batch.clear();
    for (std::size_t n = 0; n < batch_jobs; ++n)
      running.push_back({make_job_id(std::chrono::system_clock::now())});
    for (auto& each : running) {
      add_stage(each, batch);
      ++each.stage;
    }
    done += std::erase_if(
      running, [](const auto& each) { return each.stage == stages; });
    preparing += processor_seconds() - before;
    const auto commit = steady::now();
    check(journal.commit(batch));
    longest = std::max(longest, seconds_since(commit));
    ++commits;
    journal.maintain();
  }
  const auto took = seconds_since(begin);
  const auto spent = processor_seconds() - processor - preparing;
  const auto jobs = static_cast<double>(done);
  const auto kept = std::filesystem::file_size(directory + "/bench.db");
  std::printf("%10zu %10.0f %12.0f %14.1f %14.0f %12.1f\n", batch_jobs,
              jobs / took, static_cast<double>(commits) / took,
              spent * 1e6 / jobs, static_cast<double>(kept) / jobs,
              longest * 1e3);
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 5 && argv[1] == std::string_view{"fill"}) {
    fill(argv[2], std::strtoul(argv[3], nullptr, 10),
         std::strtoul(argv[4], nullptr, 10));
    return 0;
  }
  const std::string parent = argc > 1 ? argv[1] : ".";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 5;
  auto directory = parent + "/journal-bench-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    std::perror("mkdtemp");
    return 1;
  }
  std::printf("disk: %.0f fdatasync/s of a 4 KiB append\n",
              bench::syncs_per_second(directory));
  std::printf("%10s %10s %12s %14s %14s %12s\n", "jobs/batch", "jobs/s",
              "commits/s", "CPU us/job", "bytes/job", "longest ms");
  std::vector<std::size_t> batches{1, 10, 100, 500};
  if (argc > 3)
    batches = {std::max<std::size_t>(1, std::strtoul(argv[3], nullptr, 10))};
  for (const auto jobs : batches)
    measure(directory, jobs, seconds);
  std::filesystem::remove_all(directory);
}

#include "job/job_id.hpp"
#include "job/json_text.hpp"
#include "tools/handoff/client.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/job_view.hpp"
#include "tools/handoff/terminal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <string_view>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::chrono::milliseconds poll_interval{100};
/// How long a service that was there may be away, for a restart for example.
constexpr std::chrono::seconds patience{10};

constexpr const char* help = R"(Usage: handoff watch JOB [JOB ...] [OPTIONS]

Shows jobs while they run, and ends when nothing more happens to them by itself:
bars in a terminal, else a line for each thing that happens.

  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the whole job as one line of JSON at each change

The token is taken from HANDOFF_ADMIN_TOKEN. NO_COLOR asks for lines.

Ends with 0 if every job succeeded, else with 1; with 2 if it was called wrongly.
)";

struct watched_job {
  std::string id;
  json document;
  bool changed = false;
};

/// Shows what has changed since it was last asked to.
class job_display {
public:
  virtual ~job_display() = default;
  virtual void show(const std::vector<watched_job>& jobs) = 0;
};

/// The documents, one a line.
class json_display : public job_display {
public:
  void show(const std::vector<watched_job>& jobs) override {
    for (const auto& each : jobs)
      if (each.changed)
        std::cout << json_text(each.document) << std::endl;
  }
};

/// A line for each thing that happens.
class line_display : public job_display {
public:
  void show(const std::vector<watched_job>& jobs) override {
    for (const auto& each : jobs) {
      if (!each.changed)
        continue;
      for (const auto& news : news_of(each.document))
        if (told_.emplace(each.id, news.text).second)
          print(each.id, news);
    }
  }

private:
  static void print(const std::string& job, const job_news& news) {
    char at[32];
    std::snprintf(at, sizeof at, "%8.3f s",
                  static_cast<double>(news.at.count()) / 1000.0);
    std::cout << job << ' ' << at << "  " << news.text << std::endl;
  }

  std::set<std::pair<std::string, std::string>> told_;
};

/// Bars that are drawn over each other.
class bar_display : public job_display {
public:
  void show(const std::vector<watched_job>& jobs) override {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
      size = {24, 80, 0, 0};
    job_view_options options;
    options.width = std::max<std::size_t>(size.ws_col, 40);
    options.colour = true;
    auto lines = draw(jobs, options);
    // What has left the screen at the top cannot be drawn over.
    if (options.brief = lines.size() >= size.ws_row; options.brief)
      lines = draw(jobs, options);
    std::string frame;
    if (drawn_ > 0)
      frame = "\x1b[" + std::to_string(drawn_) + 'A';
    for (const auto& each : lines)
      frame += "\r\x1b[2K" + each + '\n';
    std::cout << frame << "\x1b[J" << std::flush;
    drawn_ = lines.size();
  }

private:
  static std::vector<std::string> draw(const std::vector<watched_job>& jobs,
                                       const job_view_options& options) {
    const auto now = std::chrono::system_clock::now();
    std::vector<std::string> lines;
    for (const auto& each : jobs)
      for (auto& line : draw_job(each.document, now, options))
        lines.push_back(std::move(line));
    return lines;
  }

  std::size_t drawn_ = 0;
};

bool draws_bars() {
  const char* plain = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (plain == nullptr || *plain == '\0')
      && (terminal == nullptr || std::string_view{terminal} != "dumb");
}

std::unique_ptr<job_display> make_display(const arguments& given) {
  if (given.has("json"))
    return std::make_unique<json_display>();
  if (draws_bars())
    return std::make_unique<bar_display>();
  return std::make_unique<line_display>();
}

/// Asks for jobs, and forgives a service that is away for a moment.
class job_reader {
public:
  explicit job_reader(std::string url) : url_{std::move(url)} {}

  /// False if the job cannot be read, and never will be; `failed()` says why.
  bool read(watched_job& wanted) {
    using namespace std::chrono_literals;
    outbound_call call;
    call.method = "GET";
    call.url = url_ + "/api/v1/jobs/" + wanted.id;
    call.headers = admin_credentials();
    call.timeout = 5s;
    const auto done = client_.call(std::move(call));
    wanted.changed = false;
    if (done.failure || done.status >= 500)
      return is_patient(
        done.failure ? error{done.failure->kind, no_answer(url_, *done.failure)}
                     : error{error_kind::upstream_status,
                             "the service at " + url_ + " answers "
                               + std::to_string(done.status)});
    auto document = service_document(done.body);
    if (done.status != 200 || !document.is_object()
        || !document.contains("status")) {
      if (done.status == 404)
        failed_ = {error_kind::unknown_job,
                   "there is no job " + wanted.id + " at " + url_};
      else
        failed_ = {done.status == 401 ? error_kind::unauthorized
                                      : error_kind::upstream_status,
                   url_ + " answers " + std::to_string(done.status) + " "
                     + done.body};
      return false;
    }
    last_answer_ = clock::now();
    wanted.changed = document != wanted.document;
    wanted.document = std::move(document);
    return true;
  }

  const error& failed() const { return failed_; }

private:
  bool is_patient(const error& why) {
    if (last_answer_ && clock::now() - *last_answer_ < patience)
      return true;
    failed_ = why;
    return false;
  }

  std::string url_;
  service_client client_;
  std::optional<clock::time_point> last_answer_;
  error failed_;
};

int watch(std::vector<watched_job> jobs, job_reader& reader,
          job_display& display, const command_words& words) {
  const auto is_over = [](const watched_job& each) {
    return has_come_to_rest(each.document);
  };
  for (;;) {
    for (auto& each : jobs) {
      each.changed = false;
      if (!is_over(each) && !reader.read(each))
        return complain("watch", words, reader.failed(), exit_failed);
    }
    display.show(jobs);
    if (!std::cout.flush())
      return exit_failed; // whoever read it has gone
    if (std::all_of(jobs.begin(), jobs.end(), is_over))
      break;
    std::this_thread::sleep_for(poll_interval);
  }
  return std::all_of(jobs.begin(), jobs.end(),
                     [](const watched_job& each) {
                       return each.document.at("status") == "succeeded";
                     })
         ? exit_done
         : exit_failed;
}

/// The jobs that the words name; none, with `failed` saying why.
std::vector<watched_job> wanted_jobs(const arguments& given,
                                     std::string& failed) {
  std::vector<watched_job> jobs;
  if (given.positional.empty())
    failed = "needs the id of a job";
  for (const auto& each : given.positional) {
    if (!is_job_id(each)) {
      failed = '"' + each + "\" is not a job id";
      return {};
    }
    jobs.push_back({each, json::object()});
  }
  return jobs;
}

} // namespace

int watch_command(const command_words& words) {
  const auto given = read_arguments("watch", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  std::string failed = given.error.value_or("");
  std::vector<watched_job> jobs;
  std::optional<std::string> url;
  if (failed.empty())
    jobs = wanted_jobs(given, failed);
  if (failed.empty())
    url = service_url(given, service_side::admin, failed);
  if (!url || jobs.empty())
    return complain("watch", words, {error_kind::invalid_request, failed},
                    exit_usage);
  job_reader reader{*url};
  return watch(std::move(jobs), reader, *make_display(given), words);
}

} // namespace handoff

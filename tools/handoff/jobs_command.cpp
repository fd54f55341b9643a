#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/job_filter.hpp"
#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using time_point = std::chrono::system_clock::time_point;

constexpr const char* help = R"(Usage: handoff jobs [OPTIONS]

Lists jobs, the newest first.

  --flow=NAME            only those of this flow
  --status=STATUS        only those that are cloning, running, succeeded,
                         failed, cancelled or ambiguous
  --uid=UID              only those whose clone has this UID
  --search=TEXT          only those whose id, UID or title has this in it
  --since=TIME           only those received since then: 2026-01-31T12:00:00Z,
                         seconds since 1970, or how long ago, such as 90min
  --limit=N              at most so many, 1 to 1000 (default 50)
  --cursor=CURSOR        goes on where another page ended
  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the jobs were listed, also if none match, with 1 if the service
refuses or does not answer, with 2 if it was called wrongly.
)";

constexpr std::array<std::string_view, 7> filters{
  "flow", "status", "uid", "search", "since", "limit", "cursor"};

admin_request read(const arguments& given, std::string& failed) {
  if (!given.positional.empty())
    failed = "takes options only; \"handoff show JOB\" shows one job";
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto filter : filters) {
    const std::string option{filter};
    if (const auto text = given.value(option); text && failed.empty())
      parameters.emplace_back(option, filter_value(option, *text, failed));
  }
  return {"GET", query_of(parameters), {}};
}

using table_row = std::array<std::string, 7>;

table_row row_of(const json& job, time_point now) {
  // On a terminal a line should stay one; elsewhere nothing is left out.
  const std::size_t widest = is_terminal() ? 32 : std::string::npos;
  const auto received = time_at(job, "received").value_or(now);
  const auto finished = time_at(job, "finished");
  const auto length =
    std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(
                                finished.value_or(now) - received));
  return {text_at(job, "job"),
          clipped(text_at(job, "flow"), widest),
          text_at(job, "status"),
          clipped(text_at(job, "uid"), widest),
          clipped(text_at(job, "title"), widest),
          short_time(text_at(job, "received")),
          finished ? "after " + duration_text(length)
                   : "not yet, " + duration_text(length) + " old"};
}

void print_table(const std::vector<table_row>& rows) {
  std::array<std::size_t, 7> widths{};
  for (const auto& row : rows)
    for (std::size_t at = 0; at < row.size(); ++at)
      widths[at] = std::max(widths[at], columns_of(row[at]));
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t at = 0; at + 1 < row.size(); ++at)
      line += padded(row[at], widths[at]) + "  ";
    std::cout << line << row.back() << '\n';
  }
}

/// One word for a shell.
std::string quoted(const std::string& text) {
  constexpr std::string_view plain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:=";
  if (text.find_first_not_of(plain) == std::string::npos)
    return text;
  std::string shown = "'";
  for (const char each : printable(text))
    shown += each == '\'' ? std::string{"'\\''"} : std::string{each};
  return shown + "'";
}

/// The command that shows the page behind this one.
std::string next_page(const arguments& given, const std::string& cursor) {
  std::string command = "handoff jobs";
  for (const auto& [option, text] : given.options)
    if (option != "cursor")
      command += " " + quoted("--" + option + "=" + text);
  for (const auto& each : given.overrides)
    command += " " + quoted(each);
  return command + " --cursor=" + cursor;
}

void print(const arguments& given, const json& answer) {
  const auto now = std::chrono::system_clock::now();
  std::vector<table_row> rows{
    {"JOB", "FLOW", "STATUS", "UID", "TITLE", "RECEIVED", "FINISHED"}};
  for (const auto& each : list_at(answer, "jobs"))
    rows.push_back(row_of(each, now));
  const auto cursor = text_at(answer, "next");
  if (rows.size() > 1)
    print_table(rows);
  else if (cursor.empty())
    std::cout << "no such jobs\n";
  // A search looks through so many jobs a page, whatever it finds.
  if (!cursor.empty())
    std::cout << (rows.size() > 1
                    ? "\nThere are more: "
                    : "None of the newest jobs that were looked through; it "
                      "goes on with: ")
              << next_page(given, cursor) << '\n';
}

} // namespace

int jobs_command(const command_words& words) {
  return run({"jobs", help, "jobs", read, print}, words);
}

} // namespace handoff

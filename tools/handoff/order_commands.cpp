#include "job/json_reader.hpp"
#include "job/json_text.hpp"
#include "job/verdict.hpp"
#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/job_filter.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* retry_help = R"(Usage: handoff retry JOB [OPTIONS]
       handoff retry --flow=NAME [--status=STATUS] [--since=TIME] [OPTIONS]

Makes once more what failed: the clone, or the sub-actions that did not succeed.
Those that succeeded are not called again. Without a JOB, all jobs that match are
retried, at most 10000; how many match is said before.

  --sub-action=NAME      only this one, with what was skipped because of it
  --definition=current   by the flow as it is now: what succeeded stays, the rest
                         follows the flow
  --flow=NAME            jobs of this flow
  --status=STATUS        jobs that are failed (the default), cancelled or
                         succeeded
  --since=TIME           jobs received since then: 2026-01-31T12:00:00Z,
                         seconds since 1970, or how long ago, such as 90min
  --dry-run              only count the jobs that match
  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the job goes on, with 1 if the service refuses or does not
answer, with 2 if it was called wrongly.
)";

constexpr const char* cancel_help = R"(Usage: handoff cancel JOB [OPTIONS]

Lets a job begin nothing more. What is under way cannot be taken back and ends
as it ends.

  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the job is cancelled or will be, with 1 if the service refuses or
does not answer, with 2 if it was called wrongly.
)";

constexpr const char* resolve_help =
  R"(Usage: handoff resolve JOB --uid=UID [OPTIONS]
       handoff resolve JOB --uid-integer=N [OPTIONS]
       handoff resolve JOB --clone-again [OPTIONS]
       handoff resolve JOB --poll-again [OPTIONS]

Settles an ambiguous clone, once a person has looked whether it happened.

  --uid=UID              it did, and this is its UID, a string
  --uid-integer=N        it did, and this is its UID, an integer of any size
  --answer=JSON          beside a UID: what the clone answered, where the flow
                         refers to it as {{clone/...}}
  --clone-again          it did not: make it again
  --poll-again           it was accepted: ask again what became of it
  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the job goes on, with 1 if the service refuses or does not
answer, with 2 if it was called wrongly.
)";

using parameters = std::vector<std::pair<std::string, std::string>>;

void read_definition(const arguments& given, parameters& query,
                     std::string& failed) {
  const auto definition = given.value("definition");
  if (!definition)
    return;
  if (*definition != "current")
    failed = "--definition takes \"current\"";
  query.emplace_back("definition", *definition);
}

admin_request read_retry(const arguments& given, std::string& failed) {
  if (given.positional.empty()) {
    failed = "needs the id of a job, or --flow=NAME, --status=STATUS or "
             "--since=TIME for all jobs that match";
    return {};
  }
  const auto job = job_of(given, failed);
  parameters query;
  if (const auto only = given.value("sub-action")) {
    if (only->empty())
      failed = "--sub-action needs the name of a sub-action";
    query.emplace_back("sub_action", *only);
  }
  read_definition(given, query, failed);
  return {"POST", '/' + job + "/retry" + query_of(query), {}};
}

constexpr const char* bulk_options[] = {"flow", "status", "since"};

bool is_bulk(const arguments& given) {
  return given.has("dry-run")
      || std::any_of(std::begin(bulk_options), std::end(bulk_options),
                     [&](const char* each) { return given.has(each); });
}

admin_request read_bulk(const arguments& given, bool dry_run,
                        std::string& failed) {
  parameters query;
  if (!given.positional.empty())
    failed = "takes a job, or --flow, --status and --since, but not both";
  else if (given.has("sub-action"))
    failed = "--sub-action is of one job: name the job";
  for (const std::string each : bulk_options)
    if (const auto value = given.value(each); value && failed.empty())
      query.emplace_back(each, filter_value(each, *value, failed));
  read_definition(given, query, failed);
  if (dry_run)
    query.emplace_back("dry_run", "true");
  return {"POST", "/retry" + query_of(query), {}};
}

std::string count_of(const json& answer, const char* member) {
  const auto count =
    answer.contains(member) ? json_text(answer.at(member)) : "0";
  return count + (count == "1" ? " job" : " jobs");
}

void print_matched(const arguments&, const json& answer) {
  const bool is_one = count_of(answer, "matched") == "1 job";
  std::cout << count_of(answer, "matched") << (is_one ? " matches" : " match")
            << '\n';
}

void print_retried(const arguments&, const json& answer) {
  std::cout << count_of(answer, "retried") << " retried\n";
}

/// Counts the jobs that match, then retries them.
int bulk_order(const command_words& words, const arguments& given) {
  const auto ask = [&](bool dry_run, auto print_answer) {
    return run({"retry", retry_help, "matched",
                [dry_run](const arguments& again, std::string& failed) {
                  return read_bulk(again, dry_run, failed);
                },
                print_answer},
               words);
  };
  if (given.has("dry-run"))
    return ask(true, print_matched);
  if (!given.has("json"))
    if (const auto code = ask(true, print_matched); code != 0)
      return code;
  return ask(false, print_retried);
}

admin_request read_cancel(const arguments& given, std::string& failed) {
  return {"POST", '/' + job_of(given, failed) + "/cancel", {}};
}

/// A whole number of any size as JSON; null for another text.
json integer_from(const std::string& text) {
  auto read = read_json(text);
  auto* const number = std::get_if<json>(&read);
  return number != nullptr && is_integer(*number) ? std::move(*number) : json();
}

json read_uid(const arguments& given, std::string& failed) {
  if (const auto text = given.value("uid-integer")) {
    auto number = integer_from(*text);
    if (!is_uid(number))
      failed = "--uid-integer needs a whole number of 1 to "
             + std::to_string(uid_bytes_max) + " digits; --uid takes any text";
    return number;
  }
  json uid = *given.value("uid");
  if (!is_uid(uid))
    failed = "--uid needs 1 to " + std::to_string(uid_bytes_max) + " bytes";
  return uid;
}

admin_request read_resolve(const arguments& given, std::string& failed) {
  const auto job = job_of(given, failed);
  admin_request wanted{"POST", '/' + job + "/resolve", {}};
  if (given.options.end()
      != std::find_if(
        given.options.begin(), given.options.end(),
        [&](const auto& each) { return given.values(each.first).size() > 1; }))
    failed = "takes each option once";
  const auto ways = int{given.has("uid")} + int{given.has("uid-integer")}
                  + int{given.has("clone-again")}
                  + int{given.has("poll-again")};
  if (ways != 1 && failed.empty())
    failed = "needs one of --uid=UID, --uid-integer=N, --clone-again and "
             "--poll-again";
  if (!failed.empty())
    return wanted;
  const bool again = given.has("clone-again") || given.has("poll-again");
  json body = given.has("clone-again") ? json{{"clone", "again"}}
            : given.has("poll-again")  ? json{{"poll", "again"}}
                                       : json{{"uid", read_uid(given, failed)}};
  if (const auto answer = given.value("answer")) {
    auto read = read_json(*answer);
    if (again)
      failed = "--answer goes with --uid or --uid-integer";
    else if (auto* const value = std::get_if<json>(&read))
      body["answer"] = std::move(*value);
    else
      failed = "--answer needs JSON";
  }
  if (given.has("uid") && !is_utf8(*given.value("uid")))
    failed = "--uid has to be UTF-8";
  wanted.body = json_text(body);
  return wanted;
}

void print(const arguments&, const json& answer) {
  print_order(answer);
}

} // namespace

int retry_order(const command_words& words) {
  const auto given = read_arguments("retry", words);
  if (!given.error && !given.has("help") && is_bulk(given))
    return bulk_order(words, given);
  return run({"retry", retry_help, "job", read_retry, print}, words);
}

int cancel_order(const command_words& words) {
  return run({"cancel", cancel_help, "job", read_cancel, print}, words);
}

int resolve_order(const command_words& words) {
  return run({"resolve", resolve_help, "job", read_resolve, print}, words);
}

} // namespace handoff

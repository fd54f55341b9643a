#include "job/json_reader.hpp"
#include "job/json_text.hpp"
#include "job/verdict.hpp"
#include "tools/handoff/admin_command.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* retry_help = R"(Usage: handoff retry JOB [OPTIONS]

Makes once more what failed: the clone, or the sub-actions that did not succeed.
Those that succeeded are not called again.

  --sub-action=NAME      only this one, with what was skipped because of it
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

Settles an ambiguous clone, once a person has looked whether it happened.

  --uid=UID              it did, and this is its UID, a string
  --uid-integer=N        it did, and this is its UID, an integer of any size
  --clone-again          it did not: make it again
  --url=URL              the admin side of the service; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the job goes on, with 1 if the service refuses or does not
answer, with 2 if it was called wrongly.
)";

admin_request read_retry(const arguments& given, std::string& failed) {
  admin_request wanted{"POST", '/' + job_of(given, failed) + "/retry", {}};
  if (const auto only = given.value("sub-action")) {
    if (only->empty())
      failed = "--sub-action needs the name of a sub-action";
    wanted.path += query_of({{"sub_action", *only}});
  }
  return wanted;
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
                  + int{given.has("clone-again")};
  if (ways != 1 && failed.empty())
    failed = "needs one of --uid=UID, --uid-integer=N and --clone-again";
  if (!failed.empty())
    return wanted;
  const json body = given.has("clone-again")
                    ? json{{"clone", "again"}}
                    : json{{"uid", read_uid(given, failed)}};
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
  return run({"retry", retry_help, "job", read_retry, print}, words);
}

int cancel_order(const command_words& words) {
  return run({"cancel", cancel_help, "job", read_cancel, print}, words);
}

int resolve_order(const command_words& words) {
  return run({"resolve", resolve_help, "job", read_resolve, print}, words);
}

} // namespace handoff

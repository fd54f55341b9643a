#pragma once

#include "tools/handoff/arguments.hpp"
#include "tools/handoff/commands.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// One call to the admin side.
struct admin_request {
  std::string method = "GET";
  /// With the query, if any; "/api/v1/" and `things` stand before it.
  std::string path;
  std::string body;
  std::string things = "jobs";
};

/// A command that asks the admin side one thing. In the table of commands, it
/// has `--url`, `--config-file`, `--json` and `--help`.
struct admin_command {
  std::string_view name;
  std::string_view help;
  /// A member that every good answer has: what lacks it is not from handoff.
  const char* member;
  /// What the words ask for; sets `failed` if they are wrong.
  std::function<admin_request(const arguments& given, std::string& failed)>
    read;
  /// Shows a good answer to a person.
  std::function<void(const arguments& given, const nlohmann::json& answer)>
    print;
};

/// Runs it to its exit code. With `--json` the answer goes to standard output
/// as it came, be it a problem, and a problem is made where there is no answer;
/// what is wrong is said on standard error as well.
int run(const admin_command& command, const command_words& words);

/// The id of the one job that the words name; sets `failed` if there is none.
std::string job_of(const arguments& given, std::string& failed);

/// "?a=1&b=2", encoded (RFC 3986, section 2.1); empty without parameters.
std::string
query_of(const std::vector<std::pair<std::string, std::string>>& parameters);

/// Shows the answer to retry, cancel or resolve.
void print_order(const nlohmann::json& answer);

} // namespace handoff

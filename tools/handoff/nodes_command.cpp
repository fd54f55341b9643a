#include "tools/handoff/admin_command.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <string>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* nodes_help = R"(Usage: handoff nodes [OPTIONS]

Lists the nodes that share the journal, with their leases and their jobs; those
that are dead for an hour after the last of their jobs was taken over.

  --url=URL              the admin side of any of them; by default, the [admin]
                         address of the INI
  --config-file=FILE     the INI
  --json                 the answer as JSON

The token is taken from HANDOFF_ADMIN_TOKEN.

Ends with 0 if the nodes were listed; with 1 if the service refuses or does not
answer, with 2 if it was called wrongly.
)";

std::string number_at(const json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_number_integer()
         ? std::to_string(found->get<std::int64_t>())
         : std::string{"?"};
}

/// What a lease has left, in seconds.
std::string lease_of(const json& node) {
  const auto found = node.find("lease_left_ms");
  if (found == node.end() || !found->is_number_integer())
    return "?";
  return std::to_string(found->get<std::int64_t>() / 1'000) + " s";
}

void print_nodes(const arguments&, const json& answer) {
  const auto& nodes = list_at(answer, "nodes");
  if (nodes.empty()) {
    std::cout << "no nodes: this service has its journal to itself\n";
    return;
  }
  using line = std::array<std::string, 7>;
  std::vector<line> lines{
    {"NO", "NAME", "STATE", "LEASE", "JOBS", "VERSION", "STARTED"}};
  for (const auto& each : nodes)
    lines.push_back({number_at(each, "no"), text_at(each, "name"),
                     text_at(each, "state"), lease_of(each),
                     number_at(each, "jobs"), text_at(each, "version"),
                     text_at(each, "started")});
  std::array<std::size_t, 7> widths{};
  for (const auto& each : lines)
    for (std::size_t at = 0; at < each.size(); ++at)
      widths[at] = std::max(widths[at], columns_of(each[at]));
  for (const auto& each : lines) {
    for (std::size_t at = 0; at + 1 < each.size(); ++at)
      std::cout << padded(each[at], widths[at]) << "  ";
    std::cout << each.back() << '\n';
  }
}

} // namespace

int nodes_command(const command_words& words) {
  const auto read = [](const arguments& given, std::string& failed) {
    if (!given.positional.empty())
      failed = "takes options only";
    return admin_request{"GET", {}, {}, "nodes"};
  };
  return run({"nodes", nodes_help, "nodes", read, print_nodes}, words);
}

} // namespace handoff

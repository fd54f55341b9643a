#include "tools/handoff/start_advice.hpp"

#include "config/settings_value.hpp"

#include <algorithm>
#include <system_error>

namespace handoff {
namespace {

namespace fs = std::filesystem;

/// Names in an advice; a folder may have any number.
constexpr std::size_t names_max = 5;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t at = 0; at < std::min(names.size(), names_max); ++at)
    text += (at == 0 ? "" : ", ") + names[at];
  if (names.size() > names_max)
    text += " and " + std::to_string(names.size() - names_max) + " more";
  return text;
}

void unread_ini(std::vector<std::string>& advice, const fs::path& working) {
  std::error_code failed;
  if (fs::exists(working / "handoff.ini", failed))
    advice.push_back("the handoff.ini in the working directory is not read: "
                     "add --config-file=handoff.ini, or it is the defaults "
                     "that hold");
}

void unverified_flows(std::vector<std::string>& advice,
                      const checked_configuration& configuration) {
  const auto& address = configuration.settings.http.address;
  if (is_loopback(address))
    return;
  std::vector<std::string> open;
  for (const auto& [name, flow] : configuration.flows)
    if (flow->verify.scheme == verify_scheme::none)
      open.push_back(name);
  if (!open.empty())
    advice.push_back("other machines reach http.address " + address
                     + ", and anybody there may send to these flows without a "
                       "signature: "
                     + listed(open) + "; give them a \"verify\"");
}

void no_flows(std::vector<std::string>& advice,
              const checked_configuration& configuration) {
  if (configuration.flows.empty())
    advice.push_back("there are no flows: every webhook gets 404; put a file "
                     "NAME.json into "
                     + configuration.settings.flows.directory
                     + " and reload (SIGHUP)");
}

void other_files(std::vector<std::string>& advice,
                 const std::string& directory) {
  std::error_code failed;
  std::vector<std::string> others;
  for (fs::directory_iterator at{directory, failed}, end; !failed && at != end;
       at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (!name.starts_with('.') && at->path().extension() != ".json"
        && !at->is_directory(failed))
      others.push_back(name);
  }
  std::sort(others.begin(), others.end());
  if (!others.empty())
    advice.push_back("flows are read from files that end in .json; not read in "
                     + directory + ": " + listed(others));
}

} // namespace

std::vector<std::string>
start_advice(const checked_configuration& configuration,
             const std::optional<fs::path>& ini, const fs::path& working) {
  std::vector<std::string> advice;
  if (!ini)
    unread_ini(advice, working);
  no_flows(advice, configuration);
  other_files(advice, configuration.settings.flows.directory);
  unverified_flows(advice, configuration);
  return advice;
}

} // namespace handoff

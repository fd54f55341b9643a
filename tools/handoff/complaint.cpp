#include "tools/handoff/complaint.hpp"

#include "job/json_text.hpp"
#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <iostream>

namespace handoff {

nlohmann::json problem_of(const error& why) {
  return {{"type", "/problems/" + std::string{name(why.kind)}},
          {"title", title(why.kind)},
          {"detail", why.detail}};
}

int complain(std::string_view command, const command_words& words,
             const error& why, exit_code code) {
  // What is wrong may be what keeps the words from being read.
  if (std::find(words.begin(), words.end(), "--json") != words.end())
    std::cout << json_text(problem_of(why), {-1, is_terminal()}) << '\n';
  std::cerr << "handoff " << command << ": " << printable(why.detail) << '\n';
  if (code == exit_usage)
    std::cerr << "handoff " << command << " --help tells more.\n";
  return code;
}

} // namespace handoff

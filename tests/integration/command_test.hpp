#pragma once

#include "tests/support/handoff_fixture.hpp"
#include "tests/support/process.hpp"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace handoff::support {

/// What a command that ends by itself came to.
struct ended_command {
  int code = 0;
  std::string output;
  std::string error;
};

inline ended_command run_handoff(std::vector<std::string> arguments,
                                 const std::string& directory = {}) {
  process command{handoff_binary(),
                  {.arguments = std::move(arguments),
                   .environment = {},
                   .working_directory = directory}};
  const auto code = command.wait(std::chrono::seconds{30});
  if (!code)
    throw std::runtime_error("the command did not end: "
                             + command.standard_error());
  return {*code, command.standard_output(), command.standard_error()};
}

} // namespace handoff::support

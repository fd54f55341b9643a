#include "tools/fake_api/script_reader.hpp"
#include "tools/fake_api/server.hpp"

#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <sys/resource.h>

namespace {

constexpr auto usage =
  "usage: fake_api [--port=9001] [--address=127.0.0.1] [--script=FILE]\n"
  "                [--port-file=FILE] [--no-record]\n"
  "\n"
  "An HTTP API that answers as a script tells it to, and counts what it\n"
  "saw; docs/fake_api.md describes both.\n"
  "\n"
  "  --port=N          where to listen; 0 takes a free port (9001)\n"
  "  --address=A       a loopback address (127.0.0.1)\n"
  "  --script=FILE     the rules, as JSON\n"
  "  --port-file=FILE  write the port into this file when ready\n"
  "  --no-record       keep sums only, and be the faster for it\n";

/// The value of `--name=value`; none if `argument` is another one.
std::optional<std::string_view> value_of(std::string_view argument,
                                         std::string_view name) {
  if (!argument.starts_with(name) || argument.size() <= name.size()
      || argument[name.size()] != '=')
    return std::nullopt;
  return argument.substr(name.size() + 1);
}

std::uint16_t port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, port);
  if (code != std::errc{} || stop != end)
    throw std::invalid_argument("--port: \"" + std::string{text}
                                + "\" is not a port; allowed: 0 to 65535");
  return port;
}

fake_api::options options_of(int argc, char** argv) {
  fake_api::options chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    if (const auto port = value_of(argument, "--port"))
      chosen.port = port_of(*port);
    else if (const auto address = value_of(argument, "--address"))
      chosen.address = *address;
    else if (const auto script = value_of(argument, "--script"))
      chosen.script_file = *script;
    else if (const auto file = value_of(argument, "--port-file"))
      chosen.port_file = *file;
    else if (argument == "--no-record")
      chosen.recording = false;
    else
      throw std::invalid_argument("unknown argument: " + std::string{argument}
                                  + " (see --help)");
  }
  return chosen;
}

fake_api::script script_of(const std::string& file) {
  if (file.empty())
    return {};
  std::ifstream stream{file, std::ios::binary};
  if (!stream)
    throw std::invalid_argument(file + ": cannot be read");
  try {
    return fake_api::script{fake_api::parse_script(
      std::string{std::istreambuf_iterator<char>{stream}, {}})};
  } catch (const std::exception& error) {
    throw std::invalid_argument(file + ": " + error.what());
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void announce(const fake_api::options& chosen, std::uint16_t port) {
  if (!chosen.port_file.empty()) {
    // Renamed into place, so that nobody reads half a number.
    const auto partial = chosen.port_file + ".part";
    std::ofstream{partial} << port << '\n';
    if (std::rename(partial.c_str(), chosen.port_file.c_str()) != 0)
      throw std::runtime_error(chosen.port_file + ": cannot be written");
  }
  const bool bracketed = chosen.address.find(':') != std::string::npos;
  std::cout << "fake_api: listening on " << (bracketed ? "[" : "")
            << chosen.address << (bracketed ? "]" : "") << ':' << port
            << std::endl;
}

} // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--help") {
      std::cout << usage;
      return 0;
    }
  }
  try {
    const auto chosen = options_of(argc, argv);
    raise_descriptor_limit();
    fake_api::server served{chosen, script_of(chosen.script_file)};
    announce(chosen, served.port());
    served.run();
    return 0;
  } catch (const std::invalid_argument& error) {
    std::cerr << "fake_api: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "fake_api: " << error.what() << '\n';
    return 1;
  }
}

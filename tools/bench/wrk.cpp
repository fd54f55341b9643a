#include "tools/bench/wrk.hpp"

#include <stdexcept>
#include <string>

namespace bench {

using namespace std::chrono;

namespace {

/// What follows `label` in `text`, up to the end of its line; empty if it is
/// not there.
std::string after(const std::string& text, const std::string& label) {
  const auto found = text.find(label);
  if (found == std::string::npos)
    return {};
  const auto begin = text.find_first_not_of(' ', found + label.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// "12.34us", "1.20ms" or "1.50s", in milliseconds.
double milliseconds_of(const std::string& text) {
  if (text.empty())
    throw std::runtime_error{"wrk told no latency"};
  std::size_t end = 0;
  const auto value = std::stod(text, &end);
  const auto unit = text.substr(end);
  return unit.starts_with("us") ? value / 1'000
       : unit.starts_with("ms") ? value
                                : value * 1'000;
}

sent read_wrk(const std::string& output) {
  sent found;
  const auto total = output.find(" requests in ");
  if (total == std::string::npos)
    throw std::runtime_error{"wrk failed:\n" + output};
  const auto line = output.rfind('\n', total) + 1;
  found.answers = std::stoull(output.substr(line, total - line));
  if (const auto bad = after(output, "Non-2xx or 3xx responses:"); !bad.empty())
    found.bad += std::stoull(bad);
  // "connect 0, read 2, write 0, timeout 1"
  if (const auto missed = after(output, "Socket errors:"); !missed.empty())
    for (const auto* kind : {"connect ", "read ", "write ", "timeout "})
      found.bad += std::stoull(after(missed, kind));
  found.p50_ms = milliseconds_of(after(output, "\n     50%"));
  found.p99_ms = milliseconds_of(after(output, "\n     99%"));
  return found;
}

} // namespace

wrk::wrk(std::uint16_t port, std::size_t senders, seconds sending,
         const std::filesystem::path& log, const std::filesystem::path& script)
    : sending_{sending},
      program_{{"/usr/bin/wrk", "--threads=1",
                "--connections=" + std::to_string(senders),
                "--duration=" + std::to_string(sending.count()) + "s",
                "--timeout=10s", "--latency", "--script=" + script.string(),
                "http://127.0.0.1:" + std::to_string(port)},
               log.string()} {}

sent wrk::told() {
  return read_wrk(program_.output_at_end(sending_ + 30s));
}

} // namespace bench

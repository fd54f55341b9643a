// The events of a job as the journal keeps them. Promises: what is no event
// throws what decode() says; what is one is written and read again the same.

#include "journal/job_codec.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <optional>
#include <stdexcept>

namespace handoff::fuzz {
namespace {

std::vector<std::uint8_t> encoded(const std::vector<job_event>& events) {
  std::vector<std::uint8_t> bytes;
  for (const auto& each : events)
    encode(each, bytes);
  return wrap(events.size(), bytes);
}

std::optional<std::vector<job_event>>
decoded(std::span<const std::uint8_t> bytes) {
  try {
    return decode(bytes, "01JOB", "flow");
  } catch (const nlohmann::json::exception&) {
  } catch (const std::range_error&) {
  }
  return std::nullopt;
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff::fuzz;
  const auto events = decoded({data, size});
  if (!events)
    return 0;
  const auto once = encoded(*events);
  const auto again = decoded(once);
  expect(again.has_value(), "what was written can be read");
  expect(encoded(*again) == once, "what was read is what was written");
  return 0;
}

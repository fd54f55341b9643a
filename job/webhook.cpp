#include "job/webhook.hpp"

#include "job/allocation.hpp"

#include <limits>

namespace handoff {

std::size_t job_memory(const webhook& hook) {
  // The text of the body is shared by all who hold it.
  std::size_t bytes =
    job_overhead_bytes + allocated_for(hook.body.bytes().size() + 1);
  if (hook.parts)
    bytes += memory_of(*hook.parts, std::numeric_limits<std::size_t>::max());
  for (const auto& each : hook.headers)
    bytes += sizeof(each) + each.name.size() + each.value.size();
  for (const auto& [name, value] : hook.query)
    bytes += 2 * sizeof(std::string) + name.size() + value.size();
  return bytes;
}

} // namespace handoff

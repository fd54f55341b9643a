#include "job/webhook.hpp"

#include "job/json_memory.hpp"

namespace handoff {

std::size_t job_memory(const webhook& hook) {
  // Its record, actors, timers and connection (measured: 23 KiB a held webhook,
  // with its call under way).
  constexpr std::size_t of_any_job = 24 * 1024;
  // The body stands in the order of the webhook and in the record of its job.
  std::size_t bytes = of_any_job + 2 * memory_of(hook.body);
  for (const auto& each : hook.headers)
    bytes += sizeof(each) + each.name.size() + each.value.size();
  for (const auto& [name, value] : hook.query)
    bytes += sizeof(name) + sizeof(value) + name.size() + value.size();
  return bytes;
}

} // namespace handoff

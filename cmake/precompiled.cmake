# Most of the time of a build goes into parsing the same large headers of others
# again and again: they are parsed once for each target. Ours are not among them,
# so that nothing of ours is seen without being included.
set(HANDOFF_JSON_HEADERS
  <nlohmann/json.hpp> <chrono> <functional> <map> <memory> <optional> <string>
  <string_view> <utility> <variant> <vector>)
set(HANDOFF_ACTOR_HEADERS
  <caf/actor_system.hpp> <caf/actor_system_config.hpp> <caf/send.hpp>
  <caf/stateful_actor.hpp> <caf/typed_event_based_actor.hpp>)

# handoff_precompile(TARGET HEADERS...): headers that are parsed once for it.
# Not where it is optimized: GCC 12 then warns of what it inlines from the
# standard library's strings as if that were ours (its bug 105651).
function(handoff_precompile target)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

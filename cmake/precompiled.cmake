# Most of the time of a build goes into parsing the same large headers of others
# again and again: they are parsed once for each target. Ours are not among them,
# so that nothing of ours is seen without being included.
set(HANDOFF_JSON_HEADERS
  <nlohmann/json.hpp> <chrono> <functional> <map> <memory> <optional> <string>
  <string_view> <utility> <variant> <vector>)
set(HANDOFF_ACTOR_HEADERS
  <caf/actor_system.hpp> <caf/actor_system_config.hpp> <caf/send.hpp>
  <caf/stateful_actor.hpp> <caf/typed_event_based_actor.hpp>)

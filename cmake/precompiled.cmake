# Most of the time of a build goes into parsing the same large headers of others
# again and again: they are parsed once for all targets that are built alike. Ours
# are not among them, so that nothing of ours is seen without being included.
#
# Not where it is optimized: GCC 12 then warns of what it inlines from the
# standard library's strings as if that were ours (its bug 105651).

# precompiled_headers(NAME LINKS... HEADERS...): what handoff_precompile takes.
function(precompiled_headers name)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    return()
  endif()
  cmake_parse_arguments(arg "" "" "LINKS;HEADERS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp)
  if(NOT EXISTS ${source})
    file(WRITE ${source} "")
  endif()
  add_library(precompiled_${name} OBJECT EXCLUDE_FROM_ALL ${source})
  target_link_libraries(precompiled_${name} PRIVATE ${arg_LINKS} handoff_flags)
  target_precompile_headers(precompiled_${name} PRIVATE ${arg_HEADERS})
endfunction()

# handoff_precompile(TARGET NAME): with the headers of that name.
function(handoff_precompile target name)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_precompile_headers(${target} REUSE_FROM precompiled_${name})
  endif()
endfunction()

set(json_headers
  <nlohmann/json.hpp> <chrono> <functional> <map> <memory> <optional> <string>
  <string_view> <utility> <variant> <vector>)
set(actor_headers
  <caf/actor_system.hpp> <caf/actor_system_config.hpp> <caf/send.hpp>
  <caf/stateful_actor.hpp> <caf/typed_event_based_actor.hpp>)
set(test_headers <gtest/gtest.h> <gmock/gmock.h>)

precompiled_headers(json
  LINKS nlohmann_json::nlohmann_json
  HEADERS ${json_headers})
precompiled_headers(actors
  LINKS nlohmann_json::nlohmann_json caf::core
  HEADERS ${json_headers} ${actor_headers})
if(TARGET GTest::gmock)
  precompiled_headers(tests
    LINKS nlohmann_json::nlohmann_json GTest::gmock
    HEADERS ${json_headers} ${test_headers})
  precompiled_headers(actor_tests
    LINKS nlohmann_json::nlohmann_json caf::core GTest::gmock
    HEADERS ${json_headers} ${test_headers} ${actor_headers})
  # As the tests that they are for; see tests/CMakeLists.txt.
  if(HANDOFF_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Debug")
    foreach(each tests actor_tests)
      target_compile_options(precompiled_${each} PRIVATE -O0)
    endforeach()
  endif()
endif()

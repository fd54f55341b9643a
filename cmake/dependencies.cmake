# Everything comes from Debian bookworm; tools/setup.sh installs it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
# Its config tells no version, and asks for all that it was built with.
find_package(prometheus-cpp CONFIG REQUIRED)
if(HANDOFF_BUILD_TESTS AND NOT HANDOFF_FUZZ)
  find_package(GTest REQUIRED)
endif()
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3>=3.37)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq>=14)
pkg_check_modules(pistache REQUIRED IMPORTED_TARGET libpistache)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc>=5)

# Debian ships neither a CMake config nor a pkg-config file for these two.
find_path(CAF_INCLUDE_DIR caf/actor_system.hpp REQUIRED)
find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
add_library(caf::core UNKNOWN IMPORTED)
set_target_properties(caf::core PROPERTIES
  IMPORTED_LOCATION ${CAF_CORE_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR}
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR}
  INTERFACE_LINK_LIBRARIES Threads::Threads)

find_path(HTTP_PARSER_INCLUDE_DIR http_parser.h REQUIRED)
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
add_library(http_parser::http_parser UNKNOWN IMPORTED)
set_target_properties(http_parser::http_parser PROPERTIES
  IMPORTED_LOCATION ${HTTP_PARSER_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${HTTP_PARSER_INCLUDE_DIR})

# handoff_library(NAME SOURCES... LINKS...): one static library a folder.
# PRECOMPILED says which headers are precompiled for it: `json` if nothing.
function(handoff_library name)
  cmake_parse_arguments(arg "" "PRECOMPILED" "SOURCES;LINKS" ${ARGN})
  if(arg_SOURCES)
    add_library(handoff_${name} STATIC ${arg_SOURCES})
    target_link_libraries(handoff_${name}
      PUBLIC ${arg_LINKS} PRIVATE handoff_flags)
    target_include_directories(handoff_${name} PUBLIC ${CMAKE_SOURCE_DIR})
    if(NOT arg_PRECOMPILED)
      set(arg_PRECOMPILED json)
    endif()
    handoff_precompile(handoff_${name} ${arg_PRECOMPILED})
  else()
    add_library(handoff_${name} INTERFACE)
    target_link_libraries(handoff_${name} INTERFACE ${arg_LINKS})
  endif()
endfunction()

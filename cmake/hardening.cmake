# What Debian's dpkg-buildflags gives for hardening=+all, for all targets of ours
# (dpkg-buildflags(1); Debian wiki, Hardening). Not in Debug: _FORTIFY_SOURCE needs
# optimization, and a sanitizer does better what it does.
set(hardening_default ON)
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR HANDOFF_SANITIZE)
  set(hardening_default OFF)
endif()
option(HANDOFF_HARDENING
  "Stack protector, _FORTIFY_SOURCE, PIE, RELRO and immediate binding"
  ${hardening_default})

if(HANDOFF_HARDENING)
  include(CheckCXXCompilerFlag)
  target_compile_options(handoff_flags INTERFACE
    -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -Wformat -Werror=format-security -fPIE)
  # Not for every processor.
  foreach(flag -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "HANDOFF_HAS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(${known})
      target_compile_options(handoff_flags INTERFACE ${flag})
    endif()
  endforeach()
  target_link_options(handoff_flags INTERFACE -pie -Wl,-z,relro -Wl,-z,now)
endif()

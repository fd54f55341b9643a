# What `cmake --install` puts where. A configuration that is there stays.
include(GNUInstallDirs)

set(handoff_configuration ${CMAKE_INSTALL_FULL_SYSCONFDIR}/handoff)

install(TARGETS handoff RUNTIME)
install(FILES docs/handoff.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES config/flow.schema.json config/connections.schema.json
  http/admin/openapi.json
  DESTINATION ${CMAKE_INSTALL_DATADIR}/handoff)
install(FILES config/nginx.conf config/flows/project-setup.json
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# Made by the program itself.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/completion)
install(CODE "
  foreach(shell bash zsh fish)
    execute_process(
      COMMAND \"$<TARGET_FILE:handoff>\" completion \${shell}
      OUTPUT_FILE \"${CMAKE_BINARY_DIR}/completion/\${shell}\"
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()")
install(FILES ${CMAKE_BINARY_DIR}/completion/bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME handoff)
install(FILES ${CMAKE_BINARY_DIR}/completion/zsh
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
  RENAME _handoff)
install(FILES ${CMAKE_BINARY_DIR}/completion/fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
  RENAME handoff.fish)

# The unit names the places of this installation.
file(READ config/handoff.service handoff_unit)
string(REPLACE /usr/local/bin/ ${CMAKE_INSTALL_FULL_BINDIR}/
  handoff_unit "${handoff_unit}")
string(REPLACE =/etc/handoff/ =${handoff_configuration}/
  handoff_unit "${handoff_unit}")
file(WRITE ${CMAKE_BINARY_DIR}/handoff.service "${handoff_unit}")
install(FILES ${CMAKE_BINARY_DIR}/handoff.service
  DESTINATION lib/systemd/system)

install(DIRECTORY DESTINATION ${handoff_configuration}/flows)
install(CODE "
  if(NOT EXISTS \"\$ENV{DESTDIR}${handoff_configuration}/handoff.ini\")
    file(INSTALL \"${CMAKE_SOURCE_DIR}/config/handoff.ini\"
      DESTINATION \"${handoff_configuration}\")
  endif()")

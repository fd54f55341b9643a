#!/usr/bin/env bash
# Sets up, builds and runs all tests. What follows goes to ctest:
#
#   tools/test.sh                          everything
#   tools/test.sh -R CloneFault            what has that in its name
#   HANDOFF_PRESET=release tools/test.sh   another preset of CMakePresets.json
#   HANDOFF_PRESET=asan-ubsan tools/test.sh
#                                          under sanitizers; the integration
#                                          tests of dev drive a service that has
#                                          them
#   HANDOFF_PRESET=tsan tools/test.sh      journal and http: our own threads
#   HANDOFF_JOBS=4 tools/test.sh           tests at once (default: processors)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${HANDOFF_PRESET:-dev}
jobs=${HANDOFF_JOBS:-$(nproc)}

build() {
  local of=$1
  shift
  # Configuring costs half a second; a new file or option is seen at once.
  cmake --preset "$of" --log-level=WARNING >/dev/null
  cmake --build --preset "$of" "$@"
}

run() {
  ctest --test-dir "build/$1" --output-on-failure -j "$jobs" "${@:2}"
}

# What only tests need: the dashboard's a browser, the benches what sends and what
# they are compared with, the completions their shells. A node that is not Debian's does as well.
# PostgreSQL is for clusters that tests make for themselves.
packages=(postgresql-15 pgbouncer chromium fonts-dejavu-core wrk gunicorn python3-flask
  python3-requests zsh fish clang-format-14 binutils
  prometheus) # promtool, for metrics and alerts; its service is not started
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
tools/setup.sh "${packages[@]}"
build "$preset"
run "$preset" "$@"
if [[ $preset == asan-ubsan ]]; then
  build dev --target integration_test
  export HANDOFF_BINARY=$PWD/build/$preset/tools/handoff/handoff
  run dev -R '^integration' "$@"
fi

#!/usr/bin/env bash
# Sets up, builds and runs all tests. What follows goes to ctest:
#
#   tools/test.sh                          everything
#   tools/test.sh -R CloneFault            what has that in its name
#   HANDOFF_PRESET=tsan tools/test.sh      another preset of CMakePresets.json
#   HANDOFF_JOBS=4 tools/test.sh           tests at once (default: processors)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${HANDOFF_PRESET:-dev}
jobs=${HANDOFF_JOBS:-$(nproc)}

# The dashboard is tested in a browser, which no build needs. A node that is not
# Debian's does as well.
packages=(chromium fonts-dejavu-core)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
tools/setup.sh "${packages[@]}"
# Configuring costs half a second; a new file or option is seen at once.
cmake --preset "$preset" --log-level=WARNING >/dev/null
cmake --build --preset "$preset"
exec ctest --test-dir "build/$preset" --output-on-failure -j "$jobs" "$@"

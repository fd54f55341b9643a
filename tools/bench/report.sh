#!/bin/sh
# Builds what is shipped and measures all of it, three runs of each: one table,
# in about seven minutes. Options go to `handoff_bench all`.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
cmake --build --preset release --target handoff handoff_bench >/dev/null
status=0
build/release/tools/bench/handoff_bench all "$@" || status=$?
tools/bench/start.sh
exit $status

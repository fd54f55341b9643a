#!/bin/sh
# Builds what is shipped and holds 9,500 webhooks at once; then what it adds to
# the time of a clone. Options go to the first: tools/bench/held.sh --webhooks=900
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release
cmake --build --preset release --target handoff handoff_bench
bench=build/release/tools/bench/handoff_bench
"$bench" held "$@"
"$bench" latency

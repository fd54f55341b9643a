#!/bin/sh
# Builds what is shipped and holds 2,000 webhooks at once; then what it adds to
# the time of a clone. Options go to the first: tools/bench/held.sh --webhooks=9000
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release
cmake --build --preset release --target handoff_bench
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
bench=build/release/tools/bench/handoff_bench
"$bench" held --commit="$commit" "$@"
"$bench" latency --commit="$commit"

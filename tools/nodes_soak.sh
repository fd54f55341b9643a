#!/usr/bin/env bash
# Harms three nodes on a private PostgreSQL under load, and counts what came of
# it: what was lost, cloned twice or repeated, and what a node sent that had been
# declared dead. A round takes about five minutes and has 20 SIGKILL, 12 SIGSTOP
# of 0.5, 1 and 2 leases, 12 cuts between a node and the database (both ways, one
# way, half open), 4 crashes of the database, 2 orderly ends, and one outage of
# 30 s for all; the lease is 3 s.
#
#   tools/nodes_soak.sh                  5 rounds, from a seed made of the time
#   tools/nodes_soak.sh ROUNDS [SEED]
#
#   HANDOFF_PRESET=dev      whose programs run; they are copied aside, so that
#                           the tree may be built meanwhile
#   HANDOFF_BINARY=…        another build's handoff
#
# Ends with 1 if a promise was broken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${1:-5}
seed=${2:-$(date +%s)}
build=build/${HANDOFF_PRESET:-dev}
for program in tests/nodes/nodes_test tools/handoff/handoff; do
  if [[ ! -x $build/$program ]]; then
    echo "nodes_soak: no $build/$program; build the targets nodes_test and handoff" >&2
    exit 2
  fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$build/tests/nodes/nodes_test" "${HANDOFF_BINARY:-$build/tools/handoff/handoff}" "$work/"
HANDOFF_BINARY=$work/$(basename "${HANDOFF_BINARY:-handoff}") \
HANDOFF_NODE_ROUNDS=$rounds HANDOFF_SEED=$seed \
  nice "$work/nodes_test" --gtest_filter='NodesFaults*'

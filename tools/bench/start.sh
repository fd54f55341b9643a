#!/usr/bin/env bash
# How long the service takes to be ready, and what it needs while it has nothing
# to do: with an empty journal, and with one of FINISHED and UNFINISHED jobs.
# Prints medians and ranges over RUNS.
#
#   tools/bench/start.sh [FINISHED [UNFINISHED [RUNS]]]   1000000 10000 3
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

finished=${1:-1000000} unfinished=${2:-10000} runs=${3:-3}
build=${HANDOFF_BUILD:-build/release} idle=${IDLE_SECONDS:-10}
directory=$(mktemp -d)
service=
trap '[[ -z $service ]] || kill -KILL "$service" || true; rm -rf "$directory"' EXIT

mkdir "$directory/flows"
printf '[http]\nport = 0\n[admin]\nport = 0\n' >"$directory/handoff.ini"

now_ms() {
  date +%s%3N
}

# Starts it; `took` is how many milliseconds passed until it was ready.
start() {
  local began
  began=$(now_ms)
  "$build/tools/handoff/handoff" serve --config-file="$directory/handoff.ini" \
    >"$directory/log" 2>&1 &
  service=$!
  until grep -q 'handoff: ready' "$directory/log"; do
    kill -0 "$service" || { cat "$directory/log" >&2; exit 1; }
    sleep 0.005
  done
  took=$(($(now_ms) - began))
}

stop() {
  kill -TERM "$service"
  wait "$service" || true
  service=
}

ticks() {
  # The 14th and 15th fields of proc(5); the second, the name, has no blank.
  awk '{ print $14 + $15 }' "/proc/$service/stat"
}

memory() {
  awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$service/status"
}

# Prints the median of the figures, and in brackets the least and the most.
line() {
  local what=$1
  shift
  printf '%s\n' "$@" | sort -g | awk -v what="$what" '
    { value[NR] = $1 }
    END { printf "  %-40s%s (%s-%s)\n", what, value[int((NR + 1) / 2)], value[1], value[NR] }'
}

printf 'start: runs: %d; medians (ranges)\nwith an empty journal\n' "$runs"
ready=() cpu=() resident=()
for ((run = 0; run < runs; ++run)); do
  rm -f "$directory"/handoff.db*
  start
  # The recovery begins when it is ready, and symbols are bound at their first use.
  sleep 1
  before=$(ticks)
  sleep "$idle"
  ready+=("$took")
  cpu+=("$((($(ticks) - before) * 1000 / $(getconf CLK_TCK)))")
  resident+=("$(memory)")
  stop
done
line 'ready after ms' "${ready[@]}"
line "CPU ms while idle for $idle s" "${cpu[@]}"
line 'memory MiB' "${resident[@]}"

"$build/tools/bench/journal_bench" fill "$directory/full.db" "$finished" "$unfinished"
printf 'with %d finished and %d unfinished jobs, %s MiB\n' \
  "$finished" "$unfinished" "$(($(stat -c %s "$directory/full.db") >> 20))"
ready=() resident=()
for ((run = 0; run < runs; ++run)); do
  rm -f "$directory"/handoff.db*
  cp "$directory/full.db" "$directory/handoff.db"
  start
  ready+=("$took")
  resident+=("$(memory)")
  stop
done
line 'ready after ms' "${ready[@]}"
line 'memory MiB' "${resident[@]}"

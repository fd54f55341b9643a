#!/usr/bin/env bash
# How long the service takes to be ready, and what it needs while it has nothing
# to do: with an empty journal, and with one of FINISHED and UNFINISHED jobs.
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

# Starts it and prints how many milliseconds it took to say that it is ready.
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

for ((run = 0; run < runs; ++run)); do
  rm -f "$directory"/handoff.db*
  start
  before=$(ticks)
  sleep "$idle"
  printf 'empty journal: ready after %d ms; idle for %d s: %d ms of CPU, %s MiB\n' \
    "$took" "$idle" "$((($(ticks) - before) * 1000 / $(getconf CLK_TCK)))" "$(memory)"
  stop
done

"$build/tools/bench/journal_bench" fill "$directory/full.db" "$finished" "$unfinished"
for ((run = 0; run < runs; ++run)); do
  cp "$directory/full.db" "$directory/handoff.db"
  start
  printf '%d finished and %d unfinished jobs (%s MiB): ready after %d ms, %s MiB\n' \
    "$finished" "$unfinished" "$(($(stat -c %s "$directory/full.db") >> 20))" \
    "$took" "$(memory)"
  stop
done

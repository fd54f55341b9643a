#!/usr/bin/env bash
# Builds the programs that are shipped as they are shipped, looks whether they are
# hardened, and has them do one job from its webhook to an orderly end.
#
#   tools/smoke.sh              the preset "release"
#   tools/smoke.sh BUILD        a folder in which they have been built
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  printf 'smoke: %s\n' "$*" >&2
  [[ -z $work ]] || cat "$work"/*.log >&2
  exit 1
}

clean_up() {
  local pid
  for pid in $(jobs -pr); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}

# port_of FILE TEXT PID: the port that a line with this text ends with, within
# 15 s.
port_of() {
  local turn port
  for ((turn = 0; turn < 150; ++turn)); do
    port=$(sed -n "s/.*$2.*:\([0-9]*\)\$/\1/p" "$1" 2>/dev/null | head -n 1)
    if [[ -n $port ]]; then
      printf '%s\n' "$port"
      return
    fi
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  fail "did not start: ${1##*/}"
}

work=''
if (($# == 0)); then
  cd "$root"
  cmake --preset release --log-level=WARNING -DHANDOFF_BUILD_TESTS=OFF \
    -DCMAKE_UNITY_BUILD="${HANDOFF_UNITY:-OFF}" >/dev/null
  cmake --build --preset release --target handoff fake_api
  set -- build/release
fi
handoff=$(realpath "$1")/tools/handoff/handoff
fake_api=$(realpath "$1")/tools/fake_api/fake_api
work=$(mktemp -d)
trap clean_up EXIT

"$root/tests/tools/hardening_test.sh" "$handoff" "$fake_api"

printf '[ { "path": "/projects/*/folders", "steps": [ { "body": { "id": "f" } } ] } ]' \
  >"$work/script.json"
"$fake_api" --port=0 --script="$work/script.json" >"$work/fake_api.log" 2>&1 &
port=$(port_of "$work/fake_api.log" 'listening on' $!)
mkdir "$work/flows"
sed "s|127\.0\.0\.1:9001|127.0.0.1:$port|g" \
  "$root/config/flows/project-setup.json" >"$work/flows/project-setup.json"
printf '[http]\nport = 0\n[admin]\nport = 0\n' >"$work/handoff.ini"
"$handoff" check --config-file="$work/handoff.ini" >"$work/check.log" \
  || fail 'the example is not valid'
"$handoff" serve --config-file="$work/handoff.ini" >"$work/handoff.log" 2>&1 &
pid=$!
hooks=http://127.0.0.1:$(port_of "$work/handoff.log" 'ingress listening on' $pid)
admin=http://127.0.0.1:$(port_of "$work/handoff.log" 'admin listening on' $pid)

"$handoff" send project-setup --url="$hooks" --data='{"name": "smoke"}' \
  >"$work/answer.log" || fail 'the webhook was not answered'
job=$(sed -n 's/.*"job":"\([^"]*\)".*/\1/p' "$work/answer.log" | head -n 1)
[[ -n $job ]] || fail 'the answer names no job'
"$handoff" watch "$job" --url="$admin" >"$work/watch.log" \
  || fail 'the job did not succeed'
kill "$pid"
wait "$pid" || fail "did not drain: exit code $?"
printf 'smoke: one job done and drained\n'

#!/usr/bin/env bash
# Shows what Handoff does: three webhooks are held while a fake API clones for
# 6.5 s, answered as soon as it has, and their sub-actions done three at a time.
#
#   tools/demo.sh            ends by itself
#   tools/demo.sh --keep     leaves the service and the fake API running
#   tools/demo.sh --nodes=3  three nodes on a PostgreSQL of its own: kills one in
#                            the middle, and shows its jobs finishing elsewhere
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

keep=no
nodes=1
case "$*" in
  '') ;;
  --keep) keep=yes ;;
  --nodes=[2-9]) nodes=${1#*=} ;;
  -h | --help)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *)
    printf 'demo: takes --keep or --nodes=N, N from 2 to 9\n' >&2
    exit 2
    ;;
esac

webhooks=3
bin=$root/build/release/tools
handoff=$bin/handoff/handoff
work=''

say() {
  printf '%s\n' "$*"
}

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# Ends what this script started and what still runs of it, and nothing else: in
# 5 s, be it by force.
clean_up() {
  local pid turn
  for pid in $(jobs -pr); do
    kill "$pid" 2>/dev/null || true
  done
  for ((turn = 0; turn < 50; ++turn)); do
    [[ -n $(jobs -pr) ]] || break
    sleep 0.1
  done
  for pid in $(jobs -pr); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  if [[ -n $work ]]; then
    rm -rf "$work"
  fi
}

build() {
  if ((nodes > 1)); then
    "$root/tools/setup.sh" postgresql
  else
    "$root/tools/setup.sh"
  fi
  cd "$root"
  cmake --preset release --log-level=WARNING >/dev/null
  cmake --build --preset release --target handoff fake_api
  cd "$work"
}

# The flow that ships, against the fake API's port; a script with its faults.
write_files() {
  mkdir "$work/flows"
  cp "$root/config/flow.schema.json" "$work/"
  sed "s|127\.0\.0\.1:9001|127.0.0.1:$1|g" \
    "$root/config/flows/project-setup.json" >"$work/flows/project-setup.json"
  cat >"$work/handoff.ini" <<INI
[http]
port = 0
[admin]
port = 0
INI
}

write_script() {
  cat >"$work/fake_api.json" <<'JSON'
[
  // A clone takes 6.5 s.
  { "method": "POST", "path": "/projects/*/clone",
    "steps": [ { "delay": "6.5s", "status": 201,
                 "body": { "id": "p-{{seq}}", "name": "{{body/name}}" } } ] },
  // One sub-action of each job fails twice.
  { "path": "/projects/*/labels", "per": "key",
    "steps": [ { "delay": "1s", "status": 503 },
               { "delay": "1s", "status": 503 }, { "delay": "1s" } ] },
  { "path": "/projects/*/folders",
    "steps": [ { "delay": "900ms", "jitter": "200ms",
                 "body": { "id": "f-{{seq}}" } } ] },
  { "path": "/**", "steps": [ { "delay": "900ms", "jitter": "200ms" } ] }
]
JSON
}

# wait_for FILE PATTERN PID: until the file has such a line, 15 s at most.
wait_for() {
  local turn
  for ((turn = 0; turn < 150; ++turn)); do
    if grep -qs "$2" "$1"; then
      return
    fi
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  cat "$1" >&2
  fail "did not start: ${1##*/}"
}

# port_in FILE TEXT: the port that a line with this text ends with.
port_in() {
  sed -n "s/.*$2.*:\([0-9]*\)\$/\1/p" "$1" | head -n 1
}

start_fake_api() {
  write_script
  "$bin/fake_api/fake_api" --port=0 --script="$work/fake_api.json" \
    >"$work/fake_api.log" 2>&1 &
  fake_pid=$!
  wait_for "$work/fake_api.log" 'listening on' "$fake_pid"
  fake_port=$(port_in "$work/fake_api.log" 'listening on')
  write_files "$fake_port"
}

start_service() {
  "$handoff" serve --config-file="$work/handoff.ini" \
    >"$work/handoff.log" 2>&1 &
  handoff_pid=$!
  wait_for "$work/handoff.log" 'handoff: ready' "$handoff_pid"
  http_port=$(port_in "$work/handoff.log" 'ingress listening on')
  admin_port=$(port_in "$work/handoff.log" 'admin listening on')
}

# A PostgreSQL of this script's own, in its folder, reached by a socket there.
start_database() {
  local programs as_owner=()
  programs=$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)
  [[ -n $programs ]] || fail 'PostgreSQL is not installed'
  programs=${programs%/initdb}
  chmod 711 "$work"
  mkdir "$work/pg"
  # It does not run as root.
  if [[ $(id -u) == 0 ]]; then
    chown postgres: "$work/pg"
    as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  fi
  "${as_owner[@]}" "$programs/initdb" -D "$work/pg/data" -A trust -U handoff \
    -E UTF8 --locale=C >"$work/initdb.log" 2>&1 || fail 'initdb failed'
  "${as_owner[@]}" "$programs/postgres" -D "$work/pg/data" -k "$work/pg" \
    -c listen_addresses= >"$work/postgres.log" 2>&1 &
  wait_for "$work/postgres.log" 'ready to accept connections' "$!"
}

# Node number $1; it reads the same flows as the others.
start_node() {
  local log=$work/node.$1.log
  cat >"$work/node.$1.ini" <<INI
[http]
port = 0
[admin]
port = 0
[journal]
uri = "postgresql:///postgres?host=$work/pg&user=handoff"
node = "node-$1"
lease = 3s
INI
  "$handoff" serve --config-file="$work/node.$1.ini" >"$log" 2>&1 &
  node_pids[$1]=$!
  wait_for "$log" 'handoff: ready' "$!"
  http_ports[$1]=$(port_in "$log" 'ingress listening on')
  admin_ports[$1]=$(port_in "$log" 'admin listening on')
}

show_nodes() {
  "$handoff" nodes --url="http://127.0.0.1:${admin_ports[2]}"
}

# Several nodes; the one that took the webhooks is killed.
run_nodes() {
  local number
  node_pids=() http_ports=() admin_ports=()
  start_database
  for ((number = 1; number <= nodes; ++number)); do
    start_node "$number"
  done
  show_nodes
  http_port=${http_ports[1]}
  jobs=()
  send_all
  say ''
  say 'Killing node-1, which works on all of them (SIGKILL) ...'
  disown "${node_pids[1]}"
  kill -KILL "${node_pids[1]}"
  "$handoff" watch "${jobs[@]}" --url="http://127.0.0.1:${admin_ports[2]}" \
    || fail 'a job did not succeed'
  say ''
  show_nodes
  say ''
  say "All $webhooks jobs succeeded, at the nodes that were left."
}

# Sends webhook number $1; its answer goes to answer.$1.
send() {
  "$handoff" send project-setup --url="http://127.0.0.1:$http_port" \
    --data="{\"template\": \"basic\", \"name\": \"Project $1\"}" \
    >"$work/answer.part.$1" 2>&1 || true
  mv "$work/answer.part.$1" "$work/answer.$1" 2>/dev/null
}

# field NAME FILE: a text of the answer's JSON.
field() {
  sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$2" | head -n 1
}

# Tells answer number $1, and keeps its job.
tell_answer() {
  local answer=$work/answer.$1 job uid status
  status=$(head -n 1 "$answer")
  job=$(field job "$answer")
  uid=$(field uid "$answer")
  if [[ -z $job ]]; then
    cat "$answer" >&2
    fail "webhook $1 was not answered with a job"
  fi
  say "  webhook $1 answered: $status, uid ${uid:-not there yet}, job $job"
  jobs+=("$job")
}

is_terminal() {
  [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]
}

# Sends all webhooks at once and tells each answer when it comes.
send_all() {
  local number begun=$EPOCHREALTIME told=0 elapsed
  local -A is_told=()
  say "Sending $webhooks webhooks; the clone of each takes 6.5 s ..."
  for ((number = 1; number <= webhooks; ++number)); do
    send "$number" &
  done
  while ((told < webhooks)); do
    if is_terminal; then
      # Microseconds, without the sign between them and the seconds.
      elapsed=$(((${EPOCHREALTIME/[.,]/} - ${begun/[.,]/}) / 100000))
      printf '\r\033[2K  held for %d.%d s' $((elapsed / 10)) $((elapsed % 10))
    fi
    for ((number = 1; number <= webhooks; ++number)); do
      if [[ -e $work/answer.$number && -z ${is_told[$number]:-} ]]; then
        is_terminal && printf '\r\033[2K'
        tell_answer "$number"
        is_told[$number]=1
        told=$((told + 1))
      fi
    done
    sleep 0.05
  done
}

say_what_next() {
  cat <<TEXT

All $webhooks jobs succeeded. What next:
  tools/demo.sh --keep                     leaves it running, to be played with
  tools/test.sh                            runs all tests
  README.md                                a flow of your own in five minutes
TEXT
}

say_what_runs() {
  cat <<TEXT

It is still running, with its files in $work:
  service    http://127.0.0.1:$http_port   pid $handoff_pid
  dashboard  http://127.0.0.1:$admin_port
  fake API   http://127.0.0.1:$fake_port   pid $fake_pid
Try:
  ${handoff#"$root"/} send project-setup --url=http://127.0.0.1:$http_port
  ${handoff#"$root"/} watch ${jobs[0]} --url=http://127.0.0.1:$admin_port
  curl http://127.0.0.1:$admin_port/api/v1/jobs/${jobs[0]}
  curl http://127.0.0.1:$fake_port/_fake/counts
Stop it with:
  kill $handoff_pid $fake_pid; rm -r $work
TEXT
}

main() {
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work=$(mktemp -d)
  build
  start_fake_api
  if ((nodes > 1)); then
    run_nodes
    return
  fi
  start_service
  jobs=()
  send_all
  say 'The sub-actions, three at a time; label fails twice:'
  "$handoff" watch "${jobs[@]}" --url="http://127.0.0.1:$admin_port" \
    || fail 'a job did not succeed'
  if [[ $keep == yes ]]; then
    say_what_runs
    # Left alone from here on.
    disown -a
    trap - EXIT
  else
    say_what_next
  fi
}

main

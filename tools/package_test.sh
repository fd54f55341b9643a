#!/usr/bin/env bash
# Installs the package into a bare Debian 12, has its service do a job by the words
# of its unit, upgrades it with the service running and senders held, removes and
# purges it. Needs root and debootstrap; leaves nothing behind.
#
#   tools/package_test.sh PACKAGE.deb
#
# The root is kept as a tar beside the package for the next run.
set -euo pipefail

package=$(realpath "$1")
base=$(dirname "$package")/bookworm.tar
place=$(mktemp -d)

fail() {
  printf 'package_test: %s\n' "$*" >&2
  cat "$place"/tmp/*.log >&2 || true
  exit 1
}

clean_up() {
  local pid
  for pid in $(jobs -pr); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  umount "$place/proc" 2>/dev/null || true
  rm -rf "$place"
}

inside() {
  chroot "$place" "$@"
}

# As systemd would start it: the program and its words, as the unit's user.
start_service() {
  local words
  words=$(sed -n 's/^ExecStart=//p' "$place/lib/systemd/system/handoff.service")
  rm -f "$place/tmp/handoff.log"
  # shellcheck disable=SC2086 # words are words
  chroot "$place" setpriv --reuid=handoff --regid=handoff --clear-groups \
    $words --http.port=0 --admin.port=0 >"$place/tmp/handoff.log" 2>&1 &
  service=$!
  wait_for "$place/tmp/handoff.log" 'handoff: ready' "$service"
  hooks=http://127.0.0.1:$(port_in handoff.log 'ingress listening on')
  admin=http://127.0.0.1:$(port_in handoff.log 'admin listening on')
}

# wait_for FILE TEXT PID: until the file has the text, 20 s at most.
wait_for() {
  local turn
  for ((turn = 0; turn < 200; ++turn)); do
    if grep -qs "$2" "$1"; then
      return
    fi
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  fail "never said: $2"
}

# port_in LOG TEXT: the port that a line with this text ends with.
port_in() {
  sed -n "s/.*$2.*:\([0-9]*\)\$/\1/p" "$place/tmp/$1" | head -n 1
}

# The clones of held senders that the fake API has seen.
clones_seen() {
  curl -sf "$api/_fake/requests?path=/projects/slow/clone" \
    | grep -o '"path":"/projects/slow/clone"' | wc -l
}

wait_for_clones() {
  local turn
  for ((turn = 0; turn < 100; ++turn)); do
    if [[ $(clones_seen) == "$senders_held" ]]; then
      return
    fi
    sleep 0.1
  done
  fail "only $(clones_seen) of $senders_held clones are under way"
}

senders_held=8
trap clean_up EXIT
if [[ ! -f $base ]]; then
  debootstrap --variant=minbase bookworm "$place" >"$place.log" 2>&1 \
    || fail "no root: $(tail -n 1 "$place.log")"
  rm -f "$place.log"
  tar -C "$place" -cf "$base.part" .
  mv "$base.part" "$base"
else
  tar -C "$place" -xf "$base"
fi
# It is the root of others than root.
chmod 755 "$place"
mount -t proc proc "$place/proc"
cp "$package" "$place/tmp/handoff.deb"
install_package() {
  inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --reinstall \
    install /tmp/handoff.deb >"$place/tmp/apt.log" 2>&1 \
    || { cat "$place/tmp/apt.log" >&2; fail 'cannot be installed'; }
}
inside apt-get -qq update
install_package

for each in /usr/bin/handoff /usr/bin/handoff-fake-api \
  /usr/share/man/man1/handoff.1.gz /lib/systemd/system/handoff.service \
  /etc/handoff/handoff.ini /etc/default/handoff \
  /usr/share/bash-completion/completions/handoff; do
  [[ -s $place$each ]] || fail "$each is not installed"
done
inside getent passwd handoff >/dev/null || fail 'there is no user'
[[ $(inside stat -c '%U %a' /var/lib/handoff) == 'handoff 700' ]] \
  || fail '/var/lib/handoff is not the service'"'"'s own'
inside handoff version --json | grep -q '"crash_points":false' \
  || printf 'package_test: note: not a release build\n'
inside handoff check --config-file=/etc/handoff/handoff.ini >/dev/null \
  || fail 'the configuration that is shipped is not valid'

# A job, and held senders over an upgrade.
cat >"$place/tmp/script.json" <<'SCRIPT'
[ { "path": "/projects/*/folders", "steps": [ { "body": { "id": "f" } } ] },
  { "method": "POST", "path": "/projects/slow/clone", "steps": [
      { "delay": "6s", "status": 201, "body": { "id": "slow-{{seq}}" } } ] } ]
SCRIPT
chroot "$place" handoff-fake-api --port=0 --script=/tmp/script.json \
  >"$place/tmp/fake_api.log" 2>&1 &
wait_for "$place/tmp/fake_api.log" 'listening on' $!
api=http://127.0.0.1:$(port_in fake_api.log 'listening on')
sed "s|http://127\.0\.0\.1:9001|$api|g" \
  "$place/usr/share/doc/handoff/examples/project-setup.json" \
  >"$place/etc/handoff/flows/project-setup.json"
echo '; mine' >>"$place/etc/handoff/handoff.ini"
start_service
answer=$(inside handoff send project-setup --url="$hooks")
job=$(sed -n 's/.*"job":"\([^"]*\)".*/\1/p' <<<"$answer" | head -n 1)
[[ -n $job ]] || fail "the webhook was not answered: $answer"
inside handoff watch "$job" --url="$admin" >/dev/null \
  || fail 'the job did not succeed'

# As with systemd, the new program's files come under the one that runs, then it
# is told to end, and the new one is started. No sender may notice.
senders=()
for ((sender = 0; sender < senders_held; ++sender)); do
  inside handoff send project-setup --url="$hooks" --timeout=30 \
    --data="{\"template\":\"slow\",\"name\":\"$sender\"}" \
    >"$place/tmp/sender.$sender" 2>&1 &
  senders+=($!)
done
wait_for_clones
inside dpkg --force-confold --install /tmp/handoff.deb >"$place/tmp/dpkg.log" 2>&1 \
  || fail 'cannot be upgraded'
grep -q '; mine' "$place/etc/handoff/handoff.ini" \
  || fail 'an upgrade wrote over the configuration'
kill -0 "$service" || fail 'the upgrade ended the service by itself'
still_held=0
for pid in "${senders[@]}"; do
  if kill -0 "$pid" 2>/dev/null; then
    still_held=$((still_held + 1))
  fi
done
kill -TERM "$service"
wait "$service" || fail "did not drain: $?"
start_service
inside handoff show "$job" --url="$admin" >/dev/null \
  || fail 'the job is gone after the upgrade'
for ((sender = 0; sender < senders_held; ++sender)); do
  wait "${senders[sender]}" \
    || fail "a held sender was let down: $(cat "$place/tmp/sender.$sender")"
  # 200 with the UID, or 202 where the deadline came first.
  job=$(sed -n 's/.*"job":"\([^"]*\)".*/\1/p' "$place/tmp/sender.$sender" \
    | head -n 1)
  [[ -n $job ]] || fail "no job: $(cat "$place/tmp/sender.$sender")"
  inside handoff watch "$job" --url="$admin" >/dev/null \
    || fail "the job of a held sender did not succeed: $job"
done
clones=$(clones_seen)
[[ $clones == "$senders_held" ]] \
  || fail "$senders_held webhooks made $clones clones"
printf 'package_test: %d of %d senders were held at the restart\n' \
  "$still_held" "$senders_held"
((still_held > 0)) || printf 'package_test: note: a slow machine\n'
kill -TERM "$service"
wait "$service" || fail "did not drain: $?"

inside dpkg --remove handoff >/dev/null 2>&1 || fail 'cannot be removed'
[[ -f $place/etc/handoff/handoff.ini && -f $place/var/lib/handoff/handoff.db ]] \
  || fail 'removing took the configuration or the journal'
rm "$place/etc/handoff/flows/project-setup.json"
inside dpkg --purge handoff >/dev/null 2>&1 || fail 'cannot be purged'
[[ ! -e $place/var/lib/handoff && ! -e $place/etc/handoff/handoff.ini ]] \
  || fail 'purging left something'
printf 'package_test: installed, upgraded, removed and purged\n'

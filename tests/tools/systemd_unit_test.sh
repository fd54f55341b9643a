#!/bin/sh
# Checks that systemd takes the unit: systemd_unit_test.sh UNIT PROGRAM
# systemd-analyze wants the program to be there, so that it looks at a copy of
# the unit with the path of the one that was built.
set -eu

unit=$1
program=$2

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

verify() {
  said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \
    --recursive-errors=no "$1" 2>&1) || return 1
  # What systemd does not know it ignores, and says so.
  test -z "$said"
}

sed "s|/usr/local/bin/handoff|$program|" "$unit" > "$directory/handoff.service"
grep -q "$program" "$directory/handoff.service"
if ! verify "$directory/handoff.service"; then
  echo "systemd does not take $unit: $said" >&2
  exit 1
fi

# The check must be able to fail.
sed 's/^WatchdogSec=.*/WatchdogSecs=30s/' "$directory/handoff.service" \
  > "$directory/wrong.service"
if verify "$directory/wrong.service"; then
  echo "a unit with a misspelt key was taken" >&2
  exit 1
fi

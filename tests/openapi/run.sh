#!/usr/bin/env bash
# Runs one of the checks beside this script, with the modules that it needs:
#
#   run.sh FOLDER CHECK.mjs [ARGUMENTS...]
#
# FOLDER is where the modules are installed, once, from npm's registry; later
# runs need no network.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1 check=$2
shift 2

mkdir -p "$folder"
# Tests run side by side.
exec 9>"$folder/lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$folder/installed"; then
  cp "$here"/package.json "$here"/package-lock.json "$folder"
  if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund \
    --prefer-offline >"$folder/npm.log" 2>&1; then
    cat "$folder/npm.log" >&2
    exit 1
  fi
  cp "$here/package-lock.json" "$folder/installed"
fi
cp "$here/$check" "$folder"
exec node "$folder/$check" "$@" 9>&-

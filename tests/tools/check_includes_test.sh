#!/bin/sh
# Goal: no include against the arrows goes unseen, and none that follows them is
# refused. Method: trees of one file, each with one include.
set -eu

checker=$(cd "$(dirname "$0")/../.." && pwd)/tools/check_includes.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $1"
  failures=$((failures + 1))
}

# check FILE INCLUDE: the exit code of the check of a tree with that include in
# line 2 of that file; what it says is in $said.
check() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$(dirname "$1")"
  printf '#pragma once\n#include %s\n' "$2" >"$work/tree/$1"
  code=0
  said=$("$checker" "$work/tree" 2>&1) || code=$?
}

refuses() {
  check "$1" "$2"
  [ "$code" = 1 ] || fail "$1 may include $2 (exit $code)"
  case $said in
    "$1:2: "*) ;;
    *) fail "$1 with $2 is not named: $said" ;;
  esac
}

accepts() {
  check "$1" "$2"
  [ "$code" = 0 ] || fail "$1 may not include $2: $said"
}

refuses job/a.hpp '"config/flow.hpp"'
refuses job/a.cpp '"journal/journal.hpp"'
refuses config/a.cpp '"journal/journal.hpp"'
refuses config/a.cpp '"actors/clone.hpp"'
refuses journal/a.hpp '"config/flow.hpp"'
refuses journal/a.hpp '"actors/clone.hpp"'
refuses actors/a.cpp '"http/front_door/front_door.hpp"'
refuses http/a.cpp '"tools/handoff/log.hpp"'
refuses tools/handoff/a.cpp '"tests/support/process.hpp"'
refuses job/a.hpp '"../http/front_door/front_door.hpp"'
refuses job/a.hpp '"job/../http/front_door/front_door.hpp"'
refuses http/a.hpp '"front_door.hpp"'
refuses job/a.hpp '<caf/all.hpp>'
refuses journal/a.cpp '<caf/send.hpp>'
refuses tools/fake_api/a.cpp '<caf/send.hpp>'
refuses http/a.hpp '<pistache/http.h>'
refuses http/a.hpp '"pistache/http.h"'
refuses actors/a.cpp '<pistache/http.h>'
refuses tools/handoff/a.cpp '<pistache/http.h>'
refuses actors/a.cpp '<curl/curl.h>'
refuses tools/handoff/a.cpp '<curl/curl.h>'
refuses http/a.cpp '<sqlite3.h>'
refuses journal/a.cpp '<libpq-fe.h>'

accepts job/a.hpp '"job/job.hpp"'
accepts config/a.hpp '"job/job.hpp"'
accepts journal/a.hpp '"job/job.hpp"'
accepts actors/a.hpp '"config/flow.hpp"'
accepts actors/a.hpp '"journal/journal.hpp"'
accepts http/a.hpp '"actors/clone.hpp"'
accepts tools/handoff/a.cpp '"http/front_door/front_door.hpp"'
accepts tests/http/a.cpp '"tools/handoff/job_view.hpp"'
accepts tests/http/a.cpp '"raw_client.hpp"'
accepts http/a.cpp '<pistache/http.h>'
accepts http/front_door/guarded_transport.hpp '<pistache/transport.h>'
accepts http/a.hpp '<curl/curl.h>'
accepts config/a.cpp '<caf/settings.hpp>'
accepts tools/handoff/a.cpp '<caf/send.hpp>'
accepts journal/a.cpp '<sqlite3.h>'
accepts journal/postgres/a.cpp '<libpq-fe.h>'
accepts job/a.hpp '<vector>'

if [ "$failures" != 0 ]; then
  exit 1
fi
echo "every wrong include was caught, and no other"

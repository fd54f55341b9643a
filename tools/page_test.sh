#!/usr/bin/env bash
# Tests the dashboard in a headless Chromium, with the service and the fake API
# of a build. What follows the folder goes to node's test runner:
#
#   tools/page_test.sh build/dev
#   tools/page_test.sh build/dev --test-name-pattern=keyboard
#   PAGE_DOCS=1 tools/page_test.sh build/dev   makes the pictures of docs/images
#
# Screenshots are left in BUILD/page/pictures.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  printf 'page_test: %s\n' "$*" >&2
  exit 1
}

[[ $# -ge 1 && -d $1 ]] || fail 'say which build: tools/page_test.sh build/dev'
build=$(cd "$1" && pwd)
shift
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
for program in node npm "$CHROMIUM"; do
  command -v "$program" >/dev/null \
    || fail "$program is missing; tools/test.sh installs what tests need"
done

work=$build/page
export FAKE_API_BINARY=$build/tools/fake_api/fake_api
export HANDOFF_BINARY=$build/tools/handoff/handoff
export PAGE_SOURCES=$work/sources
export PAGE_PICTURES=$work/pictures
mkdir -p "$work"
# Next to the modules that they import: nothing is put into the source tree.
rm -rf "$PAGE_PICTURES" "$PAGE_SOURCES"
mkdir "$PAGE_PICTURES"
cp "$root"/tests/page/* "$work/"
# As the browser sees them, they are modules.
cp -r "$root/http/admin/page" "$PAGE_SOURCES"
cd "$work"
if ! cmp -s package-lock.json node_modules/.installed; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed
fi
tests=(actions.test.js causes.test.js units.test.js views.test.js)
if [[ ${PAGE_DOCS:-} == 1 ]]; then
  tests=(pictures.js)
  export PAGE_PICTURES=$root/docs/images
  mkdir -p "$PAGE_PICTURES"
fi
exec node --test "$@" "${tests[@]}"

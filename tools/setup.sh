#!/usr/bin/env bash
# Installs what Handoff is built and tested with, from Debian bookworm and
# nowhere else. Does nothing, needs neither network nor root, when all is there.
#
#   tools/setup.sh                       install what is missing
#   tools/setup.sh clang-14              the same, and these packages
#   HANDOFF_SKIP_SETUP=1 tools/test.sh   leave the system alone
set -euo pipefail

# Headers that a package drags in are named too where our code includes them.
packages=(
  g++ cmake ninja-build ccache pkg-config ca-certificates git
  libcaf-dev libpistache-dev libhttp-parser-dev
  libcurl4-openssl-dev libnghttp2-dev libssl-dev zlib1g-dev
  nlohmann-json3-dev libspdlog-dev libsqlite3-dev libpq-dev libjemalloc-dev
  prometheus-cpp-dev
  libgtest-dev libgmock-dev
  openssl # a test's certificate
  curl    # the walk through the README
  nginx-light # tests and benches; it need not run by itself
  "$@"
)

say() {
  printf 'setup: %s\n' "$*"
}

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Prints those that are not installed, one a line.
missing_packages() {
  local installed
  # Fails where it knows nothing of one of them, and prints the rest.
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' \
    "${packages[@]}" 2>/dev/null || true)
  printf 'installed %s\n' "${packages[@]}" \
    | grep -vxF "${installed:-none}" \
    | cut -d ' ' -f 2 || true
}

require_bookworm() {
  local name='an unknown system' id='' version='' ID VERSION_ID PRETTY_NAME
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    . /etc/os-release
    name=${PRETTY_NAME:-unknown} id=${ID:-} version=${VERSION_ID:-}
  fi
  if [[ $id != debian || $version != 12 ]]; then
    fail "this is $name; Handoff is built on Debian 12 (bookworm). To go on" \
      "with what is installed here, set HANDOFF_SKIP_SETUP=1."
  fi
}

# Runs a command while no package starts a service (invoke-rc.d(8)): of those
# that tests use only the programs are wanted.
without_services() {
  local policy=/usr/sbin/policy-rc.d code=0
  if [[ -e $policy ]]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  "$@" || code=$?
  as_root rm -f "$policy"
  return "$code"
}

# Runs a command as root.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "needs root to install: ${missing[*]}. There is no sudo; run" \
      "tools/setup.sh as root, or install these yourself."
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

main() {
  if [[ ${HANDOFF_SKIP_SETUP:-} == 1 ]]; then
    say 'skipped, as HANDOFF_SKIP_SETUP=1 says'
    return
  fi
  require_bookworm
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} == 0)); then
    return
  fi
  say "installing ${missing[*]}"
  apt update
  without_services apt install --no-install-recommends "${missing[@]}"
}

main

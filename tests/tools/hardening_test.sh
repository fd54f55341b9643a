#!/usr/bin/env bash
# Reads from a program that it was built hardened: hardening_test.sh PROGRAM...
set -euo pipefail

fail() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

for program in "$@"; do
  headers=$(readelf --wide --file-header --program-headers "$program")
  dynamic=$(readelf --wide --dynamic "$program")
  symbols=$(readelf --wide --dyn-syms "$program")
  grep -q 'Type: *DYN' <<<"$headers" || fail 'is not position-independent'
  grep -q 'FLAGS_1.*PIE' <<<"$dynamic" || fail 'is not linked with -pie'
  grep -q 'GNU_RELRO' <<<"$headers" || fail 'has no RELRO'
  grep -q 'FLAGS_1.*NOW' <<<"$dynamic" || fail 'binds lazily'
  grep -q 'GNU_STACK.* RW ' <<<"$headers" || fail 'has an executable stack'
  grep -q '__stack_chk_fail' <<<"$symbols" || fail 'has no stack protector'
  grep -qE '__[a-z]+_chk@' <<<"$symbols" || fail 'has no _FORTIFY_SOURCE'
done

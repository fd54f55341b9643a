#!/usr/bin/env bash
# Runs clang-tidy 14, as Debian bookworm has it, with the checks of .clang-tidy.
# Every finding is an error.
#
#   tools/check_tidy.sh              the folders that decide: job and config
#   tools/check_tidy.sh FILE...      these sources
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v clang-tidy-14 >/dev/null \
  || { echo 'check_tidy: clang-tidy-14 is missing: tools/setup.sh clang-tidy-14' >&2; exit 1; }

# Configured only: how each source is compiled, without precompiled headers,
# which are another compiler's. Most of the time goes into the headers of the
# standard library, so that eight sources at once take little longer than one.
# That such a source includes others is no finding, nor are two classes of one
# name in two libraries.
unity=OFF
checks=''
if (($# == 0)); then
  unity=ON
  checks=-bugprone-suspicious-include,-bugprone-forward-declaration-namespace
fi
cmake --preset dev -B build/tidy --log-level=WARNING -DCMAKE_UNITY_BUILD=$unity \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DHANDOFF_BUILD_TESTS=OFF >/dev/null

if (($# > 0)); then
  sources=("$@")
else
  mapfile -t sources < <(find build/tidy/job build/tidy/config -path '*/Unity/*.cxx' | sort)
fi
printf '%s\0' "${sources[@]}" \
  | xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p build/tidy \
    --checks="$checks" --extra-arg=-Wno-unknown-warning-option \
    --header-filter='(job|config|journal|actors|http|tools)/.*\.[ch]pp$'

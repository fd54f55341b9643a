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
# which are another compiler's.
cmake --preset dev -B build/tidy --log-level=WARNING \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DHANDOFF_BUILD_TESTS=OFF >/dev/null

if (($# > 0)); then
  sources=("$@")
else
  mapfile -t sources < <(find job config -name '*.cpp' | sort)
fi
printf '%s\0' "${sources[@]}" \
  | xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p build/tidy

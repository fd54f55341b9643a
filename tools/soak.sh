#!/usr/bin/env bash
# Runs `handoff simulate --jobs=…` with one seed after the other, until it is
# stopped or the time is over, and keeps what each seed that fails has printed.
#
#   tools/soak.sh                  until Ctrl-C, from a seed made of the time
#   tools/soak.sh HOURS [SEED]     for so many hours, from that seed
#
#   HANDOFF_BINARY=…   by default, that of the release preset, or of dev
#   SOAK_JOBS=20000    webhooks a seed
#   SOAK_OUT=soak      where the output of seeds that fail is kept
#
# Ends with 1 if a seed failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

hours=${1:-}
seed=${2:-$(date +%s)}
jobs=${SOAK_JOBS:-20000}
out=${SOAK_OUT:-soak}
binary=${HANDOFF_BINARY:-}
for preset in release dev; do
  if [[ -z $binary && -x build/$preset/tools/handoff/handoff ]]; then
    binary=build/$preset/tools/handoff/handoff
  fi
done
if [[ -z $binary ]]; then
  echo "soak: no build/release or build/dev; build one, or set HANDOFF_BINARY" >&2
  exit 2
fi

end=0
if [[ -n $hours ]]; then
  end=$((SECONDS + $(awk -v h="$hours" 'BEGIN { printf "%d", h * 3600 }')))
fi
failed=0
runs=0
trap 'echo "soak: $runs seeds, $failed failed"; exit $((failed > 0))' INT TERM
while [[ -z $hours ]] || ((SECONDS < end)); do
  # Some with many crashes, some with many commands.
  crashes=$((jobs / (50 + seed % 4 * 50)))
  commands=$((jobs / (2 + seed % 3 * 8)))
  if ! "$binary" simulate --jobs="$jobs" --seed="$seed" --crashes="$crashes" \
    --commands="$commands" >"$out.$$" 2>&1; then
    mkdir -p "$out"
    mv "$out.$$" "$out/$seed.txt"
    failed=$((failed + 1))
    grep -A 1 '^broken' "$out/$seed.txt" || tail -n 3 "$out/$seed.txt"
    grep '^shortest' "$out/$seed.txt" || true
  fi
  runs=$((runs + 1))
  seed=$((seed + 1))
done
rm -f "$out.$$"
echo "soak: $runs seeds, $failed failed"
exit $((failed > 0))

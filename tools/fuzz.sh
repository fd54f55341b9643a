#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, with libFuzzer under AddressSanitizer
# and UndefinedBehaviorSanitizer. Stops at the first input that breaks a promise
# and says where it is kept.
#
#   tools/fuzz.sh                    each target for 20 s
#   tools/fuzz.sh 600                for 10 minutes
#   tools/fuzz.sh 60 ini template    these only
#   tools/fuzz.sh 20000runs          20,000 inputs each, the same in every run
#
# What was found interesting stays in build/fuzz/corpus for the next run; seeds
# are in tests/fuzz/corpus. An input is tried again with
#   build/fuzz/tests/fuzz/TARGET_fuzz build/fuzz/found/FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

length=${1:-20}
targets=("${@:2}")
if ((${#targets[@]} == 0)); then
  targets=(input_check input sender_fields verify handshake answer template flow_loader ini
    job_codec)
fi
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=0 # CAF keeps its own until the end

tools/setup.sh clang-14 libclang-rt-14-dev
cmake --preset fuzz --log-level=WARNING >/dev/null
cmake --build --preset fuzz --target "${targets[@]/%/_fuzz}"
mkdir -p build/fuzz/found

# Runs one target; its output is shown only where it fails.
run() {
  local target=$1 log=build/fuzz/$1.log corpus=build/fuzz/corpus/$1
  local limit=(-max_total_time="$length")
  if [[ $length == *runs ]]; then
    # What earlier runs found would change what this one tries.
    corpus=$(mktemp -d)
    limit=(-runs="${length%runs}" -seed=1)
  fi
  mkdir -p "$corpus"
  if "build/fuzz/tests/fuzz/${target}_fuzz" "${limit[@]}" \
    -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$target-" \
    "$corpus" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    printf 'fuzz: %s: %s inputs, none breaks it\n' "$target" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    tail -n 60 "$log" >&2
    printf 'fuzz: %s: broken; the input is kept as said above\n' "$target" >&2
    return 1
  fi
}

# One for each processor at a time. xargs would go on after a failure, but for
# its 255.
export length
export -f run
printf '%s\n' "${targets[@]}" \
  | xargs -P "$(nproc)" -I TARGET bash -c 'run TARGET || exit 255'

#!/usr/bin/env bash
# Lets shells complete: completion_test.sh PROGRAM
# bash is always there; zsh and fish are asked where they are installed.
set -euo pipefail

program=$1
failed=0

# What bash offers for the words; the last one is being completed.
offered() {
  bash -c 'source <("$0" completion bash)
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _handoff
    echo "${COMPREPLY[*]}"' "$program" "$@"
}

expect() {
  local wanted=$1 got
  shift
  got=$(offered "$@")
  if [[ $got != "$wanted" ]]; then
    echo "bash offers \"$got\", not \"$wanted\", for: $*" >&2
    failed=1
  fi
}

expect 'check' handoff ch
expect 'serve send show simulate senders' handoff s
expect '--sub-action= --status= --since=' handoff retry --s
expect 'cloning cancelled' handoff jobs --status = c
expect 'cloning cancelled' handoff jobs --status c
expect '--status= --search= --since=' handoff jobs --s
expect 'bash' handoff completion b
expect 'backup' handoff journal b
expect 'backup check copy --config-file= --json --help' handoff journal ''
expect '--config-file=' handoff journal copy --c
expect '' handoff show --status = c
expect '' handoff nothing --
# Names of files are for bash itself.
expect '' handoff simulate --script --
expect '' handoff serve --config-file = ''
expect '' handoff journal backup ''

# What is completed is what the help tells, and the other way round.
commands=0
while read -r command options; do
  commands=$((commands + 1))
  help=$("$program" "$command" --help)
  told=$(grep -oE '^ +--[a-z-]+' <<<"$help" | tr -d ' ' | sort -u)
  known=$(tr ' ' '\n' <<<"$options" | grep -oE '^--[a-z-]+' | sort -u)
  if [[ $(printf '%s\n--help\n' "$told" | sort -u) != "$known" ]]; then
    echo "the help of $command tells of $told, not of $known" >&2
    failed=1
  fi
done < <("$program" completion bash | sed -n "s/^ *\([a-z]*\)) words='\(.*\)' ;;\$/\1 \2/p")
if ((commands == 0)); then
  echo 'no command was found in the completion of bash' >&2
  failed=1
fi

if command -v zsh >/dev/null; then
  "$program" completion zsh | zsh -n
  zsh -f -c 'autoload -Uz compinit && compinit -D
    source <("$0" completion zsh) && [[ $_comps[handoff] == _handoff ]]' \
    "$program" || failed=1
fi
if command -v fish >/dev/null; then
  got=$(HOME=$(mktemp -d) fish --no-config -c '
    $argv[1] completion fish | source
    complete -C "handoff jobs --status=c"' "$program" | cut -f 1 | xargs)
  if [[ $got != '--status=cancelled --status=cloning' ]]; then
    echo "fish offers $got" >&2
    failed=1
  fi
fi
exit "$failed"

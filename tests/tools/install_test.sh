#!/usr/bin/env bash
# Installs into a folder of its own and looks what is there:
# install_test.sh BUILD
set -euo pipefail

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

export DESTDIR=$place
cmake --install "$1" >"$place/log"
root=$(dirname "$(dirname "$(find "$place" -name handoff -path '*/bin/*')")")
for each in bin/handoff share/man/man1/handoff.1 share/handoff/flow.schema.json \
  share/handoff/connections.schema.json \
  share/handoff/openapi.json share/doc/handoff/examples/nginx.conf \
  share/bash-completion/completions/handoff \
  share/zsh/vendor-completions/_handoff \
  share/fish/vendor_completions.d/handoff.fish \
  lib/systemd/system/handoff.service; do
  if [[ ! -s $root/$each ]]; then
    echo "$each is not installed" >&2
    exit 1
  fi
done
"$root/bin/handoff" completion zsh \
  | cmp - "$root/share/zsh/vendor-completions/_handoff"

# The unit names what was installed.
words=$(sed -n 's/^ExecStart=//p' "$root/lib/systemd/system/handoff.service")
read -r program _ ini _ <<<"$words"
ini=${ini#--config-file=}
[[ -x $place$program ]]
"$place$program" check --config-file="$place$ini" >/dev/null

# What was changed in it stays.
echo '; mine' >>"$place$ini"
cmake --install "$1" >"$place/log"
if ! grep -q '; mine' "$place$ini"; then
  echo "the configuration was written over" >&2
  exit 1
fi

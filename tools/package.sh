#!/usr/bin/env bash
# Builds a Debian package of what `cmake --install` installs, with the fake API, a
# system user and the unit.
#
#   tools/package.sh            builds the preset "release" first
#   tools/package.sh BUILD      packs a folder in which it has been built
#
# The package is left in build/package. dpkg-dev finds out what it depends on.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/debian/handoff

if (($# == 0)); then
  cmake --preset release --log-level=WARNING -DHANDOFF_BUILD_TESTS=OFF >/dev/null
  cmake --build --preset release --target handoff fake_api
  set -- build/release
fi
build=$(realpath "$1")
version=$("$build/tools/handoff/handoff" version)
version=${version#handoff }

# The same programs, in the places of a package.
cmake -B "$build" -DCMAKE_INSTALL_PREFIX=/usr --log-level=WARNING >/dev/null
DESTDIR=$stage cmake --install "$build" >/dev/null
install -D -m 755 "$build/tools/fake_api/fake_api" \
  "$stage/usr/bin/handoff-fake-api"
strip --strip-unneeded "$stage"/usr/bin/*
gzip -9n "$stage/usr/share/man/man1/handoff.1"
install -D -m 644 -t "$stage/usr/share/doc/handoff" docs/*.md docs/alerts.yml \
  docs/grafana.json
gzip -9nc CHANGELOG.md >"$stage/usr/share/doc/handoff/changelog.gz"
install -m 644 tools/package/copyright "$stage/usr/share/doc/handoff/"
install -D -m 644 tools/package/default "$stage/etc/default/handoff"

# Where Debian 12 keeps units.
mkdir -p "$stage/lib"
mv "$stage/usr/lib/systemd" "$stage/lib/"
rmdir --ignore-fail-on-non-empty "$stage/usr/lib"

# A user of its own, which the package makes, in the place of one for each start.
sed -i \
  -e 's|^DynamicUser=yes$|User=handoff\nGroup=handoff|' \
  -e 's|^ExecStart=|EnvironmentFile=-/etc/default/handoff\nExecStart=|' \
  "$stage/lib/systemd/system/handoff.service"

install -d "$stage/DEBIAN"
for script in postinst prerm postrm; do
  install -m 755 "tools/package/$script" "$stage/DEBIAN/"
done
(cd "$stage" && find etc -type f -printf '/%p\n' | sort) >"$stage/DEBIAN/conffiles"

cat >"$work/debian/control" <<CONTROL
Source: handoff

Package: handoff
Architecture: any
CONTROL
libraries=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info \
  debian/handoff/usr/bin/handoff debian/handoff/usr/bin/handoff-fake-api \
  | sed -n 's/^shlibs:Depends=//p')
cat >"$stage/DEBIAN/control" <<CONTROL
Package: handoff
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The Handoff developers <handoff@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f 1)
Depends: $libraries, adduser, ca-certificates, init-system-helpers (>= 1.51)
Section: web
Priority: optional
Description: answers a webhook in time and finishes its work afterwards
 Handoff takes a webhook, clones an object of an API, answers with the UID of
 the new one before the sender gives up, and runs the calls that follow with
 retries, without losing one, whatever crashes.
CONTROL
find "$stage" -type d -exec chmod 755 {} +

mkdir -p build/package
dpkg-deb --root-owner-group --build "$stage" build/package >/dev/null
printf 'package: %s\n' build/package/handoff_"$version"_*.deb

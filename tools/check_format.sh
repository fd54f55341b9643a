#!/bin/sh
# Fails where a source is not formatted as .clang-format says, and where nobody
# can tell: other versions than 14, which Debian bookworm has, format otherwise.
#
#   tools/check_format.sh
set -eu

cd "$(dirname "$0")/.."
if ! command -v clang-format-14 >/dev/null; then
  echo 'check_format: clang-format-14 is missing: tools/setup.sh clang-format-14' >&2
  exit 1
fi
find job config journal actors http tools tests \
  -type f \( -name '*.hpp' -o -name '*.cpp' \) \
  -exec clang-format-14 --dry-run --Werror {} +

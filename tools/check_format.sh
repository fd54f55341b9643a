#!/bin/sh
# Fails where a source is not formatted as .clang-format says.
#
#   tools/check_format.sh [CLANG_FORMAT]   version 14, as Debian bookworm has it
set -eu

cd "$(dirname "$0")/.."
find job config journal actors http tools tests \
  -type f \( -name '*.hpp' -o -name '*.cpp' \) \
  -exec "${1:-clang-format}" --dry-run --Werror {} +

#!/bin/sh
# Fails where a folder includes what it must not see. The arrows run one way,
#
#   job <- config, journal <- actors <- http <- tools
#
# and each library stays in the folders that are there to hide it.
#
#   tools/check_includes.sh [TREE]   by default, the tree that this is in
set -eu

tree=${1:-$(dirname "$0")/..}
cd "$tree"

# Tells every wrong include as FILE:LINE: WHAT; ends with 1 if there is one.
check() {
  awk '
    BEGIN {
      sees["job"] = "job"
      sees["config"] = "job config"
      sees["journal"] = "job journal"
      sees["actors"] = "job config journal actors"
      sees["http"] = "job config journal actors http"
      sees["tools"] = "job config journal actors http tools"
      sees["tests"] = "job config journal actors http tools tests"
    }

    function has(words, word) {
      return index(" " words " ", " " word " ") > 0
    }

    function wrong(what) {
      printf "%s:%d: %s\n", FILENAME, FNR, what
      failed = 1
    }

    function check_ours(path, to) {
      to = path
      sub("/.*", "", to)
      if (path ~ /(^|\/)\.\.?\//)
        wrong("\"" path "\" is relative; name the folder")
      else if (to in sees && path ~ "/") {
        if (!has(sees[folder], to))
          wrong(folder " must not include \"" path "\"; it sees " sees[folder])
      } else if (folder != "tests")
        wrong("\"" path "\" does not begin with one of our folders")
    }

    function may_use(library) {
      if (FILENAME == "tools/bench/bare.cpp") # what they cost by themselves
        return library == "Pistache" || library == "libcurl"
      if (library == "CAF")
        return FILENAME ~ /^(config|actors|http|tools\/handoff|tests)\//
      if (library == "Pistache") # its macros leak
        return FILENAME ~ /^http\/([a-z_]*\/)?([^\/]*\.cpp|guarded_transport\.hpp)$/
      if (library == "libcurl")
        return FILENAME ~ /^http\//
      if (library == "nghttp2")
        return FILENAME ~ /^(http\/outbound|tests\/support)\//
      if (library == "prometheus-cpp")
        return FILENAME ~ /^http\/admin\/[^\/]*metrics\.[ch]pp$/
      if (library == "libpq")
        return FILENAME ~ /^journal\/postgres\//
      return FILENAME ~ /^(journal|tests\/journal)\// # SQLite
    }

    function check_theirs(path, library) {
      if (path ~ /^caf\//)
        library = "CAF"
      else if (path ~ /^pistache\//)
        library = "Pistache"
      else if (path ~ /^curl\//)
        library = "libcurl"
      else if (path ~ /^nghttp2\//)
        library = "nghttp2"
      else if (path ~ /^prometheus\//)
        library = "prometheus-cpp"
      else if (path ~ /^sqlite3/)
        library = "SQLite"
      else if (path ~ /^libpq/)
        library = "libpq"
      if (library != "" && !may_use(library))
        wrong("<" path "> is of " library ", which has no place here")
    }

    FNR == 1 {
      folder = FILENAME
      sub("/.*", "", folder)
    }

    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
      path = $0
      sub(/^[^"<]*/, "", path)
      bracket = substr(path, 1, 1)
      path = substr(path, 2)
      sub(/[">].*/, "", path)
      if (bracket == "<" || path ~ /^(caf|pistache|curl|prometheus)\/|^(sqlite3|libpq)/)
        check_theirs(path)
      else
        check_ours(path)
    }

    END { exit failed }
  ' "$@"
}

set --
for folder in job config journal actors http tools tests; do
  if [ -d "$folder" ]; then
    set -- "$@" "$folder"
  fi
done
if [ $# = 0 ]; then
  echo "check_includes: no folder of ours in $tree" >&2
  exit 2
fi
# No name in the tree has a blank in it; that is checked, too.
files=$(find "$@" -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' \) \
  | LC_ALL=C sort)
case $files in
  *' '*) echo "check_includes: a file with a blank in its name" >&2; exit 2 ;;
  '') echo "check_includes: no sources in $tree" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086 # one word a file
check $files

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Writes the tables of docs/attacks.md. See usage() below.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/attacks.sh BUILD [--bits]
       scripts/attacks.sh --help

Runs every attack at every position, with the test program of the build folder BUILD (made by meson
setup, and not for a sanitizer), and writes what must happen and what happened into docs/attacks.md. The
tests `attacks ...` fail when the page says something else.

  --bits   flips every bit of every envelope, too, which takes some minutes, and writes those tables

  meson setup build/work && scripts/attacks.sh build/work
END
}

fail() { printf 'attacks: %s\n' "$*" >&2; exit 1; }

# splice NAME FILE: puts FILE between the marks of NAME.
splice() {
    awk -v begin="<!-- begin $1 -->" -v end="<!-- end $1 -->" -v file="$2" '
        $0 == end { between = 0 }
        !between { print }
        $0 == begin { between = 1; while ((getline line < file) > 0) print line }
    ' "$page" >"$folder/page"
    cat "$folder/page" >"$page"
}

[ "${1:-}" != --help ] || { usage; exit 0; }
[ $# = 1 ] || [ "${2:-} $#" = '--bits 2' ] || { usage >&2; exit 2; }
bits=${2:-}
build=$(cd "$1" && pwd) || fail "no such folder: $1"
cd "$(dirname "$0")/.."
page=docs/attacks.md
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

ninja -C "$build" tests/test_attacks tests/test_attack_bits tests/credentials.stamp >"$folder/log" ||
    { cat "$folder/log" >&2; fail 'the build failed'; }
export TALC_TEST_CREDENTIALS=$build/tests/credentials
"$build/tests/test_attacks" --statements >"$folder/statements"
splice statements "$folder/statements"
for mode in certificates psk ecc; do
    "$build/tests/test_attacks" $mode --table >"$folder/$mode"
    splice $mode "$folder/$mode"
    [ -n "$bits" ] || continue
    "$build/tests/test_attack_bits" $mode --table >"$folder/$mode-bits"
    splice $mode-bits "$folder/$mode-bits"
done

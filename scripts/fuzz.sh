#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds the fuzz targets with clang's libFuzzer and runs them. See usage() below.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/fuzz.sh [SECONDS] [TARGET...]

Runs each TARGET (default: all) for SECONDS (default 60) under AddressSanitizer and
UndefinedBehaviorSanitizer, starting from fuzz/seeds/TARGET. New inputs are kept in build/fuzz-corpus/
and used by the next run; nothing in the tree is changed. Stops with an error at a finding and names
the file that reproduces it.
EOF
}

top=$(cd "$(dirname "$0")/.." && pwd)
folder=$top/build/fuzz
say() { printf 'fuzz: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

seconds=60
case ${1:-} in
    --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    [0-9]*) seconds=$1; shift ;;
esac

"$top/scripts/deps.sh"
mkdir -p "$top/build"
again=
[ ! -e "$folder/build.ninja" ] || again=--reconfigure
say "building"
{ CC=clang CXX=clang++ meson setup $again --werror -Dfuzz=enabled -Dtests=disabled "$folder" "$top" &&
    meson compile -C "$folder"; } >"$folder.log" 2>&1 || { tail -n 60 "$folder.log" >&2; fail "the build failed"; }

if [ $# = 0 ]; then
    for program in "$folder"/fuzz/fuzz_*; do
        [ -f "$program" ] && [ -x "$program" ] && set -- "$@" "${program##*/fuzz_}"
    done
fi
[ $# -gt 0 ] || fail "there is no target"

for target; do
    program=$folder/fuzz/fuzz_$target corpus=$top/build/fuzz-corpus/$target
    findings=$top/build/fuzz-findings/$target-
    [ -x "$program" ] || fail "no target $target (fuzz/meson.build lists them)"
    mkdir -p "$corpus" "${findings%/*}"
    dictionary=$top/fuzz/$target.dict
    options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -artifact_prefix="$findings")
    [ ! -e "$dictionary" ] || options+=(-dict="$dictionary")
    say "$target: $seconds s"
    "$program" "${options[@]}" "$corpus" "$top/fuzz/seeds/$target" >"$corpus.log" 2>&1 || {
        tail -n 60 "$corpus.log" >&2
        fail "$target: a finding, reproduce with: $program $(ls -t "$findings"* 2>/dev/null | head -n 1)"
    }
    say "$target: no finding, $(sed -n 's/^stat::number_of_executed_units: *//p' "$corpus.log") inputs run"
done

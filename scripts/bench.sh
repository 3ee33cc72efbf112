#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Measures talc, on a bare Debian machine too. See usage() below.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/bench.sh [PROGRAM...] [--json FILE] [--help]

Makes the dependencies ready (scripts/deps.sh), builds optimised in build/bench, makes throw-away
credentials there, and runs these programs, or those that are named:

  handshake   what handshakes of `tls` cost: exchanges, bytes, CPU time, heap
  codec       what reading and writing envelopes costs
  compare     every mode against the same server, over paths with delay and loss: times, bytes, CPU
              time, heap and code, beside published figures (docs/comparison.md). It leaves
              compare.csv, compare.json and the drawing compare.svg in build/compare
  ecc_refusals
              whether an `ecc` server takes equally long to refuse a device for each reason; only when
              it is named

Once it is built, the first two take half a minute and compare about three more. Exits non-zero when
a bound does not hold: on bytes and exchanges, and for compare on ratios of times, too. Where nothing
else keeps the machine busy, that is.

  --json FILE   writes the same figures to FILE

examples:
  scripts/bench.sh
  scripts/bench.sh compare
  scripts/bench.sh handshake codec --json figures.json
EOF
}

top=$(cd "$(dirname "$0")/.." && pwd)
folder=$top/build/bench
compared=$top/build/compare
json=
programs=()
while [ $# -gt 0 ]; do
    case $1 in
        --json) [ $# -ge 2 ] || { usage >&2; exit 2; }; json=$2; shift 2 ;;
        --help) usage; exit 0 ;;
        handshake | codec | compare | ecc_refusals) programs+=("$1"); shift ;;
        *) usage >&2; exit 2 ;;
    esac
done
[ ${#programs[@]} != 0 ] || programs=(handshake codec compare)

say() { printf 'bench: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

compile() {
    local again= system_deps=false
    [ ! -e "$folder/build.ninja" ] || again=--reconfigure
    [ "${TALC_SYSTEM_DEPS:-0}" != 1 ] || system_deps=true
    meson setup $again -Dbuildtype=release -Dbench=enabled -Dtests=disabled -Dfuzz=disabled \
        -Dexamples=disabled -Dsystem_deps=$system_deps "$folder" "$top" &&
        meson compile -C "$folder"
}

# The reports of the programs in one object.
merge() {
    python3 - "$folder" "${programs[@]}" <<'END'
import json, os, platform, sys
merged = {"machine": platform.machine(), "processors": os.cpu_count()}
for name in sys.argv[2:]:
    with open(os.path.join(sys.argv[1], name + ".json")) as file:
        report = json.load(file)
    merged[name] = report if name == "compare" else report["cases"]
print(json.dumps(merged, indent=1))
END
}

run_handshake() {
    "$folder/bench/handshake" --credentials "$folder/credentials" --json "$folder/handshake.json"
}

run_codec() { "$folder/bench/codec" --json "$folder/codec.json"; }

run_ecc_refusals() { "$folder/bench/ecc_refusals" --json "$folder/ecc_refusals.json"; }

run_compare() {
    local result=0
    mkdir -p "$compared"
    "$folder/bench/compare" --credentials "$folder/credentials" --library "$folder/libtalc.a" \
        --csv "$compared/compare.csv" --json "$compared/compare.json" \
        --svg "$compared/compare.svg" || result=$?
    [ ! -e "$compared/compare.json" ] || cp "$compared/compare.json" "$folder/compare.json"
    return $result
}

"$top/scripts/deps.sh"
mkdir -p "$top/build"
say "building"
compile >"$folder.log" 2>&1 || { tail -n 60 "$folder.log" >&2; fail "the build failed"; }
"$top/scripts/make-credentials.sh" "$folder/credentials" --rsa >"$folder.log" 2>&1 ||
    { tail -n 60 "$folder.log" >&2; fail "no credentials"; }

result=0
for program in "${programs[@]}"; do
    "run_$program" || result=1
    echo
done
if [ -n "$json" ]; then
    merge >"$json" || fail "$json cannot be written"
fi
exit $result

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Measures talc, on a bare Debian machine too. See usage() below.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/bench.sh [--json FILE] [--help]

Makes the dependencies ready (scripts/deps.sh), builds optimised in build/bench, makes throw-away
credentials there, and prints what handshakes cost and what reading and writing envelopes costs.
Takes about half a minute once it is built. Exits non-zero when a bound on bytes or exchanges does
not hold; times have no bounds.

  --json FILE   writes the same figures to FILE
EOF
}

top=$(cd "$(dirname "$0")/.." && pwd)
folder=$top/build/bench
json=
while [ $# -gt 0 ]; do
    case $1 in
        --json) [ $# -ge 2 ] || { usage >&2; exit 2; }; json=$2; shift 2 ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

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

# The reports of both programs in one object.
merge() {
    python3 - "$folder" <<'END'
import json, os, platform, sys
reports = {}
for name in ("handshake", "codec"):
    with open(os.path.join(sys.argv[1], name + ".json")) as file:
        reports[name] = json.load(file)["cases"]
machine = {"machine": platform.machine(), "processors": os.cpu_count()}
print(json.dumps({**machine, **reports}, indent=1))
END
}

"$top/scripts/deps.sh"
mkdir -p "$top/build"
say "building"
compile >"$folder.log" 2>&1 || { tail -n 60 "$folder.log" >&2; fail "the build failed"; }
"$top/scripts/make-credentials.sh" "$folder/credentials" --rsa >"$folder.log" 2>&1 ||
    { tail -n 60 "$folder.log" >&2; fail "no credentials"; }

result=0
"$folder/bench/handshake" --credentials "$folder/credentials" --json "$folder/handshake.json" ||
    result=1
echo
"$folder/bench/codec" --json "$folder/codec.json" || result=1
if [ -n "$json" ]; then
    merge >"$json" || fail "$json cannot be written"
fi
exit $result

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds and tests talc, on a bare Debian machine too. See usage() below.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/test.sh [--quick] [--help]

Makes the dependencies ready (scripts/deps.sh), builds with gcc and runs all tests, then builds with
clang under AddressSanitizer and UndefinedBehaviorSanitizer and runs all tests again. Any compiler
warning is an error. The build folders are build/gcc and build/clang-sanitized.

  --quick   only the gcc build

The last line is "N passed, N failed", counted over all builds from Meson's own result files; a
build that does not compile counts as one failure. Exits non-zero when anything failed or nothing ran.
EOF
}

top=$(cd "$(dirname "$0")/.." && pwd)
quick=
case ${1:-} in
    '') ;;
    --quick) quick=1 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

say() { printf 'test: %s\n' "$*" >&2; }

# run_build NAME COMPILER SETUP-OPTION...: sets up, compiles and tests build/NAME.
run_build() {
    local name=$1 compiler=$2 folder=$top/build/$1
    shift 2
    say "$name: building"
    # What an earlier run left must not be counted.
    rm -rf "$folder/meson-logs"
    if compile "$folder" "$compiler" "$@" >"$folder.log" 2>&1; then
        say "$name: testing"
        meson test -C "$folder" --print-errorlogs >&2 || true
    else
        say "$name: the build failed"
        tail -n 60 "$folder.log" >&2
    fi
}

cxx_of() {
    case $1 in
        gcc) echo g++ ;;
        clang) echo clang++ ;;
    esac
}

compile() {
    local folder=$1 compiler=$2 again= system_deps=false
    shift 2
    [ ! -e "$folder/build.ninja" ] || again=--reconfigure
    [ "${TALC_SYSTEM_DEPS:-0}" != 1 ] || system_deps=true
    CC=$compiler CXX=$(cxx_of "$compiler") meson setup $again --werror -Dsystem_deps=$system_deps \
        "$@" "$folder" "$top" &&
        meson compile -C "$folder"
}

"$top/scripts/deps.sh"
mkdir -p "$top/build"
runs=(gcc)
run_build gcc gcc
if [ -z "$quick" ]; then
    runs+=(clang-sanitized)
    run_build clang-sanitized clang -Db_sanitize=address,undefined -Db_lundef=false
fi
cd "$top/build"
exec python3 "$top/scripts/test_report.py" "${runs[@]}"

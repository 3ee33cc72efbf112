#!/bin/sh
# SPDX-License-Identifier: MIT
# exported_symbols.sh LIBRARY LIST HEADER...
#
# Three lists are one and the same: what the shared LIBRARY exports, what the file LIST says, and
# what the HEADERs declare with TALC_API. A symbol that is missing from one of them is named.
set -eu
export LC_ALL=C
library=$1 list=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | sort >"$work/exported"
grep -v '^#' "$list" | sed '/^$/d' | sort >"$work/listed"

# The preprocessor takes comments away and TALC_API becomes the attribute below. One declaration a
# line then, and the name is the last word before the parameters (or before the end, for data).
include=$(dirname "$(dirname "$1")")
for header; do
    ${CC:-cc} -E -P -I "$include" "$header"
done | tr '\n' ' ' | tr ';' '\n' |
    sed -n 's/.*__attribute__((visibility("default")))//p' |
    sed 's/[[(].*//; s/ *$//; s/.*[ *]//' | sort -u >"$work/declared"

status=0
compare() {
    difference=$(comm -3 "$work/$1" "$work/$2" | sed 's/^\t\(.*\)/\1 (only '"$2"')/; t; s/$/ (only '"$1"')/')
    [ -z "$difference" ] || {
        printf '%s and %s differ:\n%s\n' "$1" "$2" "$difference"
        status=1
    }
}
[ -s "$work/declared" ] || { echo "found no declaration with TALC_API in: $*"; status=1; }
compare exported listed
compare declared listed
exit $status

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: doc_examples.sh TOP LIBRARY COMPILER...
#
# Holds the documentation to its code. Every ```c block of README.md, CONTRIBUTING.md and docs/*.md
# has a line before it that says what it is:
#
#   <!-- compile: NAME.c -->          compiled against include/; blocks of one page with one NAME
#                                     are one file; with a main() it is linked with LIBRARY, run,
#                                     and has to exit with 0
#   <!-- compile: NAME.c inside -->   the same against the whole tree
#   <!-- lines of: PATH -->           the lines of that file between its marks "README: begin" and
#                                     "README: end", but for their common indentation
#
# A block without such a line is an error, so that none is forgotten.
set -euo pipefail

top=$1 library=$2
shift 2
compiler=("$@" -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror -D_POSIX_C_SOURCE=200809L)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
blocks=0

complain() {
    printf 'doc_examples: %s\n' "$*" >&2
    failed=1
}

# Cuts a page into $scratch/PAGE/: one file for each block, named by number and mark.
cut_page() { # FILE FOLDER
    mkdir -p "$2"
    awk -v folder="$2" '
        /^```c$/ { number++; name = sprintf("%s/%03d", folder, number); print mark > (name ".mark")
                   printf "" > (name ".code"); inside = 1; next }
        /^```/ { inside = 0 }
        inside { print > (name ".code") }
        !inside && NF { mark = $0 }
    ' "$1"
}

# The lines between the marks, without the indentation of the first one.
marked_lines() { # FILE
    awk '/README: end/ { inside = 0 }
         inside { if (!seen) { match($0, /^ */); width = RLENGTH; seen = 1 }
                  print substr($0, 1, width) ~ /^ *$/ ? substr($0, width + 1) : $0 }
         /README: begin/ { inside = 1 }' "$1"
}

check_lines() { # PAGE BLOCK PATH
    local wanted=$scratch/wanted
    [ -e "$top/$3" ] || { complain "$1: there is no $3"; return; }
    marked_lines "$top/$3" >"$wanted"
    [ -s "$wanted" ] || { complain "$3: nothing between its marks"; return; }
    diff -u "$wanted" "$2" >&2 || complain "$1: not the lines of $3"
}

sort_block() { # PAGE BLOCK MARK
    local folder=${2%/*} name
    case $3 in
        '<!-- compile: '*.c' -->')
            name=${3#<!-- compile: } name=${name% -->}
            ;;
        '<!-- compile: '*.c' inside -->')
            name=${3#<!-- compile: } name=${name% inside -->}
            : >"$folder/$name.inside"
            ;;
        '<!-- lines of: '*' -->')
            name=${3#<!-- lines of: }
            check_lines "$1" "$2" "${name% -->}"
            return
            ;;
        *)
            complain "$1: a block of C that nothing checks: $(head -n 1 "$2")"
            return
            ;;
    esac
    cat "$2" >>"$folder/$name"
}

compile() { # PAGE FILE
    local includes=(-I "$top/include") program=${2%.c}
    [ ! -e "$2.inside" ] || includes+=(-I "$top")
    if ! grep -q '^int main(' "$2"; then
        "${compiler[@]}" "${includes[@]}" -c "$2" -o "$program.o" ||
            complain "$1: ${2##*/} does not compile"
        return
    fi
    "${compiler[@]}" "${includes[@]}" "$2" -o "$program" "$library" "-Wl,-rpath,${library%/*}" ||
        { complain "$1: ${2##*/} does not compile"; return; }
    "$program" || complain "$1: ${2##*/} fails"
}

check_page() { # FILE
    local page=${1#"$top/"} folder=$scratch/${1##*/} code
    cut_page "$1" "$folder"
    for code in "$folder"/*.code; do
        [ -e "$code" ] || return 0
        blocks=$((blocks + 1))
        sort_block "$page" "$code" "$(cat "${code%.code}.mark")"
    done
    for code in "$folder"/*.c; do
        [ ! -e "$code" ] || compile "$page" "$code"
    done
}

for file in "$top"/README.md "$top"/CONTRIBUTING.md "$top"/docs/*.md; do
    [ ! -e "$file" ] || check_page "$file"
done
[ $blocks -gt 0 ] || complain "no block of C found"
[ $failed = 0 ] && printf '%d blocks checked\n' $blocks
exit $failed

#!/bin/sh
# SPDX-License-Identifier: MIT
# header_alone.sh c|c++ HEADER COMPILER...: HEADER compiles without any other, without a warning.
set -eu
language=$1 header=$2
shift 2
case $language in
    c) standard=c11 ;;
    c++) standard=c++11 ;;
esac
include=$(dirname "$(dirname "$header")")
# Included twice, so that a missing guard shows. Nothing may rely on what a build defines.
printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
    "$@" -x "$language" -std=$standard -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include" -

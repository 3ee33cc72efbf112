#!/bin/sh
# SPDX-License-Identifier: MIT
# installed_library.sh BUILD PROGRAM.c [PKG_CONFIG_PATH]
#
# Installs BUILD into an empty folder, then compiles and runs PROGRAM.c against it with nothing but
# the installed pkg-config file: what somebody who has only the installed library would do. With the
# third argument (may be empty) the system's packages are there too, as a build on them needs.
set -eu
build=$1 program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${MESON:-meson} install -C "$build" --no-rebuild --quiet --destdir "$work/root"
pc=$(find "$work/root" -name talc.pc)
library=$(dirname "$(find "$work/root" -name libtalc.so)")

export PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_PATH
if [ $# -gt 2 ]; then
    PKG_CONFIG_PATH=$(dirname "$pc"):$3
else
    # Replaces the system's folders: a .pc that requires another package fails here.
    export PKG_CONFIG_LIBDIR="$(dirname "$pc")"
    PKG_CONFIG_PATH=
fi
flags=$(pkg-config --cflags --libs talc)
# shellcheck disable=SC2086  # a list of words
${CC:-cc} -std=c11 -Wall -Wextra -Werror -o "$work/program" "$program" $flags
LD_LIBRARY_PATH=$library "$work/program"

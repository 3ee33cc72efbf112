#!/bin/sh
# SPDX-License-Identifier: MIT
# installed_library.sh [--system PKG_CONFIG_PATH] BUILD RUN.c COMPILE.c...
#
# Installs BUILD into an empty folder, then compiles the programs against it with nothing but the
# installed pkg-config file, and runs the first: what somebody who has only the installed library
# would do. With --system the system's packages are there too, as a build on them needs.
set -eu
system=
[ "$1" != --system ] || { system=yes path=$2; shift 2; }
build=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${MESON:-meson} install -C "$build" --no-rebuild --quiet --destdir "$work/root"
pc=$(find "$work/root" -name talc.pc)
library=$(dirname "$(find "$work/root" -name libtalc.so)")

export PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_PATH
if [ -n "$system" ]; then
    PKG_CONFIG_PATH=$(dirname "$pc"):$path
else
    # Replaces the system's folders: a .pc that requires another package fails here.
    PKG_CONFIG_LIBDIR=$(dirname "$pc")
    export PKG_CONFIG_LIBDIR
    PKG_CONFIG_PATH=
fi
flags=$(pkg-config --cflags --libs talc)
for source; do
    # shellcheck disable=SC2086  # a list of words
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -o "$work/$(basename "$source" .c)" "$source" $flags
done
LD_LIBRARY_PATH=$library "$work/$(basename "$1" .c)"

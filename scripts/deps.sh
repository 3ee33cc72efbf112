#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Makes a Debian machine ready to build and test talc. See usage() below.
set -euo pipefail

# Debian packages that the build, the tests and the private builds need.
packages=(
    build-essential clang libclang-rt-dev llvm meson ninja-build cmake pkg-config python3
    libcjson-dev libb64-dev uthash-dev libcmocka-dev
    libcurl4-gnutls-dev libmicrohttpd-dev
    libcoap3-bin openssl gnutls-bin ca-certificates gnuplot-nox curl nginx-light tshark
)
# Their mbedTLS is older than we need on Debian 12, and libcoap has no mbedTLS flavour on either
# release: wanted only with TALC_SYSTEM_DEPS=1.
system_packages=(libmbedtls-dev libcoap3-dev)

mbedtls_suite=trixie            # the first release with mbedTLS 3.6
mbedtls_minimum=3.6.6           # earlier ones do not reassemble fragmented handshakes
libcoap_minimum=4.3.1

usage() {
    cat <<'EOF'
usage: scripts/deps.sh [--fresh] [--help]

Installs the Debian packages that talc needs (as root or by sudo) and builds into .deps/ what the
release lacks or builds otherwise than we want: mbedTLS 3.6 with scripts/mbedtls_config.h, and
libcoap on that mbedTLS. Sources come from the apt archive this machine already uses. A second run
finds everything in place, touches no network and takes about a second.

  --fresh              forget the fetched sources and the private builds, make both again

environment:
  TALC_SYSTEM_DEPS=1   build nothing; use the system's mbedTLS (3.6.6 or newer) and libcoap
  TALC_JOBS=N          compile with N processes (default: all processors)
EOF
}

say() { printf 'deps: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

top=$(cd "$(dirname "$0")/.." && pwd)
deps=$top/.deps
jobs=${TALC_JOBS:-$(nproc)}
release=

# --- Debian packages ---------------------------------------------------------------------------

have_package() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        have_package "$package" || printf '%s ' "$package"
    done
}

# Prints the words to put before a command that needs root; fails when there is no way.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        return 0
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        printf 'sudo'
    else
        return 1
    fi
}

install_packages() {
    local missing root
    missing=$(missing_packages)
    if [ -z "$missing" ]; then
        say "Debian packages: all ${#packages[@]} there"
        return
    fi
    root=$(as_root) || fail "neither root nor sudo here; have these packages installed: $missing"
    say "installing: $missing"
    # A source of somebody else that does not answer is no reason to stop: the installation says
    # whether ours did.
    (logged install $root apt-get -q update) || say "going on with the lists that are there"
    # shellcheck disable=SC2086  # a list of words
    logged install $root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install $missing
}

os_release() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\).*/\1/p" /etc/os-release 2>/dev/null || true; }

# On another system the same things are looked for by what they provide.
check_foreign_system() {
    local missing=() program module
    for program in cc c++ clang meson ninja cmake pkg-config python3 openssl; do
        command -v $program >/dev/null || missing+=("$program")
    done
    for module in libcjson cmocka libcurl libmicrohttpd; do
        pkg-config --exists $module 2>/dev/null || missing+=("$module (headers and .pc file)")
    done
    have_header b64/cencode.h || missing+=("libb64 (headers)")
    have_header uthash.h || missing+=("uthash (header)")
    system_modules_missing
    missing+=("${modules_missing[@]}")
    [ ${#missing[@]} = 0 ] || {
        say "this is not Debian; missing here:"
        printf 'deps:   %s\n' "${missing[@]}" >&2
        fail "install these, then run this script again"
    }
    say "not Debian, but everything is there: set up with meson -Dsystem_deps=true"
}

have_header() { echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1; }

# Fills modules_missing with what pkg-config lacks for TALC_SYSTEM_DEPS.
system_modules_missing() {
    local flavour found=
    modules_missing=()
    pkg-config --exists "mbedtls >= $mbedtls_minimum" 2>/dev/null ||
        modules_missing+=("mbedtls >= $mbedtls_minimum (with its .pc files)")
    for flavour in -mbedtls -openssl -gnutls -notls ''; do
        pkg-config --exists "libcoap-3$flavour >= $libcoap_minimum" 2>/dev/null && found=1
    done
    [ -n "$found" ] || modules_missing+=("libcoap-3 >= $libcoap_minimum (any flavour)")
}

# --- Source packages ---------------------------------------------------------------------------

# fetch_source SUITE PACKAGE: puts PACKAGE's source of that suite into .deps/source/PACKAGE, by a
# private apt configuration. It is made from the machine's own sources with the release's name
# exchanged, so nothing here names a host, and the system's own lists are not touched.
fetch_source() {
    local suite=$1 package=$2 folder=$deps/source/$2 part=$deps/source/$2.part
    [ -d "$folder" ] && return
    say "fetching the source of $package ($suite)"
    rm -rf "$part"
    mkdir -p "$part/apt/lists/partial" "$part/apt/cache/archives/partial"
    write_source_list "$suite" >"$part/apt/sources.list"
    [ -s "$part/apt/sources.list" ] || fail "apt has no source of $release/main: see sources.list(5)"
    local options=(-o "Dir::Etc::SourceList=$part/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$part/apt/lists" -o "Dir::Cache=$part/apt/cache"
        -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)")
    (logged fetch apt-get -q "${options[@]}" update &&
        cd "$part" && logged fetch apt-get -q "${options[@]}" source --download-only "$package") ||
        fail "no source of $package ($suite) from the machine's apt sources;" \
            "if the system has mbedTLS $mbedtls_minimum itself, TALC_SYSTEM_DEPS=1 goes without"
    rm -rf "$part/apt"
    mv "$part" "$folder"
}

write_source_list() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed_by=
    [ -e $keyring ] && signed_by="[signed-by=$keyring]"
    list_targets | awk -v from="$release" -v to="$1" -v signed_by="$signed_by" '
        $3 == "main" && ($2 == from || index($2, from "-") == 1) {
            print "deb-src", signed_by, $1, to substr($2, length(from) + 1), "main"
        }' | sort -u
}

# apt prints no targets before the machine's first update.
list_targets() {
    # shellcheck disable=SC2016  # apt's own variables
    local format='$(REPO_URI) $(RELEASE) $(COMPONENT)' targets root
    targets=$(apt-get indextargets --format "$format" 'Created-By: Packages')
    if [ -z "$targets" ] && root=$(as_root); then
        (logged install $root apt-get -q update) || true
        targets=$(apt-get indextargets --format "$format" 'Created-By: Packages')
    fi
    printf '%s\n' "$targets"
}

# logged NAME COMMAND...: the output goes to .deps/log/NAME and is shown only on failure.
logged() {
    local log=$deps/log/$1
    shift
    "$@" >>"$log" 2>&1 || { tail -n 40 "$log" >&2; fail "failed: $* (whole log: $log)"; }
}

# --- Private builds ----------------------------------------------------------------------------

# What a build depends on: as long as this stays, what lies in .deps/ stays.
recipe() {
    printf '%s\n' "$deps" "$release" "$(uname -m)" "$(cc -dumpfullversion)"
    declare -f build_mbedtls build_libcoap cmake_install write_libcoap_pc
    cat "$top/scripts/mbedtls_config.h"
}

unpack() {
    logged "$1-build" dpkg-source -x "$deps"/source/"$1"/*.dsc "$deps/build/$1"
}

# cmake_install NAME OPTION...: builds .deps/build/NAME and installs it below .deps/stage.
cmake_install() {
    local name=$1 source=$deps/build/$1
    shift
    logged "$name-build" cmake -G Ninja -S "$source" -B "$source-build" \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
        -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX="$deps" -DCMAKE_INSTALL_LIBDIR=lib "$@"
    logged "$name-build" ninja -C "$source-build" -j "$jobs"
    DESTDIR=$deps/stage logged "$name-build" ninja -C "$source-build" install
}

# version_of PACKAGE: the upstream version that was fetched.
version_of() {
    sed -n 's/^Version: \([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p' "$deps"/source/"$1"/*.dsc | head -n 1
}

build_mbedtls() {
    local version
    fetch_source "$mbedtls_suite" mbedtls
    version=$(version_of mbedtls)
    dpkg --compare-versions "$version" ge "$mbedtls_minimum" ||
        fail "$mbedtls_suite has mbedTLS $version, we need $mbedtls_minimum: update the mirror, then --fresh"
    say "building mbedTLS $version"
    unpack mbedtls
    local include=$deps/build/mbedtls/include/mbedtls
    cp "$top/scripts/mbedtls_config.h" "$include/talc_config.h"
    printf '\n#include "mbedtls/talc_config.h"\n' >>"$include/mbedtls_config.h"
    cmake_install mbedtls -DENABLE_TESTING=OFF -DENABLE_PROGRAMS=OFF -DUSE_STATIC_MBEDTLS_LIBRARY=ON \
        -DUSE_SHARED_MBEDTLS_LIBRARY=OFF -DMBEDTLS_FATAL_WARNINGS=OFF
}

build_libcoap() {
    local version
    fetch_source "$release" libcoap3
    version=$(version_of libcoap3)
    say "building libcoap $version on mbedTLS"
    unpack libcoap3
    cmake_install libcoap3 -DDTLS_BACKEND=mbedtls -DENABLE_DOCS=OFF -DENABLE_TESTS=OFF \
        -DENABLE_EXAMPLES=OFF -DCMAKE_PREFIX_PATH="$deps/stage$deps"
    write_libcoap_pc "$version" >"$deps/stage$deps/lib/pkgconfig/libcoap-3-mbedtls.pc"
}

# libcoap's CMake build installs no .pc file.
write_libcoap_pc() {
    cat <<EOF
prefix=$deps
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: libcoap-3-mbedtls
Description: CoAP library, static, on mbedTLS
Version: $1
Requires.private: mbedtls mbedx509 mbedcrypto
Cflags: -I\${includedir}
Libs: -L\${libdir} -lcoap-3
EOF
}

build_private() {
    local stamp
    stamp=$(recipe | sha256sum | cut -d ' ' -f 1)
    if [ "$(head -n 1 "$deps/stamp" 2>/dev/null)" = "$stamp" ]; then
        say "private builds: up to date ($(sed 1d "$deps/stamp" | paste -sd ' '))"
        return
    fi
    rm -rf "$deps/build" "$deps/stage" "$deps/stamp"
    mkdir -p "$deps/build"
    build_mbedtls
    build_libcoap
    rm -rf "$deps/include" "$deps/lib"
    mv "$deps/stage$deps/include" "$deps/stage$deps/lib" "$deps/"
    rm -rf "$deps/build" "$deps/stage"
    # Last, so that an interrupted run is taken up again.
    printf '%s\n' "$stamp" "mbedtls $(version_of mbedtls)" "libcoap $(version_of libcoap3)" >"$deps/stamp"
    say "private builds: done ($(sed 1d "$deps/stamp" | paste -sd ' '))"
}

# --- The run -----------------------------------------------------------------------------------

prepare_debian() {
    [ "${TALC_SYSTEM_DEPS:-0}" = 1 ] && packages+=("${system_packages[@]}")
    install_packages
    if [ "${TALC_SYSTEM_DEPS:-0}" = 1 ]; then
        system_modules_missing
        [ ${#modules_missing[@]} = 0 ] ||
            fail "the system lacks: ${modules_missing[*]}; run without TALC_SYSTEM_DEPS"
        return
    fi
    build_private
}

main() {
    case ${1:-} in
        '') ;;
        --fresh) rm -rf "$deps/source" "$deps/stamp" ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    mkdir -p "$deps/log"
    # Two runs at once would build into each other's folders.
    exec 9>"$deps/lock"
    flock 9
    rm -f "$deps/log/"*
    if [ "$(os_release ID)" = debian ]; then
        release=$(os_release VERSION_CODENAME)
        prepare_debian
    else
        check_foreign_system
    fi
    say "ready"
}

main "$@"

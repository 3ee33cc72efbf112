#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Shows talc at work through a CoAP proxy that knows nothing of it. See usage() below.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: scripts/demo.sh [--direct] [--psk | --ecc] [--tls12] [--keep] [--help]
       scripts/demo.sh --chain [--reverse] [--psk | --ecc] [--tls12] [--picture FILE] [--keep]

Makes throw-away keys, starts examples/room_sensor, starts libcoap's own coap-server before it as a
forward proxy, and sends examples/room_client through: two sensors, a light switched and read again,
a list, 16 KiB of firmware. Then prints what the application exchanged beside what the proxy logged,
what the handshake cost, and what was checked. Exits with 0 only if all of it held.

Needs nothing but the tree: scripts/deps.sh and the build (build/demo) are done first.

  --direct   no proxy: the client talks to the server, the client's journal is shown
  --psk      pre-shared keys instead of certificates
  --ecc      the light handshake of mode ecc, with bare keys, instead of TLS
  --tls12    TLS 1.2 instead of 1.3
  --keep     leave everything running and print commands to try, until Ctrl-C
  --chain    over machines that translate: coap-server as a forward proxy, talc-proxy from CoAP to
             HTTPS, nginx, then room_sensor over HTTP. Prints the SHA-256 of the fragments at each
             hop, and what the gateway logged beside what it logs when the same requests come with
             dtls. Needs coap-server-openssl (Debian: libcoap3-bin) and nginx (nginx-light)
  --reverse  with --chain: an HTTP client, nginx, talc-proxy from HTTP to CoAP, and a device.
             Needs nginx and curl
  --picture FILE
             with --chain: draws the chain and the two logs into FILE (docs/chain.svg is made so)

environment:
  TALC_DEMO_PROGRAMS=DIR   take the programs from DIR and build nothing
EOF
}

readonly patience_s=30

say() { printf '%sdemo:%s %s\n' "$dim" "$plain" "$*" >&2; }
fail() { say "error: $*"; exit 1; }

top=$(cd "$(dirname "$0")/.." && pwd)
dim='' plain=''
if [ -t 2 ]; then
    dim=$'\e[2m' plain=$'\e[0m'
fi
direct='' psk='' ecc='' tls12='' keep='' chain='' reverse='' picture=''
folder='' children=()

# --- Children ------------------------------------------------------------------------------------

is_alive() { kill -0 "$1" 2>/dev/null; }

# end PID: asks, and after two seconds insists.
end() {
    local deadline=$((SECONDS + 2))
    kill "$1" 2>/dev/null || true
    while is_alive "$1" && [ $SECONDS -le $deadline ]; do
        sleep 0.02
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

clean_up() {
    local child
    trap '' INT TERM
    for child in ${children[@]+"${children[@]}"}; do
        end "$child"
    done
    [ -z "$folder" ] || rm -rf "$folder"
}

# wait_for PID LOG COMMAND...: until COMMAND succeeds, while PID lives, for patience_s at most.
wait_for() {
    local pid=$1 log=$2 deadline=$((SECONDS + patience_s))
    shift 2
    until "$@"; do
        is_alive "$pid" || { cat "$log" >&2; fail "$(basename "$log" .log) ended"; }
        [ $SECONDS -lt $deadline ] || { cat "$log" >&2; fail "$(basename "$log" .log): not ready"; }
        sleep 0.02
    done
}

wait_for_end() {
    while is_alive "${children[0]}"; do
        wait "${children[0]}" || true
    done
    fail 'the server ended'
}

# --- Steps ---------------------------------------------------------------------------------------

build() {
    local again='' system_deps=false
    say 'dependencies'
    "$top/scripts/deps.sh"
    mkdir -p "$top/build"
    # Two demonstrations at once share the build folder.
    exec 9>"$top/build/demo.lock"
    flock 9
    say 'building in build/demo'
    [ ! -e "$top/build/demo/build.ninja" ] || again=--reconfigure
    [ "${TALC_SYSTEM_DEPS:-0}" != 1 ] || system_deps=true
    if ! { meson setup $again -Dsystem_deps=$system_deps -Dexamples=enabled -Dtests=disabled \
               -Dfuzz=disabled "$top/build/demo" "$top" &&
           meson compile -C "$top/build/demo"; } >"$folder/build.log" 2>&1; then
        tail -n 60 "$folder/build.log" >&2
        fail 'the build failed'
    fi
    exec 9>&-
    programs=$top/build/demo/examples
}

# program NAME: the path of a program of the tree, an example or one of tools/.
program() {
    local place
    for place in "$programs" "$programs/../tools"; do
        [ ! -x "$place/$1" ] || { echo "$place/$1"; return; }
    done
    fail "$1 was not built (talc-proxy needs libcurl and libmicrohttpd: scripts/deps.sh)"
}

choose_credentials() {
    local made=$folder/credentials
    say 'throw-away keys'
    "$top/scripts/make-credentials.sh" "$made"
    if [ -n "$psk" ]; then
        server_options=(--psk "$made/psk-server.txt")
        client_options=(--psk "$made/psk-client.txt")
    elif [ -n "$ecc" ]; then
        server_options=(--mode ecc --key "$made/ecc-server.key" --registry "$made/registry.json")
        client_options=(--mode ecc --device device-7 --key "$made/device.key"
                        --server-key "$made/ecc-server.pub")
    else
        server_options=(--cert "$made/server.pem" --key "$made/server.key" --anchor "$made/ca.pem")
        client_options=(--cert "$made/client.pem" --key "$made/client.key" --anchor "$made/ca.pem"
                        --name sensor.example)
    fi
    if [ -n "$tls12" ]; then
        server_options+=(--tls12)
        client_options+=(--tls12)
    fi
}

start_server() {
    local pid
    "$programs/room_sensor" "${server_options[@]}" --listen coap://127.0.0.1:0 \
        --port-file "$folder/server.port" >"$folder/server.log" 2>&1 &
    pid=$!
    children+=("$pid")
    wait_for "$pid" "$folder/server.log" test -s "$folder/server.port"
    server_uri=coap://127.0.0.1:$(cat "$folder/server.port")
    say "server at $server_uri"
}

proxy_program() {
    command -v coap-server-notls || command -v coap-server ||
        fail 'coap-server (libcoap3-bin) is missing'
}

# "... DEBG created UDP  endpoint 127.0.0.1:35792": bound by then.
proxy_port() {
    sed -n 's/.*created UDP *endpoint 127\.0\.0\.1:\([0-9]*\) *$/\1/p' "$folder/proxy.log"
}

proxy_is_ready() { [ -n "$(proxy_port)" ]; }

start_proxy() {
    local pid program
    program=$(proxy_program)
    : >"$folder/proxy.log"
    # The name only says when the proxy itself is meant. Verbosity 7 prints every message.
    "$program" -A 127.0.0.1 -p 0 -P ,demo-proxy -v 7 >"$folder/proxy.log" 2>&1 &
    pid=$!
    children+=("$pid")
    wait_for "$pid" "$folder/proxy.log" proxy_is_ready
    proxy_uri=coap://127.0.0.1:$(proxy_port)
    client_options+=(--proxy "$proxy_uri")
    say "proxy at $proxy_uri ($(basename "$program"))"
}

# In the background, because only `wait` can be interrupted.
run_client() {
    local pid
    say 'client'
    "$programs/room_client" "${client_options[@]}" --journal "$folder/journal" \
        --output "$folder/firmware" "$server_uri" demo >"$folder/client.log" &
    pid=$!
    children+=("$pid")
    wait "$pid" || return
    unset 'children[-1]'
}

report() {
    local words=("$folder/client.log" "$folder/firmware")
    if [ -n "$direct" ]; then
        words+=(--journal "$folder/journal")
    else
        words+=(--proxy-log "$folder/proxy.log")
    fi
    [ -z "$tls12" ] || words+=(--protocol TLSv1.2)
    [ -z "$ecc" ] || words+=(--protocol talc-ecc-1)
    python3 "$top/scripts/demo_report.py" "${words[@]}"
}

# Commands as one can paste them.
keep_running() {
    local options
    options=$(printf ' %q' "${client_options[@]}")
    cat <<EOF

Running until Ctrl-C. To try by hand:

  $programs/room_client$options $server_uri get sensors/temperature
  $programs/room_client$options $server_uri put actuators/light off
  $programs/event_loop$options $server_uri
  tail -f $folder/server.log
EOF
    [ -n "$direct" ] || printf '  tail -f %s\n' "$folder/proxy.log"
    wait_for_end
}

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --direct) direct=1 ;;
            --psk) psk=1 ;;
            --ecc) ecc=1 ;;
            --tls12) tls12=1 ;;
            --keep) keep=1 ;;
            --chain) chain=1 ;;
            --reverse) reverse=1 ;;
            --picture) picture=${2:-}; shift ;;
            --help) usage; exit 0 ;;
            *) usage >&2; exit 2 ;;
        esac
        shift || { usage >&2; exit 2; }
    done
    [ -z "$reverse$picture" ] || [ -n "$chain" ] || { usage >&2; exit 2; }
    [ -z "$chain" ] || [ -z "$direct" ] || { usage >&2; exit 2; }
}

main() {
    local code=0
    read_options "$@"
    umask 077
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    folder=$(mktemp -d "${TMPDIR:-/tmp}/talc-demo.XXXXXX")
    programs=${TALC_DEMO_PROGRAMS:-}
    if [ -n "$programs" ]; then
        programs=$(cd "$programs" && pwd)
    else
        build
    fi
    if [ -n "$chain" ]; then
        . "$top/scripts/demo_chain.sh"
        check_chain_needs
    fi
    choose_credentials
    [ -z "$chain" ] || run_chain
    start_server
    [ -n "$direct" ] || start_proxy
    run_client || { code=$?; cat "$folder/server.log" >&2; fail "the client ended with $code"; }
    report || code=$?
    if [ -n "$keep" ]; then
        # Stopping is what was asked for.
        trap 'exit $code' INT TERM
        keep_running
    fi
    exit "$code"
}

main "$@"

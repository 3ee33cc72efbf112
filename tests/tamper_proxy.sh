#!/bin/bash
# SPDX-License-Identifier: MIT
# tamper_proxy.sh PROGRAMS
#
# examples/tamper-proxy between examples/room_client and examples/room_sensor: what passes, what ends, and
# what each program says and returns. What comes of every attack is for test_attacks.
set -euo pipefail
programs=$1
work=$(mktemp -d)
server='' proxy=''
end() { kill "$1" 2>/dev/null && wait "$1"; }
trap '{ [ -z "$proxy" ] || end $proxy; [ -z "$server" ] || end $server; rm -rf "$work"; } 2>/dev/null || true' EXIT

"$(dirname "$0")/../scripts/make-credentials.sh" "$work/credentials"
cd "$work/credentials"
failed=0

fail() { printf 'failed: %s\n' "$*" >&2; failed=1; }

# wait_for FILE PID LOG: until it is there.
wait_for() {
    local deadline=$((SECONDS + 30))
    until [ -s "$1" ]; do
        kill -0 "$2" && [ $SECONDS -lt $deadline ] || { cat "$3" >&2; exit 1; }
        sleep 0.02
    done
}

start_server() { # OPTION...
    rm -f server.port
    "$programs/room_sensor" "$@" --listen coap://127.0.0.1:0 --port-file server.port \
        >server.log 2>&1 &
    server=$!
    wait_for server.port $server server.log
}

start_proxy() { # OPTION...
    rm -f proxy.port
    "$programs/tamper-proxy" --listen coap://127.0.0.1:0 --port-file proxy.port \
        --server "coap://127.0.0.1:$(cat server.port)" "$@" >proxy.log 2>&1 &
    proxy=$!
    wait_for proxy.port $proxy proxy.log
}

stop_proxy() {
    end $proxy || { fail 'tamper-proxy did not end with 0'; cat proxy.log >&2; }
    proxy=
}

# says FILE TEXT WHAT
says() {
    grep -qF -- "$2" "$1" || { fail "$3: wanted \"$2\" in:"; cat "$1" >&2; }
}

# ask NAME CODE TEXT WORD...: room_client through the proxy exits with CODE and prints TEXT somewhere.
ask() {
    local name=$1 code=$2 text=$3 got=0
    shift 3
    "$programs/room_client" "${client[@]}" "coap://127.0.0.1:$(cat proxy.port)" "$@" \
        </dev/null >client.log 2>&1 || got=$?
    [ $got = "$code" ] || { fail "$name: exit code $got, wanted $code"; cat client.log proxy.log >&2; }
    says client.log "$text" "$name"
}

# attack NAME CODE TEXT APPLIED OPTION...: one request under an attack; the proxy prints APPLIED.
attack() {
    local name=$1 code=$2 text=$3 applied=$4
    shift 4
    start_proxy "$@"
    ask "$name" "$code" "$text" get sensors/temperature
    stop_proxy
    says proxy.log "$applied" "$name"
}

readonly temperature='{"temperature":21.5,"unit":"Cel"}'
certificates=(--cert client.pem --key client.key --anchor ca.pem --name sensor.example)

# --- What it says of itself ---
"$programs/tamper-proxy" --help >help.log || fail '--help'
says help.log 'usage: tamper-proxy' '--help'
"$programs/tamper-proxy" --list >list.log || fail '--list'
for name in shift-bits flip-bit truncate drop duplicate replay reorder swap answer rewrite-json number \
    strip-guard change-guard intercept reflect inject cut-off downgrade; do
    grep -q "^$name" list.log || fail "--list: no $name"
done
code=0
"$programs/tamper-proxy" --attack nonsense >wrong.log 2>&1 || code=$?
[ $code = 2 ] || fail "an unknown attack: exit code $code, wanted 2"
says wrong.log 'no attack nonsense' 'an unknown attack'

# --- Certificates ---
start_server --cert server.pem --key server.key --anchor ca.pem
client=("${certificates[@]}")
attack 'nothing' 0 "$temperature" 'attacks made: 0'
says proxy.log 'is a test tool' 'its beginning'
attack 'a later request' 0 "$temperature" 'attack change-guard at request 3 of session' \
    --attack change-guard --at 3 --direction request
attack 'rewritten JSON' 0 "$temperature" 'attack rewrite-json=order at response 1 of session' \
    --attack rewrite-json=order
attack 'shifted bits' 1 'room_client: ' 'attack shift-bits at request 2 of session' \
    --attack shift-bits --at 2 --direction request
attack 'a forged error, once' 0 "$temperature" 'attack answer=unknown-session at request 2 of session' \
    --attack answer=unknown-session --at 2 --direction request
attack 'a replayed request' 0 "$temperature" 'attack replay at request 2 of session' \
    --attack replay --at 2 --direction request --show
says proxy.log 'request of session' '--show'

# A tour of all that the server has, 16 KiB of it too, with each request sent twice.
start_proxy --attack duplicate
ask 'each body twice' 0 firmware demo
stop_proxy

# --- A real interception: a handshake with each side, by a certificate of its own ---
attack 'interception' 1 'room_client: ' 'a client does not take us for its server' \
    --attack intercept --cert other-server.pem --key other-server.key --anchor ca.pem \
    --name sensor.example
says proxy.log 'the server does not take us' 'interception'
says proxy.log 'requests read: 0' 'interception'
# Who believes the interceptor's authority is read. This is what the others are spared.
client=(--anchor other-ca.pem --name sensor.example)
attack 'interception of the credulous' 1 '5.02' 'a client takes us for its server' \
    --attack intercept --cert other-server.pem --key other-server.key --anchor ca.pem \
    --name sensor.example
says proxy.log 'in the clear: sensors/temperature' 'interception of the credulous'
end $server || true

# --- ecc ---
start_server --mode ecc --key ecc-server.key --registry registry.json
client=(--mode ecc --device device-7 --key device.key --server-key ecc-server.pub)
attack 'ecc, rewritten JSON' 0 "$temperature" 'attack rewrite-json=all at response 2 of session' \
    --attack rewrite-json=all
attack 'ecc, shifted bits' 0 "$temperature" 'attack shift-bits at response 1 of session' \
    --attack shift-bits --at 1 --direction response

exit $failed

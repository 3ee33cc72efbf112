#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# inspect_hops.sh TALC TALC-PROXY PROGRAMS
#
# Sessions through talc-proxy, from CoAP to HTTP and from HTTP to CoAP: client's journal, both legs of the
# proxy's log and server's journal hold the same records, and talc inspect finds nothing odd.
set -euo pipefail
talc=$(realpath "$1") proxy=$(realpath "$2") programs=$3
work=$(mktemp -d)
started=()
trap '[ ${#started[@]} = 0 ] || { kill "${started[@]}"; wait; } 2>/dev/null; rm -rf "$work"' EXIT
"$(dirname "$0")/../scripts/make-credentials.sh" "$work"
cd "$work"
touch proxy.log && chmod 600 proxy.log

# until_there FILE: until it has a line.
until_there() {
    local deadline=$((SECONDS + 30))
    until [ -s "$1" ]; do
        [ $SECONDS -lt $deadline ] || { echo "inspect_hops: no $1" >&2; cat ./*.err >&2; exit 1; }
        sleep 0.02
    done
}

# hops NAME CLIENT-SCHEME SERVER-SCHEME SERVER-OPTIONS -- CLIENT-OPTIONS
hops() {
    local name=$1 near=$2 far=$3 port near_port words=()
    shift 3
    while [ "$1" != -- ]; do words+=("$1"); shift; done
    shift
    rm -f port ready client server proxy.log
    "$programs/room_sensor" "${words[@]}" --listen "$far://127.0.0.1:0" --port-file port \
        --journal server >server.out 2>server.err &
    started+=($!)
    until_there port
    port=$(cat port)
    "$proxy" --listen "$near://127.0.0.1:0" --log proxy.log --ready-fd 3 \
        --route "/.well-known/atls=$far://127.0.0.1:$port/.well-known/atls" 3>ready 2>proxy.err &
    started+=($!)
    until_there ready
    near_port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' ready)
    "$programs/room_client" "$@" --journal client "$near://127.0.0.1:$near_port" demo \
        --output firmware >client.out 2>client.err || { cat client.err client.out >&2; exit 1; }
    kill "${started[@]}"
    wait "${started[@]}" 2>/dev/null || true
    started=()
    "$talc" inspect --digests client >client.txt
    "$talc" inspect --digests server >server.txt
    "$talc" inspect --digests --leg in proxy.log >in.txt
    "$talc" inspect --digests --leg out proxy.log >out.txt
    [ "$(wc -l <client.txt)" -gt 40 ] || { echo "failed: $name: too few records" >&2; exit 1; }
    for place in server in out; do
        diff client.txt $place.txt || { echo "failed: $name: client and $place" >&2; exit 1; }
    done
    "$talc" inspect --check --summary --leg both client proxy.log server >report ||
        { echo "failed: $name" >&2; cat report >&2; exit 1; }
    grep -qx '0 anomalies' report || { echo "failed: $name" >&2; cat report >&2; exit 1; }
    echo "$name: $(wc -l <client.txt) records are the same at 4 places"
}

psk_server=(--psk psk-server.txt) psk_client=(--psk psk-client.txt)
ecc_server=(--mode ecc --key ecc-server.key --registry registry.json)
ecc_client=(--mode ecc --device device-7 --key device.key --server-key ecc-server.pub)
hops 'tls, CoAP to HTTP' coap http "${psk_server[@]}" -- "${psk_client[@]}"
hops 'tls, HTTP to CoAP' http coap "${psk_server[@]}" -- "${psk_client[@]}"
hops 'tls 1.2, CoAP to HTTP' coap http "${psk_server[@]}" --tls12 -- "${psk_client[@]}" --tls12
hops 'ecc, CoAP to HTTP' coap http "${ecc_server[@]}" -- "${ecc_client[@]}"
hops 'ecc, HTTP to CoAP' http coap "${ecc_server[@]}" -- "${ecc_client[@]}"

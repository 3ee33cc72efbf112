#!/bin/bash
# SPDX-License-Identifier: MIT
# examples.sh PROGRAMS
#
# What scripts/demo.sh leaves out of examples/: the short client, the event loop, and what the
# programs say and return when something is wrong.
set -euo pipefail
programs=$1
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null; rm -rf "$work"' EXIT

"$(dirname "$0")/../scripts/make-credentials.sh" "$work/credentials"
cd "$work/credentials"
"$programs/room_sensor" --cert server-ip.pem --key server-ip.key --anchor ca.pem \
    --listen coap://127.0.0.1:0 --port-file port >server.log 2>&1 &
server=$!
deadline=$((SECONDS + 30))
until [ -s port ]; do
    kill -0 $server && [ $SECONDS -lt $deadline ] || { cat server.log >&2; exit 1; }
    sleep 0.02
done
uri=coap://127.0.0.1:$(cat port)
client=(--cert client.pem --key client.key --anchor ca.pem)

failed=0
# expect NAME CODE TEXT COMMAND...: exits with CODE and prints TEXT somewhere.
expect() {
    local name=$1 code=$2 text=$3 got=0 output
    shift 3
    output=$("$@" </dev/null 2>&1) || got=$?
    if [ $got != "$code" ] || [[ $output != *"$text"* ]]; then
        printf 'failed: %s: exit code %s, wanted %s; wanted "%s" in:\n%s\n' \
            "$name" $got "$code" "$text" "$output" >&2
        failed=1
    fi
}

expect 'short client' 0 '{"temperature":21.5,"unit":"Cel"}' "$programs/quickstart" "$uri"
expect 'short client, no such host' 1 'quickstart: ' "$programs/quickstart" coap://nowhere.invalid
expect 'event loop' 0 '{"slow":"done"}' "$programs/event_loop" "${client[@]}" "$uri"
expect 'event loop, unknown path' 0 '4.04' "$programs/event_loop" "${client[@]}" "$uri" nothing
expect 'by pin' 0 '"humidity":48' "$programs/room_client" --cert client.pem --key client.key \
    --pin "$(openssl x509 -in server-ip.pem -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -r | cut -d ' ' -f 1)" "$uri" get sensors/humidity
expect 'unknown path' 1 '4.04' "$programs/room_client" "${client[@]}" "$uri" get nothing
expect 'wrong light' 1 '4.00' "$programs/room_client" "${client[@]}" "$uri" put actuators/light blue
expect 'other name' 1 'another name' \
    "$programs/room_client" "${client[@]}" --name other.example "$uri" get index
expect 'no such file' 1 'missing.pem' \
    "$programs/room_client" --cert missing.pem --key client.key --anchor ca.pem "$uri" get index
expect 'bad pin' 1 'hex' "$programs/room_client" --pin 12 "$uri" get index
for program in room_client room_sensor event_loop; do
    expect "$program --help" 0 'usage: ' "$programs/$program" --help
    expect "$program, unknown option" 2 'usage: ' "$programs/$program" --nonsense
done
expect 'room_client, unknown method' 2 'usage: ' "$programs/room_client" "$uri" fetch index

kill $server
wait $server || { echo 'failed: room_sensor did not end with 0' >&2; cat server.log >&2; failed=1; }
server=
exit $failed

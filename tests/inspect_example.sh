#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# inspect_example.sh TALC PROGRAMS PAGE
#
# Does what docs/inspect.md shows first, and holds its block of output to what is printed. Times, the
# session id and the duration differ from run to run.
set -euo pipefail
talc=$(realpath "$1") programs=$2 page=$(realpath "$3")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null; rm -rf "$work"' EXIT

mask() {
    sed -E -e 's/session [A-Za-z0-9_-]{16}/session ID/' -e 's/\+[0-9]+\.[0-9]+ s/+TIME s/' \
        -e 's/^(  time +).*/\1TIME/'
}

"$(dirname "$0")/../scripts/make-credentials.sh" "$work"
cd "$work"
"$programs/room_sensor" --psk psk-server.txt --listen coap://127.0.0.1:0 --port-file port \
    >server.log 2>&1 &
server=$!
deadline=$((SECONDS + 30))
until [ -s port ]; do
    kill -0 $server && [ $SECONDS -lt $deadline ] || { cat server.log >&2; exit 1; }
    sleep 0.02
done
"$programs/room_client" --psk psk-client.txt --journal room.journal --key-log room.keys \
    "coap://127.0.0.1:$(cat port)" get sensors/temperature >client.log
"$talc" inspect --keys room.keys room.journal | mask >printed
awk '/^<!-- output: / { wanted = 1; next } wanted && /^```/ { if (inside) exit; inside = 1; next }
    inside' "$page" | mask >shown
[ -s shown ] || { echo "inspect_example: no block of output in $page" >&2; exit 1; }
diff shown printed || { echo "inspect_example: $page shows something else" >&2; exit 1; }

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# talc-proxy ("$1", with the other arguments as its options) until it listens; prints what it says.
set -u
folder=$(mktemp -d) && mkfifo "$folder/ready" || exit 1
"$1" --listen coap://127.0.0.1:0 --ready-fd 1 "${@:2}" >"$folder/ready" &
proxy=$!
read -r _ <"$folder/ready"
kill $proxy
wait $proxy
code=$?
rm -r "$folder"
exit $code

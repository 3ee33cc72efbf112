# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The chains of demo.sh --chain, which sources this file: its functions and variables are used here.
#
#   room_client -> coap-server -> talc-proxy -> nginx -> room_sensor, and --reverse
#   room_client -> nginx -> talc-proxy -> room_sensor
#
# Beside room_sensor stands a second one in mode none, for the mirror: the same requests over the same
# machines, protected as one would do it without talc. What each hop logged goes to chain_report.py.

readonly starts_max=5

# need COMMAND PACKAGE
need() { command -v "$1" >/dev/null || fail "$1 is missing: Debian has it in $2"; }

# What scripts/deps.sh installs, where it can.
check_chain_needs() {
    local name
    PATH=$PATH:/usr/sbin
    need nginx nginx-light
    need python3 python3
    if [ -n "$reverse" ]; then
        need curl curl
    else
        coap_server=$(command -v coap-server-openssl || command -v coap-server-gnutls) ||
            fail 'coap-server-openssl is missing: Debian has it in libcoap3-bin'
    fi
    for name in room_sensor room_client talc-proxy talc; do
        program $name >/dev/null
    done
}

# A port that is probably free, below those that the system gives away; who finds it taken tries again.
random_port() { echo $((20000 + RANDOM % 6000 * 2)); }

# --- Hops ----------------------------------------------------------------------------------------

# start NAME COMMAND...: in the background, with its output in NAME.log. Sets `child`.
start() {
    local name=$1
    shift
    : >"$folder/$name.log"
    "$@" >"$folder/$name.log" 2>&1 &
    child=$!
    children+=("$child")
}

end_last() {
    end "$child"
    unset 'children[-1]'
}

# start_sensor NAME URI OPTION...: sets `port`.
start_sensor() {
    local name=$1 uri=$2
    shift 2
    start "$name" "$(program room_sensor)" "$@" --listen "$uri" --port-file "$folder/$name.port"
    wait_for "$child" "$folder/$name.log" test -s "$folder/$name.port"
    port=$(cat "$folder/$name.port")
}

# "talc-proxy: listening at coap://127.0.0.1:35792"
gateway_port() { sed -n 's/^talc-proxy: listening at .*:\([0-9]*\)$/\1/p' "$folder/$1.log"; }
gateway_is_ready() { [ -n "$(gateway_port "$1")" ]; }

# start_gateway NAME URI OPTION...: sets `port`. The log of what passes is NAME.jsonl.
start_gateway() {
    local name=$1 uri=$2
    shift 2
    start "$name" "$(program talc-proxy)" --listen "$uri" --log "$folder/$name.jsonl" "$@"
    wait_for "$child" "$folder/$name.log" gateway_is_ready "$name"
    port=$(gateway_port "$name")
}

# write_nginx_config PORT LOCATION=URI...: a reverse proxy with TLS outside, as an ordinary user runs
# it. It logs the bodies of requests; for those of responses nginx has no variable.
write_nginx_config() {
    local place port=$1
    shift
    mkdir -p "$folder/nginx"
    {
        cat <<END
daemon off;
master_process off;
pid nginx.pid;
error_log error.log notice;
events {}
http {
    log_format bodies escape=json
        '{"method":"\$request_method","uri":"\$request_uri","status":\$status,"body":"\$request_body"}';
    access_log ../nginx.jsonl bodies;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate ../credentials/outer.pem;
        ssl_certificate_key ../credentials/outer.key;
END
        for place in "$@"; do
            printf '        location %s { proxy_pass %s; }\n' "${place%%=*}" "${place#*=}"
        done
        printf '    }\n}\n'
    } >"$folder/nginx/nginx.conf"
}

nginx_is_up() { [ -s "$folder/nginx/nginx.pid" ]; }
nginx_is_decided() { nginx_is_up || grep -q 'bind() to' "$folder/nginx/error.log"; }

# start_nginx LOCATION=URI...: sets `port`. Its process file is there when its sockets are.
start_nginx() {
    local tries
    for ((tries = 0; tries < starts_max; tries++)); do
        port=$(random_port)
        write_nginx_config "$port" "$@"
        : >"$folder/nginx/error.log"
        start nginx nginx -p "$folder/nginx" -c nginx.conf -e error.log
        wait_for "$child" "$folder/nginx.log" nginx_is_decided
        ! nginx_is_up || return 0
        end_last
    done
    fail 'nginx finds no free port'
}

coap_server_is_decided() { grep -qE 'created TLS|cannot create' "$folder/proxy.log"; }

# coap-server as a forward proxy: CoAP at `port`, and DTLS for the mirror at the next one. Verbosity 7
# prints every message.
start_coap_server() {
    local tries made=$folder/credentials
    for ((tries = 0; tries < starts_max; tries++)); do
        port=$(random_port)
        start proxy "$coap_server" -A 127.0.0.1 -p "$port" -P ,demo-proxy -v 7 \
            -c "$made/server.pem" -j "$made/server.key" -C "$made/ca.pem"
        wait_for "$child" "$folder/proxy.log" coap_server_is_decided
        grep -q 'cannot create' "$folder/proxy.log" || return 0
        end_last
    done
    fail "$(basename "$coap_server") finds no free port"
}

# --- The chains ----------------------------------------------------------------------------------

# Sets server_uri and client_options, mirror_uri and mirror_options.
start_chain() {
    local server bare made=$folder/credentials
    start_sensor bare-sensor coap://127.0.0.1:0 --mode none
    start_gateway bare-gateway http://127.0.0.1:0 --route "/=coap://127.0.0.1:$port"
    bare=http://127.0.0.1:$port
    start_sensor server http://127.0.0.1:0 "${server_options[@]}" --journal "$folder/server.journal"
    server=http://127.0.0.1:$port
    say "server at $server"
    start_nginx /.well-known/atls="$server" /="$bare"
    say "nginx at https://127.0.0.1:$port, before the server"
    start_gateway gateway coap://127.0.0.1:0 --route "/=https://127.0.0.1:$port" \
        --https-ca "$made/outer-ca.pem"
    server_uri=coap://127.0.0.1:$port mirror_uri=$server_uri
    say "talc-proxy at $server_uri, from CoAP to HTTPS"
    start_coap_server
    say "forward proxy at coap://127.0.0.1:$port ($(basename "$coap_server"))"
    client_options+=(--proxy "coap://127.0.0.1:$port")
    mirror_options=(--mode dtls --cert "$made/client.pem" --key "$made/client.key"
                    --anchor "$made/ca.pem" --name sensor.example
                    --proxy "coaps://127.0.0.1:$((port + 1))")
}

# Sets the same, and mapped_options: the way to the device by its own name, without a route.
start_reverse_chain() {
    local device bare made=$folder/credentials
    start_sensor bare-sensor coap://127.0.0.1:0 --mode none
    bare=coap://127.0.0.1:$port
    start_sensor server coap://127.0.0.1:0 "${server_options[@]}" --journal "$folder/server.journal"
    device=coap://127.0.0.1:$port
    say "device at $device"
    start_gateway gateway http://127.0.0.1:0 --route "/device=$device" --route "/plain=$bare" \
        --allow "$device"
    say "talc-proxy at http://127.0.0.1:$port, from HTTP to CoAP"
    start_nginx /="http://127.0.0.1:$port"
    say "nginx at https://127.0.0.1:$port, before talc-proxy"
    server_uri=https://127.0.0.1:$port/device mirror_uri=https://127.0.0.1:$port/plain
    client_options+=(--https-anchor "$made/outer-ca.pem")
    mapped_options=("${client_options[@]}" --proxy "https://127.0.0.1:$port/hc" "$device")
}

# --- What goes through ---------------------------------------------------------------------------

# explain NAME: what may tell why a command failed.
explain() {
    cat "$folder/$1.errors" "$folder/server.log" >&2
    grep -h '"trouble"' "$folder"/*gateway.jsonl >&2 || true
}

# run NAME COMMAND...: its output is NAME. In the background, because only `wait` can be interrupted.
run() {
    local name=$1
    shift
    "$@" >"$folder/$name" 2>"$folder/$name.errors" &
    children+=("$!")
    wait "$!" || { explain "$name"; fail "$(basename "$1") failed"; }
    unset 'children[-1]'
}

run_chain_client() {
    say 'client'
    run client.log "$(program room_client)" "${client_options[@]}" --journal "$folder/journal" \
        --output "$folder/firmware" "$server_uri" demo
    [ -z "$reverse" ] || run mapped.answer "$(program room_client)" \
        --journal "$folder/journal" "${mapped_options[@]}" get sensors/temperature
}

# What the library's own reader makes of the same logs.
inspect_logs() {
    local talc
    talc=$(program talc)
    run journal.inspected "$talc" inspect --digests "$folder/journal"
    run gateway-in.inspected "$talc" inspect --digests --leg in "$folder/gateway.jsonl"
    run gateway-out.inspected "$talc" inspect --digests --leg out "$folder/gateway.jsonl"
    run server.inspected "$talc" inspect --digests "$folder/server.journal"
}

# The marks say at which line of the logs the mirror begins.
run_mirror() {
    local log ask
    for log in gateway.jsonl nginx.jsonl; do
        wc -l <"$folder/$log" >"$folder/$log.mark"
    done
    if [ -n "$reverse" ]; then
        say 'two of the requests over https, without talc'
        ask=(curl -sSf --cacert "$folder/credentials/outer-ca.pem")
        run mirror-get.answer "${ask[@]}" "$mirror_uri/sensors/temperature"
        run mirror-put.answer "${ask[@]}" -X PUT -H 'Content-Type: text/plain;charset=utf-8' \
            -d off "$mirror_uri/actuators/light"
    else
        say 'two of the requests over dtls, without talc'
        ask=("$(program room_client)" "${mirror_options[@]}" "$mirror_uri")
        run mirror-get.answer "${ask[@]}" get sensors/temperature
        run mirror-put.answer "${ask[@]}" put actuators/light off
    fi
}

report_chain() {
    local words=("$folder")
    [ -z "$reverse" ] || words+=(--reverse)
    [ -z "$ecc" ] || words+=(--protocol talc-ecc-1)
    [ -z "$tls12" ] || words+=(--protocol TLSv1.2)
    [ -z "$keep" ] || words+=(--keep)
    [ -z "$picture" ] || words+=(--facts "$folder/facts.json")
    python3 "$top/scripts/chain_report.py" "${words[@]}" || return
    [ -z "$picture" ] || python3 "$top/scripts/chain_picture.py" "$folder/facts.json" "$picture"
}

keep_chain_running() {
    local options
    options=$(printf ' %q' "${client_options[@]}")
    cat <<END

Running until Ctrl-C. To try by hand:

  $(program room_client)$options $server_uri get sensors/temperature
END
    if [ -n "$reverse" ]; then
        echo "  curl --cacert $folder/credentials/outer-ca.pem $mirror_uri/sensors/temperature"
    else
        echo "  coap-client-notls -m get $mirror_uri/sensors/temperature"
    fi
    printf '  %s inspect %s\n' "$(program talc)" "$folder/gateway.jsonl"
    printf '  tail -f %s\n' "$folder/gateway.jsonl" "$folder/nginx.jsonl"
    wait_for_end
}

run_chain() {
    local code=0
    if [ -n "$reverse" ]; then
        start_reverse_chain
    else
        start_chain
    fi
    run_chain_client
    inspect_logs
    run_mirror
    report_chain || code=$?
    if [ -n "$keep" ]; then
        trap 'exit $code' INT TERM
        keep_chain_running
    fi
    exit "$code"
}

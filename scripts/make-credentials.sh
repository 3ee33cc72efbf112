#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Makes throw-away credentials for the demonstration and the tests. See usage() below.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/make-credentials.sh DIR [--rsa]
       scripts/make-credentials.sh --help

Makes credentials to try talc with in DIR, by openssl(1). Nobody else should ever believe them.
What is there already is kept; remove DIR to have new ones. NAME.pem is a certificate, NAME.key its
key (mode 0600). ECDSA with SHA-256 on P-256; a server's or client's certificate has at most 320
bytes as DER, so that the handshake fits small messages.

  ca.pem, ca.key         the trust anchor of all that follows, unless said otherwise
  ca.der                 the same as DER
  server.pem             DNS:sensor.example
  server.der, server-key.der
                         the same as DER
  server-ip.pem          IP:127.0.0.1
  client.pem             CN=client-1, no subjectAltName
  client-san.pem         DNS:client-2.example
  server.pin, client.pin, ca.pin
                         SHA-256 of the SubjectPublicKeyInfo, as 64 hex digits
  outer-ca.pem           the anchor of hops on the way, which talc's own ends do not believe
  outer.pem              IP:127.0.0.1 and DNS:localhost, of outer-ca.pem: for https outside
  psk-client.txt         client-1 and its pre-shared key (mode 0600)
  psk-client-2.txt       client-2 and its pre-shared key
  psk-server.txt         both, and a comment

for ecc, keys without certificates (NAME.pub is the public key of NAME.key, PEM):
  device.key, .pub       of the device device-7
  device-sec1.key, device-key.der
                         the same as "EC PRIVATE KEY", and as DER
  ecc-server.key, .pub   of the server
  registry.json          device-7 enrolled with device.pub, device-8 revoked with device2.pub

to be refused:
  expired.pem            DNS:sensor.example, until 2021
  wrong-name.pem         DNS:other.example
  revoked.pem            DNS:sensor.example, on crl.pem
  crl.pem, crl.der       the revocation list of ca.pem
  other-ca.pem, .key     another anchor
  other-server.pem       DNS:sensor.example, of other-ca.pem
  other-client.pem       CN=client-1, of other-ca.pem
  other-crl.pem          the revocation list of other-ca.pem, empty
  self-signed.pem        DNS:sensor.example
  weak.pem               DNS:sensor.example, RSA of 1024 bits
  encrypted.key, encrypted-old.key
                         the key of server.pem under a password (PKCS #8; traditional PEM)
  psk-wrong.txt          client-1 with another key
  psk-unknown.txt        a name that the server does not know
  device2.key, .pub      of the device device-8
  stranger.key, .pub     of a device that registry.json does not name
  ecc-other-server.key, .pub
                         of a server that the device does not know
  p384.key, .pub         on another curve
  mixed.key              the private key of device.key beside the public one of device2.key

several in one file:
  anchors.pem            ca.pem and other-ca.pem, with text between them
  crls.pem               crl.pem and other-crl.pem, with an empty line at the end
  server-chain.pem       server.pem and ca.pem

with --rsa, which takes some seconds (RSA of 4096 bits, no limit of size):
  rsa-ca.pem             the trust anchor
  rsa-intermediate.pem   the certificate authority between it and the leaves
  rsa-server.pem         DNS:sensor.example, then the intermediate and the anchor: 4 KB as DER
  rsa-client.pem         CN=client-rsa, then the intermediate and the anchor
  rsa-2048.pem           DNS:sensor.example, RSA of 2048 bits, of rsa-ca.pem
END
}

readonly leaf_size_max=320
readonly days=3650

fail() { printf 'make-credentials: %s\n' "$*" >&2; exit 1; }

# openssl reports progress on standard error: shown only when it fails.
ssl() {
    openssl "$@" 2>openssl.log || { cat openssl.log >&2; fail "openssl $1 failed"; }
}

# --- Building blocks; the current folder is DIR/.making ------------------------------------------

new_key() { # NAME
    ssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
}

new_rsa_key() { # NAME BITS
    ssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$2" -out "$1.key"
}

# 64 bits with the top bit clear: 12 bytes less than openssl's own.
new_serial() { printf '0x5%s' "$(openssl rand -hex 8 | cut -c 2-)"; }

# new_ca NAME SUBJECT: self-signed, for keys that are there.
new_ca() {
    ssl req -new -x509 -sha256 -key "$1.key" -subj "$2" -days $days -set_serial "$(new_serial)" \
        -config plain.cnf -extensions ca -out "$1.pem"
}

# The extensions of a leaf: nothing but the name. Later versions of openssl add key identifiers.
leaf_extensions() { # SUBJECT-ALT-NAME or nothing
    printf 'subjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n'
    [ -z "$1" ] || printf 'subjectAltName=%s\n' "$1"
}

request() { # NAME SUBJECT
    ssl req -new -sha256 -key "$1.key" -subj "$2" -config plain.cnf -out "$1.csr"
}

# sign NAME SUBJECT SUBJECT-ALT-NAME CA: for keys that are there.
sign() {
    request "$1" "$2"
    leaf_extensions "$3" >"$1.ext"
    ssl x509 -req -sha256 -in "$1.csr" -CA "$4.pem" -CAkey "$4.key" -days $days \
        -set_serial "$(new_serial)" -extfile "$1.ext" -out "$1.pem"
}

check_leaf_size() { # NAME
    local size
    size=$(openssl x509 -in "$1.pem" -outform DER | wc -c)
    [ "$size" -le $leaf_size_max ] || fail "$1.pem has $size bytes as DER, above $leaf_size_max"
}

new_leaf() { # NAME SUBJECT SUBJECT-ALT-NAME CA
    new_key "$1"
    sign "$@"
    check_leaf_size "$1"
}

write_pin() { # NAME
    openssl x509 -in "$1.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -r | cut -d ' ' -f 1 >"$1.pin"
}

write_plain_config() {
    cat >plain.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
END
}

# openssl(1) keeps a CA's books only with `openssl ca`; dates of the past need it too.
write_ca_config() { # CA
    mkdir -p "$1.books"
    : >"$1.books/index.txt"
    cat >"$1.cnf" <<END
[ca]
default_ca = books
[books]
database = $1.books/index.txt
new_certs_dir = $1.books
rand_serial = yes
certificate = $1.pem
private_key = $1.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
}

write_crl() { # CA NAME
    ssl ca -config "$1.cnf" -gencrl -crldays $days -out "$2.pem"
}

# --- The sets ------------------------------------------------------------------------------------

make_good() {
    new_key ca
    new_ca ca /CN=talc\ CA
    ssl x509 -in ca.pem -outform DER -out ca.der
    new_leaf server /CN=server DNS:sensor.example ca
    ssl x509 -in server.pem -outform DER -out server.der
    ssl pkey -in server.key -outform DER -out server-key.der
    new_leaf server-ip /CN=server IP:127.0.0.1 ca
    new_leaf client /CN=client-1 '' ca
    new_leaf client-san /CN=client DNS:client-2.example ca
    write_pin ca
    write_pin server
    write_pin client
}

make_expired() {
    new_key expired
    request expired /CN=server
    leaf_extensions DNS:sensor.example >expired.ext
    ssl ca -batch -notext -config ca.cnf -in expired.csr -extfile expired.ext \
        -startdate 20200101000000Z -enddate 20210101000000Z -out expired.pem
}

make_refused() {
    write_ca_config ca
    make_expired
    new_leaf wrong-name /CN=server DNS:other.example ca
    new_leaf revoked /CN=server DNS:sensor.example ca
    ssl ca -config ca.cnf -revoke revoked.pem
    write_crl ca crl
    ssl crl -in crl.pem -outform DER -out crl.der
    new_key self-signed
    ssl req -new -x509 -sha256 -key self-signed.key -subj /CN=server -days $days \
        -config plain.cnf -addext subjectAltName=DNS:sensor.example -out self-signed.pem
    new_rsa_key weak 1024
    sign weak /CN=server DNS:sensor.example ca
    ssl pkcs8 -topk8 -in server.key -passout pass:talc -out encrypted.key
    ssl ec -aes128 -in server.key -passout pass:talc -out encrypted-old.key
}

make_others() {
    new_key other-ca
    new_ca other-ca /CN=other\ CA
    write_ca_config other-ca
    write_crl other-ca other-crl
    new_leaf other-server /CN=server DNS:sensor.example other-ca
    new_leaf other-client /CN=client-1 '' other-ca
}

make_outer() {
    new_key outer-ca
    new_ca outer-ca /CN=outer\ CA
    new_leaf outer /CN=localhost IP:127.0.0.1,DNS:localhost outer-ca
}

make_collections() {
    { echo 'The first'; cat ca.pem; echo 'The second'; cat other-ca.pem; } >anchors.pem
    { cat crl.pem other-crl.pem; echo; } >crls.pem
    cat server.pem ca.pem >server-chain.pem
}

make_psks() {
    local first second
    first=client-1:$(openssl rand -hex 32)
    second=client-2:$(openssl rand -hex 32)
    echo "$first" >psk-client.txt
    echo "$second" >psk-client-2.txt
    printf '# NAME:HEX-KEY\n\n%s\n%s\n' "$first" "$second" >psk-server.txt
    echo "client-1:$(openssl rand -hex 32)" >psk-wrong.txt
    echo "client-3:$(openssl rand -hex 32)" >psk-unknown.txt
}

new_bare_key() { # NAME [CURVE]
    ssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${2:-P-256}" -out "$1.key"
    ssl pkey -in "$1.key" -pubout -out "$1.pub"
}

# The public key as registry.json has it: DER in base64url without padding.
registry_key() { # NAME
    openssl pkey -pubin -in "$1.pub" -outform DER | openssl base64 -A | tr -- '+/' '-_' | tr -d '='
}

# RFC 5915: the last 65 bytes are the public point.
write_mixed_key() {
    {
        openssl ec -in device.key -outform DER 2>/dev/null | head -c -65
        openssl ec -in device2.key -outform DER 2>/dev/null | tail -c 65
    } >mixed.key
}

make_devices() {
    local name
    for name in device device2 stranger ecc-server ecc-other-server; do
        new_bare_key $name
    done
    new_bare_key p384 P-384
    ssl ec -in device.key -out device-sec1.key
    ssl pkey -in device.key -outform DER -out device-key.der
    write_mixed_key
    printf '{"devices":[\n{"id":"device-7","key":"%s","state":"enrolled"},\n' \
        "$(registry_key device)" >registry.json
    printf '{"id":"device-8","key":"%s","state":"revoked"}]}\n' \
        "$(registry_key device2)" >>registry.json
}

make_small() {
    make_good
    make_refused
    make_others
    make_outer
    make_collections
    make_psks
    make_devices
}

make_rsa() {
    local name making=()
    for name in rsa-ca rsa-intermediate rsa-server rsa-client; do
        new_rsa_key $name 4096 &
        making+=($!)
    done
    for name in "${making[@]}"; do
        wait "$name" || fail "no RSA keys"
    done
    new_rsa_key rsa-2048 2048
    new_ca rsa-ca '/CN=talc RSA CA'
    request rsa-intermediate '/CN=talc RSA intermediate CA'
    ssl x509 -req -sha256 -in rsa-intermediate.csr -CA rsa-ca.pem -CAkey rsa-ca.key -days $days \
        -set_serial "$(new_serial)" -extfile plain.cnf -extensions ca -out rsa-intermediate.pem
    sign rsa-server /CN=server DNS:sensor.example rsa-intermediate
    sign rsa-client /CN=client-rsa '' rsa-intermediate
    sign rsa-2048 /CN=server DNS:sensor.example rsa-ca
    for name in rsa-server rsa-client; do
        cat rsa-intermediate.pem rsa-ca.pem >>$name.pem
    done
}

# --- The run -------------------------------------------------------------------------------------

# make SET: once for ever, unless this script has changed. Made aside and moved when complete.
make() {
    local stamp=.made-$1 recipe
    recipe=$(sha256sum <"$script")
    [ "$(cat "$stamp" 2>/dev/null)" != "$recipe" ] || return 0
    rm -rf .making
    mkdir .making
    (
        cd .making
        write_plain_config
        "make_$1"
        rm -rf ./*.csr ./*.ext ./*.cnf ./*.books ./*.log
        chmod 600 ./*
        chmod 644 ./*.pem
    )
    mv -f .making/* .
    rmdir .making
    echo "$recipe" >"$stamp"
}

main() {
    local folder='' rsa='' argument
    for argument in "$@"; do
        case $argument in
            --help) usage; exit 0 ;;
            --rsa) rsa=1 ;;
            -*) usage >&2; exit 2 ;;
            *) [ -z "$folder" ] || { usage >&2; exit 2; }; folder=$argument ;;
        esac
    done
    [ -n "$folder" ] || { usage >&2; exit 2; }
    command -v openssl >/dev/null || fail "openssl(1) is missing"
    script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
    umask 077
    mkdir -p "$folder"
    cd "$folder"
    make small
    if [ -n "$rsa" ]; then
        make rsa
    fi
}

main "$@"

/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_DTLS_PAIR_H
#define TALC_TESTS_DTLS_PAIR_H

/**
 * Two ends of a DTLS session of mbedTLS in memory: ours, set up as libcoap does it and with a
 * talc_dtls_peer on it, and theirs, which shows what it is told to and believes everything.
 */

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>

#include "lib/credentials.h"
#include "lib/dtls_peer.h"
#include "tests/peers.h"

#define DTLS_DATAGRAM_SIZE_MAX 9000
#define DTLS_DATAGRAMS_MAX 32

typedef enum dtls_usage {
    DTLS_FOR_ALL = 0,
    DTLS_FOR_SERVERS, /**< extended key usage */
    DTLS_FOR_CLIENTS,
    DTLS_FOR_SIGNING /**< key usage: to sign certificates only */
} dtls_usage;

typedef struct dtls_datagram {
    size_t size;
    uint8_t bytes[DTLS_DATAGRAM_SIZE_MAX];
} dtls_datagram;

typedef struct dtls_end {
    struct dtls_end *other;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_timing_delay_context timer;
    mbedtls_ssl_cookie_ctx cookies;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    int code; /**< of the handshake so far */
    dtls_datagram hello; /**< the last ClientHello that it sent */
    dtls_datagram inbox[DTLS_DATAGRAMS_MAX];
    size_t first, count;
} dtls_end;

typedef struct dtls_pair {
    talc_role role; /**< ours */
    talc_config config;
    talc_dtls_policy *policy;
    talc_dtls_peer *peer;
    dtls_end ours, theirs;
    bool is_detached; /**< nothing of ours is put on the session: it believes everything */
} dtls_pair;

/** Ours is a client or a server with this trust (and PSK identity); `name` is wanted of a server.
 * */
dtls_pair *dtls_pair_new(talc_role role, const peers_side *judge, const char *name);

/** Ours is a server that also serves clients which show nothing. */
dtls_pair *dtls_pair_of_anyone(const peers_side *judge);

void dtls_pair_free(dtls_pair *pair);

/** Theirs shows NAME.pem with NAME.key (NULL: nothing), or a fresh certificate of ca.pem for that
 * key, for "sensor.example", with this usage. */
void dtls_pair_show(dtls_pair *pair, const char *name, dtls_usage usage);

/** Theirs holds the pre-shared key of this file. */
void dtls_pair_show_psk(dtls_pair *pair, const char *file);

/** Runs the handshake until nothing moves any more. */
void dtls_pair_run(dtls_pair *pair);

/** Theirs is a new client at the address of the old one: runs until ours has begun again too. */
void dtls_pair_begin_again(dtls_pair *pair);

/** Puts a datagram of the test's own on the way to our end. */
void dtls_pair_put(dtls_pair *pair, const uint8_t *bytes, size_t size);

/** Whether the handshake is over on both ends. */
bool dtls_pair_is_up(const dtls_pair *pair);

/** The alert that ended the handshake for them, 0 if none did. */
int dtls_pair_alert(const dtls_pair *pair);

/** What mbedtls_ssl_read() says to them. */
int dtls_pair_read(dtls_pair *pair);

#endif

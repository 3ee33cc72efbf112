/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_FOREIGN_TLS_H
#define TALC_TESTS_FOREIGN_TLS_H

/**
 * A TLS client that is not ours, mbedTLS used by hand, and a tls engine as its server, wired together in
 * memory: a client that plays by other rules. Include it after cmocka.h.
 */

#include <mbedtls/ssl.h>
#include <stdbool.h>

#include "lib/engine.h"

#define FOREIGN_PSK_ONLY MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK
#define FOREIGN_PSK_DHE MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL
#define FOREIGN_DHE MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL

/** Bytes on their way. */
typedef struct foreign_wire {
    uint8_t bytes[65536];
    size_t size;
    size_t read;
} foreign_wire;

/** How the client behaves; all zero: TLS 1.3 without anything. Pointers are borrowed. */
typedef struct foreign_manners {
    const char *psk_name; /**< NULL: none */
    const char *psk_key;
    int key_exchange_modes;
    const char *protocol; /**< ALPN, NULL: none */
    talc_identity *identity; /**< a certificate, NULL: none */
    const mbedtls_ssl_session *session; /**< to be resumed, NULL: none */
    bool speaks_tls12;
    bool without_extended_master_secret;
} foreign_manners;

typedef struct foreign_tls {
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    const char *protocols[2];
    void *engine; /**< of the server */
    foreign_wire to_server;
    foreign_wire to_client;
} foreign_tls;

/** A client with these manners, and a session of the server that `server_context` is of. */
void foreign_tls_begin(foreign_tls *made, const foreign_manners *manners, void *server_context);
void foreign_tls_end(foreign_tls *made);

/** Both sides talk until one has nothing to say or fails. */
void foreign_tls_shake_hands(foreign_tls *made);

/** Reads until a ticket comes, into `session`, which is initialised here; false: none came. */
bool foreign_tls_take_ticket(foreign_tls *made, mbedtls_ssl_session *session);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_DTLS_STRANGER_H
#define TALC_TESTS_DTLS_STRANGER_H

/** A DTLS client that does what it likes: mbedTLS on a UDP socket, stepped by the test. */

#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <stdint.h>

typedef struct dtls_stranger {
    int socket;   /**< connected to the server */
    int is_guest; /**< the socket is another stranger's */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_timing_delay_context timer;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    int suites[2];
    uint8_t hello[1024]; /**< the last ClientHello that it sent */
    size_t hello_size;
} dtls_stranger;

/** On a port of its own, to this port of 127.0.0.1, with the pre-shared key of this file, or a
 * certificate: "client" is client.pem with client.key. Believes every server. Sends nothing yet. */
void dtls_stranger_open(dtls_stranger *stranger, uint16_t port, const char *credential);

/** Another one behind the same address. */
void dtls_stranger_open_beside(dtls_stranger *stranger, const dtls_stranger *first,
                               const char *credential);

/** Offers this cipher suite and no other; before the first step. By itself it is the server's first
 * choice. */
void dtls_stranger_offer(dtls_stranger *stranger, int suite);

/** Takes the handshake on as far as what has arrived allows; what mbedTLS says. */
int dtls_stranger_step(dtls_stranger *stranger);

/** Sends its last ClientHello once more, byte for byte. */
void dtls_stranger_repeat_hello(dtls_stranger *stranger);

/** Once the handshake is over: sends GET /hello, confirmable, with this message ID. */
void dtls_stranger_ask(dtls_stranger *stranger, uint16_t message_id);

/** 1 once "21.5" has come. */
int dtls_stranger_is_answered(dtls_stranger *stranger);

/** Says nothing more. */
void dtls_stranger_close(dtls_stranger *stranger);

#endif

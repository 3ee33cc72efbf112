/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_TLS_HELLO_H
#define TALC_LIB_TLS_HELLO_H

/**
 * What mbedTLS does not tell of a TLS 1.2 handshake: whether it used the extended master secret
 * (RFC 7627). Without it an exporter's keys may be shared with another session (section 5.4), so such
 * a session is refused. The ServerHello, which travels in the clear, says it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALC_TLS_HELLO_SIZE_MAX 512 /**< of the server's stream, enough for its first message */

/** The first bytes of the server's stream, gathered by either side. */
typedef struct talc_tls_hello {
    uint8_t bytes[TALC_TLS_HELLO_SIZE_MAX];
    size_t size;
} talc_tls_hello;

/** Takes bytes of the stream in order; what is beyond the first 512 is passed over. */
void talc_tls_hello_gather(talc_tls_hello *hello, const uint8_t *bytes, size_t size);

/** Whether the ServerHello is wholly there and holds the extension extended_master_secret. */
bool talc_tls_hello_has_extended_master_secret(const talc_tls_hello *hello);

#endif

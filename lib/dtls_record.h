/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_DTLS_RECORD_H
#define TALC_LIB_DTLS_RECORD_H

/**
 * What a datagram of DTLS 1.2 (RFC 6347 section 4.1) shows to somebody without its keys. It serves
 * for saying why a session ended and for noticing a client that begins again; no peer is believed
 * or refused by it, for anybody on the path can make it up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALC_DTLS_NO_ALERT (-1)
#define TALC_DTLS_RANDOM_SIZE 32

typedef struct talc_dtls_shown {
    int alert;         /**< description of the last alert in the clear, or TALC_DTLS_NO_ALERT */
    bool client_hello; /**< a ClientHello in the clear */
    bool sealed_alert; /**< an alert under keys; which one cannot be told */
    bool sealed_data;  /**< application data under keys */
    const uint8_t *client_random; /**< that ClientHello's, TALC_DTLS_RANDOM_SIZE bytes of the
                                       datagram; NULL: none, or not in its first fragment */
} talc_dtls_shown;

/** Looks at the records of one datagram, up to the first that is cut off. */
void talc_dtls_shown_read(const uint8_t *bytes, size_t size, talc_dtls_shown *shown);

#endif

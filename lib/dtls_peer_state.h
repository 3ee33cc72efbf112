/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_DTLS_PEER_STATE_H
#define TALC_LIB_DTLS_PEER_STATE_H

/** The inside of dtls_peer.h: dtls_peer.c meets the TLS library, dtls_peer_chain.c verifies,
 * dtls_peer_failure.c says why. */

#include <mbedtls/ssl.h>

#include "lib/credentials.h"
#include "lib/dtls_peer.h"
#include "lib/dtls_record.h"

#define TALC_DTLS_SUITE_UNKNOWN 0

struct talc_dtls_policy {
    talc_role role;
    talc_identity *identity; /**< held, or NULL */
    talc_trust *trust;       /**< held, or NULL */
    bool serves_anyone;      /**< server: a client that proves nothing is served as nobody */
    char server_name[256];
    mbedtls_x509_crt no_anchors; /**< an empty chain: absent, mbedTLS refuses before it asks us */
    bool has_news;
};

struct talc_dtls_peer {
    talc_dtls_policy *policy;
    talc_verification verification; /**< of the handshake under way */
    uint32_t verify_flags;          /**< of the last chain that was looked at */
    talc_peer psk_peer;             /**< server: the pre-shared key that the client named last */
    talc_peer unknown_psk;          /**< likewise, one that is not known here */
    bool is_judged;                 /**< and believed */

    /* on mbedTLS: its I/O goes through us */
    mbedtls_ssl_send_t *send;
    mbedtls_ssl_recv_t *receive;
    void *io;
    uint32_t heard;
    int alert_received;  /**< in the clear; TALC_DTLS_NO_ALERT: none */
    int alert_sent;      /**< likewise */
    bool sealed_alert;   /**< an alert under keys came */
    bool sealed_data;    /**< data under keys came */
    uint8_t client_random[TALC_DTLS_RANDOM_SIZE]; /**< of the last of these */
    unsigned keyed;      /**< handshakes that got as far as their keys */
    unsigned keyed_then; /**< when it was judged */

    /* elsewhere */
    mbedtls_x509_crt *shown; /**< owned: what was shown so far, the last one first */
    unsigned shown_depth;    /**< of that */
    bool shown_is_anchored;
    bool has_leaf; /**< a whole chain was shown, and verify_flags is of it */
};

/* dtls_peer_chain.c */

/** Verifies a chain, leaf first, and keeps the flags; 0: it is believed, as
 * `verification.credential` says. `suite` is IANA's number of the cipher suite, or
 * TALC_DTLS_SUITE_UNKNOWN. */
uint32_t talc_dtls_chain_verify(talc_dtls_peer *peer, const mbedtls_x509_crt *chain, int suite);

/** mbedTLS's verification callback, with the talc_dtls_peer as its context. */
int talc_dtls_chain_check(void *peer, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);

void talc_dtls_chain_forget(talc_dtls_peer *peer);

/* dtls_peer_failure.c */

/** Says why the chain is not believed. */
void talc_dtls_explain_chain(const talc_dtls_peer *peer, talc_failure *failure);

#endif

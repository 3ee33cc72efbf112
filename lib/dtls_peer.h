/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_DTLS_PEER_H
#define TALC_LIB_DTLS_PEER_H

/**
 * Judging the other side of a DTLS session that somebody else runs (libcoap), by the verification
 * that `tls` has: anchors, pins, revoked pins, revocation lists, key usage, names. Nothing here
 * needs mbedTLS's headers, so that transport/ can call it.
 *
 * A session on mbedTLS is handed over as its mbedtls_ssl_context: then all is seen, and a peer that
 * is not believed is refused within the handshake, with the right alert. Other TLS libraries show
 * certificates by talc_dtls_peer_show(); what cannot be seen there is said with it.
 */

#include <stdbool.h>

#include "lib/guard.h"
#include "talc/config.h"

typedef struct talc_dtls_policy talc_dtls_policy; /**< what one link demands of its peers */
typedef struct talc_dtls_peer talc_dtls_peer;     /**< the other side of one session */

/** Holds the configuration's identity and trust. `server_name` is copied: what a server's
 * certificate has to show (a host name, or an IP address as text); NULL or "" where there is none.
 * On TALC_OK to be freed after its peers. TALC_ERROR_ARGUMENT: a name above 255 bytes;
 * TALC_ERROR_MEMORY. */
talc_status talc_dtls_policy_new(talc_dtls_policy **made, talc_role role, const talc_config *config,
                                 const char *server_name, talc_failure *failure);
void talc_dtls_policy_free(talc_dtls_policy *policy);

/** Whether since the last call a ClientHello came for a session that was judged: its client may
 * have begun again from the same address. */
bool talc_dtls_policy_take_news(talc_dtls_policy *policy);

/** NULL: out of memory. */
talc_dtls_peer *talc_dtls_peer_new(talc_dtls_policy *policy);

/** After talc_dtls_peer_detach(), or after the session has gone. NULL is allowed. */
void talc_dtls_peer_free(talc_dtls_peer *peer);

/* ---------------------------------------------------------------- a session on mbedTLS */

/** Puts our verification on a session whose peer has not shown its certificate yet. To be repeated
 * after everything that makes mbedTLS begin again (a HelloVerifyRequest); repeating does no harm.
 * The peer has to live as long as the session, or until it is detached. */
void talc_dtls_peer_attach(talc_dtls_peer *peer, void *session);

/** Takes everything off again that keeps a pointer to `peer`. */
void talc_dtls_peer_detach(talc_dtls_peer *peer, void *session);

/** Whether the session is still the one that was judged: mbedTLS lets a client begin again from its
 * address (RFC 6347 section 4.2.8), and it may be somebody else then. */
bool talc_dtls_peer_is_same(const talc_dtls_peer *peer, void *session);

/** Server: whether a ClientHello with a good cookie has been taken, so that the client's address is
 * its own. */
bool talc_dtls_session_has_begun(void *session);

/** Whether our side has ended the handshake by an alert. */
bool talc_dtls_peer_has_refused(const talc_dtls_peer *peer);

/** Datagrams that came from the peer so far. */
uint32_t talc_dtls_peer_heard(const talc_dtls_peer *peer);

/** Version and suite of a session whose handshake is over: "DTLSv1.2", IANA's name. */
void talc_dtls_session_describe(void *session, char protocol[16], char cipher_suite[64]);

/* ---------------------------------------------------------------- a session elsewhere */

/** One certificate as another TLS library shows it. */
typedef struct talc_dtls_certificate {
    const uint8_t *der;
    size_t size;      /**< bytes */
    unsigned depth;   /**< 0: the peer's own */
    bool is_anchored; /**< the library has verified it against our anchors */
} talc_dtls_certificate;

/**
 * Takes the certificates of a chain, from the highest depth down. At depth 0 the chain is judged;
 * whether it is believed is returned (true at other depths).
 *
 * With the whole chain the judgement is that of `tls`, but for the curve of the peer's key and the
 * part of key usage that depends on the cipher suite, which are the library's. A library that shows
 * the leaf alone (GnuTLS) is believed about an intermediate certificate, if it says `is_anchored`,
 * but not where the trust holds revocation lists or revoked pins: those would not be looked at, and
 * the peer is refused.
 */
bool talc_dtls_peer_show(talc_dtls_peer *peer, const talc_dtls_certificate *certificate);

/* ---------------------------------------------------------------- both */

/** Server: the client named this pre-shared key; `is_known` says whether there is one. */
void talc_dtls_peer_name_psk(talc_dtls_peer *peer, const void *name, size_t size, bool is_known);

/**
 * Judges the peer once the handshake is over; `session` is NULL elsewhere than on mbedTLS. TALC_OK:
 * `who` is the peer, engine TALC_ENGINE_DTLS, with credential TALC_CREDENTIAL_NONE for a client
 * that shows nothing and is served all the same. TALC_ERROR_VERIFY, TALC_ERROR_PROTOCOL (the
 * handshake is not over), TALC_ERROR_RANDOM, TALC_ERROR_MALFORMED with the reasons in `failure`
 * (never NULL).
 */
talc_status talc_dtls_peer_judge(talc_dtls_peer *peer, void *session, talc_peer *who,
                                 talc_failure *failure);

/** Sends the alert that fits the judgement. Nothing happens elsewhere than on mbedTLS. */
void talc_dtls_peer_refuse(talc_dtls_peer *peer, void *session);

/**
 * Why a session ended, as far as it is known: `failure` (never NULL) is filled and its status
 * returned. TALC_ERROR_VERIFY: we do not believe the peer; TALC_ERROR_REFUSED: the peer ended it
 * before it said anything else, so it refused us; TALC_ERROR_PROTOCOL: we sent an alert. TALC_OK:
 * nothing is known, `failure` is untouched.
 */
talc_status talc_dtls_peer_explain(const talc_dtls_peer *peer, talc_failure *failure);

#endif

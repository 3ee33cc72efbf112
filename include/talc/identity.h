/* SPDX-License-Identifier: MIT */
#ifndef TALC_IDENTITY_H
#define TALC_IDENTITY_H

/**
 * Who this side is (identity) and whom it believes (trust).
 *
 * Both are made once, may serve any number of clients and servers at a time, and are counted: a
 * client or server that uses one keeps it alive, so the maker may free its own hold at once after.
 * Neither may be changed while a client or server uses it; the talc_trust_add_*() and
 * talc_trust_revoke_pin() calls then return TALC_ERROR_ARGUMENT, as all do for NULL where nothing
 * else is said. Where a call takes a `failure`, that may be NULL; on error it names the file or
 * field and the reason.
 */

#include "talc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct talc_identity talc_identity; /**< a certificate and its key, a pre-shared key, or a bare
                                                 key */
typedef struct talc_trust talc_trust;       /**< anchors, revocation lists, pins, pre-shared keys,
                                                 servers' keys */

#define TALC_PIN_SIZE 32          /**< SHA-256 of a DER SubjectPublicKeyInfo (as RFC 7858, 4.2) */
#define TALC_PSK_SIZE_MIN 16      /**< bytes: below 128 bits a key can be guessed off line */
#define TALC_PSK_SIZE_MAX 64      /**< bytes */
#define TALC_PSK_NAME_SIZE_MAX 128 /**< bytes of a PSK identity */
#define TALC_TRUST_PSKS_MAX 65536 /**< pre-shared keys of one trust */
#define TALC_DEVICE_ID_SIZE_MAX 64 /**< bytes of a device's ID, without the NUL */
#define TALC_PEER_NAME_SIZE_MAX 256 /**< bytes of an authenticated name, with its NUL */

/** What proved an identity. */
typedef enum talc_credential {
    TALC_CREDENTIAL_NONE = 0,        /**< nothing: an anonymous client */
    TALC_CREDENTIAL_CERTIFICATE = 1, /**< a chain to a trust anchor */
    TALC_CREDENTIAL_PIN = 2,         /**< a public key whose hash is pinned */
    TALC_CREDENTIAL_PSK = 3,         /**< a pre-shared key */
    TALC_CREDENTIAL_DEVICE = 4       /**< a public key that is enrolled under a device's ID */
} talc_credential;

/** What carried the proof. */
typedef enum talc_engine_kind {
    TALC_ENGINE_NONE = 0, /**< nothing: not yet, or never in mode `none` */
    TALC_ENGINE_TLS = 1,  /**< TLS inside envelopes */
    TALC_ENGINE_DTLS = 2, /**< DTLS below CoAP: the peer is the next hop */
    TALC_ENGINE_ECC = 3   /**< the elliptic-curve handshake inside envelopes */
} talc_engine_kind;

/** An authenticated peer. Two peers are the same only if all three fields are equal. */
typedef struct talc_peer {
    talc_engine_kind engine;    /**< what carried the proof */
    talc_credential credential; /**< what the proof was */
    char name[TALC_PEER_NAME_SIZE_MAX]; /**< certificate: the first dNSName of subjectAltName, or
                                             the subject's common name; pin: the key hash in hex;
                                             PSK: the name of the key, so a client finds its own
                                             there: both sides hold it; device: its ID. Bytes that
                                             are not
                                             printable ASCII, and backslashes, as \xNN.
                                             NUL-terminated. */
} talc_peer;

/**
 * Loads a certificate chain (own certificate first) and its private key, PEM or DER each.
 * The key file must not be readable by group or others. The key must fit the certificate. Dates are
 * not looked at: the other side judges them.
 * On TALC_OK `*identity` is the caller's: talc_identity_free().
 * TALC_ERROR_IO: a file cannot be read. TALC_ERROR_IDENTITY: wrong content, permissions, or a key
 * that does not fit. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM, TALC_ERROR_ARGUMENT.
 */
TALC_API talc_status talc_identity_from_files(talc_identity **identity,
                                              const char *certificate_path, const char *key_path,
                                              talc_failure *failure);

/** What the two files hold, in memory. Sizes in bytes, without counting a final NUL. */
typedef struct talc_identity_bytes {
    const void *certificate; /**< the chain, PEM or DER */
    size_t certificate_size;
    const void *key;         /**< the private key, PEM or DER */
    size_t key_size;
} talc_identity_bytes;

/** As talc_identity_from_files(), from memory. The bytes are copied. TALC_ERROR_IDENTITY,
 * TALC_ERROR_MEMORY, TALC_ERROR_RANDOM, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_identity_from_bytes(talc_identity **identity,
                                              const talc_identity_bytes *bytes,
                                              talc_failure *failure);

/** A pre-shared key and the name under which the other side knows it. */
typedef struct talc_psk {
    const void *name; /**< 1..TALC_PSK_NAME_SIZE_MAX bytes */
    size_t name_size; /**< bytes */
    const void *key; /**< TALC_PSK_SIZE_MIN..TALC_PSK_SIZE_MAX bytes */
    size_t key_size; /**< bytes */
} talc_psk;

/**
 * A client's identity that is a pre-shared key (RFC 8446 section 2.2, psk_dhe_ke; TLS 1.2:
 * ECDHE_PSK). Name and key are copied. The server adds the same key to its trust; the key proves
 * both to each other, so the client needs no trust. One key is for one client and one server
 * (RFC 9257 section 4). TALC_ERROR_IDENTITY: sizes out of range; TALC_ERROR_MEMORY,
 * TALC_ERROR_ARGUMENT.
 */
TALC_API talc_status talc_identity_from_psk(talc_identity **identity, const talc_psk *psk,
                                            talc_failure *failure);

/** The same from a file of one line `NAME:HEX-KEY`, to which group and others have no access; empty
 * lines and lines that start with '#' are passed over. TALC_ERROR_IO: it cannot be read;
 * TALC_ERROR_IDENTITY: wrong content or permissions; TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_identity_from_psk_file(talc_identity **identity, const char *path,
                                                 talc_failure *failure);

/**
 * An identity of a bare P-256 key, for `ecc`. `device_id` is who a client is: 1 to
 * TALC_DEVICE_ID_SIZE_MAX characters of printable ASCII without space, '"' and '\\'; NULL for a
 * server, which its key alone names. The key's `key_size` bytes (PEM or DER, without counting a
 * final NUL) are copied. In `ecc` a server may also show the key of a certificate
 * (talc_identity_from_files()), a client not. TALC_ERROR_IDENTITY: an ID or a key that is none,
 * or a key of another curve; TALC_ERROR_MEMORY, TALC_ERROR_RANDOM, TALC_ERROR_ARGUMENT.
 */
TALC_API talc_status talc_identity_from_key(talc_identity **identity, const char *device_id,
                                            const void *key, size_t key_size,
                                            talc_failure *failure);

/** The same from a file, to which group and others have no access. TALC_ERROR_IO: it cannot be read;
 * TALC_ERROR_IDENTITY: wrong content or permissions; otherwise the same. */
TALC_API talc_status talc_identity_from_key_file(talc_identity **identity, const char *device_id,
                                                 const char *key_path, talc_failure *failure);

/** Writes the identity's own pin. TALC_ERROR_ARGUMENT if it is a pre-shared key;
 * TALC_ERROR_MALFORMED and TALC_ERROR_RANDOM: the pin cannot be computed. */
TALC_API talc_status talc_identity_pin(const talc_identity *identity, uint8_t pin[TALC_PIN_SIZE]);

/** Drops the caller's hold; the last hold wipes the key. NULL is allowed. */
TALC_API void talc_identity_free(talc_identity *identity);

/** Makes an empty trust, which believes nobody. On TALC_OK the caller's: talc_trust_free().
 * TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
TALC_API talc_status talc_trust_new(talc_trust **trust);

/** Adds the certificates of a PEM or DER file as trust anchors (RFC 5280 section 6.1.1).
 * TALC_ERROR_IO, TALC_ERROR_TRUST, TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_trust_add_anchor_file(talc_trust *trust, const char *path,
                                                talc_failure *failure);

/** The same from memory; `size` bytes, copied. TALC_ERROR_TRUST, TALC_ERROR_MEMORY,
 * TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_trust_add_anchor(talc_trust *trust, const void *certificates, size_t size,
                                           talc_failure *failure);

/** Adds a revocation list (PEM or DER, RFC 5280 section 5) for the anchors.
 * Returns as talc_trust_add_anchor_file(). */
TALC_API talc_status talc_trust_add_revocation_file(talc_trust *trust, const char *path,
                                                    talc_failure *failure);

/** Believes the owner of the public key with this hash, whatever certificate shows it; name and
 * dates do not matter then. Stands in for raw public keys (RFC 7250). TALC_ERROR_MEMORY,
 * TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_trust_add_pin(talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE]);

/** Never believes the owner of the public key with this hash, whatever vouches for it: in the leaf
 * or anywhere in the chain. Wins over anchors and pins. TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_trust_revoke_pin(talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE]);

/** Server: believes the client that holds this key. Name and key are copied; a name may be added
 * once. At most TALC_TRUST_PSKS_MAX. TALC_ERROR_TRUST: sizes out of range, name known already, or
 * too many; TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_trust_add_psk(talc_trust *trust, const talc_psk *psk,
                                        talc_failure *failure);

/** The same from a file with lines `NAME:HEX-KEY` (empty lines and lines that start with '#' are
 * passed over), to which group and others have no access; all lines are added or none.
 * TALC_ERROR_IO, TALC_ERROR_MEMORY, TALC_ERROR_ARGUMENT; TALC_ERROR_TRUST names the line. */
TALC_API talc_status talc_trust_add_psk_file(talc_trust *trust, const char *path,
                                             talc_failure *failure);

/** Client, `ecc`: believes the server that holds this key: a P-256 SubjectPublicKeyInfo, or a
 * certificate that holds it, PEM or DER, `size` bytes without counting a final NUL, copied. Whatever
 * else a certificate says does not matter. At most 8. TALC_ERROR_TRUST: no such key, several in one
 * text (a chain, for instance), or too many; TALC_ERROR_MEMORY, TALC_ERROR_RANDOM,
 * TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_trust_add_server_key(talc_trust *trust, const void *key, size_t size,
                                               talc_failure *failure);

/** The same from a file. TALC_ERROR_IO; otherwise the same. */
TALC_API talc_status talc_trust_add_server_key_file(talc_trust *trust, const char *path,
                                                    talc_failure *failure);

/** Reads a pin written as 64 hex digits. TALC_ERROR_MALFORMED if it is not one. */
TALC_API talc_status talc_pin_parse(const char *text, uint8_t pin[TALC_PIN_SIZE]);

/** Drops the caller's hold. NULL is allowed. */
TALC_API void talc_trust_free(talc_trust *trust);

#ifdef __cplusplus
}
#endif

#endif

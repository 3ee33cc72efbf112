/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_CREDENTIALS_H
#define TALC_LIB_CREDENTIALS_H

/**
 * The inside of identities and trust, for the engines: mbedTLS objects, shared by counting holds
 * (atomically: clients of several threads may share one).
 */

#include <mbedtls/pk.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A table that cannot grow says so and does not end the process. It is for uthash.h to know. */
#ifndef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1
#elif !HASH_NONFATAL_OOM
#error "define HASH_NONFATAL_OOM as 1, or include lib/credentials.h before uthash.h"
#endif
#include <uthash.h>

#include "talc/identity.h"

#define TALC_P256_POINT_SIZE 65  /**< 0x04, x, y: SEC 1 section 2.3.3, uncompressed */
#define TALC_P256_SECRET_SIZE 32 /**< of a private key */
#define TALC_SERVER_KEYS_MAX 8

/** A pre-shared key with its name. */
typedef struct talc_psk_entry {
    UT_hash_handle hh; /**< in talc_trust.psks, by name */
    size_t name_size;
    size_t key_size;
    uint8_t name[TALC_PSK_NAME_SIZE_MAX];
    uint8_t key[TALC_PSK_SIZE_MAX];
} talc_psk_entry;

struct talc_identity {
    atomic_uint holds;
    talc_credential credential; /**< TALC_CREDENTIAL_CERTIFICATE, TALC_CREDENTIAL_PSK, or
                                     TALC_CREDENTIAL_DEVICE for a bare key */
    char device_id[TALC_DEVICE_ID_SIZE_MAX + 1]; /**< of a bare key; "": a server's */
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    talc_psk_entry psk;
};

struct talc_trust {
    atomic_uint holds; /**< above 1: something uses it, it may not change */
    mbedtls_x509_crt anchors;
    bool has_anchors;
    mbedtls_x509_crl revocations;
    bool has_revocations;
    uint8_t (*pins)[TALC_PIN_SIZE];
    size_t pin_count;
    uint8_t (*revoked_pins)[TALC_PIN_SIZE];
    size_t revoked_pin_count;
    talc_psk_entry *psks;
    uint8_t server_keys[TALC_SERVER_KEYS_MAX][TALC_P256_POINT_SIZE];
    size_t server_key_count;
    uint8_t set_id[TALC_PIN_SIZE]; /**< random, names this trust; another one after each change */
};

/** One more hold, to be dropped with talc_identity_free(). NULL is allowed. */
talc_identity *talc_identity_hold(talc_identity *identity);
talc_trust *talc_trust_hold(talc_trust *trust);

/** The PSK of this name, or NULL. Borrowed from the trust. How long it takes tells no more than a
 * look-up in a hash table does: names are no secrets, and keys are not looked at. */
const talc_psk_entry *talc_trust_find_psk(const talc_trust *trust, const void *name,
                                          size_t name_size);

/** Whether the key with this hash is pinned, and whether it is revoked. */
bool talc_trust_has_pin(const talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE]);
bool talc_trust_revokes(const talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE]);

/** SHA-256 of the certificate's SubjectPublicKeyInfo. TALC_ERROR_RANDOM, TALC_ERROR_MALFORMED. */
talc_status talc_certificate_pin(const mbedtls_x509_crt *certificate, uint8_t pin[TALC_PIN_SIZE]);

/** The identity's key as `ecc` uses it: the secret, to be wiped by the caller, and the point.
 * TALC_ERROR_IDENTITY: it is no P-256 key, or a pre-shared one. */
talc_status talc_identity_p256(const talc_identity *identity, uint8_t secret[TALC_P256_SECRET_SIZE],
                               uint8_t point[TALC_P256_POINT_SIZE]);

/** Reads a P-256 public key (a SubjectPublicKeyInfo, or a certificate that holds it, PEM or DER). `size`
 * does not count a final NUL. TALC_ERROR_MALFORMED: there is none, or it is no point of the curve;
 * TALC_ERROR_MEMORY. */
talc_status talc_p256_point_read(const void *key, size_t size, uint8_t point[TALC_P256_POINT_SIZE]);

/** SHA-256 of the key's DER SubjectPublicKeyInfo, as talc_certificate_pin(). TALC_ERROR_RANDOM. */
talc_status talc_p256_pin(const uint8_t point[TALC_P256_POINT_SIZE], uint8_t pin[TALC_PIN_SIZE]);

/** Whether TLS can use the identity. TALC_OK, also for NULL; TALC_ERROR_IDENTITY: it is a bare key. */
talc_status talc_identity_check_tls(const talc_identity *identity, talc_failure *failure);

/** Whether the text may be a device's ID (talc_identity_from_key()). `size` does not count a NUL. */
bool talc_device_id_is_valid(const void *id, size_t size);

/** What the checks of one handshake found. Zeroed before the handshake. */
typedef struct talc_verification {
    const talc_trust *trust;
    talc_credential credential; /**< how the leaf was believed: certificate or pin; none: it was
                                     not believed. Known after the leaf (depth 0). */
    bool leaf_is_revoked;       /**< a revoked pin was met in the chain */
    uint32_t upper_flags;       /**< held back from the certificates above the leaf, until the leaf
                                     tells whether they matter */
} talc_verification;

/**
 * mbedTLS's verification callback (f_vrfy), with a talc_verification as its context. Runs from the
 * root (highest depth) to the leaf (depth 0). For trust in pins alone mbedTLS is given an empty
 * chain of anchors.
 *
 * mbedTLS ORs the flags of all depths, so what is wrong above a leaf would outlive a pin of the
 * leaf, and any certificate sent along with it would refuse it. Hence the flags above the leaf are
 * held back and come back at depth 0, unless the leaf is pinned. For a pinned leaf:
 * - flags of the chain, the dates, the name, revocation lists and the hash of the certificate's
 *   signature do not matter: nobody's signature vouches for it. It is believed as pinned even if
 *   the chain is good too, so that the name of the peer does not change when the chain expires.
 * - its key must not be weak (talc_key_is_weak()): MBEDTLS_X509_BADCERT_BAD_KEY.
 * - what mbedTLS checks afterwards does matter: key usage, extended key usage, groups.
 * - more than MBEDTLS_X509_MAX_INTERMEDIATE_CA certificates in a row are refused before any
 *   callback.
 * A revoked pin at any depth gives MBEDTLS_X509_BADCERT_REVOKED, whatever else holds.
 */
int talc_trust_verify(void *verification, mbedtls_x509_crt *certificate, int depth,
                      uint32_t *flags);

/** Whether a key is too small to prove anything: RSA below 2048 bits, or a curve below 256. */
bool talc_key_is_weak(const mbedtls_pk_context *key);

/** Fills the peer's name from its certificate (talc_peer in identity.h): the pin in hex for
 * TALC_CREDENTIAL_PIN. Bytes that are not printable ASCII, and the backslash, become \xNN: two
 * different names never look the same. Of several dNSNames or common names the first is taken. A
 * common name counts as UTF8String, PrintableString or IA5String only.
 * TALC_ERROR_VERIFY: the certificate shows no name, or one that is too long.
 * TALC_ERROR_RANDOM, TALC_ERROR_MALFORMED: the pin could not be computed. */
talc_status talc_peer_from_certificate(talc_peer *peer, const mbedtls_x509_crt *certificate,
                                       talc_credential credential);

/** Whether both are the same, who proved it: engine, credential and name are equal. Nobody is never the
 * same as anybody. */
bool talc_peer_is_same(const talc_peer *left, const talc_peer *right);

/** TALC_ERROR_VERIFY: the name is empty or too long. */
talc_status talc_peer_from_psk(talc_peer *peer, const void *name, size_t name_size);

/** The reasons of a verification's flags as text, "; " between them, cut to fit. */
void talc_verify_flags_text(uint32_t flags, char *text, size_t capacity);

#endif

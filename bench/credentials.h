/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_CREDENTIALS_H
#define TALC_BENCH_CREDENTIALS_H

/** The kinds of proof that handshakes are measured with, from the files of
 * scripts/make-credentials.sh --rsa. */

#include "talc/config.h"

typedef enum credential_kind {
    CREDENTIAL_SMALL_CERTIFICATE = 0, /**< P-256, at most 320 bytes as DER, both sides */
    CREDENTIAL_PINNED_CERTIFICATE,    /**< the same, believed for their keys, without an anchor */
    CREDENTIAL_PSK,
    CREDENTIAL_LARGE_CHAIN, /**< RSA-4096, three certificates, both sides */
    CREDENTIAL_NOTHING,
    CREDENTIAL_DEVICE,     /**< a bare key of P-256, believes that of the small certificate; client
                                only */
    CREDENTIAL_ALL_CLIENTS /**< what a server needs for all of these but the large chain */
} credential_kind;

/** Owned by the caller: credentials_clear(). */
typedef struct credentials {
    talc_identity *server_identity; /**< NULL with a pre-shared key */
    talc_identity *client_identity;
    talc_trust *server_trust;
    talc_trust *client_trust; /**< NULL with a pre-shared key */
    talc_registry *registry;  /**< the server's devices, or NULL */
} credentials;

/** Loads both sides' credentials from `folder`. On an error `failure` tells why and `loaded` is to
 * be cleared all the same. */
talc_status credentials_load(credentials *loaded, credential_kind kind, const char *folder,
                             talc_failure *failure);

void credentials_clear(credentials *loaded);

/** Configurations of both sides with these credentials and one TLS version. */
talc_config credentials_server_config(const credentials *loaded, talc_tls_version version);
talc_config credentials_client_config(const credentials *loaded, talc_tls_version version);

#endif

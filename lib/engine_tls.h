/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ENGINE_TLS_H
#define TALC_LIB_ENGINE_TLS_H

/**
 * The inside of the `tls` engine: what its files share. engine_tls_context.c turns a
 * configuration into one mbedtls_ssl_config; engine_tls.c runs a session on it; engine_tls_failure.c
 * says why it failed.
 */

#include <mbedtls/ssl.h>

#include "lib/credentials.h"
#include "lib/engine.h"
#include "lib/tls_hello.h"

#define TALC_TLS_SUITES_MAX 16

/** Shared by all sessions of one client or server; never changed after it is made. */
typedef struct talc_tls_context {
    talc_role role;
    mbedtls_ssl_config config;
    talc_identity *identity; /**< held, or NULL */
    talc_trust *trust;       /**< held, or NULL */
    bool serves_anyone;      /**< server: a client that proves nothing is served as nobody */
    mbedtls_x509_crt no_anchors; /**< an empty chain, for trust in pins alone */
    int suites[TALC_TLS_SUITES_MAX + 1];
} talc_tls_context;

/** One session. Found again from mbedTLS's callbacks by mbedtls_ssl_get_user_data_p(). */
typedef struct talc_tls_engine {
    mbedtls_ssl_context ssl;
    const talc_tls_context *context;
    talc_record_sink sink;
    talc_verification verification;
    char server_name[256]; /**< client: wanted, for the reasons of a failure */
    talc_peer psk_peer;    /**< server: the pre-shared key that the client named last */
    talc_peer unknown_psk; /**< likewise, one that is not known here */
    uint8_t *input; /**< owned: stream bytes that mbedTLS has not asked for yet */
    size_t input_size;
    size_t input_used;
    size_t input_capacity;
    int plain_alert; /**< description of an alert in the clear that came as the last bytes, or 0 */
    bool has_spoken;           /**< records have gone to the sink since this was cleared */
    bool has_said_plain_alert; /**< our last record was an alert in the clear */
    talc_tls_hello *hello; /**< owned: of the server, whoever that is; NULL after the handshake */
    bool is_over;  /**< the handshake, and what we make of it */
    bool has_read; /**< plaintext of the peer */
    bool is_finished;
    talc_status status; /**< TALC_OK, or the error that sticks */
    talc_failure failure;
} talc_tls_engine;

talc_status talc_tls_context_new(void **context, talc_role role, const talc_config *config,
                                 talc_failure *failure);
void talc_tls_context_free(void *context);

/* engine_tls_failure.c */

/** Ends the engine for what mbedTLS returned; the status says how. */
talc_status talc_tls_fail(talc_tls_engine *engine, int code);

/** Ends the engine for a reason of ours; `code` is mbedTLS's, or 0. Returns `status`. */
talc_status talc_tls_fail_with(talc_tls_engine *engine, talc_status status, int code,
                               const char *text);

/**
 * A side that refuses us in TLS 1.3 may not have the keys for its alert that we have for reading it
 * (refuse_in_the_clear() in engine_tls.c shows one): mbedTLS takes the alert for a damaged record.
 * The handshake is lost either way; this only names the reason.
 */
bool talc_tls_is_plain_alert(const talc_tls_engine *engine, int code);

/** Whether a client with this context proves itself and the server by a pre-shared key. */
bool talc_tls_context_is_psk(const talc_tls_context *context);

#endif

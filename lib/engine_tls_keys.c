/* SPDX-License-Identifier: MIT */
/* The secrets of a session, for a key log. */
#include "lib/engine_tls.h"

/* NSS's name of what mbedTLS exports. Early secrets never are: there is no early data. */
static const char *label_of(mbedtls_ssl_key_export_type type)
{
    switch (type) {
    case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET: return "CLIENT_RANDOM";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
        return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
        return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
        return "CLIENT_TRAFFIC_SECRET_0";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
        return "SERVER_TRAFFIC_SECRET_0";
    default: return NULL;
    }
}

static void log_secret(void *log, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                       size_t secret_size, const unsigned char client_random[32],
                       const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    const char *label = label_of(type);
    (void)server_random;
    (void)prf;
    if (label != NULL) {
        /* The error sticks in the log; a full disk must not end a session. */
        (void)talc_key_log_write(log, label, client_random, secret, secret_size);
    }
}

void talc_tls_log_keys(talc_tls_engine *engine)
{
    if (engine->context->key_log != NULL) {
        mbedtls_ssl_set_export_keys_cb(&engine->ssl, log_secret, engine->context->key_log);
    }
}

/* SPDX-License-Identifier: MIT */
#include "lib/engine_tls.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/failure.h"

#define PLAIN_ALERT_SIZE (TALC_RECORD_HEADER_SIZE + 2u)

static const char guard_label[] = "EXPERIMENTAL-talc-guard"; /* RFC 5705 section 6 */

/* The description of an alert in the clear at the end of the bytes, or 0. */
static int plain_alert(const uint8_t *bytes, size_t size)
{
    talc_record_header header;
    if (size < PLAIN_ALERT_SIZE) {
        return 0;
    }
    const uint8_t *last = bytes + size - PLAIN_ALERT_SIZE;
    bool is_alert = talc_record_header_parse(last, PLAIN_ALERT_SIZE, &header) == TALC_OK &&
                    header.type == TALC_RECORD_ALERT && header.length == 2;
    return is_alert ? last[PLAIN_ALERT_SIZE - 1] : 0;
}

/* ---------------------------------------------------------------- the BIO */

static int put_records(void *context, const unsigned char *bytes, size_t size)
{
    talc_tls_engine *engine = context;
    if (engine->context->role == TALC_ROLE_SERVER && engine->hello != NULL) {
        talc_tls_hello_gather(engine->hello, bytes, size);
    }
    engine->has_said_plain_alert = plain_alert(bytes, size) != 0;
    engine->has_spoken = true;
    if (size > INT32_MAX ||
        engine->sink.put(engine->sink.context, bytes, size) != TALC_OK) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    return (int)size;
}

static int get_records(void *context, unsigned char *bytes, size_t size)
{
    talc_tls_engine *engine = context;
    size_t left = engine->input_size - engine->input_used;
    if (left == 0) {
        engine->input_size = engine->input_used = 0;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size = size < left ? size : left;
    memcpy(bytes, engine->input + engine->input_used, size);
    engine->input_used += size;
    return (int)size;
}

static talc_status queue_input(talc_tls_engine *engine, const uint8_t *bytes, size_t size)
{
    if (size > SIZE_MAX - engine->input_size) {
        return TALC_ERROR_MEMORY;
    }
    size_t wanted = engine->input_size + size;
    if (wanted > engine->input_capacity) {
        uint8_t *input = realloc(engine->input, wanted);
        if (input == NULL) {
            return TALC_ERROR_MEMORY;
        }
        engine->input = input;
        engine->input_capacity = wanted;
    }
    memcpy(engine->input + engine->input_size, bytes, size);
    engine->input_size = wanted;
    return TALC_OK;
}

/* ---------------------------------------------------------------- the handshake */

static talc_status refuse(talc_tls_engine *engine, talc_status status, unsigned char alert,
                          const char *text)
{
    mbedtls_ssl_send_alert_message(&engine->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
    return talc_tls_fail_with(engine, status, 0, text);
}

/* What mbedTLS leaves to its user once the handshake is over: the protocol inside, and the peer. */
static talc_status judge(talc_tls_engine *engine)
{
    const char *protocol = mbedtls_ssl_get_alpn_protocol(&engine->ssl);
    if (protocol == NULL || strcmp(protocol, "coap") != 0) {
        return refuse(engine, TALC_ERROR_PROTOCOL, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL,
                      "the peer did not agree to ALPN protocol \"coap\"");
    }
    if (mbedtls_ssl_get_version_number(&engine->ssl) == MBEDTLS_SSL_VERSION_TLS1_2 &&
        !talc_tls_hello_has_extended_master_secret(engine->hello)) {
        return refuse(engine, TALC_ERROR_PROTOCOL, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE,
                      "the peer speaks TLS 1.2 without the extended master secret (RFC 7627)");
    }
    talc_status status = talc_tls_find_peer(engine);
    if (status != TALC_OK) {
        return refuse(engine, status, MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED,
                      "the peer's credential was accepted but names nobody: a certificate needs "
                      "a dNSName or a common name, within 255 bytes");
    }
    engine->is_over = true;
    free(engine->hello);
    engine->hello = NULL;
    return TALC_OK;
}

/* Whether to call again at once. */
static bool is_progress(talc_tls_engine *engine, int code)
{
    if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        talc_tls_file_ticket(engine);
        return true;
    }
    return code == MBEDTLS_ERR_SSL_WANT_WRITE || code == MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS ||
           code == MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS;
}

/* RFC 8446 section 6.2, for what talc_trust_verify() and mbedTLS found. */
static uint8_t alert_for_certificate(uint32_t flags)
{
    if ((flags & MBEDTLS_X509_BADCERT_REVOKED) != 0) {
        return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
    }
    if ((flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
        return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    }
    return (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0 ? MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA
                                                           : MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
}

static uint8_t alert_for(const talc_tls_engine *engine, int code)
{
    switch (code) {
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
        return MBEDTLS_SSL_ALERT_MSG_CERT_REQUIRED;
    case MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY:
        return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY;
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return alert_for_certificate(mbedtls_ssl_get_verify_result(&engine->ssl));
    default:
        return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
    }
}

/* mbedTLS's server sends the alert about a client's credential under the handshake's keys, which the
 * client has put away by then, and in TLS 1.2 sometimes none at all. So the reason follows once
 * more, in the clear: an alert in the clear proves nothing, but this session is over anyway. */
static void refuse_in_the_clear(talc_tls_engine *engine, int code)
{
    talc_record_header header = { TALC_RECORD_ALERT, TALC_RECORD_VERSION_TLS12, 2 };
    uint8_t record[PLAIN_ALERT_SIZE];
    if (engine->context->role != TALC_ROLE_SERVER || code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ||
        talc_tls_is_plain_alert(engine, code) || engine->has_said_plain_alert) {
        return;
    }
    talc_record_header_build(&header, record);
    record[TALC_RECORD_HEADER_SIZE] = MBEDTLS_SSL_ALERT_LEVEL_FATAL;
    record[TALC_RECORD_HEADER_SIZE + 1] = engine->ssl.MBEDTLS_PRIVATE(alert_type) != 0
                                              ? engine->ssl.MBEDTLS_PRIVATE(alert_type)
                                              : alert_for(engine, code);
    (void)engine->sink.put(engine->sink.context, record, sizeof record);
}

static talc_status conclude(talc_tls_engine *engine)
{
    talc_status status = judge(engine);
    int code = status == TALC_OK ? talc_tls_give_ticket(engine) : 0;
    return code == 0 ? status : talc_tls_fail(engine, code);
}

static talc_status handshake(talc_tls_engine *engine)
{
    for (;;) {
        size_t used = engine->input_used;
        int code = talc_tls_shake_hands(engine);
        if (code == 0) {
            return conclude(engine);
        }
        if (code == MBEDTLS_ERR_SSL_WANT_READ) {
            if (engine->input_size == 0 || engine->input_used == used) {
                return TALC_OK;
            }
        } else if (!is_progress(engine, code)) {
            refuse_in_the_clear(engine, code);
            return talc_tls_fail(engine, code);
        }
    }
}

static talc_status tls_feed(void *instance, const uint8_t *bytes, size_t size)
{
    talc_tls_engine *engine = instance;
    if (engine->status != TALC_OK) {
        return engine->status;
    }
    engine->plain_alert = plain_alert(bytes, size);
    if (engine->context->role == TALC_ROLE_CLIENT && engine->hello != NULL) {
        talc_tls_hello_gather(engine->hello, bytes, size);
    }
    if (queue_input(engine, bytes, size) != TALC_OK) {
        return talc_tls_fail_with(engine, TALC_ERROR_MEMORY, 0, "out of memory");
    }
    return engine->is_over ? TALC_OK : handshake(engine);
}

/* ---------------------------------------------------------------- plaintext */

static talc_status tls_write(void *instance, const uint8_t *plaintext, size_t size)
{
    talc_tls_engine *engine = instance;
    if (engine->status != TALC_OK || !engine->is_over || engine->is_finished) {
        return engine->status != TALC_OK ? engine->status : TALC_ERROR_CLOSED;
    }
    size_t done = 0;
    while (done < size) {
        int code = mbedtls_ssl_write(&engine->ssl, plaintext + done, size - done);
        if (code > 0) {
            done += (size_t)code;
        } else if (!is_progress(engine, code)) {
            return talc_tls_fail(engine, code);
        }
    }
    return TALC_OK;
}

static talc_status closed_by_peer(talc_tls_engine *engine)
{
    return talc_tls_fail_with(engine, TALC_ERROR_CLOSED, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY,
                     "the peer closed the session");
}

/* mbedTLS says nothing about records that it finds too large. */
static void say_why(talc_tls_engine *engine, int code)
{
    if (!engine->has_spoken && code == MBEDTLS_ERR_SSL_BAD_INPUT_DATA) {
        (void)mbedtls_ssl_send_alert_message(&engine->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                             MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW);
    }
}

static talc_status tls_read(void *instance, uint8_t *plaintext, size_t capacity, size_t *size)
{
    talc_tls_engine *engine = instance;
    *size = 0;
    while (engine->status == TALC_OK && engine->is_over) {
        size_t used = engine->input_used;
        engine->has_spoken = false;
        int code = mbedtls_ssl_read(&engine->ssl, plaintext, capacity);
        if (code > 0) {
            *size = (size_t)code;
            engine->has_read = true;
            return TALC_OK;
        }
        if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            return closed_by_peer(engine);
        }
        if (code == MBEDTLS_ERR_SSL_WANT_READ) {
            /* It may come although bytes were used: a post-handshake message was in them. */
            if (engine->input_size == 0 || engine->input_used == used) {
                return TALC_WANT_INPUT;
            }
        } else if (!is_progress(engine, code)) {
            say_why(engine, code);
            return talc_tls_fail(engine, code == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : code);
        }
    }
    return engine->status == TALC_OK ? TALC_WANT_INPUT : engine->status;
}

static talc_status tls_finish(void *instance)
{
    talc_tls_engine *engine = instance;
    bool may_speak = engine->status == TALC_OK || engine->status == TALC_ERROR_CLOSED;
    if (!may_speak || !engine->is_over || engine->is_finished) {
        return may_speak ? TALC_OK : engine->status;
    }
    engine->is_finished = true;
    int code = mbedtls_ssl_close_notify(&engine->ssl);
    return code == 0 ? TALC_OK : talc_tls_fail(engine, code);
}

/* ---------------------------------------------------------------- the rest of the table */

static bool tls_established(const void *instance)
{
    return ((const talc_tls_engine *)instance)->is_over;
}

static size_t tls_expansion(const void *instance)
{
    int expansion = mbedtls_ssl_get_record_expansion(&((const talc_tls_engine *)instance)->ssl);
    return expansion <= TALC_RECORD_HEADER_SIZE ? 64 : (size_t)expansion - TALC_RECORD_HEADER_SIZE;
}

static talc_status tls_guard_keys(void *instance, talc_guard_keys *keys)
{
    talc_tls_engine *engine = instance;
    int code = mbedtls_ssl_export_keying_material(&engine->ssl, keys->of[0], sizeof keys->of,
                                                  guard_label, sizeof guard_label - 1, NULL, 0, 0);
    if (code != 0) {
        talc_wipe(keys, sizeof *keys);
        return talc_tls_fail_with(engine, TALC_ERROR_RANDOM, code,
                         "no keying material could be exported from the TLS session");
    }
    return TALC_OK;
}

/* mbedTLS writes TLS1-3-AES-128-GCM-SHA256 where the registry has TLS_AES_128_GCM_SHA256. */
static void name_suite(const char *mbedtls_name, char *name, size_t capacity)
{
    static const char prefix[] = "TLS1-3-";
    bool is_tls13 = strncmp(mbedtls_name, prefix, sizeof prefix - 1) == 0;
    snprintf(name, capacity, "%s%s", is_tls13 ? "TLS_" : "",
             is_tls13 ? mbedtls_name + sizeof prefix - 1 : mbedtls_name);
    for (char *at = name; *at != 0; at++) {
        *at = *at == '-' ? '_' : *at;
    }
}

static void tls_describe(const void *instance, talc_engine_facts *facts)
{
    const talc_tls_engine *engine = instance;
    memset(facts, 0, sizeof *facts);
    facts->peer = engine->proof.peer;
    facts->is_resumed = engine->is_resumed;
    snprintf(facts->protocol, sizeof facts->protocol, "%s", mbedtls_ssl_get_version(&engine->ssl));
    name_suite(mbedtls_ssl_get_ciphersuite(&engine->ssl), facts->cipher_suite,
               sizeof facts->cipher_suite);
}

/* A ticket is shown once: what comes of it, a refusal too, is not the last word about the client or
 * the server. A next session shows certificates. */
static bool tls_is_final(const void *instance)
{
    const talc_tls_engine *engine = instance;
    return engine->context->role != TALC_ROLE_CLIENT || engine->is_over ||
           engine->offer.kind != TALC_TLS_OFFER_TICKET;
}

static const talc_failure *tls_failure(const void *instance)
{
    return &((const talc_tls_engine *)instance)->failure;
}

static void tls_free(void *instance)
{
    talc_tls_engine *engine = instance;
    if (engine == NULL) {
        return;
    }
    mbedtls_ssl_free(&engine->ssl);
    free(engine->input);
    free(engine->hello);
    talc_wipe(engine, sizeof *engine);
    free(engine);
}

static int set_up(talc_tls_engine *engine, const talc_engine_setup *setup)
{
    const talc_tls_context *context = engine->context;
    int code = mbedtls_ssl_setup(&engine->ssl, &context->config);
    if (code != 0) {
        return code;
    }
    mbedtls_ssl_set_user_data_p(&engine->ssl, engine);
    mbedtls_ssl_set_bio(&engine->ssl, engine, put_records, get_records, NULL);
    mbedtls_ssl_set_verify(&engine->ssl, talc_tls_verify, engine);
    talc_tls_log_keys(engine);
    if (context->role == TALC_ROLE_CLIENT) {
        /* With a pre-shared key there is no name to check, and none to show to the path. */
        code = mbedtls_ssl_set_hostname(&engine->ssl, talc_tls_context_is_psk(context)
                                                          ? NULL
                                                          : setup->server_name);
        talc_tls_offer_ticket(engine);
    }
    return code;
}

static talc_status tls_open(void **instance, const talc_engine_setup *setup, talc_failure *failure)
{
    const talc_tls_context *context = setup->context;
    *instance = NULL;
    if (context->role == TALC_ROLE_CLIENT && !talc_tls_context_is_psk(context) &&
        setup->server_name == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "no server name to verify");
    }
    talc_tls_engine *engine = calloc(1, sizeof *engine);
    if (engine != NULL) {
        engine->hello = calloc(1, sizeof *engine->hello);
    }
    if (engine == NULL || engine->hello == NULL) {
        free(engine);
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_MEMORY, "out of memory");
    }
    mbedtls_ssl_init(&engine->ssl);
    engine->context = context;
    engine->sink = setup->sink;
    if (setup->server_name != NULL) {
        snprintf(engine->server_name, sizeof engine->server_name, "%s", setup->server_name);
    }
    engine->verification.trust = context->trust;
    engine->verification.credential = TALC_CREDENTIAL_CERTIFICATE;
    engine->chain_end = talc_ticket_never;

    int code = set_up(engine, setup);
    talc_status status = code != 0 ? talc_tls_fail(engine, code) : TALC_OK;
    if (status == TALC_OK && context->role == TALC_ROLE_CLIENT) {
        status = handshake(engine);
    }
    if (status != TALC_OK) {
        *failure = engine->failure;
        tls_free(engine);
        return status;
    }
    *instance = engine;
    return TALC_OK;
}

const talc_engine_class talc_engine_tls = {
    .name = "tls",
    .context_new = talc_tls_context_new,
    .context_free = talc_tls_context_free,
    .open = tls_open,
    .feed = tls_feed,
    .write = tls_write,
    .read = tls_read,
    .established = tls_established,
    .expansion = tls_expansion,
    .guard_keys = tls_guard_keys,
    .describe = tls_describe,
    .finish = tls_finish,
    .is_final = tls_is_final,
    .failure = tls_failure,
    .free = tls_free,
};

/* SPDX-License-Identifier: MIT */
/* Tickets of TLS 1.3 (RFC 8446 section 4.6.1): a server seals into them who the client is, a client
 * keeps with them who the server is. */
#include <mbedtls/platform_time.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/engine_tls.h"

#define SAVED_SIZE_MAX 128     /* mbedTLS's own part of a server's ticket has about 60 bytes */
#define SEALED_SIZE_MAX (TALC_TICKET_PROOF_SIZE_MAX + SAVED_SIZE_MAX)

/* ---------------------------------------------------------------- life */

static uint64_t system_ms(void *context)
{
    (void)context;
    return (uint64_t)mbedtls_ms_time(); /* goes on while the system sleeps, where it can */
}

static talc_status fill_key(talc_ticket_key *key, const talc_tls_context *context,
                            const talc_config *config)
{
    memcpy(key->trust_set, context->trust->set_id, sizeof key->trust_set);
    key->version_min = config->tls_version_min;
    key->version_max = config->tls_version_max;
    if (context->identity == NULL || context->identity->credential != TALC_CREDENTIAL_CERTIFICATE) {
        return TALC_OK;
    }
    const mbedtls_x509_buf *own = &context->identity->chain.raw;
    return talc_sha256(own->p, own->len, key->identity);
}

static talc_status make_client_part(talc_tls_context *context, const talc_config *config)
{
    talc_tls_resumption *resumption = context->resumption;
    if (config->tickets != NULL) {
        resumption->tickets = talc_tickets_hold(config->tickets);
    } else if (talc_tickets_new(&resumption->tickets) != TALC_OK) {
        return TALC_ERROR_MEMORY;
    }
    return fill_key(&resumption->key, context, config);
}

talc_status talc_tls_resumption_new(talc_tls_context *context, const talc_config *config)
{
    if (config->ticket_lifetime_s == 0 || config->tls_version_max != TALC_TLS_1_3) {
        return TALC_OK;
    }
    talc_tls_resumption *resumption = calloc(1, sizeof *resumption);
    if (resumption == NULL) {
        return TALC_ERROR_MEMORY;
    }
    resumption->lifetime_ms = (uint64_t)config->ticket_lifetime_s * 1000u;
    resumption->clock_ms = config->clock_ms != NULL ? config->clock_ms : system_ms;
    resumption->clock_context = config->clock_context;
    context->resumption = resumption;
    return context->role == TALC_ROLE_CLIENT
               ? make_client_part(context, config)
               : talc_ticket_seal_new(&resumption->seal, resumption->lifetime_ms);
}

void talc_tls_resumption_free(talc_tls_resumption *resumption)
{
    if (resumption != NULL) {
        talc_tickets_free(resumption->tickets);
        talc_ticket_seal_free(resumption->seal);
        free(resumption);
    }
}

uint64_t talc_tls_now_ms(const talc_tls_context *context)
{
    const talc_tls_resumption *resumption = context->resumption;
    return resumption == NULL ? 0 : resumption->clock_ms(resumption->clock_context);
}

static uint64_t left_ms(const talc_tls_context *context, const talc_ticket_proof *proof)
{
    talc_ticket_terms terms = { context->trust, talc_tls_now_ms(context),
                                context->resumption->lifetime_ms, context->serves_anyone };
    return talc_ticket_proof_left_ms(proof, &terms);
}

/* ---------------------------------------------------------------- a server's tickets */

/* A ticket is good for the trust under which it was given. */
static const uint8_t *purpose_of(const talc_tls_context *context)
{
    static const uint8_t no_trust[TALC_PIN_SIZE];
    return context->trust != NULL ? context->trust->set_id : no_trust;
}

/* Until the peer is judged there is no ticket: so never in TLS 1.2, where mbedTLS asks before. It then
 * sends an empty one, to a client that wants tickets (RFC 5077 section 3.3). */
static int write_ticket(void *context, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *size, uint32_t *lifetime_s)
{
    talc_tls_resumption *resumption = context;
    const talc_tls_engine *engine = resumption->engine;
    uint8_t plain[SEALED_SIZE_MAX];
    size_t saved_size = 0;
    *size = *lifetime_s = 0;
    if (engine == NULL || !engine->is_over) {
        return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
    }
    size_t proof_size = talc_ticket_proof_write(&engine->proof, plain);
    int code = mbedtls_ssl_session_save(session, plain + proof_size, sizeof plain - proof_size,
                                        &saved_size);
    talc_ticket_text text = { plain, proof_size + saved_size, start, (size_t)(end - start),
                              purpose_of(engine->context) };
    if (code == 0 && talc_ticket_seal_close(resumption->seal, &text,
                                            talc_tls_now_ms(engine->context), size) != TALC_OK) {
        code = MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    *lifetime_s = (uint32_t)(left_ms(engine->context, &engine->proof) / 1000);
    talc_wipe(plain, sizeof plain);
    return code;
}

/* Reads what was sealed. */
static int take_ticket(talc_tls_engine *engine, mbedtls_ssl_session *session, const uint8_t *plain,
                       size_t size)
{
    size_t proof_size = 0;
    talc_tls_offer offer = { .kind = TALC_TLS_OFFER_TICKET };
    if (talc_ticket_proof_read(&offer.proof, plain, size, &proof_size) != TALC_OK) {
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    }
    if (left_ms(engine->context, &offer.proof) == 0) {
        return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    }
    int code = mbedtls_ssl_session_load(session, plain + proof_size, size - proof_size);
    engine->offer = code == 0 ? offer : engine->offer;
    return code;
}

/* Whatever is wrong with a ticket, mbedTLS then goes on as if it had not been there. */
static int read_ticket(void *context, mbedtls_ssl_session *session, unsigned char *ticket,
                       size_t size)
{
    talc_tls_resumption *resumption = context;
    talc_tls_engine *engine = resumption->engine;
    uint8_t plain[SEALED_SIZE_MAX];
    size_t plain_size = 0;
    if (engine == NULL ||
        mbedtls_ssl_get_version_number(&engine->ssl) != MBEDTLS_SSL_VERSION_TLS1_3) {
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    }
    talc_ticket_text text = { ticket, size, plain, sizeof plain, purpose_of(engine->context) };
    if (talc_ticket_seal_open(resumption->seal, &text, talc_tls_now_ms(engine->context),
                              &plain_size) != TALC_OK) {
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    }
    int code = take_ticket(engine, session, plain, plain_size);
    talc_wipe(plain, sizeof plain);
    return code;
}

int talc_tls_shake_hands(talc_tls_engine *engine)
{
    int code = 0;
    talc_tls_resumption *resumption = engine->context->resumption;
    if (resumption != NULL) {
        resumption->engine = engine;
    }
    while (code == 0 && !mbedtls_ssl_is_handshake_over(&engine->ssl)) {
        code = mbedtls_ssl_handshake_step(&engine->ssl);
    }
    if (resumption != NULL) {
        resumption->engine = NULL;
    }
    return code;
}

/* A pre-shared key leaves nothing to stand in for: a ticket would only cost bytes. */
static bool is_ticket_due(const talc_tls_engine *engine)
{
    return engine->context->resumption != NULL && left_ms(engine->context, &engine->proof) > 0;
}

int talc_tls_give_ticket(talc_tls_engine *engine)
{
    talc_tls_resumption *resumption = engine->context->resumption;
    if (engine->ssl.MBEDTLS_PRIVATE(state) != MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET) {
        return 0;
    }
    if (!is_ticket_due(engine)) {
        /* As mbedTLS does without tickets. It has no call that leaves them out of one session. */
        engine->ssl.MBEDTLS_PRIVATE(state) = MBEDTLS_SSL_HANDSHAKE_OVER;
        return 0;
    }
    resumption->engine = engine;
    int code = mbedtls_ssl_handshake(&engine->ssl);
    resumption->engine = NULL;
    return code;
}

void talc_tls_resumption_configure(talc_tls_context *context)
{
    talc_tls_resumption *resumption = context->resumption;
    mbedtls_ssl_config *tls = &context->config;
    if (resumption != NULL && context->role == TALC_ROLE_SERVER) {
        mbedtls_ssl_conf_session_tickets_cb(tls, write_ticket, read_ticket, resumption);
        mbedtls_ssl_conf_new_session_tickets(tls, 1);
    } else if (resumption != NULL) {
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
            tls, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    }
}

/* ---------------------------------------------------------------- a client's tickets */

static talc_ticket_key key_of(const talc_tls_engine *engine)
{
    talc_ticket_key key = engine->context->resumption->key;
    _Static_assert(sizeof key.server_name >= sizeof engine->server_name, "a name is never cut");
    memcpy(key.server_name, engine->server_name, sizeof engine->server_name);
    return key;
}

static bool use_ticket(talc_tls_engine *engine, const talc_ticket *ticket)
{
    mbedtls_ssl_session session;
    if (left_ms(engine->context, &ticket->proof) == 0) {
        return false;
    }
    mbedtls_ssl_session_init(&session);
    bool is_used = mbedtls_ssl_session_load(&session, ticket->session, ticket->session_size) == 0 &&
                   mbedtls_ssl_set_session(&engine->ssl, &session) == 0;
    mbedtls_ssl_session_free(&session);
    if (is_used) {
        engine->offer = (talc_tls_offer){ TALC_TLS_OFFER_TICKET, ticket->proof };
    }
    return is_used;
}

void talc_tls_offer_ticket(talc_tls_engine *engine)
{
    talc_tls_resumption *resumption = engine->context->resumption;
    if (resumption == NULL) {
        return;
    }
    bool is_used = false;
    talc_ticket ticket;
    talc_ticket_key key = key_of(engine);
    while (!is_used && talc_tickets_take(resumption->tickets, &key,
                                         talc_tls_now_ms(engine->context), &ticket)) {
        is_used = use_ticket(engine, &ticket);
        talc_wipe(&ticket, sizeof ticket);
    }
}

static void file_session(talc_tls_engine *engine, const mbedtls_ssl_session *session)
{
    talc_ticket ticket = { .proof = engine->proof };
    talc_ticket_key key = key_of(engine);
    uint64_t now_ms = talc_tls_now_ms(engine->context);
    uint64_t good_ms = 1000u * (uint64_t)session->MBEDTLS_PRIVATE(ticket_lifetime);
    uint64_t left = left_ms(engine->context, &engine->proof);
    ticket.expires_at_ms = now_ms + (good_ms < left ? good_ms : left);
    if (mbedtls_ssl_session_save(session, ticket.session, sizeof ticket.session,
                                 &ticket.session_size) == 0) {
        engine->has_filed_ticket = talc_tickets_put(engine->context->resumption->tickets, &key,
                                                    &ticket, now_ms) == TALC_OK;
    }
    talc_wipe(&ticket, sizeof ticket);
}

/* One of each session: a server that gives many must not crowd out those of others. What cannot be
 * kept costs a full handshake, nothing more. */
void talc_tls_file_ticket(talc_tls_engine *engine)
{
    mbedtls_ssl_session session;
    if (engine->context->resumption == NULL || engine->has_filed_ticket) {
        return;
    }
    mbedtls_ssl_session_init(&session);
    if (mbedtls_ssl_get_session(&engine->ssl, &session) == 0) {
        file_session(engine, &session);
    }
    mbedtls_ssl_session_free(&session);
}

/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ENGINE_TLS_H
#define TALC_LIB_ENGINE_TLS_H

/**
 * The inside of the `tls` engine: what its files share. engine_tls_context.c turns a
 * configuration into one mbedtls_ssl_config; engine_tls.c runs a session on it; engine_tls_peer.c says
 * who the other side is, engine_tls_tickets.c gives and takes tickets, engine_tls_keys.c logs secrets
 * where that is wanted, engine_tls_failure.c says why it failed.
 */

#include <mbedtls/ssl.h>

#include "lib/credentials.h"
#include "lib/engine.h"
#include "lib/key_log.h"
#include "lib/ticket_seal.h"
#include "lib/ticket_store.h"
#include "lib/tls_hello.h"

#define TALC_TLS_SUITES_MAX 16

struct talc_tls_engine;

/**
 * What one client or server needs to resume sessions of TLS 1.3, and of that version only: a resumed
 * TLS 1.2 agrees on no new key, so that who steals a ticket's key could read what was recorded, and it
 * shows its tickets to the path.
 */
typedef struct talc_tls_resumption {
    uint64_t lifetime_ms; /**< since the handshake with certificates, however often it is resumed */
    uint64_t (*clock_ms)(void *context);
    void *clock_context;
    talc_tickets *tickets; /**< client: held */
    talc_ticket_key key;   /**< client: all of it but the server's name */
    talc_ticket_seal *seal; /**< server: owned */
    struct talc_tls_engine *engine; /**< server: whose handshake goes on; NULL between calls.
                                         mbedTLS's callbacks for tickets do not say it */
} talc_tls_resumption;

/** Shared by all sessions of one client or server; never changed after it is made. */
typedef struct talc_tls_context {
    talc_role role;
    mbedtls_ssl_config config;
    talc_identity *identity; /**< held, or NULL */
    talc_trust *trust;       /**< held, or NULL */
    bool serves_anyone;      /**< server: a client that proves nothing is served as nobody */
    talc_tls_resumption *resumption; /**< owned; NULL: no tickets */
    talc_key_log *key_log;           /**< owned; NULL, as it mostly is: none */
    mbedtls_x509_crt no_anchors; /**< an empty chain, for trust in pins alone */
    int suites[TALC_TLS_SUITES_MAX + 1];
} talc_tls_context;

/** A key that may take the place of certificates. To be offered proves nothing yet. */
typedef struct talc_tls_offer {
    enum {
        TALC_TLS_OFFER_NONE = 0,
        TALC_TLS_OFFER_PSK,
        TALC_TLS_OFFER_TICKET
    } kind;
    talc_ticket_proof proof; /**< what using the key proves; of a pre-shared key only the peer */
} talc_tls_offer;

/** One session. Found again from mbedTLS's callbacks by mbedtls_ssl_get_user_data_p(). */
typedef struct talc_tls_engine {
    mbedtls_ssl_context ssl;
    const talc_tls_context *context;
    talc_record_sink sink;
    talc_verification verification;
    char server_name[256]; /**< client: wanted, for the reasons of a failure */
    talc_tls_offer offer;  /**< server: the last one of the client's that is good here; mbedTLS uses
                                that or none. Client: the ticket that it showed */
    talc_peer unknown_psk; /**< server: the last pre-shared key that is not known here */
    mbedtls_x509_time chain_end; /**< of what verification has seen of the peer's chain */
    talc_ticket_proof proof;     /**< of the peer, once the handshake is over */
    bool is_resumed;
    bool has_filed_ticket; /**< client */
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

/* engine_tls_peer.c */

/** mbedTLS's verification callback, with the engine as its context: talc_trust_verify(), and it notes
 * when what it sees ends. */
int talc_tls_verify(void *engine, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);

/** Says who the peer is (engine->proof), once mbedTLS's handshake is over. TALC_ERROR_VERIFY: it has
 * proved nothing, or its certificate names nobody; TALC_ERROR_RANDOM, TALC_ERROR_MALFORMED. */
talc_status talc_tls_find_peer(talc_tls_engine *engine);

/* engine_tls_tickets.c */

/** Makes the context's part for tickets, before mbedTLS is configured, and has mbedTLS give and take
 * them. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_tls_resumption_new(talc_tls_context *context, const talc_config *config);
void talc_tls_resumption_configure(talc_tls_context *context);
void talc_tls_resumption_free(talc_tls_resumption *resumption);

/** The time that proofs are dated by; 0 without tickets. */
uint64_t talc_tls_now_ms(const talc_tls_context *context);

/** Client, before its hello: puts a ticket into it if there is one. The ticket is gone then. */
void talc_tls_offer_ticket(talc_tls_engine *engine);

/** Client: keeps the ticket that mbedTLS has just read. */
void talc_tls_file_ticket(talc_tls_engine *engine);

/** Goes on with mbedTLS's handshake until the other side has proved what it can. Returns mbedTLS's
 * code; 0: done, but for the ticket. */
int talc_tls_shake_hands(talc_tls_engine *engine);

/** Then, once the peer is known: a server's ticket, if one is due. Returns mbedTLS's code. */
int talc_tls_give_ticket(talc_tls_engine *engine);

/* engine_tls_keys.c */

/** From now on the secrets of this session go into the context's key log, if it has one. */
void talc_tls_log_keys(talc_tls_engine *engine);

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

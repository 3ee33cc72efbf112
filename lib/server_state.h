/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_SERVER_STATE_H
#define TALC_LIB_SERVER_STATE_H

/**
 * The inside of a server, for its files. Each calls only those below it:
 *
 *   server.c              the public calls, resources, time
 *     server_listening.c    listeners of either kind
 *       server_direct.c       `none`, `dtls`: requests as messages
 *       server_inbound.c      `tls`, `ecc`: one request body
 *         server_lifetime.c     who is admitted, and when sessions end
 *         server_session.c      messages inside a session, its end
 *         server_answer.c       answers out, and polls whose answer is held
 *         session_table.c       which sessions there are
 *   server_exchange.c     requests and their answers, however they came
 */

#include "lib/configuration.h"
#include "lib/conversation.h"
#include "lib/direct.h"
#include "lib/routes.h"
#include "records/journal.h"
#include "talc/server.h"

#define TALC_TABLE_KEY_SIZE 16
#define TALC_PEER_ADDRESS_SIZE_MAX 64
#define TALC_LISTENERS_MAX 8
#define TALC_TOMBSTONES_MAX 256
#define TALC_REFUSED_MAX 64
#define TALC_TOMBSTONE_MS 247000u   /**< EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */
#define TALC_SESSION_EXCHANGES_MAX 64 /**< requests under way in one session */

typedef struct talc_listening {
    talc_server *server;
    const talc_listener *listener;    /**< of a server that tunnels */
    const talc_direct_server *direct; /**< of one that does not */
    void *link;
    talc_exchange *exchanges; /**< direct: requests under way, utlist.h */
} talc_listening;

/** An engine that the server serves. */
typedef struct talc_server_engine {
    const talc_engine_class *class;
    void *context;
} talc_server_engine;

/** A poll whose answer waits for something to say. */
typedef struct talc_held_reply {
    talc_listening *listening; /**< NULL: none is held */
    void *handle;
    uint64_t request;
    uint64_t until_ms;
    talc_carrier_limits limits;
} talc_held_reply;

typedef enum talc_served_state {
    TALC_SERVED_HALF_OPEN = 0,
    TALC_SERVED_OPEN,
    TALC_SERVED_TOMBSTONE, /**< was open */
    TALC_SERVED_REFUSED    /**< never was: anybody can make many of them, so they are kept apart */
} talc_served_state;

/** One session of the server. */
typedef struct talc_served {
    UT_hash_handle hh;
    uint8_t key[TALC_TABLE_KEY_SIZE]; /**< keyed hash of the session id */
    struct talc_served *prev;         /* utlist.h: server->served, by age of its state */
    struct talc_served *next;
    talc_server *server;
    talc_served_state state;
    talc_session *session;
    talc_conversation conversation;
    talc_exchange *exchanges; /**< requests under way, utlist.h */
    size_t exchange_count;
    uint64_t since_ms; /**< of the state */
    uint64_t seen_ms;  /**< last envelope that was taken with a new number */
    uint64_t news_ms;  /**< last one that brought new bytes of the stream */
    bool has_request;
    bool has_vouched_request; /**< newest_request and address are the client's own, by its tag */
    uint64_t newest_request; /**< highest `i` taken */
    uint8_t address[TALC_PEER_ADDRESS_SIZE_MAX]; /**< where that came from */
    size_t address_size;
    bool is_busy;      /**< an envelope is being taken: the answer is composed afterwards */
    bool is_releasing; /**< the client wants to end when all is answered */
    talc_held_reply held;
    char *long_answer; /**< owned: an answer that travels block-wise, until the next request */
    size_t long_answer_size;
    talc_session_info counters;
} talc_served;

struct talc_exchange {
    talc_exchange *prev; /* utlist.h */
    talc_exchange *next;
    talc_served *served; /**< NULL: the session has ended, or it is a direct one */
    talc_listening *listening; /**< direct: where it came from; NULL once that is closed */
    void *handle;              /**< direct: for the answer; NULL once it is given */
    char protocol[16];         /**< direct */
    char cipher_suite[64];     /**< direct */
    talc_peer peer;
    uint8_t token_size;
    uint8_t token[TALC_TOKEN_SIZE_MAX];
};

struct talc_server {
    talc_configuration configuration;
    talc_server_engine tls; /**< without a class where it is not served */
    talc_server_engine ecc;
    talc_journal *journal;
    talc_route *routes;
    talc_route_target discovery;
    talc_listening listenings[TALC_LISTENERS_MAX];
    size_t listening_count;
    uint8_t table_secret[TALC_HMAC_KEY_SIZE];
    talc_served *by_key; /**< hash */
    talc_served *served; /**< list, oldest state first */
    size_t half_open_count;
    size_t open_count;
    size_t tombstone_count;
    size_t refused_count;
    char *body; /**< for composing; body_size_max bytes */
    bool is_inside; /**< a call of this server is under way: handlers must not process or wait */
};

/** How an answer is to be made, and where it goes. */
typedef struct talc_answering {
    talc_listening *listening;
    void *handle;
    talc_composition how;
} talc_answering;

/* server_exchange.c: requests and their answers, however they came */

/** Who serves a request; NULL, and `*code` says with what it is refused. */
const talc_route_target *talc_server_target(talc_server *server, const talc_frame *frame,
                                            uint8_t *code);

/** Runs the handler. The exchange is the handler's from now on. */
void talc_exchange_run(talc_exchange *exchange, const talc_route_target *target,
                       const talc_frame *frame);

/* server_discovery.c */

/** The handler of TALC_DISCOVERY_PATH; `server` is the talc_server. */
void talc_server_discover(void *server, talc_exchange *exchange, const talc_request *request);

/* server_listening.c: listeners of either kind */

/** Opens; on error `failure` tells why. */
talc_status talc_listening_open(talc_listening *listening, const char *uri, talc_failure *failure);
void talc_listening_close(talc_listening *listening);

talc_status talc_listening_process(talc_listening *listening);
uint32_t talc_listening_timeout_ms(const talc_listening *listening);
int talc_listening_descriptor(const talc_listening *listening);
uint16_t talc_listening_port(const talc_listening *listening);

/** Adds the sessions that a direct listener has by itself. */
void talc_listening_count(const talc_listening *listening, talc_server_info *info);

/* server_direct.c: requests as messages */

/** The callbacks of a direct listener. */
talc_direct_server_events talc_listening_events(talc_listening *listening);

/** Answers a direct exchange. Statuses of talc_direct_server.reply(). */
talc_status talc_listening_respond(talc_exchange *exchange, const talc_frame *response);

/** Parts the exchanges from the listener, which is about to go. */
void talc_listening_orphan(talc_listening *listening);

/* session_table.c: which sessions there are */

uint64_t talc_server_now_ms(const talc_server *server);

talc_served *talc_table_find(talc_server *server, const uint8_t *session_id);

/** Files a session under its id. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_table_add(talc_server *server, const uint8_t *session_id, talc_served *served);

void talc_table_remove(talc_served *served);

/** Files it under a later state, as the youngest of it. */
void talc_table_move(talc_served *served, talc_served_state state);

/** The one that has had this state longest, or NULL; a busy one is passed over. */
talc_served *talc_table_oldest(const talc_server *server, talc_served_state state);

/* server_answer.c: answers out, and polls whose answer is held */

/** Answers without a session. */
void talc_listening_reply_error(talc_listening *listening, void *handle, uint64_t request,
                                talc_envelope_error error);

/** Composes an answer from the session's state and sends it. */
void talc_served_answer(talc_served *served, const talc_answering *to);

/** The last answer that travels block-wise, once more; and forgets it. */
void talc_served_repeat_long_answer(talc_served *served, talc_listening *listening, void *handle);
void talc_served_drop_long_answer(talc_served *served);

/** Whether an answer made now would tell the client anything. */
bool talc_served_has_something_to_say(const talc_served *served);

/** Whether the answer to this envelope may be held, and holding it. */
bool talc_served_may_hold(const talc_served *served, const talc_envelope *envelope);
void talc_served_hold(talc_served *served, const talc_envelope *envelope,
                      const talc_answering *to);

/** Answers a held poll, if there is one, with what there is to say; bare: without records. */
void talc_served_release(talc_served *served);
void talc_served_release_bare(talc_served *served);

/* server_session.c: messages inside a session, handlers, its end */

/** Queues a response. TALC_ERROR_MEMORY ends the session; otherwise as talc_conversation_queue(). */
talc_status talc_served_respond(talc_served *served, const talc_frame *frame);

/** Fills in what is known of a session that is open. */
void talc_served_describe(const talc_served *served, talc_session_info *info);

/** The callbacks of a session's conversation. */
talc_conversation_events talc_served_events(talc_served *served);

/** Reads what the session holds, runs handlers, and looks whether it has opened or ended. */
void talc_served_read(talc_served *served);

/** After a handler has answered later: makes records, and answers a held poll with them. */
void talc_served_settle(talc_served *served);

/** Ends the exchanges and the conversation of a session; its requests get no answer any more. */
void talc_served_orphan(talc_served *served);

/** Gives up all but the session's last words. */
void talc_served_entomb(talc_served *served);

/** Whether that was done. */
bool talc_served_has_ended(const talc_served *served);

/** Tells the application's event callback. */
void talc_served_tell(const talc_served *served, talc_event_kind kind,
                      const talc_failure *failure);

/* server_lifetime.c: who is admitted, and when sessions end */

/** Begins a session with this engine; talc_server_trim() makes room for it once it has shown to be worth it.
 * TALC_ERROR_OVERLOADED, TALC_ERROR_MEMORY, or what the engine says. */
talc_status talc_served_admit(talc_server *server, const talc_server_engine *engine,
                              const uint8_t *session_id, talc_served **admitted);

void talc_served_free(talc_served *served);

/** Ends what has been half-open, idle, or dead for too long, and answers polls held long enough. */
void talc_server_expire(talc_server *server, uint64_t now_ms);

/** Removes the oldest half-open and ended sessions above their bounds. */
void talc_server_trim(talc_server *server);

/** When talc_server_expire() has something to do; UINT64_MAX: never. */
uint64_t talc_server_next_ms(const talc_server *server);

/* server_inbound.c: one request body */

void talc_server_take_inbound(void *listening, const talc_inbound *inbound);
int talc_server_knows(void *listening, const uint8_t *session_id);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_CLIENT_STATE_H
#define TALC_LIB_CLIENT_STATE_H

/**
 * The inside of a client, for its files. Each calls only those below it:
 *
 *   client.c              the public calls, deadlines and waiting
 *     client_direct.c     the way of `none` and `dtls`: each request is a message
 *     client_tunnel.c     the way of `tls` and `ecc`:
 *       client_exchange.c   what the plan says, answers in, and what the path's failures mean
 *       client_session.c    a session's life, messages inside it
 *       client_envelope.c   envelopes out
 *   client_requests.c     what has no answer yet
 *
 * Flow of a tunnel: talc_client_process() -> carrier.process() -> answer -> session, conversation ->
 * callbacks; then the plan of the exchanges -> session -> carrier.send(), until nothing is to be sent
 * now.
 */

#include "lib/client_requests.h"
#include "lib/configuration.h"
#include "lib/direct.h"
#include "lib/exchanges.h"
#include "records/journal.h"
#include "talc/client.h"

/** One way to the server. */
typedef struct talc_client_path {
    const talc_carrier *carrier;
    void *link;
    talc_carrier_limits carried; /**< what it says that it can carry */
    talc_carrier_limits limits;  /**< the same, or less once it has shown less */
    unsigned answered;           /**< exchanges since it showed that */
    talc_failure failure;       /**< the last thing that it refused */
} talc_client_path;

/** Where a client's requests go. */
typedef struct talc_client_ends {
    const char *uri;
    const char *proxy_uri; /**< or NULL */
} talc_client_ends;

/** What differs between the modes that tunnel and those that do not. `receive`, `drive`, `keep_time`
 * and `time_out` run within talc_client_process(). */
typedef struct talc_client_way {
    talc_status (*set_up)(talc_client *client, talc_failure *failure);
    /** Opens a path and puts it in the place of the one before, if there is one; on error that
     * stays. */
    talc_status (*open)(talc_client *client, const talc_client_ends *ends, talc_failure *failure);
    void (*free)(talc_client *client);
    talc_status (*receive)(talc_client *client);
    void (*drive)(talc_client *client);
    void (*keep_time)(talc_client *client, uint64_t now_ms);
    /** The deadline of a request has passed: completes it. */
    void (*time_out)(talc_client *client, talc_client_request *request);
    /** A request is about to be completed: what has not begun to leave is not to leave any more. */
    void (*withdraw)(talc_client *client, talc_client_request *request);
    int (*descriptor)(const talc_client *client);
    uint32_t (*timeout_ms)(const talc_client *client, uint64_t now_ms);
    void (*describe)(const talc_client *client, talc_session_info *info);
    /** True: the server has to confirm it, and `is_closed` tells when. */
    bool (*say_goodbye)(talc_client *client);
    bool (*is_closed)(const talc_client *client);
} talc_client_way;

extern const talc_client_way talc_client_tunnelled;
extern const talc_client_way talc_client_direct;

struct talc_client {
    talc_configuration configuration;
    const talc_client_way *way;
    char server_name[TALC_HOST_SIZE_MAX];
    talc_client_requests requests;
    bool is_closing;
    uint64_t closing_until_ms; /**< then the server's confirmation is not waited for any more */
    bool is_inside; /**< a call of this client is under way: callbacks must not wait */
    talc_failure failure;

    /* direct */
    const talc_direct_client *direct;
    void *direct_link;
    talc_failure direct_failure; /**< why the last try came to nothing */
    bool direct_is_full; /**< requests wait until one of those under way has ended */

    /* tunnelled */
    void *engine_context;
    const talc_engine_class *engine_class;
    talc_journal *journal;
    talc_client_path path;
    talc_exchanges exchanges;
    char *body; /**< for composing; body_size_max bytes */

    talc_session *session; /**< NULL between sessions */
    talc_conversation conversation;
    bool replaces_session; /**< the next session's CSM names this one */
    uint8_t replaced_id[TALC_SESSION_ID_SIZE];
    talc_peer replaced_peer; /**< its server */
    uint64_t next_session_ms; /**< not before this time */
    uint32_t next_session_delay_ms; /**< grows while handshakes fail that the path may have spoilt */
    uint64_t heard_ms; /**< when the last envelope of the session was taken */
    talc_session_info counters;
};

/* client_envelope.c */

/** Whether the path takes bodies that need more than one message. */
bool talc_client_carries_large_bodies(const talc_client *client);

/** Composes the envelope of an exchange and hands it to the carrier. Statuses of
 * talc_session_compose() and talc_carrier.send(). */
talc_status talc_client_submit(talc_client *client, const talc_exchange_plan *plan,
                               const talc_open_exchange *open);

/** Sends what an ended session has left to say (an alert, an Abort), so that the server learns why,
 * and waits for no answer. */
void talc_client_say_last_words(talc_client *client);

/* client_session.c */

/** Whether the pause after a handshake that failed is over. */
bool talc_client_may_start_session(const talc_client *client);

/** Opens a session if requests wait for one, and queues what may go into it. */
void talc_client_ensure_session(talc_client *client);

/** Reads what the session holds now and acts on its end, if it has come. */
void talc_client_read_session(talc_client *client);

/** The server does not know the session any more, or its state went back. */
void talc_client_lose_session(talc_client *client, const char *reason);

/** Ends the session without another word; requests are not touched. */
void talc_client_drop_session(talc_client *client);

/** Whether something has to come from the server. */
bool talc_client_expects(const talc_client *client);

/* client_exchange.c */

void talc_client_take_answer(void *client, const talc_carrier_answer *answer);

/** Sends what the plan of the exchanges says should be sent by now. */
void talc_client_drive(talc_client *client);

/** Milliseconds until the plan has something to do. */
uint32_t talc_client_plan_timeout_ms(const talc_client *client, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_SESSION_H
#define TALC_LIB_SESSION_H

/**
 * One session, sans I/O: envelopes go in and come out, plaintext goes in and comes out, time comes
 * in as a number. No socket, clock, thread or global. The same code serves both roles; when to send
 * is for the client's exchanges (exchanges.h) and the server (server.h) to say.
 *
 *            plaintext                      envelopes
 *   conversation <-> engine <-> send stream / receive stream <-> packing, guard <-> text
 *
 * Envelopes are always read and engine output is always taken; only plaintext is braked, by
 * `pipeline_size`. The first error sticks in `status`; a session that has one still answers with
 * what it had to say last (an alert, a close_notify).
 */

#include "lib/engine.h"
#include "lib/packing.h"
#include "lib/receive_stream.h"
#include "lib/send_stream.h"
#include "lib/sighting.h"
#include "talc/client.h"

typedef struct talc_session {
    talc_role role;
    uint8_t id[TALC_SESSION_ID_SIZE];
    const talc_engine_class *engine_class;
    void *engine; /**< owned; NULL once the session is a tombstone */
    talc_send_stream out;
    talc_receive_stream in;
    bool is_established; /**< the handshake is over on this side, `facts` are there */
    bool has_keys;       /**< `keys` are there: never later than that */
    talc_guard_keys keys;
    bool peer_tags; /**< the peer tags all that it composes from now on: its CSM said so, or a right
                         tag did, for it tags from the end of its handshake on */
    bool is_finished; /**< this side has said goodbye */
    talc_engine_facts facts; /**< once established */
    talc_status status;      /**< TALC_OK, or what ended the session */
    talc_failure failure;
    size_t pipeline_size;
    size_t message_size; /**< of a body: what records of plaintext are cut for */
    uint64_t dropped;    /**< envelopes */
    talc_sightings sightings;
    uint64_t request; /**< `i` of the envelope under way, for the sightings */
    uint64_t now_ms;  /**< likewise */
} talc_session;

typedef struct talc_session_setup {
    talc_role role;
    const uint8_t *id; /**< TALC_SESSION_ID_SIZE bytes */
    const talc_engine_class *engine_class;
    void *engine_context;
    const char *server_name;
    size_t pipeline_size;
    size_t message_size;
    talc_observer observer;
} talc_session_setup;

/** Begins a session; all of `setup` but the engine's context is copied or only used now.
 * TALC_ERROR_MEMORY or what the engine says; `failure` is never NULL. */
talc_status talc_session_new(talc_session **session, const talc_session_setup *setup,
                             talc_failure *failure);
void talc_session_free(talc_session *session);

/** Gives the engine's memory up and keeps what is needed to repeat the last words. */
void talc_session_entomb(talc_session *session);

/** Why an envelope was not taken. */
typedef enum talc_intake_result {
    TALC_INTAKE_TAKEN = 0,
    TALC_INTAKE_DROPPED,   /**< its guard tag is wrong or missing, or it acknowledges what was never
                                sent: nothing that it says counts */
    TALC_INTAKE_LOST_STATE /**< taken, but the other side wants bytes again that it had acknowledged:
                                true of an envelope that the path delayed, bad news in the newest */
} talc_intake_result;

typedef struct talc_intake {
    talc_intake_result result;
    bool is_vouched_for; /**< the guard tag is right: the peer wrote every field */
    bool brought_news;   /**< the stream went on by it, or our stream was acknowledged further */
} talc_intake;

/**
 * Takes an envelope of the other side: checks its tag, its acknowledgement and its range, and feeds
 * the engine. The session's status may become an error by it. Plaintext is then there for
 * talc_session_read().
 */
void talc_session_take(talc_session *session, const talc_envelope *envelope, uint64_t now_ms,
                       talc_intake *intake);

/** How an envelope is to be composed. */
typedef struct talc_composition {
    uint64_t request;         /**< `i` */
    bool from_acknowledged;   /**< repeat everything that is not acknowledged yet */
    bool without_records;     /**< say nothing but the fields */
    bool more_waits;          /**< there is plaintext that no record holds yet */
    talc_carrier_limits limits;
    uint32_t body_limit;      /**< `b` */
    uint32_t hold_s;          /**< `w` */
    talc_envelope_error error; /**< `e` */
    uint64_t now_ms;
} talc_composition;

/** Writes the next envelope into `text`; `*size` becomes its size. TALC_ERROR_TOO_LARGE if `capacity`
 * is less than the limits say; TALC_ERROR_RANDOM. */
talc_status talc_session_compose(talc_session *session, const talc_composition *how, char *text,
                                 size_t capacity, size_t *size);

/** Whether the envelope's range ends where the other side's stream has been read to, or before. */
bool talc_session_has_had(const talc_session *session, const talc_envelope *envelope);

/** Whether records wait that no envelope has carried. */
bool talc_session_has_unsent(const talc_session *session);

/** Whether plaintext would be taken now. */
bool talc_session_is_writable(const talc_session *session);

/** Largest plaintext of one record, for bodies of message_size. */
size_t talc_session_plaintext_max(const talc_session *session);

/** Makes one record. TALC_WANT_ROOM: the pipeline is full or the handshake is not over. */
talc_status talc_session_write(talc_session *session, const uint8_t *plaintext, size_t size);

/** Gives plaintext. TALC_WANT_INPUT: none now; TALC_ERROR_CLOSED: the peer said goodbye; or the
 * session's error. */
talc_status talc_session_read(talc_session *session, uint8_t *plaintext, size_t capacity,
                              size_t *size);

/** Says goodbye (close_notify) unless that was done. */
talc_status talc_session_finish(talc_session *session);

bool talc_session_is_established(const talc_session *session);

/** Fills in what the session itself knows; `is_open` and the counters of its owner stay. */
void talc_session_describe(const talc_session *session, talc_session_info *info);

/** Of a session that ended with an error before it was open: whether it counts, or may be the path's
 * invention (talc_engine_class.is_final). */
bool talc_session_error_is_final(const talc_session *session);

#endif

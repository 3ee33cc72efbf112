/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_CONVERSATION_H
#define TALC_LIB_CONVERSATION_H

/**
 * The CoAP messages inside one session (RFC 8323): turns plaintext into frames and back, keeps the
 * frames that wait for their turn, and answers the signaling messages that both roles answer alike.
 * Requests and responses go to the owner.
 */

#include "lib/framing.h"
#include "lib/session.h"

/** A message on its way out. */
typedef struct talc_outgoing {
    struct talc_outgoing *next;
    size_t size;
    size_t written; /**< bytes that are in records already */
    void *tag;      /**< of the owner, for `written`; NULL once that was called */
    uint8_t bytes[];
} talc_outgoing;

typedef struct talc_conversation_events {
    /** A message that the owner has to act on: a request, a response, the peer's first CSM (7.01),
     * Release (7.04). The frame is valid during the call. */
    void (*frame)(void *context, const talc_frame *frame);
    /** The message with this tag begins to leave: from now on the peer may act on it. */
    void (*written)(void *context, void *tag);
    void *context;
} talc_conversation_events;

typedef struct talc_conversation {
    talc_session *session; /**< borrowed */
    talc_conversation_events events;
    uint32_t message_size_max;      /**< what we take and announce */
    uint32_t peer_message_size_max; /**< what the peer takes */
    bool has_peer_csm;
    bool is_aborted;
    talc_outgoing *first;
    talc_outgoing *last;
    size_t queued_size;     /**< bytes of messages that are in no record yet, and of their upkeep */
    size_t queued_size_max; /**< the peer asks for more and takes nothing: the session ends */
    uint8_t *in;        /**< owned: an unfinished message */
    size_t in_size;
    size_t in_capacity;
} talc_conversation;

void talc_conversation_init(talc_conversation *conversation, talc_session *session,
                            uint32_t message_size_max, const talc_conversation_events *events);
void talc_conversation_free(talc_conversation *conversation);

/** Queues a frame. TALC_ERROR_TOO_LARGE: above what the peer takes (after its CSM) or RFC 8323's
 * base (never before: then it waits for the CSM); TALC_ERROR_MEMORY, also when queued_size_max is
 * reached; TALC_ERROR_ARGUMENT. */
talc_status talc_conversation_queue(talc_conversation *conversation, const talc_frame *frame,
                                    void *tag);

/** The same with a message that is encoded already. */
talc_status talc_conversation_queue_bytes(talc_conversation *conversation, const uint8_t *bytes,
                                          size_t size, void *tag);

/** Queues our CSM. `other_session` NULL: it names none; else a client's CSM says that it replaces
 * that session, a server's that it is no more. */
talc_status talc_conversation_queue_csm(talc_conversation *conversation,
                                        const uint8_t *other_session);

/** Takes a message with this tag out of the queue if it has not begun to leave; true if it was
 * there. */
bool talc_conversation_withdraw(talc_conversation *conversation, const void *tag);

/** Makes records of what waits, as many as the next envelope can use. */
void talc_conversation_flush(talc_conversation *conversation);

/** The same with all that waits, before the session ends. */
void talc_conversation_drain(talc_conversation *conversation);

/** Reads all plaintext that is there and hands its messages on. The session's status tells of
 * errors; a peer that breaks RFC 8323 is sent an Abort. */
void talc_conversation_read(talc_conversation *conversation);

/** Ends the session with an Abort that says `reason` (RFC 8323 section 5.6). */
void talc_conversation_abort(talc_conversation *conversation, const char *reason);

/** Whether messages wait that could be written now or after a handshake. */
bool talc_conversation_has_queued(const talc_conversation *conversation);

#endif

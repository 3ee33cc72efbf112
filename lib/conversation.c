/* SPDX-License-Identifier: MIT */
#include "lib/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/failure.h"

#define PLAINTEXT_CHUNK 1024 /* above what one record for a body of 1023 bytes takes */
#define READ_CHUNK 2048

void talc_conversation_init(talc_conversation *conversation, talc_session *session,
                            uint32_t message_size_max, const talc_conversation_events *events)
{
    memset(conversation, 0, sizeof *conversation);
    conversation->session = session;
    conversation->message_size_max = message_size_max;
    conversation->peer_message_size_max = TALC_MESSAGE_SIZE_BASE;
    conversation->queued_size_max = session->pipeline_size + 3 * (size_t)message_size_max;
    conversation->events = *events;
}

static void outgoing_free(talc_outgoing *outgoing)
{
    talc_wipe(outgoing, sizeof *outgoing + outgoing->size);
    free(outgoing);
}

static void drop_first(talc_conversation *conversation)
{
    talc_outgoing *first = conversation->first;
    conversation->queued_size -= sizeof *first + first->size - first->written;
    conversation->first = first->next;
    if (conversation->first == NULL) {
        conversation->last = NULL;
    }
    outgoing_free(first);
}

static void free_input(talc_conversation *conversation)
{
    if (conversation->in != NULL) {
        talc_wipe(conversation->in, conversation->in_capacity);
        free(conversation->in);
    }
    conversation->in = NULL;
    conversation->in_size = conversation->in_capacity = 0;
}

void talc_conversation_free(talc_conversation *conversation)
{
    while (conversation->first != NULL) {
        drop_first(conversation);
    }
    free_input(conversation);
}

/* ---------------------------------------------------------------- out */

static talc_outgoing *outgoing_new(size_t capacity, void *tag)
{
    talc_outgoing *outgoing = malloc(sizeof *outgoing + capacity);
    if (outgoing != NULL) {
        outgoing->next = NULL;
        outgoing->size = capacity;
        outgoing->written = 0;
        outgoing->tag = tag;
    }
    return outgoing;
}

static talc_status append(talc_conversation *conversation, talc_outgoing *outgoing)
{
    if (conversation->has_peer_csm && outgoing->size > conversation->peer_message_size_max) {
        outgoing_free(outgoing);
        return TALC_ERROR_TOO_LARGE;
    }
    if (conversation->queued_size + sizeof *outgoing + outgoing->size >
        conversation->queued_size_max) {
        outgoing_free(outgoing);
        return TALC_ERROR_MEMORY;
    }
    if (conversation->last == NULL) {
        conversation->first = outgoing;
    } else {
        conversation->last->next = outgoing;
    }
    conversation->last = outgoing;
    conversation->queued_size += sizeof *outgoing + outgoing->size;
    return TALC_OK;
}

talc_status talc_conversation_queue(talc_conversation *conversation, const talc_frame *frame,
                                    void *tag)
{
    talc_outgoing *outgoing = outgoing_new(talc_frame_size_max(frame), tag);
    if (outgoing == NULL) {
        return TALC_ERROR_MEMORY;
    }
    size_t capacity = outgoing->size;
    talc_status status = talc_frame_write(frame, outgoing->bytes, capacity, &outgoing->size);
    if (status != TALC_OK) {
        outgoing->size = 0;
        outgoing_free(outgoing);
        return status;
    }
    return append(conversation, outgoing);
}

talc_status talc_conversation_queue_bytes(talc_conversation *conversation, const uint8_t *bytes,
                                          size_t size, void *tag)
{
    talc_outgoing *outgoing = outgoing_new(size, tag);
    if (outgoing == NULL) {
        return TALC_ERROR_MEMORY;
    }
    memcpy(outgoing->bytes, bytes, size);
    return append(conversation, outgoing);
}

talc_status talc_conversation_queue_csm(talc_conversation *conversation,
                                        const uint8_t *other_session)
{
    talc_frame frame;
    talc_frame_init(&frame, TALC_CODE_CSM);
    frame.max_message_size = conversation->message_size_max;
    frame.guard = true;
    if (other_session != NULL) {
        frame.replaces = conversation->session->role == TALC_ROLE_CLIENT;
        frame.replaced = !frame.replaces;
        memcpy(frame.other_session, other_session, TALC_SESSION_ID_SIZE);
    }
    return talc_conversation_queue(conversation, &frame, NULL);
}

bool talc_conversation_withdraw(talc_conversation *conversation, const void *tag)
{
    talc_outgoing *before = NULL;
    talc_outgoing *at = conversation->first;
    while (at != NULL && at->tag != tag) {
        before = at;
        at = at->next;
    }
    if (at == NULL || at->written > 0) {
        return false;
    }
    if (before == NULL) {
        drop_first(conversation);
        return true;
    }
    before->next = at->next;
    conversation->last = conversation->last == at ? before : conversation->last;
    conversation->queued_size -= sizeof *at + at->size;
    outgoing_free(at);
    return true;
}

bool talc_conversation_has_queued(const talc_conversation *conversation)
{
    return conversation->first != NULL;
}

/* RFC 8323 section 5.3.1: the base size holds until the peer's CSM has been read. */
static bool may_leave(const talc_conversation *conversation, const talc_outgoing *outgoing)
{
    return outgoing->size <= conversation->peer_message_size_max;
}

/* Gathers plaintext for one record out of as many messages as it takes. */
static size_t gather(talc_conversation *conversation, uint8_t *plaintext, size_t capacity)
{
    size_t size = 0;
    while (size < capacity && conversation->first != NULL &&
           may_leave(conversation, conversation->first)) {
        talc_outgoing *first = conversation->first;
        size_t left = first->size - first->written;
        size_t part = left < capacity - size ? left : capacity - size;
        if (first->written == 0 && first->tag != NULL) {
            conversation->events.written(conversation->events.context, first->tag);
            first->tag = NULL; /* the owner may free what it names while the rest still leaves */
        }
        memcpy(plaintext + size, first->bytes + first->written, part);
        size += part;
        first->written += part;
        conversation->queued_size -= part;
        if (first->written == first->size) {
            drop_first(conversation);
        }
    }
    return size;
}

/* More records than the next body holds would only be cut for a path that may change. */
static bool body_is_full(const talc_conversation *conversation)
{
    const talc_send_stream *out = &conversation->session->out;
    return talc_send_stream_end(out) - out->carried >=
           talc_pack_fragment_size(conversation->session->message_size);
}

/* Makes one record; false if nothing waits or nothing is taken. */
static bool write_record(talc_conversation *conversation)
{
    uint8_t plaintext[PLAINTEXT_CHUNK];
    talc_session *session = conversation->session;
    if (!talc_session_is_writable(session)) {
        return false;
    }
    size_t capacity = talc_session_plaintext_max(session);
    size_t size = gather(conversation, plaintext,
                         capacity < sizeof plaintext ? capacity : sizeof plaintext);
    bool is_written = size > 0 && talc_session_write(session, plaintext, size) == TALC_OK;
    talc_wipe(plaintext, sizeof plaintext);
    return is_written;
}

void talc_conversation_flush(talc_conversation *conversation)
{
    while (!body_is_full(conversation) && write_record(conversation)) {
    }
}

void talc_conversation_drain(talc_conversation *conversation)
{
    while (write_record(conversation)) {
    }
}

/* ---------------------------------------------------------------- in */

static void end_session(talc_conversation *conversation, talc_status status, const char *text)
{
    talc_session *session = conversation->session;
    conversation->is_aborted = true;
    if (session->status == TALC_OK) {
        talc_session_finish(session);
    }
    if (session->status == TALC_OK) {
        session->status = status;
        talc_failure_set(&session->failure, TALC_STAGE_SESSION, status, "%s", text);
    }
}

void talc_conversation_abort(talc_conversation *conversation, const char *reason)
{
    talc_frame frame;
    char text[160];
    talc_frame_init(&frame, TALC_CODE_ABORT);
    frame.payload = (const uint8_t *)reason;
    frame.payload_size = strlen(reason);
    /* Behind half a message an Abort would be read as the rest of it. */
    bool is_between_messages = conversation->first == NULL || conversation->first->written == 0;
    while (conversation->first != NULL) {
        drop_first(conversation);
    }
    if (is_between_messages && talc_conversation_queue(conversation, &frame, NULL) == TALC_OK) {
        talc_conversation_drain(conversation);
    }
    snprintf(text, sizeof text, "the peer broke CoAP inside the session: %s", reason);
    end_session(conversation, TALC_ERROR_PROTOCOL, text);
}

static void answer_ping(talc_conversation *conversation, const talc_frame *ping)
{
    talc_frame pong;
    talc_frame_init(&pong, TALC_CODE_PONG);
    pong.token_size = ping->token_size;
    memcpy(pong.token, ping->token, sizeof pong.token);
    if (talc_conversation_queue(conversation, &pong, NULL) != TALC_OK) {
        talc_conversation_abort(conversation, "answers are asked for and not taken");
    }
}

static void take_csm(talc_conversation *conversation, const talc_frame *frame)
{
    talc_session *session = conversation->session;
    bool is_first = !conversation->has_peer_csm;
    if (frame->max_message_size != 0) {
        conversation->peer_message_size_max = frame->max_message_size;
    }
    conversation->has_peer_csm = true;
    session->peer_tags = session->peer_tags || frame->guard;
    if (is_first) {
        conversation->events.frame(conversation->events.context, frame);
    }
}

static void take_abort(talc_conversation *conversation, const talc_frame *frame)
{
    char text[200];
    size_t size = 0;
    for (; size < frame->payload_size && size < sizeof text - 1; size++) {
        uint8_t byte = frame->payload[size];
        text[size] = byte >= 0x20 && byte < 0x7F ? (char)byte : '.';
    }
    text[size] = 0;
    char whole[256];
    snprintf(whole, sizeof whole, "the peer aborted the session: %s",
             size == 0 ? "no reason given" : text);
    end_session(conversation, TALC_ERROR_PROTOCOL, whole);
}

static void take_signal(talc_conversation *conversation, const talc_frame *frame)
{
    if (frame->refused_option != 0) {
        talc_conversation_abort(conversation, "a critical signaling option is not known here");
        return;
    }
    switch (frame->code) {
    case TALC_CODE_CSM:
        take_csm(conversation, frame);
        break;
    case TALC_CODE_PING:
        answer_ping(conversation, frame);
        break;
    case TALC_CODE_RELEASE:
        conversation->events.frame(conversation->events.context, frame);
        break;
    case TALC_CODE_ABORT:
        take_abort(conversation, frame);
        break;
    default: /* Pong, and codes that RFC 8323 section 5.1 tells to ignore */
        break;
    }
}

static void take_message(talc_conversation *conversation, const uint8_t *bytes, size_t size)
{
    talc_frame frame;
    talc_status status = talc_frame_read(bytes, size, &frame);
    if (status == TALC_ERROR_TOO_LARGE) {
        talc_conversation_abort(conversation, "a path or query is longer than 256 bytes");
    } else if (status != TALC_OK) {
        talc_conversation_abort(conversation, "a message cannot be read");
    } else if (!conversation->has_peer_csm && frame.code != TALC_CODE_CSM &&
               frame.code != TALC_CODE_ABORT) {
        talc_conversation_abort(conversation, "the first message has to be a CSM");
    } else if (frame.code >> 5 == 7) {
        take_signal(conversation, &frame);
    } else if (frame.code != TALC_CODE_EMPTY) {
        conversation->events.frame(conversation->events.context, &frame);
    }
}

/* A payload ends its message; applications are promised a NUL behind it. */
static void take_terminated(talc_conversation *conversation, size_t at, size_t size)
{
    uint8_t next = conversation->in[at + size];
    conversation->in[at + size] = 0;
    take_message(conversation, conversation->in + at, size);
    conversation->in[at + size] = next;
}

/* Hands on the whole messages at the front of the input. */
static void take_frames(talc_conversation *conversation)
{
    size_t at = 0;
    while (conversation->session->status == TALC_OK && !conversation->is_aborted) {
        uint64_t size;
        talc_status status =
            talc_frame_measure(conversation->in + at, conversation->in_size - at, &size);
        if (status < TALC_OK) {
            talc_conversation_abort(conversation, "a message has no header that can be read");
            return;
        }
        if (status == TALC_OK && size > conversation->message_size_max) {
            talc_conversation_abort(conversation, "a message is larger than Max-Message-Size");
            return;
        }
        if (status != TALC_OK || size > conversation->in_size - at) {
            break;
        }
        take_terminated(conversation, at, (size_t)size);
        at += (size_t)size;
    }
    conversation->in_size -= at;
    memmove(conversation->in, conversation->in + at, conversation->in_size);
}

static bool reserve_input(talc_conversation *conversation)
{
    size_t wanted = conversation->in_size + READ_CHUNK + 1; /* one for take_terminated() */
    if (wanted <= conversation->in_capacity) {
        return true;
    }
    if (conversation->in_capacity > 0 && wanted < 2 * conversation->in_capacity) {
        wanted = 2 * conversation->in_capacity; /* at most message_size_max and a half more */
    }
    uint8_t *in = malloc(wanted);
    if (in == NULL) {
        return false;
    }
    if (conversation->in_size > 0) {
        memcpy(in, conversation->in, conversation->in_size);
    }
    size_t in_size = conversation->in_size;
    free_input(conversation);
    conversation->in = in;
    conversation->in_size = in_size;
    conversation->in_capacity = wanted;
    return true;
}

void talc_conversation_read(talc_conversation *conversation)
{
    talc_session *session = conversation->session;
    while (session->status == TALC_OK && !conversation->is_aborted) {
        size_t size;
        if (!reserve_input(conversation)) {
            end_session(conversation, TALC_ERROR_MEMORY, "out of memory");
            return;
        }
        if (talc_session_read(session, conversation->in + conversation->in_size, READ_CHUNK,
                              &size) != TALC_OK) {
            break;
        }
        conversation->in_size += size;
        take_frames(conversation);
    }
    if (conversation->in_size == 0) {
        free_input(conversation); /* idle sessions keep no buffer */
    }
}

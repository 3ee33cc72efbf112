/* SPDX-License-Identifier: MIT */
#include "tampering.h"

#include <stdlib.h>
#include <string.h>

#include "attacks.h"

#define SESSIONS_MAX 64
#define SEEN_MAX 256 /* bodies; the oldest are forgotten */

/* Of a session that has passed. */
typedef struct seen_session {
    char id[TAMPERING_SESSION_SIZE + 1];
    unsigned bodies[2];
    unsigned long long stream_end[2];
} seen_session;

typedef struct seen_body {
    tampering_body body;
    size_t session; /* index */
    unsigned position;
    unsigned long long streams_before[2];
} seen_body;

typedef struct held_body {
    bool is_there;
    tampering_hold until;
    tampering_body body;
} held_body;

struct tampering {
    tampering_order order;
    tampering_events events;
    seen_session sessions[SESSIONS_MAX];
    size_t session_count;
    seen_body *seen; /* SEEN_MAX of them, a ring */
    size_t seen_count;
    held_body held[2];
    unsigned applied;
    size_t applied_session; /* where the one attack of `at` was made */
};

/* ---------------------------------------------------------------- life */

tampering *tampering_new(const tampering_order *order, const tampering_events *events)
{
    tampering *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return NULL;
    }
    in->order = *order;
    in->events = *events;
    in->seen = calloc(SEEN_MAX, sizeof *in->seen);
    if (in->seen == NULL) {
        free(in);
        return NULL;
    }
    return in;
}

void tampering_free(tampering *in)
{
    if (in != NULL) {
        free(in->seen);
        free(in);
    }
}

unsigned tampering_applied(const tampering *in)
{
    return in->applied;
}

const tampering_order *tampering_order_of(const tampering *in)
{
    return &in->order;
}

void tampering_send(tampering *in, const tampering_body *body, tampering_way way)
{
    in->events.send(in->events.context, body, way);
}

/* ---------------------------------------------------------------- what has passed */

static bool is_session(const seen_session *session, const tampering_body *body)
{
    return strcmp(session->id, body->session) == 0;
}

/* When there are too many the last one is known for another. */
static size_t session_of(tampering *in, const tampering_body *body)
{
    for (size_t i = 0; i < in->session_count; i++) {
        if (is_session(&in->sessions[i], body)) {
            return i;
        }
    }
    if (in->session_count < SESSIONS_MAX) {
        in->session_count++;
    }
    seen_session *session = &in->sessions[in->session_count - 1];
    memset(session, 0, sizeof *session);
    memcpy(session->id, body->session, sizeof session->id);
    return in->session_count - 1;
}

/* The body that was seen `back` bodies ago, NULL if it is forgotten. */
static seen_body *seen_back(const tampering *in, size_t back)
{
    if (back >= in->seen_count || back >= SEEN_MAX) {
        return NULL;
    }
    return &in->seen[(in->seen_count - 1 - back) % SEEN_MAX];
}

static bool is_repeat(const seen_body *seen, size_t session, const tampering_body *body)
{
    return seen->session == session && seen->body.direction == body->direction &&
           seen->body.head_size == body->head_size &&
           memcmp(seen->body.head, body->head, body->head_size) == 0;
}

/* Records count where they end in their sender's stream: repeats do not add to it. */
static void follow_stream(seen_session *session, const tampering_body *body)
{
    unsigned long long end =
        envelope_text_number(&body->text, "n", 0) + envelope_text_range_size(&body->text);
    if (end > session->stream_end[body->direction]) {
        session->stream_end[body->direction] = end;
    }
}

static seen_body *remember(tampering *in, const tampering_body *body)
{
    size_t index = session_of(in, body);
    seen_session *session = &in->sessions[index];
    seen_body *seen;
    for (size_t back = 0; (seen = seen_back(in, back)) != NULL; back++) {
        if (is_repeat(seen, index, body)) {
            return seen;
        }
    }
    in->seen_count++;
    seen = seen_back(in, 0);
    seen->body = *body;
    seen->session = index;
    seen->position = ++session->bodies[body->direction];
    memcpy(seen->streams_before, session->stream_end, sizeof seen->streams_before);
    follow_stream(session, body);
    return seen;
}

static const seen_body *find_seen(const tampering *in, const tampering_body *like)
{
    const seen_body *seen;
    for (size_t back = 0; (seen = seen_back(in, back)) != NULL; back++) {
        if (is_session(&in->sessions[seen->session], like) &&
            is_repeat(seen, seen->session, like)) {
            return seen;
        }
    }
    return NULL;
}

/* The newest of this session, direction and position. */
static const tampering_body *find_position(const tampering *in, size_t session,
                                           tampering_direction direction, unsigned position)
{
    const seen_body *seen;
    for (size_t back = 0; (seen = seen_back(in, back)) != NULL; back++) {
        if (seen->session == session && seen->body.direction == direction &&
            seen->position == position) {
            return &seen->body;
        }
    }
    return NULL;
}

const tampering_body *tampering_before(const tampering *in, const tampering_body *like)
{
    const seen_body *seen = find_seen(in, like);
    return seen == NULL || seen->position < 2
               ? NULL
               : find_position(in, seen->session, like->direction, seen->position - 1);
}

static const tampering_body *find_older(const tampering *in, size_t session,
                                        tampering_direction direction, unsigned position)
{
    const tampering_body *found = NULL;
    while (session > 0 && found == NULL) {
        found = find_position(in, --session, direction, position);
    }
    return found;
}

const tampering_body *tampering_in_older_session(const tampering *in, const tampering_body *like)
{
    const seen_body *seen = find_seen(in, like);
    return seen == NULL ? NULL : find_older(in, seen->session, like->direction, seen->position);
}

const tampering_body *tampering_first_of_older_session(const tampering *in,
                                                       const tampering_body *like)
{
    const seen_body *seen = find_seen(in, like);
    return seen == NULL ? NULL : find_older(in, seen->session, TAMPERING_REQUEST, 1);
}

const tampering_body *tampering_last_request(const tampering *in, const tampering_body *like)
{
    const seen_body *seen;
    for (size_t back = 0; (seen = seen_back(in, back)) != NULL; back++) {
        if (is_session(&in->sessions[seen->session], like) &&
            seen->body.direction == TAMPERING_REQUEST) {
            return &seen->body;
        }
    }
    return NULL;
}

unsigned long long tampering_stream_end(const tampering *in, const tampering_body *like,
                                        tampering_direction direction)
{
    const seen_body *seen = find_seen(in, like);
    return seen != NULL ? seen->streams_before[direction] : 0;
}

/* ---------------------------------------------------------------- what is held back */

void tampering_hold_back(tampering *in, const tampering_body *body, tampering_hold until)
{
    in->held[body->direction] = (held_body){ true, until, *body };
}

static bool is_other(const tampering_body *one, const tampering_body *other)
{
    return strcmp(one->session, other->session) != 0;
}

/* The two bodies change places: each goes in the exchange of the other. */
static void send_swapped(tampering *in, const tampering_body *held, const tampering_body *came)
{
    tampering_body swapped = *held;
    swapped.text = came->text;
    tampering_send(in, &swapped, TAMPERING_PASSES);
    swapped = *came;
    swapped.text = held->text;
    tampering_send(in, &swapped, TAMPERING_PASSES);
}

/* True if what came has been sent on, with what was held. */
static bool release(tampering *in, const tampering_body *came)
{
    held_body *held = &in->held[came->direction];
    if (!held->is_there ||
        (held->until == TAMPERING_UNTIL_OTHER_SESSION && !is_other(&held->body, came))) {
        return false;
    }
    held->is_there = false;
    if (held->until == TAMPERING_UNTIL_OTHER_SESSION) {
        send_swapped(in, &held->body, came);
    } else {
        tampering_send(in, came, TAMPERING_PASSES);
        tampering_send(in, &held->body, TAMPERING_PASSES);
    }
    return true;
}

/* ---------------------------------------------------------------- a body comes */

static bool is_meant(const tampering *in, const seen_body *seen)
{
    const tampering_order *order = &in->order;
    if (order->attack == NULL || order->spares[seen->body.direction] ||
        seen->session + 1 < order->session) {
        return false;
    }
    if (order->at == 0) {
        return seen->position >= order->from;
    }
    return seen->position == order->at &&
           (in->applied == 0 || in->applied_session == seen->session);
}

static bool attack_with(tampering *in, const seen_body *seen)
{
    tampering_body body = seen->body;
    if (!is_meant(in, seen) || !in->order.attack->make(in, &body, in->order.argument)) {
        return false;
    }
    in->applied++;
    in->applied_session = seen->session;
    if (in->events.applied != NULL) {
        in->events.applied(in->events.context, &seen->body, seen->position);
    }
    return true;
}

void tampering_take(tampering *in, const tampering_body *came)
{
    const seen_body *seen = remember(in, came);
    if (in->events.came != NULL) {
        in->events.came(in->events.context, came, seen->position);
    }
    if (!release(in, came) && !attack_with(in, seen)) {
        tampering_send(in, came, TAMPERING_PASSES);
    }
}

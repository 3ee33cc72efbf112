/* SPDX-License-Identifier: MIT */
#include "tools/inspect_flows.h"

#include <string.h>

#define TOKENS_MAX 65536u
#define TRANSFERS_MAX 8192u
#define BODY_SIZE_MAX 65536u

/* Which session a request was for, to know its answer. */
typedef struct asked {
    UT_hash_handle hh;
    struct asked_key {
        char client[INSPECT_ADDRESS_SIZE];
        char server[INSPECT_ADDRESS_SIZE];
        uint8_t token[INSPECT_TOKEN_SIZE_MAX];
        size_t token_size;
    } key;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
} asked;

/* A body of one direction that comes in blocks. */
typedef struct transfer {
    UT_hash_handle hh;
    struct transfer_key {
        char client[INSPECT_ADDRESS_SIZE];
        char server[INSPECT_ADDRESS_SIZE];
        uint8_t session_id[TALC_SESSION_ID_SIZE];
        uint8_t direction;
    } key;
    uint8_t *bytes;
    size_t size;
    size_t message_max;
} transfer;

struct inspect_flows {
    asked *requests;
    transfer *transfers;
};

inspect_flows *inspect_flows_new(void)
{
    return calloc(1, sizeof(inspect_flows));
}

static void drop_transfer(inspect_flows *flows, transfer *gone)
{
    HASH_DEL(flows->transfers, gone);
    free(gone->bytes);
    free(gone);
}

void inspect_flows_free(inspect_flows *flows)
{
    if (flows == NULL) {
        return;
    }
    asked *request = NULL;
    asked *next_request = NULL;
    HASH_ITER (hh, flows->requests, request, next_request) {
        HASH_DEL(flows->requests, request);
        free(request);
    }
    transfer *body = NULL;
    transfer *next_body = NULL;
    HASH_ITER (hh, flows->transfers, body, next_body) {
        drop_transfer(flows, body);
    }
    free(flows);
}

/* ---------------------------------------------------------------- requests and their answers */

static struct asked_key key_of(const char *client, const char *server, const inspect_coap *message)
{
    struct asked_key key;
    memset(&key, 0, sizeof key);
    snprintf(key.client, sizeof key.client, "%s", client);
    snprintf(key.server, sizeof key.server, "%s", server);
    memcpy(key.token, message->token, message->token_size);
    key.token_size = message->token_size;
    return key;
}

static void remember(inspect_flows *flows, const struct asked_key *key, const uint8_t *session_id)
{
    asked *request = NULL;
    HASH_FIND(hh, flows->requests, key, sizeof *key, request);
    if (request == NULL) {
        if (HASH_COUNT(flows->requests) >= TOKENS_MAX) { /* the oldest one gives way */
            asked *oldest = flows->requests;
            HASH_DEL(flows->requests, oldest);
            free(oldest);
        }
        request = calloc(1, sizeof *request);
        if (request == NULL) {
            return;
        }
        request->key = *key;
        HASH_ADD(hh, flows->requests, key, sizeof request->key, request);
    }
    memcpy(request->session_id, session_id, TALC_SESSION_ID_SIZE);
}

/* ---------------------------------------------------------------- blocks */

static transfer *find_transfer(inspect_flows *flows, const struct transfer_key *key)
{
    transfer *found = NULL;
    HASH_FIND(hh, flows->transfers, key, sizeof *key, found);
    if (found != NULL) {
        return found;
    }
    if (HASH_COUNT(flows->transfers) >= TRANSFERS_MAX) {
        drop_transfer(flows, flows->transfers);
    }
    found = calloc(1, sizeof *found);
    if (found != NULL) {
        found->key = *key;
        HASH_ADD(hh, flows->transfers, key, sizeof found->key, found);
    }
    return found;
}

/* Appends a block; false: it is one that was there, one too many, or none that follows. */
static bool append(transfer *body, const inspect_block *block, const inspect_coap *message)
{
    if (block->offset == 0) {
        body->size = 0;
        body->message_max = 0;
    }
    if (block->offset != body->size || message->payload_size > BODY_SIZE_MAX - body->size ||
        message->payload_size == 0) {
        return false;
    }
    uint8_t *bytes = realloc(body->bytes, body->size + message->payload_size);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes + body->size, message->payload, message->payload_size);
    body->bytes = bytes;
    body->size += message->payload_size;
    body->message_max =
        message->payload_size > body->message_max ? message->payload_size : body->message_max;
    return true;
}

/* Takes a block; with the last one `whole` is the body. */
static bool take_block(inspect_flows *flows, const struct transfer_key *key,
                       const inspect_block *block, const inspect_coap *message, transfer **whole)
{
    *whole = find_transfer(flows, key);
    return *whole != NULL && append(*whole, block, message) && !block->more;
}

/* ---------------------------------------------------------------- both */

/* What one datagram amounts to. */
typedef struct taking {
    inspect_flows *flows;
    inspection *all;
    inspect_view *view;
    const inspect_coap *message;
    inspect_body body;
} taking;

static void hand_on(taking *now, const uint8_t *bytes, size_t size, size_t message_max)
{
    now->body.text = (const char *)bytes;
    now->body.size = size;
    now->body.message_max = message_max;
    inspection_take_body(now->all, now->view, &now->body);
}

/* A body that is in blocks, or whole in this message. */
static void take_part(taking *now, const inspect_block *block, const struct transfer_key *key)
{
    const inspect_coap *message = now->message;
    transfer *whole = NULL;
    if (!block->is_there || (block->offset == 0 && !block->more)) {
        hand_on(now, message->payload, message->payload_size, message->payload_size);
        return;
    }
    if (take_block(now->flows, key, block, message, &whole)) {
        hand_on(now, whole->bytes, whole->size, whole->message_max);
        drop_transfer(now->flows, whole);
    } else if (message->payload_size >= 1024) {
        inspect_spot spot = { now->view, NULL, now->body.place };
        inspection_note(now->all, INSPECT_LARGE_MESSAGE, spot,
                        "%zu bytes of payload in one message", message->payload_size);
    }
}

static void take_request(taking *now, const struct transfer_key *key)
{
    bool asks_for_block = now->message->payload_size == 0 && now->message->block2.is_there;
    if (!asks_for_block) {
        take_part(now, &now->message->block1, key);
    }
}

static void take_answer(taking *now, const struct transfer_key *key)
{
    char code[8];
    if (now->message->code == INSPECT_CODE_CONTINUE) {
        return;
    }
    snprintf(code, sizeof code, "%u.%02u", now->message->code >> 5, now->message->code & 31u);
    now->body.code = code;
    now->body.is_success = now->message->code >> 5 == 2;
    take_part(now, &now->message->block2, key);
}

/* The session of a datagram; NULL: none. `key` becomes what names its exchange. */
static const uint8_t *session_of(const inspect_flows *flows, const inspect_datagram *datagram,
                                 const inspect_coap *message, struct asked_key *key)
{
    asked *request = NULL;
    bool is_request = inspect_coap_is_request(message);
    *key = key_of(is_request ? datagram->source : datagram->destination,
                  is_request ? datagram->destination : datagram->source, message);
    if (is_request) {
        return message->has_session ? message->session_id : NULL;
    }
    HASH_FIND(hh, flows->requests, key, sizeof *key, request);
    return request == NULL ? NULL : request->session_id;
}

bool inspect_flows_know(const inspect_flows *flows, const inspect_datagram *datagram,
                        const inspect_coap *message)
{
    struct asked_key key;
    return session_of(flows, datagram, message, &key) != NULL;
}

void inspect_flows_take(inspect_flows *flows, inspection *all, inspect_view *view,
                        const inspect_datagram *datagram, const inspect_coap *message)
{
    struct asked_key asked_key;
    struct transfer_key key;
    const uint8_t *session_id = session_of(flows, datagram, message, &asked_key);
    bool is_request = inspect_coap_is_request(message);
    if (session_id == NULL) {
        return;
    }
    memset(&key, 0, sizeof key);
    memcpy(key.client, asked_key.client, sizeof key.client);
    memcpy(key.server, asked_key.server, sizeof key.server);
    memcpy(key.session_id, session_id, sizeof key.session_id);
    key.direction = is_request ? INSPECT_CLIENT : INSPECT_SERVER;
    taking now = { flows,
                   all,
                   view,
                   message,
                   { .time_us = datagram->time_us,
                     .place = datagram->frame,
                     .direction = is_request ? INSPECT_CLIENT : INSPECT_SERVER,
                     .session_id = key.session_id,
                     .client = key.client,
                     .code = "" } };
    if (is_request) {
        remember(flows, &asked_key, key.session_id);
        take_request(&now, &key);
    } else {
        take_answer(&now, &key);
    }
}

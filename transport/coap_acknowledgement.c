/* SPDX-License-Identifier: MIT */
/*
 * libcoap says nothing of empty acknowledgements. But it says when there is nothing left that it
 * would repeat, so with one message at a time (NSTART) what was acknowledged shows.
 *
 * Repeats of a separate response are acknowledged like the first one (RFC 7252 section 4.2), or the
 * server repeats it to the end, and with NSTART 1 says nothing else meanwhile. libcoap before 4.3.5
 * drops a repeat of the last one without a word. So when something was there to be read, no
 * callback came of it, and it was no acknowledgement, then it may have been such a repeat, and its
 * acknowledgement is sent again. One too many is four bytes that nobody minds.
 */
#include "transport/coap_client.h"

#include <poll.h>
#include <string.h>

#define REPEATS_END_MS 93000 /* MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2 */

int talc_coap_path_is_free(const talc_coap_path *path)
{
    return !path->is_unacknowledged ||
           path->client->transmission.above_nstart == TALC_COAP_SPREADS;
}

void talc_coap_path_note_sent(talc_coap_path *path, const uint8_t token[TALC_COAP_TOKEN_SIZE])
{
    path->is_unacknowledged = 1;
    memcpy(path->token, token, sizeof path->token);
}

void talc_coap_path_note_settled(talc_coap_path *path, const coap_pdu_t *pdu, uint64_t now_ms)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    if (token.length == sizeof path->token &&
        memcmp(token.s, path->token, sizeof path->token) == 0) {
        path->is_unacknowledged = 0;
    }
    if (COAP_RESPONSE_CLASS(coap_pdu_get_code(pdu)) >= 2 &&
        coap_pdu_get_type(pdu) == COAP_MESSAGE_CON) {
        path->separate_id = coap_pdu_get_mid(pdu);
        path->separate_ms = now_ms;
    }
}

/* ---------------------------------------------------------------- what nobody tells */

static int may_be_repeated(const talc_coap_path *path, uint64_t now_ms)
{
    return path->session != NULL && path->separate_ms != 0 &&
           now_ms - path->separate_ms < REPEATS_END_MS;
}

static size_t paths_count(const talc_coap_client *client)
{
    size_t count = 0;
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        count += client->paths[i].session != NULL ? 1 : 0;
    }
    return count;
}

int talc_coap_is_readable(const talc_coap_client *client, uint64_t now_ms)
{
    struct pollfd polled = { .fd = coap_context_get_coap_fd(client->context), .events = POLLIN };
    int matters = paths_count(client) > 1;
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        matters = matters || may_be_repeated(&client->paths[i], now_ms);
    }
    return matters && polled.fd >= 0 && poll(&polled, 1, 0) > 0;
}

/* 1 if there was any. */
static int all_free(talc_coap_client *client)
{
    int any = 0;
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        talc_coap_path *path = &client->paths[i];
        any = any || (path->session != NULL && path->is_unacknowledged);
        path->is_unacknowledged = 0;
    }
    return any;
}

static void acknowledge(const talc_coap_path *path)
{
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, 0, path->separate_id, 0);
    if (pdu != NULL) {
        (void)coap_send(path->session, pdu);
    }
}

static void acknowledge_again(talc_coap_client *client, uint64_t now_ms)
{
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        const talc_coap_path *path = &client->paths[i];
        if (may_be_repeated(path, now_ms) &&
            coap_session_get_state(path->session) == COAP_SESSION_STATE_ESTABLISHED) {
            acknowledge(path);
        }
    }
}

/* With more messages than one it cannot be told whose it was. Then it counts as an acknowledgement
 * of all (libcoap keeps to NSTART, too), and every second time as a repeat. */
static void guess(talc_coap_client *client, uint64_t now_ms)
{
    (void)all_free(client);
    if (client->exchanges != NULL && client->passed_over != client->arrivals) {
        client->passed_over = client->arrivals;
        return;
    }
    acknowledge_again(client, now_ms);
}

void talc_coap_acknowledgements_look(talc_coap_client *client, int was_readable, uint64_t now_ms)
{
    int is_acknowledged = coap_can_exit(client->context) && all_free(client);
    if (!was_readable || is_acknowledged) {
        return;
    }
    if (paths_count(client) > 1 || client->transmission.above_nstart == TALC_COAP_SPREADS) {
        guess(client, now_ms);
    } else {
        acknowledge_again(client, now_ms);
    }
}

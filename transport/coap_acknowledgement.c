/* SPDX-License-Identifier: MIT */
/*
 * Repeats of a separate response are acknowledged like the first one (RFC 7252 section 4.2), or the
 * server repeats it to the end and, with NSTART 1, says nothing else meanwhile. libcoap before 4.3.5
 * drops a repeat of the last one without a word, and tells nobody. So when something was there to be
 * read and no callback came of it, it may have been such a repeat, and its acknowledgement is sent
 * again. It may also have been the empty acknowledgement of a request: between two responses one of
 * those is passed over while a request is open. One too many is four bytes that nobody minds.
 */
#include "transport/coap_client.h"

#include <poll.h>

#define REPEATS_END_MS 93000 /* MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2 */

void talc_coap_separate_note(talc_coap_path *path, const coap_pdu_t *response, uint64_t now_ms)
{
    if (coap_pdu_get_type(response) == COAP_MESSAGE_CON) {
        path->separate_id = coap_pdu_get_mid(response);
        path->separate_ms = now_ms;
    }
}

static int may_be_repeated(const talc_coap_path *path, uint64_t now_ms)
{
    return path->session != NULL && path->separate_ms != 0 &&
           now_ms - path->separate_ms < REPEATS_END_MS;
}

int talc_coap_is_readable(const talc_coap_client *client, uint64_t now_ms)
{
    struct pollfd polled = { .fd = coap_context_get_coap_fd(client->context), .events = POLLIN };
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        if (may_be_repeated(&client->paths[i], now_ms)) {
            return polled.fd >= 0 && poll(&polled, 1, 0) > 0;
        }
    }
    return 0;
}

static void acknowledge(const talc_coap_path *path)
{
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, 0, path->separate_id, 0);
    if (pdu != NULL) {
        (void)coap_send(path->session, pdu);
    }
}

void talc_coap_acknowledge_again(talc_coap_client *client, uint64_t now_ms)
{
    if (client->exchanges != NULL && client->passed_over != client->arrivals) {
        client->passed_over = client->arrivals;
        return;
    }
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        const talc_coap_path *path = &client->paths[i];
        if (may_be_repeated(path, now_ms) &&
            coap_session_get_state(path->session) == COAP_SESSION_STATE_ESTABLISHED) {
            acknowledge(path);
        }
    }
}

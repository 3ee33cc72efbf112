/* SPDX-License-Identifier: MIT */
#include "bench/fetch.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "bench/ledger.h"
#include "bench/stopwatch.h"

#define FETCHES_MAX 128
#define QUIET_MS 30

/* ---------------------------------------------------------------- opening */

static talc_status fail(fetch *failed, talc_status status, const char *why)
{
    snprintf(failed->failure.text, sizeof failed->failure.text, "%s", why);
    failed->status = status;
    return status;
}

static talc_status open_path(fetch *opened, uint16_t *port)
{
    if (!opened->is_direct) {
        opened->relay = relays_add(opened->on->paths, &opened->path, *port);
        if (opened->relay == NULL) {
            return fail(opened, TALC_ERROR_IO, "no socket for a relay");
        }
        *port = relays_port(opened->relay);
    }
    return TALC_OK;
}

static talc_status open_client(fetch *opened)
{
    uint16_t port = hosts_port(opened->on->servers, mode_rows[opened->mode].mode);
    talc_status status = open_path(opened, &port);
    const testbed_client wanted = { opened->mode, port, opened->tickets, FETCH_TIMEOUT_MS };
    if (status == TALC_OK) {
        ledger_enter(LEDGER_CLIENT);
        status = testbed_client_new(opened->on, &wanted, &opened->client, &opened->failure);
        ledger_enter(LEDGER_NOBODY);
    }
    return status;
}

/* A full handshake by a client that shares the tickets. */
static talc_status get_ticket(fetch *prepared)
{
    fetch first = { .mode = prepared->mode, .is_direct = true };
    first.on = prepared->on;
    first.tickets = prepared->tickets;
    first.is_earlier = true;
    talc_status status = open_client(&first);
    if (status == TALC_OK && !fetch_again(&first)) {
        status = first.status;
    }
    talc_client_free(first.client);
    prepared->failure = first.failure;
    if (status == TALC_OK && talc_tickets_size(prepared->tickets) == 0) {
        return fail(prepared, TALC_ERROR_PROTOCOL, "the server gave no ticket");
    }
    return status;
}

talc_status fetch_prepare(fetch *prepared, const testbed *on)
{
    prepared->on = on;
    if (!mode_rows[prepared->mode].is_resumed || prepared->tickets != NULL) {
        return TALC_OK;
    }
    prepared->status = talc_tickets_new(&prepared->tickets);
    if (prepared->status == TALC_OK) {
        prepared->status = get_ticket(prepared);
    }
    return prepared->status;
}

talc_status fetch_open(fetch *opened, const testbed *on)
{
    opened->status = fetch_prepare(opened, on);
    if (opened->status == TALC_OK) {
        opened->status = open_client(opened);
    }
    return opened->status;
}

/* ---------------------------------------------------------------- one request */

static bool is_what_was_said(const talc_response *response)
{
    return response->code == TALC_CODE_CONTENT && response->payload_size == strlen(HOST_TEXT) &&
           memcmp(response->payload, HOST_TEXT, response->payload_size) == 0;
}

/* With loss a client may well begin again without its ticket, which is good for one try. */
static bool is_resumed_as_wanted(const fetch *done)
{
    talc_session_info info;
    talc_client_info(done->client, &info);
    bool wanted = mode_rows[done->mode].is_resumed && !done->is_earlier;
    return done->path.loss > 0 || (info.is_resumed != 0) == wanted;
}

static void note_traffic(fetch *noted)
{
    if (noted->relay != NULL) {
        noted->traffic = relays_traffic(noted->on->paths, noted->relay);
    }
}

static void note_outcome(void *context, talc_status status, const talc_response *response)
{
    fetch *done = context;
    done->time_ms = (double)(stopwatch_wall_ns() - done->begun_ns) / 1e6;
    done->status = status;
    if (status == TALC_OK && !is_what_was_said(response)) {
        fail(done, TALC_ERROR_PROTOCOL, "another response than was expected");
    }
    if (done->status == TALC_OK && !is_resumed_as_wanted(done)) {
        fail(done, TALC_ERROR_PROTOCOL, "the session was not resumed");
    }
    note_traffic(done);
}

/* What a client says of its time counts from when it says so, and changes with each call. */
static void note_due(fetch *one)
{
    uint64_t timeout_ns = (uint64_t)talc_client_timeout_ms(one->client) * 1000000;
    one->due_ns = stopwatch_wall_ns() + timeout_ns;
}

bool fetch_send(fetch *sent)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = HOST_PATH;
    if (sent->relay != NULL) {
        relays_traffic_reset(sent->on->paths, sent->relay);
    }
    ledger_enter(LEDGER_CLIENT);
    sent->begun_ns = stopwatch_wall_ns();
    talc_status status = talc_client_send(sent->client, &request, note_outcome, sent);
    ledger_enter(LEDGER_NOBODY);
    sent->status = status;
    note_due(sent);
    return status == TALC_PENDING;
}

/* Keeps the first reason: what the client meets afterwards says less. */
static void process(fetch *one)
{
    ledger_enter(LEDGER_CLIENT);
    talc_client_process(one->client);
    ledger_enter(LEDGER_NOBODY);
    note_due(one);
    if (one->status != TALC_PENDING && one->status != TALC_OK && one->failure.status == TALC_OK) {
        one->failure = *talc_client_failure(one->client);
    }
}

/* ---------------------------------------------------------------- waiting */

static uint32_t shorter(uint32_t one_ms, uint32_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

static uint32_t left_ms(const fetch *one)
{
    uint64_t now_ns = stopwatch_wall_ns();
    uint64_t left = one->due_ns > now_ns ? (one->due_ns - now_ns + 999999) / 1000000 : 0;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

void fetch_turn(fetch *const *all, size_t count, uint32_t wait_ms)
{
    struct pollfd watched[FETCHES_MAX];
    count = count < FETCHES_MAX ? count : FETCHES_MAX;
    for (size_t i = 0; i < count; i++) {
        watched[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
        if (all[i] != NULL) {
            watched[i].fd = talc_client_descriptor(all[i]->client);
            wait_ms = shorter(wait_ms, left_ms(all[i]));
        }
    }
    (void)poll(watched, (nfds_t)count, wait_ms == UINT32_MAX ? -1 : (int)wait_ms);
    for (size_t i = 0; i < count; i++) {
        if (all[i] != NULL && (watched[i].revents != 0 || left_ms(all[i]) == 0)) {
            process(all[i]);
        }
    }
}

bool fetch_again(fetch *sent)
{
    if (fetch_send(sent)) {
        while (sent->status == TALC_PENDING) {
            fetch_turn(&sent, 1, UINT32_MAX);
        }
    }
    return sent->status == TALC_OK;
}

static uint64_t datagrams_of(const relay_traffic *traffic)
{
    return traffic->up.datagrams + traffic->down.datagrams;
}

void fetch_settle(fetch *settled)
{
    uint64_t quiet_ns = (settled->path.round_trip_ms + (uint64_t)QUIET_MS) * 1000000;
    uint64_t since_ns = stopwatch_wall_ns();
    while (stopwatch_wall_ns() - since_ns < quiet_ns) {
        uint64_t before = datagrams_of(&settled->traffic);
        fetch_turn(&settled, 1, 5);
        note_traffic(settled);
        if (datagrams_of(&settled->traffic) != before) {
            since_ns = stopwatch_wall_ns();
        }
    }
}

void fetch_end(fetch *ended)
{
    talc_client_free(ended->client);
    if (ended->relay != NULL) {
        relays_remove(ended->on->paths, ended->relay);
    }
    talc_tickets_free(ended->tickets);
    ended->tickets = NULL;
    ended->client = NULL;
    ended->relay = NULL;
}

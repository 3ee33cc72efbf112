/* SPDX-License-Identifier: MIT */
/* Each request is executed once, in one session, whatever the path loses and doubles. All cases run
 * side by side on one loop, because most of their time is waiting for what was lost. */
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REQUESTS 12
#define ROWS_MAX 35
/* A chain of three certificates over a path that loses every third datagram, each missed for a
 * second or more, takes longer than a server waits by default. */
#define SLOW_HANDSHAKE_MS 600000

typedef struct fault_row {
    const char *name;
    relay_faults each_way; /* on every link */
    unsigned drop_every;   /* of all datagrams of the client's link */
    unsigned drop_phase;
} fault_row;

static const fault_row fault_rows[] = {
    { "everything comes twice", { .duplicates = 1 }, 0, 0 },
    { "every third is lost from the first on", { 0 }, 3, 0 },
    { "every third is lost from the second on", { 0 }, 3, 1 },
    { "every third is lost from the third on", { 0 }, 3, 2 },
    { "15 % are lost", { .loss = 0.15 }, 0, 0 },
};

#define FAULT_ROWS (sizeof fault_rows / sizeof fault_rows[0])

typedef struct running {
    peers *of;
    const fault_row *faults;
    peers_call calls[REQUESTS];
} running;

static running rows[ROWS_MAX];
static peers *all[ROWS_MAX];
static size_t row_count;

/* ---------------------------------------------------------------- rows */

static void spoil(test_relay *relay, const fault_row *faults, uint64_t seed)
{
    relay_seed(relay, seed);
    relay_faults_set(relay, RELAY_UP, &faults->each_way);
    relay_faults_set(relay, RELAY_DOWN, &faults->each_way);
}

static void add_row(const peers_options *options, const fault_row *faults)
{
    assert_true(row_count < ROWS_MAX);
    running *row = &rows[row_count];
    row->of = all[row_count] = peers_new(options);
    row->faults = faults;
    row_count++;
    spoil(row->of->near, faults, row_count);
    relay_drop_every(row->of->near, faults->drop_every, faults->drop_phase);
    if (row->of->far != NULL) {
        spoil(row->of->far, faults, ROWS_MAX + row_count);
    }
}

static void make_rows(void)
{
    const struct {
        const peers_credentials *credentials;
        talc_tls_version version;
        peers_path path;
    } sessions[] = {
        { &peers_certificates, TALC_TLS_1_3, PEERS_DIRECT },
        { &peers_psk, TALC_TLS_1_3, PEERS_DIRECT },
        { &peers_rsa_chain, TALC_TLS_1_3, PEERS_DIRECT },
        { &peers_certificates, TALC_TLS_1_2, PEERS_DIRECT },
        { &peers_certificates, TALC_TLS_1_3, PEERS_PROXY },
        { &peers_psk, TALC_TLS_1_3, PEERS_PROXY },
        { &peers_rsa_chain, TALC_TLS_1_3, PEERS_PROXY },
    };
    for (size_t i = 0; i < sizeof sessions / sizeof sessions[0]; i++) {
        for (size_t fault = 0; fault < FAULT_ROWS; fault++) {
            peers_options options = { .credentials = sessions[i].credentials,
                                      .version = sessions[i].version,
                                      .path = sessions[i].path,
                                      .has_relays = 1,
                                      .half_open_timeout_ms = SLOW_HANDSHAKE_MS };
            add_row(&options, &fault_rows[fault]);
        }
    }
}

/* ---------------------------------------------------------------- requests */

/* The resource counts how often each number was executed. */
static void send_number(running *row, size_t number)
{
    static const uint8_t padding[400];
    char query[16];
    talc_request request = TALC_REQUEST_DEFAULT;
    snprintf(query, sizeof query, "n=%zu", number);
    request.method = TALC_POST;
    request.path = "counter";
    request.query = query;
    request.payload = padding;
    request.payload_size = number * 37 % sizeof padding;
    peers_send(row->of, 0, &request, &row->calls[number]);
}

/* Each row sends these together, and all wait until all are answered. */
static void round_of(size_t first, size_t end)
{
    for (size_t i = 0; i < row_count; i++) {
        for (size_t number = first; number < end; number++) {
            send_number(&rows[i], number);
        }
    }
    peers_await(all, row_count);
}

static void expect_faults(const running *row)
{
    const test_relay *relay = row->of->near;
    relay_counts up = relay_counts_get(relay, RELAY_UP), down = relay_counts_get(relay, RELAY_DOWN);
    assert_true(up.datagrams > 0 && down.datagrams > 0);
    if (row->faults->each_way.duplicates == 0 && up.lost + down.lost == 0) {
        fail_msg("%s, %s: nothing was lost", row->of->name, row->faults->name);
    }
}

static void expect_once(const running *row)
{
    for (size_t number = 0; number < REQUESTS; number++) {
        const peers_call *call = &row->calls[number];
        unsigned executions = row->of->resources->executions[number];
        if (call->status != TALC_OK || call->code != TALC_CODE_CHANGED || executions != 1) {
            fail_msg("%s, %s: request %zu: %s, code %u, executed %u times: %s", row->of->name,
                     row->faults->name, number, talc_status_text(call->status), call->code,
                     executions, call->failure.text);
        }
    }
    if (row->of->events.opened != 1 || row->of->events.refused + row->of->events.failed != 0) {
        fail_msg("%s, %s: %zu sessions opened, %zu refused, %zu failed: %s", row->of->name,
                 row->faults->name, row->of->events.opened, row->of->events.refused,
                 row->of->events.failed, row->of->events.failure.text);
    }
    assert_int_equal(row->of->resources->handled, REQUESTS);
}

/* ---------------------------------------------------------------- the test */

static void every_request_is_executed_once(void **state)
{
    (void)state;
    make_rows();
    round_of(0, 1);
    round_of(1, 7);
    round_of(7, 8);
    round_of(8, REQUESTS);
    for (size_t i = 0; i < row_count; i++) {
        expect_faults(&rows[i]);
        expect_once(&rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_request_is_executed_once, peers_free_all),
    };
    return cmocka_run_group_tests_name("exactly once", tests, NULL, NULL);
}

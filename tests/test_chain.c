/* SPDX-License-Identifier: MIT */
/* Sessions over chains of real programs that translate, none of which knows of talc: what is sent
 * arrives, once and as it was, and every fragment is the same at every hop. */
#include "tests/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ENVELOPE_SIZE_MAX 1023
/* What a message of 64 KiB holds, its path, query and format aside. */
#define LARGE_SIZE (65536 - 64)
#define CLIENTS 8
/* A record holds less than an envelope, so a large payload takes at least so many each way. */
#define LARGE_RECORDS_MIN (LARGE_SIZE / ENVELOPE_SIZE_MAX)

typedef struct chain_row {
    const char *name;
    chain_direction direction;
    talc_mode mode;
    const peers_credentials *credentials;
} chain_row;

static const chain_row rows[] = {
    { "forward/tls-certificates", CHAIN_FORWARD, TALC_MODE_TLS, &peers_certificates },
    { "forward/tls-psk", CHAIN_FORWARD, TALC_MODE_TLS, &peers_psk },
    { "forward/ecc", CHAIN_FORWARD, TALC_MODE_ECC, &peers_device },
    { "reverse/tls-certificates", CHAIN_REVERSE, TALC_MODE_TLS, &peers_certificates },
    { "reverse/tls-psk", CHAIN_REVERSE, TALC_MODE_TLS, &peers_psk },
    { "reverse/ecc", CHAIN_REVERSE, TALC_MODE_ECC, &peers_device },
};

#define ROWS (sizeof rows / sizeof rows[0])

static chain *new_chain(const chain_row *row, size_t clients)
{
    chain_options options = { .direction = row->direction,
                              .mode = row->mode,
                              .credentials = row->credentials,
                              .client_count = clients };
    return chain_new(&options);
}

/* Another one for each number. */
static void fill(uint8_t payload[LARGE_SIZE], size_t number)
{
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        payload[i] = resources_byte(i * (number + 1) + number);
    }
}

static void expect(const chain_call *call, uint8_t code, const void *payload, size_t size)
{
    if (!call->is_done || call->status != TALC_OK) {
        const peers_events *events = &call->of->events;
        fail_msg("client %zu: no response: %s: %s (server: %zu sessions opened, %zu closed, %zu "
                 "refused, %zu failed, %zu envelopes dropped; %s)",
                 call->client, talc_status_text(call->status), call->failure.text, events->opened,
                 events->closed, events->refused, events->failed, events->dropped,
                 events->failure.text);
    }
    assert_int_equal(call->code, code);
    assert_int_equal(call->payload_size, size);
    assert_memory_equal(call->payload, payload, size);
}

static void ask_hello(chain *of, size_t client, chain_call *call)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "hello";
    chain_send(of, client, &request, call);
}

static void ask_echo(chain *of, size_t client, const uint8_t *payload, chain_call *call)
{
    char query[32];
    talc_request request = TALC_REQUEST_DEFAULT;
    snprintf(query, sizeof query, "n=%zu", client);
    request.method = TALC_POST;
    request.path = "echo";
    request.query = query;
    request.payload = payload;
    request.payload_size = LARGE_SIZE;
    chain_send(of, client, &request, call);
}

/* Nothing that the machines do costs an envelope, and no CoAP message is larger than it may be. */
static void expect_undisturbed(const chain *of, size_t clients)
{
    assert_int_equal(of->events.opened, clients);
    assert_int_equal(of->events.refused + of->events.failed + of->events.dropped, 0);
    assert_in_range(chain_payload_max(of), ENVELOPE_SIZE_MAX / 2, ENVELOPE_SIZE_MAX);
}

static void a_client_with_small_and_large_payloads(void **state)
{
    static uint8_t payload[LARGE_SIZE];
    chain *of = new_chain(*state, 1);
    chain_call call;
    for (int i = 0; i < 3; i++) {
        ask_hello(of, 0, &call);
        chain_await(of);
        expect(&call, TALC_CODE_CONTENT, "21.5", 4);
        chain_call_clear(&call);
    }
    fill(payload, 0);
    ask_echo(of, 0, payload, &call);
    chain_await(of);
    expect(&call, TALC_CODE_CHANGED, payload, sizeof payload);
    chain_call_clear(&call);
    assert_int_equal(of->resources->executions[0], 1);
    expect_undisturbed(of, 1);
    assert_in_range(chain_expect_equal(of), 2 * LARGE_RECORDS_MIN, 100 * LARGE_RECORDS_MIN);
    chain_free(of);
}

static void eight_clients_at_once(void **state)
{
    static uint8_t payloads[CLIENTS][LARGE_SIZE];
    chain *of = new_chain(*state, CLIENTS);
    chain_call small[CLIENTS], large[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        fill(payloads[i], i);
        ask_hello(of, i, &small[i]);
        ask_echo(of, i, payloads[i], &large[i]);
    }
    chain_await(of);
    for (size_t i = 0; i < CLIENTS; i++) {
        expect(&small[i], TALC_CODE_CONTENT, "21.5", 4);
        expect(&large[i], TALC_CODE_CHANGED, payloads[i], LARGE_SIZE);
        assert_int_equal(of->resources->executions[i], 1);
        chain_call_clear(&small[i]);
        chain_call_clear(&large[i]);
    }
    expect_undisturbed(of, CLIENTS);
    assert_in_range(chain_expect_equal(of), 2 * CLIENTS * LARGE_RECORDS_MIN,
                    100 * CLIENTS * LARGE_RECORDS_MIN);
    chain_free(of);
}

int main(int argc, char **argv)
{
    static char names[2 * ROWS][64];
    struct CMUnitTest tests[2 * ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        void *row = (void *)(uintptr_t)&rows[i];
        snprintf(names[2 * i], sizeof names[0], "%s/alone", rows[i].name);
        snprintf(names[2 * i + 1], sizeof names[0], "%s/eight", rows[i].name);
        tests[2 * i] = (struct CMUnitTest){ names[2 * i], a_client_with_small_and_large_payloads,
                                            NULL, chain_free_left, row };
        tests[2 * i + 1] = (struct CMUnitTest){ names[2 * i + 1], eight_clients_at_once, NULL,
                                                chain_free_left, row };
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return _cmocka_run_group_tests("chain", tests, 2 * ROWS, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Whatever a path loses, doubles, delays and reorders: every request is executed exactly once,
 * every answer is the right one, and nothing waits for ever. The seed of a path that breaks this is
 * in the message of the failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

#ifdef TALC_SAMPLED
#define SEEDS 20
#else
#define SEEDS 50
#endif

#define LIMIT_MS 1800000u /* half an hour of virtual time for any one request */
#define BODY_SIZE 3000
#define IN_FLIGHT 20

typedef struct path_size {
    const char *name;
    size_t message_size;
    size_t body_size;
} path_size;

static const path_size sizes[] = {
    { "bodies of 256 bytes", 256, 256 },
    { "bodies of 512 bytes", 512, 512 },
    { "bodies of 1023 bytes", 1023, 1023 },
    { "block-wise bodies", 1023, 16384 },
};

static pair_credentials credentials[PAIR_KINDS];

static void check(test_pair *pair, pair_outcome *outcome, uint8_t code)
{
    if (!pair_run(pair, outcome, LIMIT_MS)) {
        fail_msg("seed %u: no answer", (unsigned)pair->path.weather.seed);
    }
    if (outcome->status != TALC_OK) {
        fail_msg("seed %u: %s: %s", (unsigned)pair->path.weather.seed,
                 talc_status_text(outcome->status), talc_client_failure(pair->client)->text);
    }
    assert_int_equal(outcome->code, code);
}

static void check_payload(const pair_outcome *outcome, const void *payload, size_t size)
{
    assert_int_equal(outcome->payload_size, size);
    assert_memory_equal(outcome->payload, payload, size);
}

static void exchange_echo(test_pair *pair, talc_method method, unsigned name, size_t size)
{
    static uint8_t payload[BODY_SIZE];
    pair_outcome outcome;
    talc_request request = pair_request(method, "echo", name);
    for (size_t i = 0; i < size; i++) {
        payload[i] = pair_byte(i + name);
    }
    request.payload = payload;
    request.payload_size = size;
    pair_send(pair->client, &request, &outcome);
    check(pair, &outcome, TALC_CODE_CHANGED);
    check_payload(&outcome, payload, size);
    pair_outcome_clear(&outcome);
}

static void get_large(test_pair *pair, unsigned name)
{
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "large", name);
    pair_send(pair->client, &request, &outcome);
    check(pair, &outcome, TALC_CODE_CONTENT);
    assert_int_equal(outcome.payload_size, PAIR_LARGE_SIZE);
    for (size_t i = 0; i < PAIR_LARGE_SIZE; i++) {
        assert_int_equal(outcome.payload[i], pair_byte(i));
    }
    pair_outcome_clear(&outcome);
}

static void get_nothing(test_pair *pair)
{
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "nothing", 0);
    pair_send(pair->client, &request, &outcome);
    check(pair, &outcome, TALC_CODE_NOT_FOUND);
    pair_outcome_clear(&outcome);
}

static void wait_for_later(test_pair *pair, unsigned name)
{
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "later", name);
    pair_send(pair->client, &request, &outcome);
    check(pair, &outcome, TALC_CODE_CHANGED);
    check_payload(&outcome, "later", 5);
    pair_outcome_clear(&outcome);
}

static void send_many(test_pair *pair, unsigned first)
{
    char number[8];
    pair_outcome outcomes[IN_FLIGHT];
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        talc_request request = pair_request(TALC_GET, "echo", first + i);
        pair_send(pair->client, &request, &outcomes[i]);
    }
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        check(pair, &outcomes[i], TALC_CODE_CONTENT);
        snprintf(number, sizeof number, "%u", first + i);
        check_payload(&outcomes[i], number, strlen(number));
        pair_outcome_clear(&outcomes[i]);
    }
}

static void check_executed_once(const test_pair *pair, unsigned names)
{
    for (unsigned name = 1; name <= names; name++) {
        if (pair->executed[name] != 1) {
            fail_msg("seed %u: request %u was executed %u times", (unsigned)pair->path.weather.seed,
                     name, pair->executed[name]);
        }
    }
}

static void converse(test_pair *pair)
{
    pair_say_hello(pair, pair->client);
    exchange_echo(pair, TALC_PUT, 1, 20);
    exchange_echo(pair, TALC_POST, 2, BODY_SIZE);
    get_large(pair, 3);
    get_nothing(pair);
    wait_for_later(pair, 4);
    send_many(pair, 5);
    exchange_echo(pair, TALC_DELETE, 5 + IN_FLIGHT, 0);
    check_executed_once(pair, 5 + IN_FLIGHT);
    /* One session did it all. Envelopes may have been dropped: a late copy from the handshake has no
     * tag. */
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 1);
}

/* A tombstone answers the client that has not heard that the server has heard. */
static void part(test_pair *pair)
{
    talc_status status = pair_close(pair, pair->client, LIMIT_MS);
    assert_int_equal(status, TALC_OK);
    pair_pass(pair, 300000);
    talc_server_info info;
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.sessions, 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 0);
}

static void run_seed(pair_kind kind, talc_tls_version version, const path_size *size, uint32_t seed)
{
    test_pair pair;
    pair_options options = { .credentials = &credentials[kind],
                             .version = version,
                             .weather = { .seed = seed,
                                          .loss_percent = 15,
                                          .duplication_percent = 10,
                                          .notice_percent = 50,
                                          .delay_min_ms = 20,
                                          .delay_max_ms = seed % 2 == 0 ? 400 : 1200,
                                          .message_size = size->message_size,
                                          .body_size = size->body_size } };
    pair_begin(&pair, &options);
    pair.server_config.half_open_timeout_ms = LIMIT_MS;
    pair_start(&pair);
    converse(&pair);
    part(&pair);
    pair_end(&pair);
}

static void run_paths(pair_kind kind, talc_tls_version version)
{
    if (credentials[kind].client == NULL) {
        pair_credentials_load(&credentials[kind], kind);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        print_message("%s\n", sizes[i].name);
        for (uint32_t seed = 1; seed <= SEEDS; seed++) {
            run_seed(kind, version, &sizes[i], seed);
        }
    }
}

#define TEST_OF(name, kind, version)                                                               \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        run_paths(kind, version);                                                                  \
    }

TEST_OF(certificates_tls13, PAIR_CERTIFICATES, TALC_TLS_1_3)
TEST_OF(certificates_tls12, PAIR_CERTIFICATES, TALC_TLS_1_2)
TEST_OF(psk_tls13, PAIR_PSK, TALC_TLS_1_3)
TEST_OF(psk_tls12, PAIR_PSK, TALC_TLS_1_2)
TEST_OF(rsa_chain_tls13, PAIR_RSA_CHAIN, TALC_TLS_1_3)
TEST_OF(rsa_chain_tls12, PAIR_RSA_CHAIN, TALC_TLS_1_2)
TEST_OF(pins_tls13, PAIR_PINS, TALC_TLS_1_3)
TEST_OF(pins_tls12, PAIR_PINS, TALC_TLS_1_2)
TEST_OF(devices_ecc, PAIR_ECC, TALC_TLS_1_3)

static int free_credentials(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIR_KINDS; i++) {
        pair_credentials_free(&credentials[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_tls13), cmocka_unit_test(certificates_tls12),
        cmocka_unit_test(psk_tls13),          cmocka_unit_test(psk_tls12),
        cmocka_unit_test(rsa_chain_tls13),    cmocka_unit_test(rsa_chain_tls12),
        cmocka_unit_test(pins_tls13),         cmocka_unit_test(pins_tls12),
        cmocka_unit_test(devices_ecc),
    };
    if (argc > 1) { /* a part, to run beside the others */
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, free_credentials);
}

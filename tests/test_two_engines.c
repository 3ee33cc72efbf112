/* SPDX-License-Identifier: MIT */
/* One server with a certificate and a registry: clients of `tls` and devices of `ecc` share its table
 * of sessions, and the first record of each says which it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/credential_folder.h"
#include "tests/pair.h"

#ifdef TALC_SAMPLED
#define SEEDS 20
#else
#define SEEDS 100
#endif

#define LIMIT_MS 1800000u
#define IN_FLIGHT 10
#define CLIENTS 4 /* two of each */

static pair_credentials certificates;
static pair_credentials devices;
static talc_trust *server_key; /* of the server's certificate */

static void be_certificates(talc_config *client)
{
    client->mode = TALC_MODE_TLS;
    client->identity = certificates.client;
    client->trust = certificates.client_trust;
}

static void be_device(talc_config *client)
{
    client->mode = TALC_MODE_ECC;
    client->identity = devices.client;
    client->trust = server_key;
}

/* ---------------------------------------------------------------- who is there */

/* GET who: 2.05, the engine, the credential and the name of the sender. */
static void say_who(void *context, talc_exchange *exchange, const talc_request *request)
{
    char text[300];
    const talc_peer *peer = talc_exchange_peer(exchange);
    talc_response response = TALC_RESPONSE_DEFAULT;
    (void)context;
    (void)request;
    response.payload_size = (size_t)snprintf(text, sizeof text, "%d %d %s", (int)peer->engine,
                                             (int)peer->credential, peer->name);
    response.payload = text;
    assert_int_equal(talc_exchange_respond(exchange, &response), TALC_OK);
}

static void expect_known_as(test_pair *pair, talc_client *client, const char *who)
{
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "who", PAIR_NAMES_MAX - 1);
    pair_send(client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, LIMIT_MS));
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(outcome.payload_size, strlen(who));
    assert_memory_equal(outcome.payload, who, strlen(who));
    pair_outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- side by side */

static void begin_both(test_pair *pair, const path_weather *weather)
{
    pair_options options = { .credentials = &certificates, .weather = *weather };
    pair_begin(pair, &options);
    pair->server_config.registry = devices.registry;
    pair->server_config.half_open_timeout_ms = LIMIT_MS;
    pair_start_server(pair);
    assert_int_equal(talc_server_handle(pair->server, "who", TALC_ALLOW(TALC_GET), say_who, NULL),
                     TALC_OK);
    be_certificates(&pair->client_config);
    (void)pair_add_client(pair, NULL);
    (void)pair_add_client(pair, certificates.other_client);
    be_device(&pair->client_config);
    (void)pair_add_client(pair, NULL);
    (void)pair_add_client(pair, devices.other_client);
}

static void send_all_at_once(test_pair *pair)
{
    static pair_outcome outcomes[CLIENTS * IN_FLIGHT];
    char number[8];
    for (unsigned i = 0; i < CLIENTS * IN_FLIGHT; i++) {
        talc_request request = pair_request(TALC_GET, "echo", i);
        pair_send(pair->clients[i % CLIENTS], &request, &outcomes[i]);
    }
    for (unsigned i = 0; i < CLIENTS * IN_FLIGHT; i++) {
        assert_true(pair_run(pair, &outcomes[i], LIMIT_MS));
        if (outcomes[i].status != TALC_OK) {
            fail_msg("seed %u: %s", (unsigned)pair->path.weather.seed,
                     talc_client_failure(pair->clients[i % CLIENTS])->text);
        }
        int size = snprintf(number, sizeof number, "%u", i);
        assert_int_equal(outcomes[i].payload_size, size);
        assert_memory_equal(outcomes[i].payload, number, (size_t)size);
        pair_outcome_clear(&outcomes[i]);
    }
    for (unsigned i = 0; i < CLIENTS * IN_FLIGHT; i++) {
        if (pair->executed[i] != 1) {
            fail_msg("seed %u: request %u was executed %u times", (unsigned)pair->path.weather.seed,
                     i, pair->executed[i]);
        }
    }
}

static void expect_known(test_pair *pair)
{
    expect_known_as(pair, pair->clients[0], "1 1 client-1"); /* tls, a certificate */
    expect_known_as(pair, pair->clients[1], "1 1 client-2.example");
    expect_known_as(pair, pair->clients[2], "3 4 " PAIR_DEVICE); /* ecc, a device */
    expect_known_as(pair, pair->clients[3], "3 4 " PAIR_OTHER_DEVICE);
}

static void both_in_one_table(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed <= SEEDS; seed++) {
        static test_pair pair;
        talc_server_info info;
        path_weather weather = { .seed = seed,
                                 .loss_percent = seed == 0 ? 0 : 15,
                                 .duplication_percent = seed == 0 ? 0 : 10,
                                 .delay_min_ms = 10,
                                 .delay_max_ms = seed == 0 ? 10 : 200 };
        begin_both(&pair, &weather);
        send_all_at_once(&pair);
        expect_known(&pair);
        talc_server_info_get(pair.server, &info);
        assert_int_equal(info.sessions, CLIENTS);
        assert_int_equal(pair.events[TALC_EVENT_SESSION_OPENED], CLIENTS);
        assert_int_equal(pair.events[TALC_EVENT_SESSION_FAILED], 0);
        pair_end(&pair);
    }
}

/* ---------------------------------------------------------------- who serves whom */

typedef struct service_row {
    const char *name;
    talc_mode server;
    bool has_registry;
    talc_mode client;
    talc_status status;
} service_row;

static const service_row service_rows[] = {
    { "tls asks tls", TALC_MODE_TLS, false, TALC_MODE_TLS, TALC_OK },
    { "ecc asks tls", TALC_MODE_TLS, false, TALC_MODE_ECC, TALC_ERROR_UNSUPPORTED },
    { "tls asks both", TALC_MODE_TLS, true, TALC_MODE_TLS, TALC_OK },
    { "ecc asks both", TALC_MODE_TLS, true, TALC_MODE_ECC, TALC_OK },
    { "tls asks ecc", TALC_MODE_ECC, true, TALC_MODE_TLS, TALC_ERROR_UNSUPPORTED },
    { "ecc asks ecc", TALC_MODE_ECC, true, TALC_MODE_ECC, TALC_OK },
};

static void ask(const service_row *row)
{
    static test_pair pair;
    pair_options options = { .credentials = &certificates };
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    pair_begin(&pair, &options);
    pair.server_config.mode = row->server;
    pair.server_config.registry = row->has_registry ? devices.registry : NULL;
    (row->client == TALC_MODE_ECC ? be_device : be_certificates)(&pair.client_config);
    pair_start(&pair);
    request.timeout_ms = 20000;
    pair_send(pair.client, &request, &outcome);
    assert_true(pair_run(&pair, &outcome, LIMIT_MS));
    if (outcome.status != row->status) {
        fail_msg("%s: %s: %s", row->name, talc_status_text(outcome.status),
                 talc_client_failure(pair.client)->text);
    }
    assert_int_equal(pair.runs, row->status == TALC_OK);
    pair_outcome_clear(&outcome);
    pair_end(&pair);
}

static void a_server_serves_what_it_was_configured_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof service_rows / sizeof service_rows[0]; i++) {
        ask(&service_rows[i]);
    }
}

/* ---------------------------------------------------------------- the one does not hurt the other */

static void a_device_that_is_refused_ends_no_other_session(void **state)
{
    static test_pair pair;
    const path_weather still = { .seed = 0 };
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    (void)state;
    begin_both(&pair, &still);
    expect_known(&pair);
    assert_int_equal(talc_registry_revoke(devices.registry, PAIR_OTHER_DEVICE), TALC_OK);
    pair_send(pair.clients[3], &request, &outcome);
    assert_true(pair_run(&pair, &outcome, LIMIT_MS));
    assert_int_not_equal(outcome.status, TALC_OK);
    assert_int_equal(pair.executed[1], 0);
    expect_known_as(&pair, pair.clients[0], "1 1 client-1");
    expect_known_as(&pair, pair.clients[1], "1 1 client-2.example");
    expect_known_as(&pair, pair.clients[2], "3 4 " PAIR_DEVICE);
    assert_int_equal(pair.events[TALC_EVENT_SESSION_OPENED], CLIENTS);
    assert_int_equal(pair.events[TALC_EVENT_SESSION_FAILED], 1);
    pair_outcome_clear(&outcome);
    pair_end(&pair);
}

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&certificates, PAIR_CERTIFICATES);
    pair_credentials_load(&devices, PAIR_ECC);
    assert_int_equal(talc_trust_new(&server_key), TALC_OK);
    assert_int_equal(
        talc_trust_add_server_key_file(server_key, credential_path("server.pem"), NULL), TALC_OK);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&certificates);
    pair_credentials_free(&devices);
    talc_trust_free(server_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_in_one_table),
        cmocka_unit_test(a_server_serves_what_it_was_configured_for),
        cmocka_unit_test(a_device_that_is_refused_ends_no_other_session),
    };
    return cmocka_run_group_tests_name("two_engines", tests, load, unload);
}

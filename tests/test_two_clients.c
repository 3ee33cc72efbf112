/* SPDX-License-Identifier: MIT */
/* Clients that share a proxy, and with that an address as the server sees them: each is known by
 * its own credential, and each has only its own data. */
#include "tests/peers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 4
#define DATA_SIZE 2500

/* Believes both authorities and both pre-shared keys, and shows a chain of three certificates. */
static const peers_credentials server_of_many = {
    .name = "many identities",
    .server = { .certificate = "rsa-server",
                .anchors = "rsa-ca.pem",
                .more_anchors = "ca.pem",
                .psks = "psk-server.txt" },
};

#define CERTIFICATE(file, shown)                                                                   \
    {                                                                                              \
        .certificate = file, .anchors = "rsa-ca.pem", .credential = TALC_CREDENTIAL_CERTIFICATE,   \
        .name = shown                                                                              \
    }

static const peers_side identities[PEERS_CLIENTS_MAX] = {
    CERTIFICATE("rsa-client", "client-rsa"),
    CERTIFICATE("client", "client-1"),
    CERTIFICATE("client-san", "client-2.example"),
    { .psk = "psk-client.txt", .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
    { .psk = "psk-client-2.txt", .credential = TALC_CREDENTIAL_PSK, .name = "client-2" },
    CERTIFICATE("server", "sensor.example"),
    CERTIFICATE("wrong-name", "other.example"),
    CERTIFICATE("server-ip", "server"),
};

typedef struct crowd_case {
    const char *name;
    size_t count;
    talc_tls_version version;
    peers_path path;
    int has_threads;
} crowd_case;

static crowd_case crowds[] = {
    { "two clients on one loop, TLS 1.3", 2, TALC_TLS_1_3, PEERS_PROXY, 0 },
    { "two clients on one loop, TLS 1.2", 2, TALC_TLS_1_2, PEERS_PROXY, 0 },
    { "eight clients on one loop, TLS 1.3", 8, TALC_TLS_1_3, PEERS_PROXY, 0 },
    { "eight clients in threads, TLS 1.3", 8, TALC_TLS_1_3, PEERS_PROXY, 1 },
#ifdef TALC_TEST_HTTP
    { "eight clients on one loop, HTTP", 8, TALC_TLS_1_3, PEERS_HTTP, 0 },
    { "eight clients in threads, HTTP", 8, TALC_TLS_1_3, PEERS_HTTP, 1 },
#endif
};

static peers *make_crowd(const crowd_case *crowd)
{
    peers_options options = { .credentials = &server_of_many,
                              .version = crowd->version,
                              .path = crowd->path,
                              .client_count = crowd->count };
    for (size_t i = 0; i < crowd->count; i++) {
        options.clients[i] = &identities[i];
    }
    return peers_new(&options);
}

/* What this client stores in this round. */
static void fill(uint8_t data[DATA_SIZE], size_t client, size_t round)
{
    for (size_t i = 0; i < DATA_SIZE; i++) {
        data[i] = (uint8_t)(client * 16 + round + i * 7);
    }
}

static talc_request put_request(const uint8_t data[DATA_SIZE])
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = TALC_PUT;
    request.path = "mine";
    request.payload = data;
    request.payload_size = DATA_SIZE;
    return request;
}

static talc_request get_request(void)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "mine";
    return request;
}

/* ---------------------------------------------------------------- on one loop */

static void put_and_get(peers *of, size_t round)
{
    static peers_call puts[PEERS_CLIENTS_MAX], gets[PEERS_CLIENTS_MAX];
    uint8_t data[DATA_SIZE];
    for (size_t i = 0; i < of->client_count; i++) {
        fill(data, i, round);
        talc_request put = put_request(data), get = get_request();
        peers_send(of, i, &put, &puts[i]);
        peers_send(of, i, &get, &gets[i]);
    }
    peers_await(&of, 1);
    for (size_t i = 0; i < of->client_count; i++) {
        fill(data, i, round);
        peers_expect(&puts[i], TALC_CODE_CHANGED);
        peers_expect(&gets[i], TALC_CODE_CONTENT);
        assert_int_equal(gets[i].payload_size, DATA_SIZE);
        assert_memory_equal(gets[i].payload, data, DATA_SIZE);
    }
}

static void expect_identities(const peers *of)
{
    assert_int_equal(of->events.opened, of->client_count);
    assert_int_equal(of->events.refused + of->events.failed + of->events.dropped, 0);
    assert_int_equal(of->resources->owned_count, of->client_count);
    for (size_t i = 0; i < of->client_count; i++) {
        size_t owners = 0;
        for (size_t at = 0; at < of->client_count; at++) {
            const talc_peer *peer = &of->resources->owned[at].peer;
            owners += peer->credential == identities[i].credential &&
                      strcmp(peer->name, identities[i].name) == 0;
        }
        if (owners != 1) {
            fail_msg("%zu owners are called %s", owners, identities[i].name);
        }
    }
}

static void each_has_its_own_data(void **state)
{
    peers *of = make_crowd(*state);
    for (size_t round = 0; round < ROUNDS; round++) {
        put_and_get(of, round);
    }
    expect_identities(of);
    peers_free(of);
}

/* ---------------------------------------------------------------- in threads */

/* Asserts belong to the main thread: here is what it needs to know. */
typedef struct client_thread {
    pthread_t thread;
    talc_client *client;
    size_t number;
    talc_status status; /* the first that is not TALC_OK */
    size_t right;       /* responses that held what this client had stored */
} client_thread;

static talc_status put_and_get_alone(client_thread *own, size_t round)
{
    uint8_t data[DATA_SIZE];
    talc_response response;
    fill(data, own->number, round);
    talc_request put = put_request(data), get = get_request();
    talc_status status = talc_client_fetch(own->client, &put, &response);
    if (status != TALC_OK) {
        return status;
    }
    talc_response_clear(&response);
    status = talc_client_fetch(own->client, &get, &response);
    if (status == TALC_OK) {
        own->right += response.code == TALC_CODE_CONTENT && response.payload_size == DATA_SIZE &&
                      memcmp(response.payload, data, DATA_SIZE) == 0;
        talc_response_clear(&response);
    }
    return status;
}

static void *run_client(void *context)
{
    client_thread *own = context;
    for (size_t round = 0; round < ROUNDS && own->status == TALC_OK; round++) {
        own->status = put_and_get_alone(own, round);
    }
    return NULL;
}

typedef struct server_thread {
    peers *of;
    atomic_int ends;
} server_thread;

static void *run_server(void *context)
{
    server_thread *serving = context;
    while (!atomic_load(&serving->ends)) {
        peers_turn_without_clients(serving->of);
    }
    return NULL;
}

static void each_has_its_own_data_in_threads(void **state)
{
    pthread_t thread;
    client_thread clients[PEERS_CLIENTS_MAX] = { { 0 } };
    peers *of = make_crowd(*state);
    server_thread serving = { .of = of };
    assert_int_equal(pthread_create(&thread, NULL, run_server, &serving), 0);
    for (size_t i = 0; i < of->client_count; i++) {
        clients[i].client = of->clients[i];
        clients[i].number = i;
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (size_t i = 0; i < of->client_count; i++) {
        pthread_join(clients[i].thread, NULL);
    }
    atomic_store(&serving.ends, 1);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < of->client_count; i++) {
        if (clients[i].status != TALC_OK || clients[i].right != ROUNDS) {
            fail_msg("client %zu: %zu of %d rounds right: %s: %s", i, clients[i].right, ROUNDS,
                     talc_status_text(clients[i].status),
                     talc_client_failure(of->clients[i])->text);
        }
    }
    expect_identities(of);
    peers_free(of);
}

int main(void)
{
    struct CMUnitTest tests[sizeof crowds / sizeof crowds[0]];
    for (size_t i = 0; i < sizeof crowds / sizeof crowds[0]; i++) {
        CMUnitTestFunction test =
            crowds[i].has_threads ? each_has_its_own_data_in_threads : each_has_its_own_data;
        tests[i] = (struct CMUnitTest){ crowds[i].name, test, NULL, peers_free_all, &crowds[i] };
    }
    return cmocka_run_group_tests_name("two clients", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_PAIR_H
#define TALC_TESTS_PAIR_H

/**
 * A client and a server of the public API in one thread, in virtual time, over a path that the test
 * holds in its hands (pair_path.h). The server has a few resources, which note what is executed:
 *
 *   GET  hello         2.05 "hello"
 *   any  echo          2.04, the payload that came (GET: the query's number as text)
 *   GET  large         2.05, 16 KiB of pair_byte()
 *   POST later         2.04 after LATER_MS of virtual time, or when the test answers
 *   GET  nothing       not served: 4.04
 *
 * A query "n=<number>" names a request: `executed[number]` counts how often it ran.
 * Include it after cmocka.h.
 */

#include "talc/talc.h"
#include "tests/pair_path.h"

#define PAIR_NAMES_MAX 256
#define PAIR_LARGE_SIZE 16384
#define PAIR_LATER_MS 5000u
#define PAIR_CLIENTS_MAX 8
#define PAIR_URI "test://sensor.example"
#define PAIR_DEVICE "meter-7"       /**< the client */
#define PAIR_OTHER_DEVICE "meter-8" /**< the other one */

typedef enum pair_kind {
    PAIR_CERTIFICATES = 0, /**< P-256, both sides */
    PAIR_PSK,
    PAIR_RSA_CHAIN, /**< chains of three certificates, 4 KB */
    PAIR_PINS,      /**< P-256, believed by key */
    PAIR_ECC,       /**< mode `ecc`: bare keys, of a server and of the devices of a registry */
    PAIR_KINDS
} pair_kind;

/** Who two sides are; made once for many pairs. */
typedef struct pair_credentials {
    pair_kind kind;
    talc_identity *client;
    talc_identity *other_client; /**< another one that the server believes; NULL with chains, pins */
    talc_trust *client_trust;
    talc_identity *server;
    talc_trust *server_trust;
    talc_registry *registry; /**< of `ecc`: PAIR_DEVICE and PAIR_OTHER_DEVICE */
} pair_credentials;

void pair_credentials_load(pair_credentials *credentials, pair_kind kind);
void pair_credentials_free(pair_credentials *credentials);

/** A request of the test and what came of it. */
typedef struct pair_outcome {
    bool is_done;
    unsigned calls; /**< of the callback: never more than one */
    talc_status status;
    uint8_t code;
    uint8_t *payload; /**< freed by pair_outcome_clear() */
    size_t payload_size;
} pair_outcome;

void pair_outcome_clear(pair_outcome *outcome);

/** A request that a handler has put off. */
typedef struct pair_later {
    talc_exchange *exchange;
    uint64_t at_ms;
} pair_later;

typedef struct test_pair {
    test_path path;
    talc_config client_config; /**< change them between pair_begin() and pair_start() */
    talc_config server_config;
    talc_server *server;
    talc_client *client; /**< the first of `clients` */
    talc_client *clients[PAIR_CLIENTS_MAX];
    size_t client_count;
    unsigned executed[PAIR_NAMES_MAX];
    unsigned runs; /**< of handlers */
    bool answers_later; /**< after PAIR_LATER_MS; false: the test answers */
    pair_later later[PAIR_NAMES_MAX];
    size_t later_count;
    /** Called with each request that a handler gets; may be NULL. */
    void (*on_request)(void *context, const talc_request *request);
    void *on_request_context;
    unsigned events[8]; /**< how often the server told of each talc_event_kind */
    talc_failure last_failure; /**< of those events */
} test_pair;

typedef struct pair_options {
    const pair_credentials *credentials;
    talc_tls_version version; /**< 0: the library's */
    path_weather weather;
} pair_options;

/** Prepares configurations and the path. */
void pair_begin(test_pair *pair, const pair_options *options);

/** Makes the server and one client. */
void pair_start(test_pair *pair);
void pair_end(test_pair *pair);

/** Another server on the same path, which knows nothing of the first. */
void pair_restart_server(test_pair *pair);
void pair_stop_server(test_pair *pair);
void pair_start_server(test_pair *pair);

/** One more client with this identity (NULL: the usual one). */
talc_client *pair_add_client(test_pair *pair, talc_identity *identity);

/** Queues a request; the outcome must live until it is done. */
void pair_send(talc_client *client, const talc_request *request, pair_outcome *outcome);

/** The request of a table: method, path, a name below PAIR_NAMES_MAX. */
talc_request pair_request(talc_method method, const char *path, unsigned name);

/** Lets everything happen until the outcome is there or `limit_ms` of virtual time have passed;
 * true if it is there. */
bool pair_run(test_pair *pair, const pair_outcome *outcome, uint64_t limit_ms);

/** Lets `time_ms` of virtual time pass. */
void pair_pass(test_pair *pair, uint64_t time_ms);

/** pair_send(), pair_run(), and an outcome that the caller clears. */
void pair_fetch(test_pair *pair, const talc_request *request, pair_outcome *outcome);

/** GET hello by this client; fails the test unless it is answered well. */
void pair_say_hello(test_pair *pair, talc_client *client);

/** From now on a client's own process() also drives the server and the clock, so that blocking calls
 * return; until path.meanwhile is NULL again. */
void pair_block(test_pair *pair);

/** talc_client_close() of a client, with everything else going on; its status. */
talc_status pair_close(test_pair *pair, talc_client *client, uint32_t timeout_ms);

/** Answers the oldest request that was put off. */
talc_status pair_answer_later(test_pair *pair);

/** The i-th byte of a large payload. */
uint8_t pair_byte(size_t i);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_PEERS_H
#define TALC_TESTS_PEERS_H

/**
 * A talc server with the resources of resources.h, its clients, and what lies between them: nothing
 * (loopback), a UDP socket, a TCP connection with HTTP, or libcoap's coap-server as a forward
 * proxy; with a relay on each link if wanted. All of it but the proxy runs in one thread, in
 * peers_turn(); several of these may run side by side. Whatever goes wrong in the plumbing fails
 * the running test. Waits in poll() only, so that a program with virtual_clock.h has it in virtual
 * time.
 */

#include "tests/pair_path.h"
#include "tests/proxy_process.h"
#include "tests/relay.h"
#include "tests/resources.h"

#include <talc/talc.h>

#define PEERS_CLIENTS_MAX 8
#define PEERS_PAYLOAD_MAX 16384
#define PEERS_SERVER_NAME "sensor.example"

/** Who one side is and whom it believes: files of scripts/make-credentials.sh; NULL: none. */
typedef struct peers_side {
    const char *certificate; /**< "server": server.pem with server.key */
    const char *psk;         /**< of a client: its name and pre-shared key */
    const char *anchors;
    const char *more_anchors;
    const char *pin;
    const char *revoked_pin;
    const char *revocations;
    const char *psks;           /**< of a server: its clients' */
    const char *key;            /**< in `ecc`: the key of a device or a server */
    const char *device;         /**< likewise: a device's ID */
    const char *server_key;     /**< likewise: the server's, public, that a device believes */
    const char *registry;       /**< likewise: a server's devices */
    talc_credential credential; /**< how the other side sees this one */
    const char *name;           /**< likewise; "x.pin": the hash in that file; "x.key": of that key */
} peers_side;

typedef struct peers_credentials {
    const char *name;
    peers_side server;
    peers_side client;
} peers_credentials;

extern const peers_credentials peers_certificates; /**< P-256, at most 320 bytes, mutual */
extern const peers_credentials peers_psk;
extern const peers_credentials peers_pin;
extern const peers_credentials peers_rsa_chain; /**< RSA-4096, three certificates, mutual */
extern const peers_credentials peers_device;    /**< of mode `ecc` */
extern const peers_credentials peers_nobody;    /**< none at all */

typedef enum peers_path {
    PEERS_DIRECT = 0, /**< CoAP */
    PEERS_PROXY,      /**< CoAP through a forward proxy */
    PEERS_LOOPBACK,
    PEERS_HTTP, /**< HTTP, without relays */
    PEERS_SIMULATED /**< that of pair_path.h, with `weather`; one at a time */
} peers_path;

/** All zero but the credentials: TLS 1.3 and the library's defaults. */
typedef struct peers_options {
    const peers_credentials *credentials;
    const talc_mode *mode;           /**< NULL: TALC_MODE_TLS */
    const char *scheme;              /**< of the URIs; NULL: "coap", with PEERS_HTTP "http" */
    talc_tls_version version;        /**< of both sides; 0: TLS 1.3 */
    talc_tls_version client_version; /**< 0: as the server */
    peers_path path;
    int has_relays;
    path_weather weather;
    uint32_t block_size;
    uint32_t hold_s;               /**< 0: 1 s, so that a lost answer is missed soon */
    uint32_t request_timeout_ms;   /**< 0: long, a guard against hanging */
    uint32_t half_open_timeout_ms; /**< 0: the library's */
    uint32_t hang_guard_ms;        /**< for peers_await(); 0: some minutes */
    const peers_side *clients[PEERS_CLIENTS_MAX]; /**< NULL: as credentials->client */
    size_t client_count;                          /**< 0: 1 */
    const char *journal_path; /**< of the clients; NULL: none */
    const char *key_log_path; /**< likewise */
} peers_options;

/** What the server's on_event said so far. */
typedef struct peers_events {
    size_t opened, refused, closed, failed, dropped;
    talc_failure failure; /**< the last one that came with an event */
} peers_events;

typedef struct peers {
    peers_options options;
    char name[96]; /**< for messages */
    talc_loopback *loopback;
    test_path simulated;
    talc_server *server;
    talc_failure server_failure;
    uint16_t server_port;
    resources *resources;
    peers_events events;
    proxy_process proxy;
    test_relay *near; /**< between the clients and the server or proxy */
    test_relay *far;  /**< between the proxy and the server */
    char uri[64];
    char proxy_uri[64]; /**< empty: none */
    talc_client *clients[PEERS_CLIENTS_MAX];
    size_t client_count;
    size_t outstanding; /**< calls that have no result yet */
} peers;

/** One request of a client and what came of it. */
typedef struct peers_call {
    peers *of;
    size_t client;
    int is_done;
    talc_status status;
    uint8_t code;
    uint8_t payload[PEERS_PAYLOAD_MAX];
    size_t payload_size;
    uint32_t exchanges;   /**< of the session, when the result came */
    talc_failure failure; /**< the client's, then */
} peers_call;

/** Makes all of it; peers_free() takes it down, also when it is half made. */
peers *peers_new(const peers_options *options);
void peers_free(peers *made);

/** Frees those that a failed test left behind; as a tear-down of cmocka. */
int peers_free_all(void **state);

/** A configuration with the identity and trust of `side`, which config_drop gives up again. */
void peers_configure(talc_config *config, const peers_side *side);
void peers_configure_drop(talc_config *config);

/** Queues a request; `call` has to live until it is done. */
void peers_send(peers *of, size_t client, const talc_request *request, peers_call *call);

/** Runs these until all calls are done. */
void peers_await(peers *const *all, size_t count);

/** Runs it until this call is done, or all `count` of them. */
void peers_await_calls(peers *of, const peers_call *calls, size_t count);

/** peers_send() and peers_await(). */
void peers_fetch(peers *of, size_t client, const talc_request *request, peers_call *call);

/** Waits for something to do, at most some milliseconds, and does it. */
void peers_turn(peers *const *all, size_t count);

/** Does all but the clients' part; for the thread beside one that waits for a client. */
void peers_turn_without_clients(peers *of);

/** Fails the test unless the call got a response with this code. */
void peers_expect(const peers_call *call, uint8_t code);

/** The name of `side` as the other side sees it. */
const char *peers_shown_name(const peers_side *side);

#endif

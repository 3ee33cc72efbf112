/* SPDX-License-Identifier: MIT */
#include "tests/peers.h"

#include "tests/credential_folder.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define HANG_GUARD_MS 240000
#define TURN_MS 50
#define DESCRIPTORS_MAX 512
#define PEERS_MAX 64

/* Those that are not freed yet: a test that fails leaves some. */
static peers *alive[PEERS_MAX];

static void must(talc_status status, const talc_failure *failure, const char *what)
{
    if (status != TALC_OK) {
        fail_msg("%s: %s", what, failure->text);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- making */

static void on_event(void *context, const talc_event *event)
{
    peers *of = context;
    switch (event->kind) {
    case TALC_EVENT_SESSION_OPENED: of->events.opened++; break;
    case TALC_EVENT_SESSION_REFUSED: of->events.refused++; break;
    case TALC_EVENT_SESSION_CLOSED: of->events.closed++; break;
    case TALC_EVENT_SESSION_FAILED: of->events.failed++; break;
    case TALC_EVENT_ENVELOPE_DROPPED: of->events.dropped++; break;
    case TALC_EVENT_REGISTRY_REFUSED: break;
    }
    if (event->failure != NULL) {
        of->events.failure = *event->failure;
    }
}

static void set_mode_and_sizes(talc_config *config, const peers_options *options,
                               talc_tls_version version)
{
    config->mode = options->mode != NULL ? *options->mode : config->mode;
    version = version != 0 ? version : TALC_TLS_1_3;
    config->tls_version_min = config->tls_version_max = version;
    config->block_size = options->block_size != 0 ? options->block_size : config->block_size;
}

static bool is_simulated(const peers *of)
{
    return of->options.path == PEERS_SIMULATED;
}

static void write_uri(const peers *of, char uri[64], uint16_t port)
{
    const char *scheme = of->options.path == PEERS_HTTP ? "http" : "coap";
    scheme = of->options.scheme != NULL ? of->options.scheme : scheme;
    snprintf(uri, 64, "%s://127.0.0.1:%u", scheme, port);
}

static void make_server(peers *of)
{
    talc_config config;
    const peers_options *options = &of->options;
    peers_configure(&config, &options->credentials->server);
    set_mode_and_sizes(&config, options, options->version);
    if (options->half_open_timeout_ms != 0) {
        config.half_open_timeout_ms = options->half_open_timeout_ms;
    }
    config.failure = &of->server_failure;
    config.on_event = on_event;
    config.on_event_context = of;
    config.listener = is_simulated(of) ? &path_listener : NULL;
    config.https_certificate_path = credential_path("outer.pem");
    config.https_key_path = credential_path("outer.key");
    must(talc_server_new(&of->server, &config), &of->server_failure, of->name);
    write_uri(of, of->uri, 0);
    must(talc_server_listen(of->server,
                            of->loopback != NULL ? talc_loopback_uri(of->loopback) : of->uri),
         &of->server_failure, of->name);
    peers_configure_drop(&config);
    of->server_port = talc_server_port(of->server, 0);
    resources_serve(of->resources, of->server);
}

/* A relay to this port if there are to be some; where to send to then. */
static uint16_t relay_before(test_relay **relay, const peers *of, uint16_t port)
{
    if (!of->options.has_relays) {
        return port;
    }
    *relay = relay_new(port);
    assert_non_null(*relay);
    return relay_port(*relay);
}

static void make_path(peers *of)
{
    if (of->options.path == PEERS_LOOPBACK) {
        snprintf(of->uri, sizeof of->uri, "%s", talc_loopback_uri(of->loopback));
        return;
    }
    if (is_simulated(of)) {
        return;
    }
    uint16_t port = of->server_port;
    if (of->options.path == PEERS_PROXY) {
        proxy_process_start(&of->proxy);
        port = relay_before(&of->far, of, of->server_port);
        write_uri(of, of->proxy_uri, relay_before(&of->near, of, of->proxy.port));
    } else if (of->options.path != PEERS_HTTP) {
        port = relay_before(&of->near, of, of->server_port);
    }
    write_uri(of, of->uri, port);
}

static void make_client(peers *of, const peers_side *side)
{
    talc_config config;
    talc_failure failure;
    const peers_options *options = &of->options;
    peers_configure(&config, side);
    set_mode_and_sizes(&config, options,
                       options->client_version != 0 ? options->client_version : options->version);
    config.hold_s = options->hold_s != 0 ? options->hold_s : 1;
    config.request_timeout_ms =
        options->request_timeout_ms != 0 ? options->request_timeout_ms : 2 * HANG_GUARD_MS;
    config.carrier = is_simulated(of) ? &path_carrier : NULL;
    config.journal_path = options->journal_path;
    config.key_log_path = options->key_log_path;
    config.https_anchors_path = credential_path("outer-ca.pem");
    config.failure = &failure;
    must(talc_client_new(&of->clients[of->client_count], &config, of->uri,
                         of->proxy_uri[0] != 0 ? of->proxy_uri : NULL),
         &failure, of->name);
    of->client_count++;
    peers_configure_drop(&config);
}

static void name_peers(peers *of)
{
    static const char *const paths[] = { "direct", "through the proxy", "loopback", "HTTP",
                                         "simulated" };
    static const char *const modes[] = { "none", "TLS 1.3", "DTLS 1.2", "ecc" };
    const peers_options *options = &of->options;
    const char *mode = modes[options->mode != NULL ? *options->mode : TALC_MODE_TLS];
    snprintf(of->name, sizeof of->name, "%s, %s, %s",
             options->version == TALC_TLS_1_2 ? "TLS 1.2" : mode, options->credentials->name,
             paths[options->path]);
}

static void keep(peers *of)
{
    size_t slot = 0;
    while (slot < PEERS_MAX && alive[slot] != NULL) {
        slot++;
    }
    assert_true(slot < PEERS_MAX);
    alive[slot] = of;
}

peers *peers_new(const peers_options *options)
{
    peers *of = calloc(1, sizeof *of);
    assert_non_null(of);
    keep(of);
    of->options = *options;
    name_peers(of);
    of->resources = calloc(1, sizeof *of->resources);
    assert_non_null(of->resources);
    if (options->path == PEERS_LOOPBACK) {
        assert_int_equal(talc_loopback_new(&of->loopback), TALC_OK);
    }
    if (is_simulated(of)) {
        path_begin(&of->simulated, &options->weather);
        of->simulated.now_ms = now_ms();
    }
    make_server(of);
    make_path(of);
    size_t clients = options->client_count != 0 ? options->client_count : 1;
    assert_true(clients <= PEERS_CLIENTS_MAX);
    for (size_t i = 0; i < clients; i++) {
        const peers_side *side = options->clients[i];
        make_client(of, side != NULL ? side : &options->credentials->client);
    }
    return of;
}

void peers_free(peers *of)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        alive[i] = alive[i] == of ? NULL : alive[i];
    }
    for (size_t i = 0; i < of->client_count; i++) {
        talc_client_free(of->clients[i]);
    }
    talc_server_free(of->server);
    resources_release(of->resources);
    talc_loopback_free(of->loopback);
    relay_free(of->near);
    relay_free(of->far);
    if (is_simulated(of)) {
        path_end(&of->simulated);
    }
    proxy_process_stop(&of->proxy);
    free(of->resources);
    free(of);
}

int peers_free_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (alive[i] != NULL) {
            peers_free(alive[i]);
        }
    }
    return 0;
}

/* ---------------------------------------------------------------- requests */

/* memcpy() takes no NULL, not even for no bytes. */
static void copy(uint8_t *into, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(into, from, size);
    }
}

static void on_response(void *context, talc_status status, const talc_response *response)
{
    peers_call *call = context;
    const talc_client *client = call->of->clients[call->client];
    talc_session_info info;
    talc_client_info(client, &info);
    call->is_done = 1;
    call->status = status;
    call->exchanges = info.exchanges;
    call->failure = *talc_client_failure(client);
    call->of->outstanding--;
    if (response != NULL && response->payload_size <= sizeof call->payload) {
        call->code = response->code;
        call->payload_size = response->payload_size;
        copy(call->payload, response->payload, response->payload_size);
    }
}

void peers_send(peers *of, size_t client, const talc_request *request, peers_call *call)
{
    memset(call, 0, sizeof *call);
    call->of = of;
    call->client = client;
    talc_status status = talc_client_send(of->clients[client], request, on_response, call);
    if (status != TALC_PENDING) {
        fail_msg("%s: %s: not sent: %s", of->name, request->path, talc_status_text(status));
    }
    of->outstanding++;
}

void peers_fetch(peers *of, size_t client, const talc_request *request, peers_call *call)
{
    peers_send(of, client, request, call);
    peers_await(&of, 1);
}

void peers_expect(const peers_call *call, uint8_t code)
{
    char got[TALC_CODE_TEXT_SIZE], wanted[TALC_CODE_TEXT_SIZE];
    if (!call->is_done || call->status != TALC_OK) {
        fail_msg("%s: no response: %s: %s", call->of->name, talc_status_text(call->status),
                 call->failure.text);
    }
    if (call->code != code) {
        fail_msg("%s: response %s instead of %s", call->of->name, talc_code_text(call->code, got),
                 talc_code_text(code, wanted));
    }
}

/* ---------------------------------------------------------------- the loop */

typedef struct polled {
    struct pollfd descriptors[DESCRIPTORS_MAX];
    nfds_t count;
    uint32_t timeout_ms;
} polled;

static void add_descriptor(polled *all, int descriptor)
{
    if (descriptor < 0) {
        all->timeout_ms = 0; /* the loopback has none */
        return;
    }
    assert_true(all->count < DESCRIPTORS_MAX);
    all->descriptors[all->count++] = (struct pollfd){ .fd = descriptor, .events = POLLIN };
}

static void add_timeout(polled *all, uint32_t timeout_ms)
{
    all->timeout_ms = timeout_ms < all->timeout_ms ? timeout_ms : all->timeout_ms;
}

static void add_relay(polled *all, const test_relay *relay)
{
    if (relay != NULL) {
        add_descriptor(all, relay_descriptor(relay));
        add_timeout(all, relay_timeout_ms(relay));
    }
}

/* That of the simulated path says nothing. */
static void add_side(polled *all, const peers *of, int descriptor)
{
    if (!is_simulated(of)) {
        add_descriptor(all, descriptor);
    }
}

static void add_middle(polled *all, const peers *of)
{
    for (size_t listener = 0; listener == 0 || talc_server_port(of->server, listener) != 0;
         listener++) {
        add_side(all, of, talc_server_descriptor(of->server, listener));
    }
    add_timeout(all, talc_server_timeout_ms(of->server));
    add_relay(all, of->near);
    add_relay(all, of->far);
    if (is_simulated(of)) {
        uint64_t next_ms = path_next_ms(&of->simulated);
        add_timeout(all, next_ms < UINT32_MAX ? (uint32_t)next_ms : UINT32_MAX);
    }
}

static void add_clients(polled *all, const peers *of)
{
    for (size_t i = 0; i < of->client_count; i++) {
        add_side(all, of, talc_client_descriptor(of->clients[i]));
        add_timeout(all, talc_client_timeout_ms(of->clients[i]));
    }
}

static void wait_for(polled *all)
{
    (void)poll(all->descriptors, all->count, (int)all->timeout_ms);
}

static void process_middle(const peers *of)
{
    (void)talc_server_process(of->server);
    if (of->near != NULL) {
        relay_process(of->near);
    }
    if (of->far != NULL) {
        relay_process(of->far);
    }
}

void peers_turn(peers *const *all, size_t count)
{
    polled waiting = { .timeout_ms = TURN_MS };
    for (size_t i = 0; i < count; i++) {
        add_middle(&waiting, all[i]);
        add_clients(&waiting, all[i]);
    }
    wait_for(&waiting);
    for (size_t i = 0; i < count; i++) {
        all[i]->simulated.now_ms = now_ms();
        for (size_t client = 0; client < all[i]->client_count; client++) {
            (void)talc_client_process(all[i]->clients[client]);
        }
        process_middle(all[i]);
    }
}

void peers_turn_without_clients(peers *of)
{
    polled waiting = { .timeout_ms = TURN_MS };
    add_middle(&waiting, of);
    wait_for(&waiting);
    process_middle(of);
}

static peers *first_waiting(peers *const *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i]->outstanding > 0) {
            return all[i];
        }
    }
    return NULL;
}

/* What somebody wants to know who looks for the reason. */
static void report(const peers *of)
{
    for (size_t i = 0; i < of->client_count; i++) {
        talc_session_info info;
        talc_client_info(of->clients[i], &info);
        print_error("%s: client %zu: %s, %u exchanges, %u repeats, record bytes out %llu in %llu, "
                    "%llu envelopes dropped\n",
                    of->name, i, info.is_open ? "open" : "not open", info.exchanges, info.repeats,
                    (unsigned long long)info.record_bytes_out,
                    (unsigned long long)info.record_bytes_in,
                    (unsigned long long)info.dropped_envelopes);
    }
}

static uint64_t guard_end_ms(const peers *of)
{
    uint32_t guard_ms = of->options.hang_guard_ms;
    return now_ms() + (guard_ms != 0 ? guard_ms : HANG_GUARD_MS);
}

void peers_await(peers *const *all, size_t count)
{
    uint64_t end_ms = guard_end_ms(all[0]);
    const peers *waits;
    while ((waits = first_waiting(all, count)) != NULL) {
        if (now_ms() > end_ms) {
            report(waits);
            fail_msg("%s: %zu requests have no result", waits->name, waits->outstanding);
        }
        peers_turn(all, count);
    }
}

void peers_await_calls(peers *of, const peers_call *calls, size_t count)
{
    uint64_t end_ms = guard_end_ms(of);
    for (size_t i = 0; i < count; i++) {
        while (!calls[i].is_done) {
            if (now_ms() > end_ms) {
                report(of);
                fail_msg("%s: %zu requests have no result", of->name, of->outstanding);
            }
            peers_turn(&of, 1);
        }
    }
}

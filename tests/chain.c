/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/chain.h"

#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "tests/credential_folder.h"

#define HANG_GUARD_MS 240000
#define SETTLING_MS_MAX 30000
#define TURN_MS 50
#define HOLD_S 2
#define DESCRIPTORS_MAX 32
#define PATH_SIZE 128

static chain *left_over;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void must(talc_status status, const talc_failure *failure, const char *what)
{
    if (status != TALC_OK) {
        fail_msg("%s: %s", what, failure->text);
    }
}

static const char *path_in(const chain *of, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", of->folder, name);
    return path;
}

/* ---------------------------------------------------------------- what hops see */

static chain_hop *hop_add(chain *of, const char *name)
{
    assert_true(of->hop_count < CHAIN_HOPS_MAX);
    chain_hop *made = &of->hops[of->hop_count++];
    made->name = name;
    return made;
}

static int on_datagram(void *context, relay_direction direction, uint8_t *bytes, size_t *size,
                       size_t capacity)
{
    chain_hop *hop = context;
    (void)capacity;
    (void)fragment_set_scan(&hop->seen[direction], bytes, *size, FRAGMENT_IN_ENVELOPE);
    return 1;
}

static size_t on_stream(void *context, tcp_tap_direction direction, const char *bytes, size_t size)
{
    chain_hop *hop = context;
    return fragment_set_scan(&hop->seen[direction], bytes, size, FRAGMENT_IN_ENVELOPE);
}

/* A relay to `port` that notes under `name`; where to send to then. */
static uint16_t relay_before(chain *of, test_relay **relay, uint16_t port, const char *name)
{
    *relay = relay_new(port);
    assert_non_null(*relay);
    relay_hook_set(*relay, on_datagram, hop_add(of, name));
    return relay_port(*relay);
}

static uint16_t tap_before(chain *of, uint16_t port, const char *name)
{
    of->tap = tcp_tap_new(port, on_stream, hop_add(of, name));
    return tcp_tap_port(of->tap);
}

/* ---------------------------------------------------------------- making */

static void on_event(void *context, const talc_event *event)
{
    chain *of = context;
    of->events.opened += event->kind == TALC_EVENT_SESSION_OPENED;
    of->events.refused += event->kind == TALC_EVENT_SESSION_REFUSED;
    of->events.failed += event->kind == TALC_EVENT_SESSION_FAILED;
    of->events.dropped += event->kind == TALC_EVENT_ENVELOPE_DROPPED;
    of->events.closed += event->kind == TALC_EVENT_SESSION_CLOSED;
    if (event->failure != NULL) {
        of->events.failure = *event->failure;
    }
}

static void make_server(chain *of)
{
    talc_config config;
    talc_failure failure;
    char journal[PATH_SIZE];
    peers_configure(&config, &of->options.credentials->server);
    config.mode = of->options.mode;
    config.journal_path = path_in(of, "server.journal", journal);
    config.on_event = on_event;
    config.on_event_context = of;
    config.failure = &failure;
    must(talc_server_new(&of->server, &config), &failure, "server");
    bool is_coap = of->options.direction == CHAIN_REVERSE;
    must(talc_server_listen(of->server, is_coap ? "coap://127.0.0.1:0" : "http://127.0.0.1:0"),
         &failure, "server");
    peers_configure_drop(&config);
    of->server_port = talc_server_port(of->server, 0);
    resources_serve(of->resources, of->server);
}

static void start_nginx(chain *of, uint16_t upstream_port)
{
    nginx_setup setup = { .upstream_port = upstream_port,
                          .certificate = "outer.pem",
                          .key = "outer.key" };
    nginx_process_start(&of->nginx, &setup);
}

static void start_gateway(chain *of, const char *listen, const char *rules)
{
    char log[PATH_SIZE];
    gateway_process_start(&of->gateway, "--listen %s --https-ca %s --log %s %s", listen,
                          credential_path("outer-ca.pem"), path_in(of, "gateway.jsonl", log),
                          rules);
}

/* What clients are told: where the server is, and what stands before it. */
typedef struct chain_path {
    char uri[96], proxy_uri[96];
} chain_path;

/* From the server to the clients, as each has to know where the next one is. */
static void make_forward(chain *of, chain_path *path)
{
    char rules[PATH_SIZE];
    start_nginx(of, tap_before(of, of->server_port, "between nginx and the server"));
    snprintf(rules, sizeof rules, "--route /=https://127.0.0.1:%u", of->nginx.tls_port);
    start_gateway(of, "coap://127.0.0.1:0", rules);
    snprintf(
        path->uri, sizeof path->uri, "coap://127.0.0.1:%u",
        relay_before(of, &of->far, of->gateway.ports[0], "between coap-server and talc-proxy"));
    proxy_process_start(&of->proxy);
    snprintf(path->proxy_uri, sizeof path->proxy_uri, "coap://127.0.0.1:%u",
             relay_before(of, &of->near, of->proxy.port, "between the clients and coap-server"));
}

static void make_reverse(chain *of, chain_path *routed, chain_path *mapped)
{
    char rules[PATH_SIZE];
    uint16_t device =
        relay_before(of, &of->far, of->server_port, "between talc-proxy and the server");
    snprintf(rules, sizeof rules, "--route /device=coap://127.0.0.1:%u --allow coap://127.0.0.1:%u",
             device, device);
    start_gateway(of, "http://127.0.0.1:0", rules);
    start_nginx(of, tap_before(of, of->gateway.ports[0], "between nginx and talc-proxy"));
    snprintf(routed->uri, sizeof routed->uri, "https://127.0.0.1:%u/device", of->nginx.tls_port);
    snprintf(mapped->uri, sizeof mapped->uri, "coap://127.0.0.1:%u", device);
    snprintf(mapped->proxy_uri, sizeof mapped->proxy_uri, "https://127.0.0.1:%u/hc",
             of->nginx.tls_port);
}

static void make_client(chain *of, size_t number, const chain_path *path)
{
    talc_config config;
    talc_failure failure;
    char journal[PATH_SIZE];
    peers_configure(&config, &of->options.credentials->client);
    config.mode = of->options.mode;
    config.journal_path = path_in(of, "client.journal", journal);
    config.https_anchors_path = credential_path("outer-ca.pem");
    config.hold_s = HOLD_S;
    config.request_timeout_ms = 2 * HANG_GUARD_MS;
    config.failure = &failure;
    must(talc_client_new(&of->clients[number], &config, path->uri,
                         path->proxy_uri[0] != 0 ? path->proxy_uri : NULL),
         &failure, "client");
    peers_configure_drop(&config);
}

chain *chain_new(const chain_options *options)
{
    chain *of = calloc(1, sizeof *of);
    chain_path paths[2] = { { "", "" }, { "", "" } };
    assert_non_null(of);
    left_over = of;
    of->options = *options;
    strcpy(of->folder, "/tmp/talc-chain-XXXXXX");
    assert_non_null(mkdtemp(of->folder));
    of->resources = calloc(1, sizeof *of->resources);
    assert_non_null(of->resources);
    make_server(of);
    if (options->direction == CHAIN_FORWARD) {
        make_forward(of, &paths[0]);
        paths[1] = paths[0];
    } else {
        make_reverse(of, &paths[0], &paths[1]);
    }
    for (size_t i = 0; i < options->client_count; i++) {
        make_client(of, i, &paths[i % 2]);
    }
    return of;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

void chain_free(chain *of)
{
    left_over = NULL;
    for (size_t i = 0; i < of->options.client_count; i++) {
        talc_client_free(of->clients[i]);
    }
    talc_server_free(of->server);
    resources_release(of->resources);
    proxy_process_stop(&of->proxy);
    if (of->gateway.process > 0) {
        gateway_process_stop(&of->gateway);
    }
    nginx_process_stop(&of->nginx);
    relay_free(of->near);
    relay_free(of->far);
    tcp_tap_free(of->tap);
    for (size_t i = 0; i < of->hop_count; i++) {
        fragment_set_clear(&of->hops[i].seen[RELAY_UP]);
        fragment_set_clear(&of->hops[i].seen[RELAY_DOWN]);
    }
    (void)nftw(of->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(of->resources);
    free(of);
}

int chain_free_left(void **state)
{
    (void)state;
    if (left_over != NULL) {
        chain_free(left_over);
    }
    return 0;
}

/* ---------------------------------------------------------------- requests */

static void on_response(void *context, talc_status status, const talc_response *response)
{
    chain_call *call = context;
    call->is_done = 1;
    call->status = status;
    call->failure = *talc_client_failure(call->of->clients[call->client]);
    call->of->outstanding--;
    if (response != NULL && response->payload_size > 0) {
        call->payload = malloc(response->payload_size);
        assert_non_null(call->payload);
        call->payload_size = response->payload_size;
        memcpy(call->payload, response->payload, response->payload_size);
    }
    call->code = response != NULL ? response->code : 0;
}

void chain_send(chain *of, size_t client, const talc_request *request, chain_call *call)
{
    *call = (chain_call){ .of = of, .client = client };
    talc_status status = talc_client_send(of->clients[client], request, on_response, call);
    if (status != TALC_PENDING) {
        fail_msg("%s: not sent: %s", request->path, talc_status_text(status));
    }
    of->outstanding++;
}

void chain_call_clear(chain_call *call)
{
    free(call->payload);
    call->payload = NULL;
}

/* ---------------------------------------------------------------- the loop */

typedef struct polled {
    struct pollfd descriptors[DESCRIPTORS_MAX];
    nfds_t count;
    uint32_t timeout_ms;
} polled;

static void add(polled *all, int descriptor, uint32_t timeout_ms)
{
    assert_true(all->count < DESCRIPTORS_MAX && descriptor >= 0);
    all->descriptors[all->count++] = (struct pollfd){ .fd = descriptor, .events = POLLIN };
    all->timeout_ms = timeout_ms < all->timeout_ms ? timeout_ms : all->timeout_ms;
}

static void wait_for_something(const chain *of)
{
    polled all = { .timeout_ms = TURN_MS };
    add(&all, talc_server_descriptor(of->server, 0), talc_server_timeout_ms(of->server));
    add(&all, relay_descriptor(of->far), UINT32_MAX);
    add(&all, tcp_tap_descriptor(of->tap), UINT32_MAX);
    if (of->near != NULL) {
        add(&all, relay_descriptor(of->near), UINT32_MAX);
    }
    for (size_t i = 0; i < of->options.client_count; i++) {
        add(&all, talc_client_descriptor(of->clients[i]), talc_client_timeout_ms(of->clients[i]));
    }
    (void)poll(all.descriptors, all.count, (int)all.timeout_ms);
}

static void turn(chain *of)
{
    wait_for_something(of);
    for (size_t i = 0; i < of->options.client_count; i++) {
        (void)talc_client_process(of->clients[i]);
    }
    if (of->near != NULL) {
        relay_process(of->near);
    }
    relay_process(of->far);
    tcp_tap_process(of->tap);
    (void)talc_server_process(of->server);
}

void chain_await(chain *of)
{
    uint64_t end_ms = now_ms() + HANG_GUARD_MS;
    while (of->outstanding > 0) {
        if (now_ms() > end_ms) {
            fail_msg("%zu requests have no result", of->outstanding);
        }
        turn(of);
    }
}

size_t chain_payload_max(const chain *of)
{
    size_t largest = 0;
    test_relay *const relays[] = { of->near, of->far };
    for (size_t i = 0; i < 2; i++) {
        for (int direction = 0; direction < 2 && relays[i] != NULL; direction++) {
            relay_counts counts = relay_counts_get(relays[i], (relay_direction)direction);
            largest = counts.payload_max > largest ? counts.payload_max : largest;
        }
    }
    return largest;
}

/* ---------------------------------------------------------------- equal at every hop */

/* A journal's "out" is its owner's. */
static void read_journal(const chain *of, const char *file, relay_direction out, chain_hop *hop)
{
    char path[PATH_SIZE];
    path_in(of, file, path);
    fragment_set_scan_lines(&hop->seen[out], path, "\"direction\":\"out\"", FRAGMENT_IN_JOURNAL);
    fragment_set_scan_lines(&hop->seen[!out], path, "\"direction\":\"in\"", FRAGMENT_IN_JOURNAL);
}

static void read_gateway_log(const chain *of, const char *up, const char *down, chain_hop *hop)
{
    char path[PATH_SIZE];
    path_in(of, "gateway.jsonl", path);
    fragment_set_scan_lines(&hop->seen[RELAY_UP], path, up, FRAGMENT_IN_LOG);
    fragment_set_scan_lines(&hop->seen[RELAY_DOWN], path, down, FRAGMENT_IN_LOG);
}

static const chain_hop *unequal_hop(const chain *of)
{
    for (size_t i = 1; i < of->hop_count; i++) {
        if (!fragment_set_equal(&of->hops[i].seen[0], &of->hops[0].seen[0]) ||
            !fragment_set_equal(&of->hops[i].seen[1], &of->hops[0].seen[1])) {
            return &of->hops[i];
        }
    }
    return NULL;
}

/* What is under way when the last answer comes is still to be seen behind it. */
static void settle(chain *of)
{
    uint64_t end_ms = now_ms() + SETTLING_MS_MAX;
    while (unequal_hop(of) != NULL && now_ms() < end_ms) {
        turn(of);
    }
}

size_t chain_expect_equal(chain *of)
{
    settle(of);
    gateway_process_stop(&of->gateway);
    of->gateway.process = 0;
    read_journal(of, "client.journal", RELAY_UP, hop_add(of, "in the clients' journal"));
    read_journal(of, "server.journal", RELAY_DOWN, hop_add(of, "in the server's journal"));
    read_gateway_log(of, "\"kind\":\"request-in\"", "\"kind\":\"response-out\"",
                     hop_add(of, "at talc-proxy, on the clients' side"));
    read_gateway_log(of, "\"kind\":\"request-out\"", "\"kind\":\"response-in\"",
                     hop_add(of, "at talc-proxy, on the server's side"));
    const chain_hop *first = &of->hops[0], *unequal = unequal_hop(of);
    if (unequal != NULL) {
        fail_msg("%zu and %zu fragments %s, %zu and %zu %s", unequal->seen[0].count,
                 unequal->seen[1].count, unequal->name, first->seen[0].count, first->seen[1].count,
                 first->name);
    }
    return first->seen[0].count + first->seen[1].count;
}

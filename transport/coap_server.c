/* SPDX-License-Identifier: MIT */
#include "transport/coap_server.h"

#include "lib/failure.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_SESSIONS_MAX 4096 /* libcoap's, one per peer address, about 0.8 KiB each */
#define SESSION_TIMEOUT_S 60
#define TRANSFER_AGE_MS 247000 /* EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */
#define REPEAT_CHECK_MS 1000
#define SWEEP_CHECK_MS 30000
#define NO_DESCRIPTOR_MS 20
#define TURNS_MAX 32

/* libcoap tells the port of an endpoint only in its text, "[::]:5683 UDP". */
static uint16_t endpoint_port(const coap_endpoint_t *endpoint)
{
    const char *colon = strrchr(coap_endpoint_str(endpoint), ':');
    return colon != NULL ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/* "[::]" takes IPv4 too where the system can, and IPv4 alone where there is no IPv6. */
static talc_status addresses_find(const talc_coap_uri *uri, talc_coap_addresses *addresses,
                                  talc_failure *failure)
{
    talc_status status = talc_coap_resolve(addresses, uri, failure);
    if (status == TALC_OK && strcmp(uri->host, "::") == 0 &&
        addresses->count < TALC_COAP_ADDRESSES_MAX) {
        coap_address_t *any = &addresses->list[addresses->count++];
        coap_address_init(any);
        any->size = sizeof any->addr.sin;
        any->addr.sin.sin_family = AF_INET;
        any->addr.sin.sin_port = addresses->list[0].addr.sin6.sin6_port;
    }
    return status;
}

/* libcoap binds with SO_REUSEADDR, which would let a second server take a port over without a
 * word. A socket of our own asks the system first, and tells why not. For port 0 it is also the
 * one that gets a port: with SO_REUSEADDR the system gives away such that others have. Returns
 * errno. */
static int address_try(coap_address_t *address)
{
    static const int off;
    int error = 0;
    int probe = socket(address->addr.sa.sa_family, SOCK_DGRAM, 0);
    if (probe < 0) {
        return errno;
    }
    if (address->addr.sa.sa_family == AF_INET6) {
        (void)setsockopt(probe, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(probe, &address->addr.sa, address->size) != 0 ||
        getsockname(probe, &address->addr.sa, &address->size) != 0) {
        error = errno;
    }
    close(probe);
    return error;
}

static talc_status uri_read(const talc_coap_server *server, talc_coap_uri *read, const char *uri,
                            talc_failure *failure)
{
    return server->security->takes_coaps ? talc_coap_uri_read_secure(read, uri, failure)
                                         : talc_coap_uri_read(read, uri, failure);
}

/* Returns errno, 0 when there is an endpoint. */
static int endpoint_try(talc_coap_server *server, const coap_address_t *wanted)
{
    coap_address_t address = *wanted;
    int error = address_try(&address);
    coap_endpoint_t *endpoint = NULL;
    if (error != 0) {
        return error;
    }
    endpoint = coap_new_endpoint(server->context, &address, server->security->protocol);
    if (endpoint == NULL) {
        return EIO;
    }
    server->port = endpoint_port(endpoint);
    return 0;
}

static talc_status endpoint_open(talc_coap_server *server, const char *text,
                                 talc_failure *failure)
{
    talc_coap_uri uri;
    talc_coap_addresses addresses;
    char reason[128] = "";
    int error = 0;
    talc_status status = uri_read(server, &uri, text, failure);
    if (status == TALC_OK) {
        status = addresses_find(&uri, &addresses, failure);
    }
    if (status != TALC_OK) {
        return status;
    }
    for (size_t i = 0; i < addresses.count; i++) {
        error = endpoint_try(server, &addresses.list[i]);
        if (error == 0) {
            return TALC_OK;
        }
        if (error == EADDRINUSE) {
            break; /* not to be taken for a machine without IPv6 */
        }
    }
    (void)strerror_r(error, reason, sizeof reason);
    return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                            "cannot listen at %s: %s", text, reason);
}

static void setup_copy(talc_coap_server *server, const talc_coap_server_setup *setup)
{
    size_t block_size =
        setup->block_size < TALC_COAP_BLOCK_SIZE_MAX ? setup->block_size : TALC_COAP_BLOCK_SIZE_MAX;
    memset(server, 0, sizeof *server);
    server->face = setup->face;
    server->owner = setup->owner;
    server->security = setup->security;
    server->ack_timeout_s = setup->ack_timeout_s;
    server->max_retransmit = setup->max_retransmit;
    server->nstart = setup->nstart;
    server->separate_max = setup->separate_max;
    server->requests.places = setup->transfers_max;
    server->answers.places = setup->transfers_max;
    server->szx = talc_coap_block_szx(block_size);
    server->single_size =
        setup->message_size < TALC_MESSAGE_BODY_MAX ? setup->message_size : TALC_MESSAGE_BODY_MAX;
    if (setup->block_size < TALC_COAP_BLOCK_SIZE_MAX) {
        server->single_size = (size_t)16 << server->szx;
    }
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    talc_coap_server *server = coap_get_app_data(coap_session_get_context(session));
    if (server->security_state != NULL && server->security->event != NULL) {
        server->security->event(server->security_state, session, event);
    }
    server->arrivals++;
    return 0;
}

talc_status talc_coap_server_open(talc_coap_server *server, const talc_coap_server_setup *setup,
                                  talc_failure *failure)
{
    setup_copy(server, setup);
    talc_coap_startup();
    server->context = coap_new_context(NULL);
    if (server->context == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    coap_set_app_data(server->context, server);
    coap_register_event_handler(server->context, on_event);
    coap_mcast_per_resource(server->context); /* and no resource is for groups */
    coap_context_set_max_idle_sessions(server->context, IDLE_SESSIONS_MAX);
    coap_context_set_session_timeout(server->context, SESSION_TIMEOUT_S);
    talc_coap_security_setup wanted = { .context = server->context,
                                        .config = setup->config,
                                        .tell = setup->tell,
                                        .tell_context = setup->tell_context };
    talc_status status = server->security->open(&server->security_state, &wanted, failure);
    return status == TALC_OK ? endpoint_open(server, setup->uri, failure) : status;
}

void talc_coap_server_close(talc_coap_server *server)
{
    while (server->pending != NULL) {
        talc_coap_pending_drop(server, server->pending);
    }
    talc_coap_transfers_expire(&server->requests, 0, 0);
    talc_coap_transfers_expire(&server->answers, 0, 0);
    server->security->close(server->security_state);
    server->security_state = NULL;
    if (server->context != NULL) {
        coap_free_context(server->context);
        server->context = NULL;
    }
}

static talc_status turn(talc_coap_server *server)
{
    if (coap_io_process(server->context, COAP_IO_NO_WAIT) < 0) {
        return TALC_ERROR_IO;
    }
    if (server->security->process != NULL) {
        server->security->process(server->security_state);
    }
    return TALC_OK;
}

talc_status talc_coap_server_process(talc_coap_server *server)
{
    talc_status status;
    uint32_t before;
    int turns = 0;
    do {
        before = server->arrivals;
        status = turn(server);
    } while (status == TALC_OK && server->arrivals != before && ++turns < TURNS_MAX);
    uint64_t now_ms = talc_coap_now_ms();
    talc_coap_acknowledgements_send(server, now_ms);
    server->transfers = talc_coap_transfers_expire(&server->requests, now_ms, TRANSFER_AGE_MS) +
                        talc_coap_transfers_expire(&server->answers, now_ms, TRANSFER_AGE_MS);
    return status;
}

int talc_coap_server_descriptor(const talc_coap_server *server)
{
    return coap_context_get_coap_fd(server->context);
}

uint64_t talc_coap_separate_span_ms(const talc_coap_server *server)
{
    return (uint64_t)server->ack_timeout_s * 1500 * ((2u << server->max_retransmit) - 1);
}

/* As the client's: a second look beside libcoap's timer while a separate response may be on its
 * way. Half-finished bodies are let go in time even if nothing arrives. */
uint32_t talc_coap_server_timeout_ms(const talc_coap_server *server)
{
    uint32_t timeout_ms = server->transfers > 0 ? SWEEP_CHECK_MS : UINT32_MAX;
    if (coap_context_get_coap_fd(server->context) < 0) {
        timeout_ms = NO_DESCRIPTOR_MS;
    } else if (server->separate_ms != 0 &&
               talc_coap_now_ms() - server->separate_ms < talc_coap_separate_span_ms(server)) {
        timeout_ms = REPEAT_CHECK_MS;
    }
    uint32_t due_ms = talc_coap_acknowledgements_timeout_ms(server, talc_coap_now_ms());
    timeout_ms = due_ms < timeout_ms ? due_ms : timeout_ms;
    if (server->security->timeout_ms != NULL) {
        uint32_t wanted_ms = server->security->timeout_ms(server->security_state);
        timeout_ms = wanted_ms < timeout_ms ? wanted_ms : timeout_ms;
    }
    return timeout_ms;
}

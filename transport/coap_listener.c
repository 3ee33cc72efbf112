/* SPDX-License-Identifier: MIT */
/* The server's carrier over CoAP: sockets, the resource, and what the library calls. */
#include "transport/coap_listener.h"

#include "lib/failure.h"
#include "transport/coap_carrier.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IDLE_SESSIONS_MAX 4096 /* libcoap's, one per peer address, about 0.8 KiB each */
#define SESSION_TIMEOUT_S 60
#define REQUEST_AGE_MS 30000
#define ANSWER_AGE_MS 93000    /* MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2 */
#define SEPARATE_SPAN_MS 15000 /* until libcoap has given a separate response up */
#define REPEAT_CHECK_MS 1000
#define SWEEP_CHECK_MS 30000
#define NO_DESCRIPTOR_MS 20
#define TURNS_MAX 32

uint64_t talc_coap_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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

/* libcoap binds with SO_REUSEADDR, which would let a second server take a port over without a word.
 * A socket of our own asks the system first, and tells why not. Returns errno. */
static int address_try(const coap_address_t *address)
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
    if (bind(probe, &address->addr.sa, address->size) != 0) {
        error = errno;
    }
    close(probe);
    return error;
}

static talc_status endpoint_open(talc_coap_server *listener, const char *text,
                                 talc_failure *failure)
{
    talc_coap_uri uri;
    talc_coap_addresses addresses;
    char reason[128] = "";
    int error = 0;
    talc_status status = talc_coap_uri_read(&uri, text, failure);
    if (status == TALC_OK) {
        status = addresses_find(&uri, &addresses, failure);
    }
    if (status != TALC_OK) {
        return status;
    }
    for (size_t i = 0; i < addresses.count; i++) {
        error = address_try(&addresses.list[i]);
        coap_endpoint_t *endpoint =
            error == 0 ? coap_new_endpoint(listener->context, &addresses.list[i], COAP_PROTO_UDP)
                       : NULL;
        if (endpoint != NULL) {
            listener->port = endpoint_port(endpoint);
            return TALC_OK;
        }
        if (error == EADDRINUSE) {
            break; /* not to be taken for a machine without IPv6 */
        }
    }
    (void)strerror_r(error != 0 ? error : EIO, reason, sizeof reason);
    return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                            "cannot listen at %s: %s", text, reason);
}

static talc_status resource_add(talc_coap_server *listener, const char *path)
{
    coap_str_const_t name;
    name.s = (const uint8_t *)path + (path[0] == '/' ? 1 : 0);
    name.length = strlen((const char *)name.s);
    coap_resource_t *resource = coap_resource_init(&name, 0);
    if (resource == NULL) {
        return TALC_ERROR_MEMORY;
    }
    coap_resource_set_userdata(resource, listener);
    coap_register_handler(resource, COAP_REQUEST_POST, talc_coap_inbound_take);
    coap_add_resource(listener->context, resource);
    return TALC_OK;
}

static void limits_set(talc_coap_server *listener, const talc_listener_target *target)
{
    size_t block_size = target->block_size < TALC_COAP_BLOCK_SIZE_MAX ? target->block_size
                                                                      : TALC_COAP_BLOCK_SIZE_MAX;
    listener->body_size = target->body_size;
    listener->anonymous_body_size = target->anonymous_body_size;
    listener->szx = talc_coap_block_szx(block_size);
    listener->single_size =
        target->message_size < TALC_MESSAGE_BODY_MAX ? target->message_size : TALC_MESSAGE_BODY_MAX;
    if (target->block_size < TALC_COAP_BLOCK_SIZE_MAX) {
        listener->single_size = (size_t)16 << listener->szx;
    }
}

static void listener_close(void *link)
{
    talc_coap_server *listener = link;
    while (listener->pending != NULL) {
        talc_coap_pending_drop(listener, listener->pending);
    }
    talc_coap_transfers_expire(&listener->requests, 0, 0);
    talc_coap_transfers_expire(&listener->answers, 0, 0);
    if (listener->context != NULL) {
        coap_free_context(listener->context);
    }
    free(listener);
}

static talc_status listener_prepare(talc_coap_server *listener, const talc_listener_target *target,
                                    talc_failure *failure)
{
    limits_set(listener, target);
    listener->context = coap_new_context(NULL);
    if (listener->context == NULL || resource_add(listener, target->path) != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    coap_context_set_max_idle_sessions(listener->context, IDLE_SESSIONS_MAX);
    coap_context_set_session_timeout(listener->context, SESSION_TIMEOUT_S);
    return endpoint_open(listener, target->uri, failure);
}

static talc_status listener_open(void **link, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    *link = NULL;
    talc_coap_startup();
    talc_coap_server *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    listener->events = *events;
    talc_status status = listener_prepare(listener, target, failure);
    if (status != TALC_OK) {
        listener_close(listener);
        return status;
    }
    *link = listener;
    return TALC_OK;
}

static talc_status listener_process(void *link)
{
    talc_coap_server *listener = link;
    uint32_t before;
    int turns = 0;
    do {
        before = listener->arrivals;
        if (coap_io_process(listener->context, COAP_IO_NO_WAIT) < 0) {
            return TALC_ERROR_IO;
        }
    } while (listener->arrivals != before && ++turns < TURNS_MAX);
    uint64_t now_ms = talc_coap_now_ms();
    listener->transfers = talc_coap_transfers_expire(&listener->requests, now_ms, REQUEST_AGE_MS) +
                          talc_coap_transfers_expire(&listener->answers, now_ms, ANSWER_AGE_MS);
    return TALC_OK;
}

static int listener_descriptor(void *link)
{
    const talc_coap_server *listener = link;
    return coap_context_get_coap_fd(listener->context);
}

/* As the client's: a second look beside libcoap's timer while a separate response may be on its
 * way. Half-finished bodies are let go in time even if nothing arrives. */
static uint32_t listener_timeout_ms(void *link)
{
    const talc_coap_server *listener = link;
    if (coap_context_get_coap_fd(listener->context) < 0) {
        return NO_DESCRIPTOR_MS;
    }
    if (listener->separate_ms != 0 &&
        talc_coap_now_ms() - listener->separate_ms < SEPARATE_SPAN_MS) {
        return REPEAT_CHECK_MS;
    }
    return listener->transfers > 0 ? SWEEP_CHECK_MS : UINT32_MAX;
}

static uint16_t listener_port(void *link)
{
    const talc_coap_server *listener = link;
    return listener->port;
}

const talc_listener talc_coap_listener = {
    .scheme = "coap",
    .open = listener_open,
    .reply = talc_coap_reply_give,
    .process = listener_process,
    .descriptor = listener_descriptor,
    .timeout_ms = listener_timeout_ms,
    .port = listener_port,
    .close = listener_close,
};

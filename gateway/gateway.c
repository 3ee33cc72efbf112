/* SPDX-License-Identifier: MIT */
#include "gateway/gateway_state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/hex.h"

#define BODY_SIZE 65536
#define OUTSTANDING_MAX 256
#define SHARE_OF_CLIENT 4 /* that part of outstanding_max */
#define OUTSTANDING_PER_ORIGIN_MAX 32
#define ORIGINS_MAX 64
#define TIMEOUT_MS 30000u
#define HEADER_SIZE 16384
#define HTTP_CONNECTIONS_MAX 512 /* of clients */
#define HTTP_KEPT_MAX 64         /* of idle connections to origins */
#define HTTP_IDLE_TIMEOUT_MS 30000u
#define BLIND_WAIT_MS 10u /* for a listener without a descriptor */
#define EVENTS_MAX 16

/* ---------------------------------------------------------------- making */

static void set_default(size_t *value, size_t otherwise)
{
    *value = *value != 0 ? *value : otherwise;
}

static void set_defaults(talc_gateway_config *config)
{
    set_default(&config->body_size_max, BODY_SIZE);
    set_default(&config->outstanding_max, OUTSTANDING_MAX);
    size_t share = config->outstanding_max / SHARE_OF_CLIENT;
    set_default(&config->outstanding_per_client_max, share > 0 ? share : 1);
    set_default(&config->outstanding_per_origin_max, OUTSTANDING_PER_ORIGIN_MAX);
    set_default(&config->origins_max, ORIGINS_MAX);
    config->timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : TIMEOUT_MS;
}

/* A pseudonym of Via is a token, or host and port (RFC 9110 section 7.6.3). */
static talc_status set_pseudonym(talc_gateway *gateway, talc_failure *failure)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    const char *name = gateway->config.pseudonym;
    uint8_t random[4];
    if (name == NULL) {
        talc_status status = talc_random_fill(random, sizeof random);
        memcpy(gateway->pseudonym, "talc-", 5);
        talc_hex_write(gateway->pseudonym + 5, random, sizeof random);
        return status == TALC_OK ? TALC_OK
                                 : talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                                    "no randomness for a name of the gateway");
    }
    size_t size = strlen(name);
    if (size == 0 || size >= sizeof gateway->pseudonym || strspn(name, allowed) != size) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no name for a gateway: 1 to %zu letters, digits, '-', "
                                "'.' and '_'",
                                name, sizeof gateway->pseudonym - 1);
    }
    memcpy(gateway->pseudonym, name, size + 1);
    return TALC_OK;
}

static talc_status watch(talc_gateway *gateway, int descriptor, talc_failure *failure)
{
    struct epoll_event readable = { .events = EPOLLIN };
    if (descriptor >= 0 && epoll_ctl(gateway->epoll, EPOLL_CTL_ADD, descriptor, &readable) != 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO, "epoll_ctl: %s",
                                strerror(errno));
    }
    return TALC_OK;
}

static talc_status open_http_client(talc_gateway *gateway, talc_failure *failure)
{
    const talc_gateway_config *config = &gateway->config;
    talc_failure reason = { 0 };
    /* The gateway's own clock ends exchanges. */
    const talc_http_client_setup setup = { .anchors_path = config->https_anchors_path,
                                           .body_size = config->body_size_max,
                                           .header_size = HEADER_SIZE,
                                           .exchanges_max = config->outstanding_max,
                                           .connections_max = config->outstanding_max,
                                           .kept_max = HTTP_KEPT_MAX,
                                           .addresses = TALC_HTTP_ADDRESSES_OF_ONE_HOST,
                                           .connect_timeout_ms = config->timeout_ms + 1000,
                                           .ended = talc_gateway_http_ended,
                                           .context = gateway };
    talc_status status = talc_http_client_open(&gateway->http, &setup, &reason);
    if (status == TALC_ERROR_UNSUPPORTED) {
        return TALC_OK;
    }
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "%s", reason.text);
    }
    return watch(gateway, talc_http_client_descriptor(gateway->http), failure);
}

static talc_status open_origins(talc_gateway *gateway, talc_failure *failure)
{
    const talc_gateway_config *config = &gateway->config;
    /* As many as can wait, so that no client's silent origins keep others from theirs. */
    size_t origins_max = config->origins_max > config->outstanding_max ? config->origins_max
                                                                       : config->outstanding_max;
    const talc_gateway_origins_setup setup = { .origins_max = origins_max,
                                               .kept_max = config->origins_max,
                                               .exchanges_max =
                                                   gateway->config.outstanding_per_origin_max,
                                               .body_size = gateway->config.body_size_max,
                                               .epoll = gateway->epoll,
                                               .ended = talc_gateway_coap_ended,
                                               .context = gateway };
    talc_status status = talc_gateway_origins_new(&gateway->origins, &setup);
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                "the gateway's CoAP side cannot be set up: %s",
                                talc_status_text(status));
    }
    return TALC_OK;
}

static talc_status make(talc_gateway *gateway, talc_failure *failure)
{
    gateway->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (gateway->epoll < 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO, "epoll_create1: %s",
                                strerror(errno));
    }
    talc_status status = talc_crypto_start();
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "no cryptography");
    }
    status = set_pseudonym(gateway, failure);
    gateway->self = (talc_gateway_self){ .pseudonym = gateway->pseudonym,
                                         .body_size = gateway->config.body_size_max };
    status = status == TALC_OK ? open_origins(gateway, failure) : status;
    return status == TALC_OK ? open_http_client(gateway, failure) : status;
}

talc_status talc_gateway_new(talc_gateway **gateway, const talc_gateway_config *config,
                             talc_failure *failure)
{
    talc_gateway *made = calloc(1, sizeof *made);
    *gateway = NULL;
    if (made == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    made->config = *config;
    set_defaults(&made->config);
    talc_status status = make(made, failure);
    if (status != TALC_OK) {
        talc_gateway_free(made);
        return status;
    }
    *gateway = made;
    return TALC_OK;
}

/* ---------------------------------------------------------------- listening */

static talc_status listen_coap(talc_gateway_listener *listener, const char *uri,
                               talc_failure *failure)
{
    const talc_coap_message_server_setup setup = { .uri = uri,
                                                   .body_size =
                                                       listener->gateway->config.body_size_max,
                                                   .inbound = talc_gateway_coap_arrived,
                                                   .context = listener };
    talc_status status = talc_coap_message_server_open(&listener->coap, &setup, failure);
    return status != TALC_OK ? status
                             : watch(listener->gateway,
                                     talc_coap_message_server_descriptor(listener->coap), failure);
}

static talc_status listen_http(talc_gateway_listener *listener, const char *uri,
                               talc_failure *failure)
{
    const talc_gateway_config *config = &listener->gateway->config;
    int is_secure = listener->scheme == TALC_GATEWAY_HTTPS;
    const talc_http_server_setup setup = {
        .uri = uri,
        .certificate_path = is_secure ? config->https_certificate_path : NULL,
        .key_path = is_secure ? config->https_key_path : NULL,
        .body_size = config->body_size_max,
        .header_size = HEADER_SIZE,
        .connections_max = HTTP_CONNECTIONS_MAX,
        .connections_per_address_max = HTTP_CONNECTIONS_MAX / 2, /* nobody has them all */
        .request_timeout_ms = config->timeout_ms,
        .idle_timeout_ms = HTTP_IDLE_TIMEOUT_MS,
        .events = { .context = listener, .inbound = talc_gateway_http_arrived }
    };
    talc_status status = talc_http_server_open(&listener->http, &setup, failure);
    return status != TALC_OK
               ? status
               : watch(listener->gateway, talc_http_server_descriptor(listener->http), failure);
}

static void listener_close(talc_gateway_listener *listener)
{
    talc_coap_message_server_close(listener->coap);
    talc_http_server_close(listener->http);
    listener->coap = NULL;
    listener->http = NULL;
}

static int scheme_is(const char *uri, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncasecmp(uri, scheme, size) == 0 && strncmp(uri + size, "://", 3) == 0;
}

static talc_status listener_open(talc_gateway_listener *listener, const char *uri,
                                 talc_failure *failure)
{
    if (scheme_is(uri, "coap")) {
        listener->scheme = TALC_GATEWAY_COAP;
        return listen_coap(listener, uri, failure);
    }
    if (scheme_is(uri, "http") || scheme_is(uri, "https")) {
        listener->scheme = scheme_is(uri, "http") ? TALC_GATEWAY_HTTP : TALC_GATEWAY_HTTPS;
        return listen_http(listener, uri, failure);
    }
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                            "\"%s\": a gateway listens at coap://, http:// or https://", uri);
}

talc_status talc_gateway_listen(talc_gateway *gateway, const char *uri, talc_failure *failure)
{
    if (gateway->listener_count == TALC_GATEWAY_LISTENERS_MAX) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" would be the %uth listener: %u are possible", uri,
                                TALC_GATEWAY_LISTENERS_MAX + 1u, TALC_GATEWAY_LISTENERS_MAX + 0u);
    }
    talc_gateway_listener *listener = &gateway->listeners[gateway->listener_count];
    listener->gateway = gateway;
    talc_status status = listener_open(listener, uri, failure);
    if (status != TALC_OK) {
        listener_close(listener);
        return status;
    }
    talc_gateway_links_note(gateway, listener, uri);
    gateway->listener_count++;
    return TALC_OK;
}

uint16_t talc_gateway_port(const talc_gateway *gateway, size_t listener)
{
    if (listener >= gateway->listener_count) {
        return 0;
    }
    const talc_gateway_listener *at = &gateway->listeners[listener];
    return at->coap != NULL ? talc_coap_message_server_port(at->coap)
                            : talc_http_server_port(at->http);
}

/* ---------------------------------------------------------------- the loop */

int talc_gateway_descriptor(const talc_gateway *gateway)
{
    return gateway->epoll;
}

static uint32_t lesser(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

static uint32_t listener_timeout_ms(const talc_gateway_listener *listener)
{
    int descriptor = listener->coap != NULL ? talc_coap_message_server_descriptor(listener->coap)
                                            : talc_http_server_descriptor(listener->http);
    uint32_t wanted = listener->coap != NULL ? talc_coap_message_server_timeout_ms(listener->coap)
                                             : talc_http_server_timeout_ms(listener->http);
    return descriptor >= 0 ? wanted : lesser(wanted, BLIND_WAIT_MS);
}

uint32_t talc_gateway_timeout_ms(const talc_gateway *gateway)
{
    uint32_t least = talc_gateway_exchanges_timeout_ms(gateway);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        least = lesser(least, listener_timeout_ms(&gateway->listeners[i]));
    }
    least = lesser(least, talc_gateway_origins_timeout_ms(gateway->origins));
    if (gateway->http != NULL) {
        least = lesser(least, talc_http_client_timeout_ms(gateway->http));
    }
    return least;
}

static talc_status listener_process(talc_gateway_listener *listener)
{
    return listener->coap != NULL ? talc_coap_message_server_process(listener->coap)
                                  : talc_http_server_process(listener->http);
}

/* Answers that were given meanwhile leave in the second round: a later answer of an HTTP server
 * does not wake its descriptor. */
static talc_status listeners_process(talc_gateway *gateway)
{
    talc_status status = TALC_OK;
    for (size_t i = 0; i < gateway->listener_count; i++) {
        talc_status of_this = listener_process(&gateway->listeners[i]);
        status = status == TALC_OK ? of_this : status;
    }
    return status;
}

talc_status talc_gateway_process(talc_gateway *gateway)
{
    talc_status status = listeners_process(gateway);
    talc_gateway_origins_process(gateway->origins);
    if (gateway->http != NULL) {
        talc_status of_http = talc_http_client_process(gateway->http);
        status = status == TALC_OK ? of_http : status;
    }
    talc_gateway_exchanges_expire(gateway);
    talc_status of_listeners = listeners_process(gateway);
    return status == TALC_OK ? of_listeners : status;
}

talc_status talc_gateway_wait(talc_gateway *gateway, uint32_t timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    uint32_t rest_ms = lesser(timeout_ms, talc_gateway_timeout_ms(gateway));
    int wait_ms = rest_ms > INT_MAX ? -1 : (int)rest_ms;
    if (epoll_wait(gateway->epoll, events, EVENTS_MAX, wait_ms) < 0 && errno != EINTR) {
        return TALC_ERROR_IO;
    }
    return talc_gateway_process(gateway);
}

size_t talc_gateway_outstanding(const talc_gateway *gateway)
{
    return gateway->waiting_count;
}

/* ---------------------------------------------------------------- ending */

/* Handles have to be given back before their listeners close. */
static void drop_waiting(talc_gateway *gateway)
{
    while (gateway->waiting != NULL) {
        talc_gateway_exchange *dropped = gateway->waiting;
        if (dropped->listener->coap != NULL) {
            talc_coap_message_server_reply(dropped->listener->coap, dropped->reply, NULL);
        } else {
            talc_http_server_reply(dropped->listener->http, dropped->reply, NULL);
        }
        talc_gateway_exchange_free(dropped);
    }
}

void talc_gateway_free(talc_gateway *gateway)
{
    if (gateway == NULL) {
        return;
    }
    drop_waiting(gateway);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        listener_close(&gateway->listeners[i]);
    }
    talc_gateway_origins_free(gateway->origins);
    talc_http_client_close(gateway->http);
    if (gateway->epoll >= 0) {
        close(gateway->epoll);
    }
    free(gateway);
}
